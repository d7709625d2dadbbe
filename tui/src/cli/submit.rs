//! Owns `submit`, `quote` and `rerun`: how batches begin, and what they cost.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vbatch_probe::{AudioLimits, probe_audio};
use vision_batch::v1;

use super::args::{Download, Follow, KindArgument, Quote, Rerun, Submit};
use super::exit::{CommandError, Exit};
use super::progress::Progress;
use super::table::printable;
use super::tar::unpack;
use super::words;
use super::{Context, resolve, save, watch};
use crate::files::{Disk, LocalFiles};
use crate::net::upload::{self, UploadProgress, UploadStep};
use crate::text::commands::{CommandTexts, UploadWords};

/// Largest archive of somebody whose disk is elsewhere, in bytes: it waits on this machine's until it is whole.
const ARCHIVE_BYTES_ELSEWHERE: u64 = 2 << 30;

/// Uploads a batch; waits for it and saves its videos when asked to.
pub(super) async fn submit(context: &mut Context<'_>, args: &Submit) -> Result<Exit, CommandError> {
    let request_id = args
        .request_id
        .clone()
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let input = Input::of(context, args).await?;
    let spec = v1::BatchSpec {
        name: args.name.clone().unwrap_or_default(),
        prompt: input.prompt.clone(),
        negative_prompt: args.negative_prompt.clone().unwrap_or_default(),
        engine: args.engine.clone().unwrap_or_default(),
        labels: args.labels.iter().cloned().collect(),
        request_id: request_id.clone(),
        max_credits: args.max_credits,
        ..v1::BatchSpec::default()
    };
    let texts = context.texts;
    context.set_way_back(Some((texts.upload_interrupted)(&request_id)));
    let progress = Progress::of_bytes(context);
    let Input {
        files,
        audio,
        images,
        _spool,
        ..
    } = input;
    let response = upload::create_batch(&context.client, files, spec, &audio, &images, &|step| {
        show_upload(texts, &progress, &step)
    })
    .await;
    drop(progress);
    let response = response?;
    context.set_way_back(None);
    if context.json {
        context.print_json(&response)?;
    }
    let batch = response.batch.unwrap_or_default();
    begun(context, &batch, response.credit_balance, response.replayed)?;
    afterwards(context, &args.follow, &batch).await
}

/// What a batch is made of, when all that was to come from stdin has come.
struct Input {
    /// What the paths are of.
    files: Arc<dyn LocalFiles>,
    audio: PathBuf,
    images: Vec<PathBuf>,
    prompt: String,
    /// Where an audio from stdin lies; removed with this. It is read twice, as every file is.
    _spool: Option<TempDir>,
}

impl Input {
    async fn of(context: &mut Context<'_>, args: &Submit) -> Result<Self, CommandError> {
        let is_stdin = |path: &Path| path == Path::new("-");
        let texts = context.texts;
        let prompt = args.prompt.clone().unwrap_or_default();
        let times = args.images.iter().filter(|path| is_stdin(path)).count()
            + usize::from(args.audio.as_deref().is_some_and(is_stdin))
            + usize::from(args.tar.as_deref().is_some_and(is_stdin))
            + usize::from(prompt == "-");
        if times > 1 {
            return Err(CommandError::Usage(texts.one_stdin.into()));
        }
        if let Some(tar) = &args.tar {
            return Self::of_archive(context, tar, prompt).await;
        }
        let Some(audio) = &args.audio else {
            return Err(CommandError::Usage(texts.no_pictures.into()));
        };
        let mut input = Self {
            files: Arc::new(Disk),
            audio: audio.clone(),
            images: Vec::new(),
            prompt,
            _spool: None,
        };
        for path in &args.images {
            if is_stdin(path) {
                let mut list = String::new();
                context.io.stdin.read_to_string(&mut list)?;
                let paths = list.lines().filter(|line| !line.is_empty());
                input.images.extend(paths.map(PathBuf::from));
            } else {
                input.images.push(path.clone());
            }
        }
        if input.images.is_empty() {
            return Err(CommandError::Usage(texts.no_pictures.into()));
        }
        if is_stdin(audio) {
            let spool = tempfile::tempdir()?;
            input.audio = spool.path().join("stdin");
            std::io::copy(&mut context.io.stdin, &mut File::create(&input.audio)?)?;
            input._spool = Some(spool);
        }
        if input.prompt == "-" {
            input.prompt = prompt_of_stdin(context)?;
        }
        Ok(input)
    }

    async fn of_archive(
        context: &mut Context<'_>,
        tar: &Path,
        prompt: String,
    ) -> Result<Self, CommandError> {
        let texts = &context.texts.elsewhere;
        let prompt = match prompt.as_str() {
            "-" => prompt_of_stdin(context)?,
            _ => prompt,
        };
        let info = context
            .client
            .get_service_info(v1::GetServiceInfoRequest {})
            .await?;
        let limits = info.limits.unwrap_or_default();
        let images = i64::from(limits.images_per_batch_max).saturating_mul(limits.image_bytes_max);
        let most_bytes = images.saturating_add(limits.audio_bytes_max).unsigned_abs();
        let (spool, most_bytes) = match &context.io.elsewhere {
            Some(elsewhere) => (
                (elsewhere.spool)()?,
                most_bytes.min(ARCHIVE_BYTES_ELSEWHERE),
            ),
            None => (tempfile::tempfile()?, most_bytes),
        };
        let unpacked = if tar == Path::new("-") {
            unpack(&mut context.io.stdin, spool, most_bytes, texts)?
        } else {
            let failed =
                |error: std::io::Error| CommandError::Failed(format!("{}: {error}", tar.display()));
            unpack(
                &mut File::open(tar).map_err(failed)?,
                spool,
                most_bytes,
                texts,
            )?
        };
        if !unpacked.left_out.is_empty() {
            let names: Vec<String> = unpacked.left_out.iter().map(|it| printable(it)).collect();
            context.say((texts.left_out)(&names.join(context.texts.comma)))?;
        }
        Ok(Self {
            files: unpacked.files,
            audio: unpacked.audio,
            images: unpacked.images,
            prompt,
            _spool: None,
        })
    }
}

