//! Owns `download` and `export`: finished videos to files here, or to stdout.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::video_item::State;

use super::args::{Download, Export, KindArgument};
use super::exit::{CommandError, Exit};
use super::io::Output;
use super::part::{PartFile, facts, safe_name};
use super::progress::Progress;
use super::words::{self, short};
use super::{Context, resolve};
use crate::net::download::{
    Destination, DownloadProgress, Resume, TransferError, download_file, export_batch,
};

/// One file to save.
struct Wanted {
    request: v1::DownloadFileRequest,
    /// The name it gets here.
    name: String,
    /// Size and digest, where the item tells them.
    known: Option<(i64, String)>,
}

/// Saves files of a batch; one that fails does not keep the others from being saved.
pub(super) async fn download(
    context: &mut Context<'_>,
    args: &Download,
) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let wanted = match args.kind {
        KindArgument::Audio => vec![audio(context, &batch_id).await?],
        KindArgument::Video | KindArgument::Image => {
            let all = resolve::all_items(&context.client, &batch_id).await?;
            let chosen = resolve::items(context.texts, &all, &args.items)?;
            of_items(&all, &chosen, args.kind, args.items.is_empty())
        }
    };
    if wanted.is_empty() {
        let words = (context.texts.no_video_yet)(short(&batch_id));
        return Err(CommandError::Refused(words));
    }
    let streamed = context.io.elsewhere.is_some() || args.out == Path::new("-");
    if streamed {
        let [one] = wanted.as_slice() else {
            return Err(CommandError::Usage(context.texts.one_to_stdout.into()));
        };
        return to_stdout(context, one).await;
    }
    tokio::fs::create_dir_all(&args.out)
        .await
        .map_err(|error| CommandError::Failed(format!("{}: {error}", args.out.display())))?;
    context.set_way_back(Some(context.texts.resumable.to_owned()));
    let count = wanted.len();
    let mut first_failure = None;
    for (index, one) in wanted.iter().enumerate() {
        let label = format!("{} ({}/{count})", one.name, index + 1);
        match save(context, one, &args.out, args.overwrite, &label).await {
            Ok(()) => {}
            // What would be the same for every other file ends the command.
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => {
                let words = words::error(&error, context.address.as_str(), context.language);
                writeln!(context.io.stderr, "vbatch: {}: {words}", one.name)?;
                first_failure.get_or_insert(error.exit());
            }
        }
    }
    Ok(first_failure.unwrap_or(Exit::Done))
}

fn ends_all(error: &CommandError) -> bool {
    matches!(
        error.exit(),
        Exit::Done | Exit::NotSignedIn | Exit::Unreachable | Exit::Interrupted
    ) || matches!(error, CommandError::Io(_))
}

async fn audio(context: &Context<'_>, batch_id: &str) -> Result<Wanted, CommandError> {
    let request = v1::GetBatchRequest {
        batch_id: batch_id.to_owned(),
        acknowledge_failures: false,
    };
    let response = context.client.get_batch(request).await?;
    let audio = response
        .batch
        .and_then(|batch| batch.audio)
        .unwrap_or_default();
    Ok(Wanted {
        request: v1::DownloadFileRequest {
            batch_id: batch_id.to_owned(),
            item_id: String::new(),
            kind: v1::FileKind::Audio.into(),
            offset: 0,
        },
        name: safe_name(&audio.filename),
        known: Some((audio.size_bytes, audio.sha256)),
    })
}

