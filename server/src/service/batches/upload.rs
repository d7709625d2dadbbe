//! An upload: the spec, then the audio, then the images, each a header and its bytes.
//!
//! Everything that can be refused is refused as early as it can be: the price when the spec comes and again when the
//! length of the audio is known, the kind of a file by its first bytes, its size by its header. Dropping an upload
//! removes what has come; nothing is stored before all of it is valid.

use std::time::Duration;

use vbatch_probe::{AudioLimits, ImageLimits, SNIFF_BYTES};

use super::draft::Draft;
use super::replay::{self, ContentDigest};
use super::slots::Slot;
use super::spec::{self, BatchSpec, FileDigest};
use super::{Batches, file_check, refusal};
use crate::domain::batch::EngineKind;
use crate::domain::ids::RequestId;
use crate::domain::media::{Audio, BlobKind, Sha256, SourceImage};
use crate::media::incoming::{Incoming, Staged};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError};
use crate::store::{Created, NewBatch, Request};

/// Largest chunk of an upload or a download, in bytes.
pub const CHUNK_BYTES: usize = 256 << 10;

/// The shortest audio: below it there is nothing to speak, and the upstream refuses it.
pub const SHORTEST_AUDIO: Duration = Duration::from_millis(100);

const METHOD: &str = "CreateBatch";

/// What the spec of an upload has led to.
pub enum Begun {
    /// The same request made this batch before; nothing needs to be uploaded.
    Replayed(Box<Created>),
    /// The files may come.
    Upload(Box<Upload>),
}

/// A file's header, as the request says it.
#[derive(Debug, Clone)]
pub struct FileHeader {
    /// Audio or image.
    pub kind: BlobKind,
    /// The user's name for it.
    pub filename: String,
    /// Its length.
    pub size_bytes: i64,
    /// What its content must be.
    pub sha256: Option<Sha256>,
}

/// An upload between its spec and its end.
pub struct Upload {
    batches: Batches,
    caller: Caller,
    spec: BatchSpec,
    engine: EngineKind,
    images: usize,
    /// A batch that the same request may have made: prices are not looked at until that is known.
    may_be_replay: bool,
    arriving: Option<Arriving>,
    audio: Option<(Staged, Audio)>,
    pictures: Vec<(Staged, SourceImage)>,
    _slot: Slot,
}

struct Arriving {
    header: FileHeader,
    size_bytes: u64,
    incoming: Incoming,
    is_recognised: bool,
}

impl Batches {
    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// FIELD_INVALID, ENGINE_UNAVAILABLE, IMAGE_COUNT_INVALID, INSUFFICIENT_CREDITS, PRICE_CHANGED,
    /// REQUEST_ID_REUSED, TOO_MANY_UPLOADS.
    pub async fn begin(&self, caller: &Caller, spec: BatchSpec) -> Result<Begun, ServiceError> {
        spec::check_name(&spec.name)?;
        spec::check_prompts(&spec.prompt, &spec.negative_prompt)?;
        spec::check_labels(&spec.labels)?;
        spec::check_max_credits(spec.max_credits)?;
        let engine = self.engine(&spec.engine)?;
        let images = self.check_image_count(spec.image_count)?;
        if !spec.files.is_empty() {
            check_digests(&spec.files, images)?;
        }

        let mut may_be_replay = false;
        if let Some(id) = spec.request_id {
            if spec.files.is_empty() {
                let key = replay::key(caller, METHOD, id);
                may_be_replay = self.store().request(key).await?.is_some();
            } else {
                let request = request(caller, id, &spec, &spec.files);
                if let Some(recorded) = self.recorded(Some(&request)).await? {
                    let made = self.replay_creation(recorded).await?;
                    return Ok(Begun::Replayed(Box::new(made)));
                }
            }
        }
        let upload = Upload {
            batches: self.clone(),
            caller: caller.clone(),
            engine,
            images,
            may_be_replay,
            arriving: None,
            audio: None,
            pictures: Vec::new(),
            _slot: self.shared.uploads.take(caller.user)?,
            spec,
        };
        // No audio is shorter, so it costs at least this.
        upload.check_price(SHORTEST_AUDIO).await?;
        Ok(Begun::Upload(Box::new(upload)))
    }

    pub(super) fn check_image_count(&self, count: i64) -> Result<usize, ServiceError> {
        let limit = self.shared.limits.images_per_batch;
        match usize::try_from(count) {
            Ok(images) if images > 0 && images <= limit as usize => Ok(images),
            _ => Err(ServiceError::new(
                Reason::ImageCountInvalid,
                format!("{count} images were announced, 1 to {limit} are taken."),
            )
            .with("limit", limit)
            .with("count", count)),
        }
    }
}