fn prompt_of_stdin(context: &mut Context<'_>) -> Result<String, CommandError> {
    let mut prompt = String::new();
    context.io.stdin.read_to_string(&mut prompt)?;
    prompt.truncate(prompt.trim_end().len());
    Ok(prompt)
}

fn show_upload(texts: &CommandTexts, progress: &Progress, step: &UploadProgress) {
    let words = match step.step {
        UploadStep::Reading => UploadWords::Reading(step.file_number, step.file_count),
        UploadStep::Sending => UploadWords::Sending(step.file_number, step.file_count),
        UploadStep::Checking => UploadWords::Checking,
        UploadStep::WaitingToRetry => {
            progress.say(texts.upload_again);
            UploadWords::Waiting
        }
    };
    progress.bytes(&(texts.upload)(&words), step.done_bytes, step.total_bytes);
}

/// Says what was made, and prints its id for scripts.
fn begun(
    context: &mut Context<'_>,
    batch: &v1::Batch,
    balance: i32,
    replayed: bool,
) -> Result<(), CommandError> {
    if !context.json {
        context.print(&batch.id)?;
    }
    context.say((context.texts.begun)(batch, balance, replayed))
}

async fn afterwards(
    context: &mut Context<'_>,
    follow: &Follow,
    batch: &v1::Batch,
) -> Result<Exit, CommandError> {
    if !follow.wait && follow.download.is_none() {
        return Ok(Exit::Done);
    }
    let finished = watch::until_finished(context, &batch.id).await?;
    if context.json {
        context.print_json(&v1::GetBatchResponse {
            batch: Some(finished.clone()),
        })?;
    }
    watch::say_outcome(context, &finished)?;
    let exit = watch::exit_of(&finished);
    let completed = finished
        .item_counts
        .is_some_and(|counts| counts.completed > 0);
    if let (Some(directory), true) = (&follow.download, completed) {
        let args = Download {
            batch: batch.id.clone(),
            items: Vec::new(),
            out: directory.clone(),
            kind: KindArgument::Video,
            overwrite: false,
        };
        match save::download(context, &args).await? {
            Exit::Done => {}
            failed => return Ok(failed),
        }
    }
    Ok(exit)
}

/// Says what a batch would cost.
pub(super) async fn quote(context: &mut Context<'_>, args: &Quote) -> Result<Exit, CommandError> {
    let duration = match (&args.audio, args.duration) {
        (Some(path), _) => measure(path)?,
        (None, Some(duration)) => duration,
        (None, None) => {
            return Err(CommandError::Usage(context.texts.duration_needed.into()));
        }
    };
    let counted = i32::try_from(args.images.len()).unwrap_or(i32::MAX);
    let request = v1::QuoteBatchRequest {
        engine: args.engine.clone().unwrap_or_default(),
        image_count: args.count.unwrap_or(counted),
        audio_duration: prost_types::Duration::try_from(duration).ok(),
    };
    let quote = context.client.quote_batch(request.clone()).await?;
    if context.json {
        context.print_json(&quote)?;
        return Ok(Exit::Done);
    }
    let texts = context.texts;
    context.print((texts.quote)(request.image_count, &quote))?;
    if let Some(finish) = words::time(quote.expected_finish_time.as_ref()) {
        context.print((texts.quote_finish)(&words::local(Some(finish)), &quote))?;
    }
    if let Some(wait) = &quote.wait {
        context.print(words::wait(texts, wait, jiff::Timestamp::now()))?;
    }
    if let Some(left) = quote.daily_tasks_left {
        context.print((texts.tasks_left)(left))?;
    }
    if !quote.affordable {
        context.say(texts.not_affordable)?;
        return Ok(Exit::NoCredits);
    }
    Ok(Exit::Done)
}

/// How long an audio plays. What the server takes is the server's to say: here every length is taken.
fn measure(path: &Path) -> Result<Duration, CommandError> {
    let failed = |words: String| CommandError::Failed(format!("{}: {words}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let limits = AudioLimits {
        max_duration: Duration::MAX,
        min_duration: Duration::ZERO,
        max_bytes: u64::MAX,
    };
    probe_audio(file, &limits)
        .map(|facts| facts.duration)
        .map_err(|error| failed(error.to_string()))
}

/// Makes a new batch from the stored files of another.
pub(super) async fn rerun(context: &mut Context<'_>, args: &Rerun) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let item_ids = if args.items.is_empty() {
        Vec::new()
    } else {
        let all = resolve::all_items(&context.client, &batch_id).await?;
        let chosen = resolve::items(context.texts, &all, &args.items)?;
        chosen.into_iter().map(|item| item.id.clone()).collect()
    };
    let request = v1::RerunBatchRequest {
        batch_id,
        engine: args.engine.clone(),
        prompt: args.prompt.clone(),
        negative_prompt: args.negative_prompt.clone(),
        name: args.name.clone(),
        item_ids,
        labels: args.labels.iter().cloned().collect::<HashMap<_, _>>(),
        request_id: args
            .request_id
            .clone()
            .unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        max_credits: args.max_credits,
    };
    let response = context.client.rerun_batch(request).await?;
    if context.json {
        context.print_json(&response)?;
    }
    let batch = response.batch.unwrap_or_default();
    begun(context, &batch, response.credit_balance, response.replayed)?;
    afterwards(context, &args.follow, &batch).await
}