/// The files of the chosen items. Of items with one name, each gets its position into it; so it is whatever is chosen, that
/// the same item always has the same name.
fn of_items(
    all: &[v1::VideoItem],
    chosen: &[&v1::VideoItem],
    kind: KindArgument,
    only_finished: bool,
) -> Vec<Wanted> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for item in all {
        *uses
            .entry(plain_name(item, kind).to_lowercase())
            .or_default() += 1;
    }
    chosen
        .iter()
        .filter(|item| {
            kind == KindArgument::Image || !only_finished || item.state() == State::Completed
        })
        .map(|item| {
            let mut name = plain_name(item, kind);
            if uses.get(&name.to_lowercase()).is_some_and(|uses| *uses > 1) {
                name = with_position(&name, item.position);
            }
            let (file_kind, known) = match kind {
                KindArgument::Image => (
                    v1::FileKind::SourceImage,
                    item.source_image
                        .as_ref()
                        .map(|image| (image.size_bytes, image.sha256.clone())),
                ),
                KindArgument::Video | KindArgument::Audio => (
                    v1::FileKind::Video,
                    item.result
                        .as_ref()
                        .map(|result| (result.size_bytes, result.sha256.clone())),
                ),
            };
            Wanted {
                request: v1::DownloadFileRequest {
                    batch_id: item.batch_id.clone(),
                    item_id: item.id.clone(),
                    kind: file_kind.into(),
                    offset: 0,
                },
                name,
                known,
            }
        })
        .collect()
}

fn plain_name(item: &v1::VideoItem, kind: KindArgument) -> String {
    let name = item
        .source_image
        .as_ref()
        .map_or("", |image| image.filename.as_str());
    if kind == KindArgument::Image {
        return safe_name(name);
    }
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    safe_name(&format!("{stem}.mp4"))
}

fn with_position(name: &str, position: i32) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}-{position}.{ending}"),
        None => format!("{name}-{position}"),
    }
}

/// Saves one file: not again when it is there already, from where an earlier command broke off otherwise.
async fn save(
    context: &mut Context<'_>,
    wanted: &Wanted,
    directory: &Path,
    overwrite: bool,
    label: &str,
) -> Result<(), CommandError> {
    let path = directory.join(&wanted.name);
    let local = |doing: &'static str| {
        let path = path.clone();
        move |source| TransferError::Local {
            doing,
            path,
            source,
        }
    };
    if let Some((size_bytes, sha256)) = facts(&path).await.map_err(local("read"))? {
        let same = wanted.known.as_ref().is_some_and(|(size, digest)| {
            u64::try_from(*size) == Ok(size_bytes) && *digest == sha256
        });
        if same {
            context.say((context.texts.there_already)(&path.display().to_string()))?;
            return saved(context, &path, None);
        }
        if !overwrite {
            return Err(CommandError::Refused(context.texts.another_file.into()));
        }
    }
    let (mut part, resume) = PartFile::resume(path.clone())
        .await
        .map_err(local("write"))?;
    let resumed = resume.offset > 0;
    let progress = Progress::of_bytes(context);
    let show = |at: DownloadProgress| progress.bytes(label, at.done_bytes, at.total_bytes);
    let client = context.client.clone();
    let mut result = download_file(&client, &wanted.request, &mut part, resume, &show).await;
    if resumed && result.as_ref().is_err_and(is_stale) {
        // What was there is of another file, for example of the round before a retry.
        part.empty().await.map_err(local("write"))?;
        result = download_file(
            &client,
            &wanted.request,
            &mut part,
            Resume::default(),
            &show,
        )
        .await;
    }
    if matches!(result, Err(TransferError::Digest { .. })) {
        part.empty().await.map_err(local("write"))?;
    }
    drop(progress);
    let metadata = match result {
        Ok(metadata) => metadata,
        Err(error) => {
            part.discard_if_empty().await.map_err(local("remove"))?;
            return Err(error.into());
        }
    };
    let path = part.finish().await.map_err(local("rename"))?;
    saved(context, &path, Some(&metadata))
}

fn is_stale(error: &TransferError) -> bool {
    match error {
        TransferError::Digest { .. } => true,
        TransferError::Net(error) => error.known_reason() == Some(Reason::OffsetInvalid),
        TransferError::Local { .. } | TransferError::Changed { .. } => false,
    }
}

/// The path for scripts, or the metadata as JSON (nothing for a file that was there already).
fn saved(
    context: &mut Context<'_>,
    path: &Path,
    metadata: Option<&v1::FileMetadata>,
) -> Result<(), CommandError> {
    match (context.json, metadata) {
        (true, Some(metadata)) => context.print_json(metadata),
        (true, None) => Ok(()),
        (false, _) => context.print(path.display().to_string()),
    }
}