impl Upload {
    /// A file begins.
    ///
    /// # Errors
    ///
    /// UPLOAD_INCOMPLETE (the file before), UPLOAD_OUT_OF_ORDER, AUDIO_COUNT_INVALID, IMAGE_COUNT_INVALID,
    /// FIELD_INVALID, FILE_TOO_LARGE, STORAGE_FULL.
    pub async fn file_header(&mut self, header: FileHeader) -> Result<(), ServiceError> {
        self.check_complete()?;
        spec::check_filename("file.filename", &header.filename)?;
        let limit = self.check_turn(&header)?;
        let size_bytes = match u64::try_from(header.size_bytes) {
            Ok(size) if size > 0 => size,
            _ => {
                return Err(ServiceError::field(
                    "file.size_bytes",
                    "A file has at least one byte.",
                )
                .with("file", &header.filename));
            }
        };
        if size_bytes > limit {
            return Err(refusal::too_large(&header.filename, limit).with("size", size_bytes));
        }
        self.check_announced(&header, size_bytes)?;
        let incoming = self
            .batches
            .media()
            .receive(header.kind, size_bytes)
            .await
            .map_err(|error| refusal::of_media(error, &header.filename))?;
        self.arriving = Some(Arriving {
            header,
            size_bytes,
            incoming,
            is_recognised: false,
        });
        Ok(())
    }

    /// The next bytes of the file that began last.
    ///
    /// # Errors
    ///
    /// UPLOAD_OUT_OF_ORDER, FIELD_INVALID, FILE_TOO_LARGE, and when the file is known well enough:
    /// FILE_KIND_UNSUPPORTED, FILE_CORRUPT, IMAGE_DIMENSIONS_EXCEEDED, AUDIO_DURATION_INVALID, DIGEST_MISMATCH,
    /// INSUFFICIENT_CREDITS, PRICE_CHANGED, STORAGE_FULL.
    pub async fn chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        let Some(arriving) = &mut self.arriving else {
            return Err(ServiceError::new(
                Reason::UploadOutOfOrder,
                "A chunk came before the header of its file.",
            ));
        };
        let file = &arriving.header.filename;
        if chunk.is_empty() || chunk.len() > CHUNK_BYTES {
            let message = format!("A chunk has 1 to {CHUNK_BYTES} bytes.");
            return Err(ServiceError::field("chunk", message)
                .with("limit", CHUNK_BYTES)
                .with("file", file));
        }
        arriving
            .incoming
            .write(chunk)
            .await
            .map_err(|error| refusal::of_media(error, file))?;
        let is_whole = arriving.incoming.size_bytes() == arriving.size_bytes;
        if !arriving.is_recognised && (is_whole || arriving.incoming.head().len() >= SNIFF_BYTES) {
            file_check::check_kind(&arriving.header, arriving.incoming.head())?;
            arriving.is_recognised = true;
        }
        if is_whole && let Some(arriving) = self.arriving.take() {
            self.take_in(arriving).await?;
        }
        Ok(())
    }

    /// The file that is arriving, its announced size, and the bytes that have come.
    pub fn arriving(&self) -> Option<(&str, u64, u64)> {
        self.arriving.as_ref().map(|arriving| {
            (
                arriving.header.filename.as_str(),
                arriving.size_bytes,
                arriving.incoming.size_bytes(),
            )
        })
    }

    /// All was sent: stores the files and commits the batch with its charge.
    ///
    /// # Errors
    ///
    /// UPLOAD_INCOMPLETE, AUDIO_COUNT_INVALID, IMAGE_COUNT_INVALID, REQUEST_ID_REUSED, INSUFFICIENT_CREDITS,
    /// PRICE_CHANGED, STORAGE_FULL.
    pub async fn finish(self) -> Result<Created, ServiceError> {
        // A task of its own: a caller that goes away now must not leave files that nothing refers to.
        match tokio::spawn(self.commit()).await {
            Ok(result) => result,
            Err(error) => Err(ServiceError::new(Reason::Internal, error.to_string())),
        }
    }

    async fn commit(mut self) -> Result<Created, ServiceError> {
        self.check_complete()?;
        let Some((audio_file, audio)) = self.audio.take() else {
            return Err(ServiceError::new(
                Reason::AudioCountInvalid,
                "No audio came. A batch has exactly one.",
            )
            .with("limit", 1)
            .with("count", 0));
        };
        if self.pictures.len() != self.images {
            return Err(self.wrong_image_count(self.pictures.len()));
        }
        let (mut files, images): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pictures).into_iter().unzip();
        files.push(audio_file);

        let request = self
            .spec
            .request_id
            .map(|id| request(&self.caller, id, &self.spec, &digests(&audio, &images)));
        if let Some(recorded) = self.batches.recorded(request.as_ref()).await? {
            return self.batches.replay_creation(recorded).await;
        }
        self.may_be_replay = false;
        self.check_price(audio.duration).await?;

        let pins = self
            .batches
            .media()
            .adopt(files)
            .await
            .map_err(|error| refusal::of_media(error, "the upload"))?;
        let new = self.new_batch(audio, images, request);
        match self.batches.store().create_batch(new).await {
            Ok(created) => Ok(created),
            Err(error) => {
                self.batches.discard_after(&error, pins).await;
                Err(refusal::of_creation(error, self.spec.request_id))
            }
        }
    }

    fn new_batch(
        &self,
        audio: Audio,
        images: Vec<SourceImage>,
        request: Option<Request>,
    ) -> NewBatch {
        let spec = &self.spec;
        self.batches.new_batch(
            &self.caller,
            Draft {
                owner: self.caller.user,
                name: spec::name_or_audio(&spec.name, &audio.filename),
                prompt: spec::prompt_or_default(&spec.prompt),
                negative_prompt: spec.negative_prompt.clone(),
                engine: self.engine,
                labels: spec.labels.clone().into_iter().collect(),
                source_batch: None,
                audio,
                images,
            },
            request,
        )
    }

    /// Each file must be whole before the next begins.
    fn check_complete(&self) -> Result<(), ServiceError> {
        let Some(arriving) = &self.arriving else {
            return Ok(());
        };
        let file = &arriving.header.filename;
        let available = arriving.incoming.size_bytes();
        Err(ServiceError::new(
            Reason::UploadIncomplete,
            format!(
                "{file} ended after {available} of {} bytes.",
                arriving.size_bytes
            ),
        )
        .with("file", file)
        .with("required", arriving.size_bytes)
        .with("available", available))
    }

    /// The audio comes first, then the images; gives the largest size of a file of that kind.
    fn check_turn(&self, header: &FileHeader) -> Result<u64, ServiceError> {
        let file = &header.filename;
        let limits = &self.batches.shared.limits;
        match header.kind {
            BlobKind::Audio if self.audio.is_some() => Err(ServiceError::new(
                Reason::AudioCountInvalid,
                format!("{file} is a second audio. A batch has exactly one."),
            )
            .with("file", file)
            .with("limit", 1)
            .with("count", 2)),
            BlobKind::Audio => Ok(limits.audio_bytes),
            BlobKind::Image if self.audio.is_none() => Err(ServiceError::new(
                Reason::UploadOutOfOrder,
                format!("{file} came before the audio. Send the audio first."),
            )
            .with("file", file)),
            BlobKind::Image if self.pictures.len() >= self.images => {
                Err(self.wrong_image_count(self.images + 1).with("file", file))
            }
            BlobKind::Image => Ok(limits.image_bytes),
            BlobKind::Video => Err(ServiceError::field(
                "file.kind",
                "An upload has an audio and images.",
            )
            .with("file", file)),
        }
    }

    fn wrong_image_count(&self, count: usize) -> ServiceError {
        let announced = self.images;
        ServiceError::new(
            Reason::ImageCountInvalid,
            format!("{announced} images were announced and {count} came."),
        )
        .with("limit", announced)
        .with("count", count)
    }

    /// A file that the spec gave a digest for must be that file.
    fn check_announced(&self, header: &FileHeader, size_bytes: u64) -> Result<(), ServiceError> {
        let Some(announced) = self.announced() else {
            return Ok(());
        };
        if announced.filename == header.filename && announced.size_bytes == size_bytes {
            return Ok(());
        }
        let message = format!(
            "{} is not the file that the spec announced.",
            header.filename
        );
        Err(ServiceError::field("spec.file_digests", message).with("file", &header.filename))
    }

    /// What the spec said of the file that comes now.
    fn announced(&self) -> Option<&FileDigest> {
        let index = usize::from(self.audio.is_some()) + self.pictures.len();
        self.spec.files.get(index)
    }

    /// A whole file: held against its digests, flushed, and looked at.
    async fn take_in(&mut self, arriving: Arriving) -> Result<(), ServiceError> {
        let FileHeader {
            kind,
            filename,
            sha256,
            ..
        } = arriving.header;
        let staged = arriving
            .incoming
            .finish()
            .await
            .map_err(|error| refusal::of_media(error, &filename))?;
        let blob = staged.blob();
        let expected = [sha256, self.announced().map(|announced| announced.sha256)];
        if let Some(expected) = expected
            .into_iter()
            .flatten()
            .find(|expected| *expected != blob.sha256)
        {
            return Err(ServiceError::new(
                Reason::DigestMismatch,
                format!("{filename} is not what its SHA-256 says. Send it again."),
            )
            .with("file", filename)
            .with("expected", expected)
            .with("actual", blob.sha256));
        }
        let limits = self.batches.shared.limits;
        if kind == BlobKind::Audio {
            let facts = staged
                .probe_audio(AudioLimits {
                    max_duration: limits.audio_duration,
                    min_duration: SHORTEST_AUDIO,
                    max_bytes: limits.audio_bytes,
                })
                .await
                .map_err(|error| file_check::of_probe(error, &filename))?;
            let audio = Audio {
                filename,
                media_type: facts.kind.media_type().to_owned(),
                blob,
                duration: facts.duration,
                removed_time: None,
            };
            self.check_price(audio.duration).await?;
            self.audio = Some((staged, audio));
        } else {
            let facts = staged
                .probe_image(ImageLimits {
                    max_pixels: limits.image_pixels,
                    max_bytes: limits.image_bytes,
                })
                .await
                .map_err(|error| file_check::of_probe(error, &filename))?;
            let (width_px, height_px) = facts.upright_px();
            let picture = SourceImage {
                filename,
                media_type: facts.kind.media_type().to_owned(),
                blob,
                width_px,
                height_px,
                removed_time: None,
            };
            self.pictures.push((staged, picture));
        }
        Ok(())
    }

    /// Whether the batch is allowed and affordable at this length of its audio; the commit asks again.
    async fn check_price(&self, audio: Duration) -> Result<(), ServiceError> {
        if self.may_be_replay {
            return Ok(());
        }
        let each = self
            .batches
            .shared
            .offer
            .pricing
            .credits_per_item(self.engine, audio);
        let checked = self
            .batches
            .check_price(self.caller.user, each, self.images, self.spec.max_credits)
            .await;
        match (checked, self.spec.request_id) {
            (Ok(_), _) => Ok(()),
            // The same request may have been carried out by another call meanwhile, and have taken the very credits that
            // are missing: the end of the upload, or the commit, finds it.
            (Err(refusal), Some(id)) => {
                let key = replay::key(&self.caller, METHOD, id);
                match self.batches.store().request(key).await? {
                    Some(_) => Ok(()),
                    None => Err(refusal),
                }
            }
            (Err(refusal), None) => Err(refusal),
        }
    }
}