async fn to_stdout(context: &mut Context<'_>, wanted: &Wanted) -> Result<Exit, CommandError> {
    let mut stdout = stdout_for_bytes(context)?;
    let progress = Progress::of_bytes(context);
    let show = |at: DownloadProgress| progress.bytes(&wanted.name, at.done_bytes, at.total_bytes);
    download_file(
        &context.client,
        &wanted.request,
        &mut stdout,
        Resume::default(),
        &show,
    )
    .await?;
    Ok(Exit::Done)
}

/// Saves the ZIP of a batch.
pub(super) async fn export(context: &mut Context<'_>, args: &Export) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let item_ids = if args.items.is_empty() {
        Vec::new()
    } else {
        let all = resolve::all_items(&context.client, &batch_id).await?;
        let chosen = resolve::items(context.texts, &all, &args.items)?;
        chosen.into_iter().map(|item| item.id.clone()).collect()
    };
    let request = v1::ExportBatchRequest { batch_id, item_ids };
    let client = context.client.clone();
    let streamed = context.io.elsewhere.is_some() || args.out.as_deref() == Some(Path::new("-"));
    if streamed {
        let mut stdout = stdout_for_bytes(context)?;
        let progress = Progress::of_bytes(context);
        let texts = context.texts;
        let show =
            |at: DownloadProgress| progress.bytes(texts.export, at.done_bytes, at.total_bytes);
        export_batch(&client, &request, &mut stdout, &show).await?;
        return Ok(Exit::Done);
    }
    let mut part = PartFile::anew(args.out.clone(), PathBuf::from("."), args.overwrite);
    let progress = Progress::of_bytes(context);
    let texts = context.texts;
    let show = |at: DownloadProgress| progress.bytes(texts.export, at.done_bytes, at.total_bytes);
    let result = export_batch(&client, &request, &mut part, &show).await;
    drop(progress);
    let metadata = match result {
        Ok(metadata) => metadata,
        Err(error) => {
            // An export is made anew each time: half of one is of no use to anybody.
            part.discard().await?;
            return Err(error.into());
        }
    };
    let path = part.finish().await?;
    if context.json {
        context.print_json(&metadata)?;
    } else {
        context.print(path.display().to_string())?;
    }
    context.say((context.texts.videos_saved)(metadata.video_count))?;
    Ok(Exit::Done)
}

/// stdout as a destination; bytes are not thrown at a terminal.
fn stdout_for_bytes(context: &Context<'_>) -> Result<Stdout, CommandError> {
    if context.io.stdout_is_terminal {
        return Err(CommandError::Usage(context.texts.stdout_is_terminal.into()));
    }
    Ok(Stdout(context.io.stdout.clone()))
}

struct Stdout(Output);

#[async_trait::async_trait]
impl Destination for Stdout {
    async fn begin(&mut self, _filename: &str) -> io::Result<()> {
        Ok(())
    }

    async fn append(&mut self, chunk: Bytes) -> io::Result<()> {
        self.0.write_all(&chunk)?;
        self.0.flush()
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("stdout")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(position: i32, filename: &str, state: State) -> v1::VideoItem {
        v1::VideoItem {
            id: format!("id-{position}"),
            position,
            source_image: Some(v1::SourceImage {
                filename: filename.into(),
                ..v1::SourceImage::default()
            }),
            state: state.into(),
            ..v1::VideoItem::default()
        }
    }

    #[test]
    fn videos_are_named_after_their_images_and_never_alike() {
        let all = [
            item(1, "王芳.png", State::Completed),
            item(2, "a.png", State::Completed),
            item(3, "A.jpg", State::Completed),
            item(4, "b.png", State::Failed),
        ];
        let names = |chosen: &[&v1::VideoItem], only_finished| -> Vec<String> {
            of_items(&all, chosen, KindArgument::Video, only_finished)
                .into_iter()
                .map(|wanted| wanted.name)
                .collect()
        };
        let everyone: Vec<&v1::VideoItem> = all.iter().collect();
        assert_eq!(names(&everyone, true), ["王芳.mp4", "a-2.mp4", "A-3.mp4"]);
        // One that was named is asked for even when it is not finished: the server says why it cannot be had.
        assert_eq!(names(&[&all[3], &all[1]], false), ["b.mp4", "a-2.mp4"]);
    }
}