fn check_digests(files: &[FileDigest], images: usize) -> Result<(), ServiceError> {
    let kinds_fit = files
        .first()
        .is_some_and(|file| file.kind == BlobKind::Audio)
        && files[1..].iter().all(|file| file.kind == BlobKind::Image);
    if files.len() != 1 + images || !kinds_fit {
        return Err(ServiceError::field(
            "spec.file_digests",
            "Give the digest of the audio and then of each image, or none at all.",
        )
        .with("required", 1 + images)
        .with("available", files.len()));
    }
    Ok(())
}

fn digests(audio: &Audio, images: &[SourceImage]) -> Vec<FileDigest> {
    let audio = (&audio.filename, audio.blob);
    let images = images.iter().map(|image| (&image.filename, image.blob));
    std::iter::once(audio)
        .chain(images)
        .map(|(filename, blob)| FileDigest {
            kind: blob.kind,
            filename: filename.clone(),
            size_bytes: blob.size_bytes,
            sha256: blob.sha256,
        })
        .collect()
}

/// The request as it is remembered. Its digest covers what the batch is made of as it was asked for, so that it stays the
/// same when the server's defaults change; what it may cost is a condition, not content.
fn request(caller: &Caller, id: RequestId, spec: &BatchSpec, files: &[FileDigest]) -> Request {
    let labels = spec.labels.clone().into_iter().collect();
    let digest = ContentDigest::new(METHOD)
        .with(&spec.name)
        .with(&spec.prompt)
        .with(&spec.negative_prompt)
        .with(&spec.engine)
        .with_labels(&labels);
    let digest = files.iter().fold(digest, |digest, file| {
        digest
            .with(&file.filename)
            .with(file.size_bytes.to_be_bytes())
            .with(file.sha256.0)
    });
    Request {
        key: replay::key(caller, METHOD, id),
        digest: digest.finish(),
    }
}
