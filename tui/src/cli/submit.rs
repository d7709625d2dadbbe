//! Owns `submit`, `quote` and `rerun`: how batches begin, and what they cost.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vbatch_probe::{AudioLimits, probe_audio};
use vision_batch::v1;

use super::args::{Download, Follow, KindArgument, Quote, Rerun, Submit};
use super::exit::{CommandError, Exit};
use super::progress::Progress;
use super::words::{self, short};
use super::{Context, resolve, save, watch};
use crate::files::Disk;
use crate::net::upload::{self, UploadProgress, UploadStep};

/// Uploads a batch; waits for it and saves its videos when asked to.
pub(super) async fn submit(context: &mut Context<'_>, args: &Submit) -> Result<Exit, CommandError> {
    let request_id = args
        .request_id
        .clone()
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let spec = v1::BatchSpec {
        name: args.name.clone().unwrap_or_default(),
        prompt: args.prompt.clone().unwrap_or_default(),
        negative_prompt: args.negative_prompt.clone().unwrap_or_default(),
        engine: args.engine.clone().unwrap_or_default(),
        labels: args.labels.iter().cloned().collect(),
        request_id: request_id.clone(),
        max_credits: args.max_credits,
        ..v1::BatchSpec::default()
    };
    context.set_way_back(Some(format!(
        "Interrupted. Should the batch have been made all the same, this shows it and charges nothing more:\n  the same command with --request-id {request_id}"
    )));
    let progress = Progress::of_bytes(context);
    let response = upload::create_batch(
        &context.client,
        Arc::new(Disk),
        spec,
        &args.audio,
        &args.images,
        &|step| show_upload(&progress, &step),
    )
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

fn show_upload(progress: &Progress, step: &UploadProgress) {
    let what = match step.step {
        UploadStep::Reading => format!("reading file {} of {}", step.file_number, step.file_count),
        UploadStep::Sending => format!("sending file {} of {}", step.file_number, step.file_count),
        UploadStep::Checking => "the server checks the files".to_owned(),
        UploadStep::WaitingToRetry => {
            progress
                .say("The connection broke; the upload begins again under the same request id.");
            "waiting".to_owned()
        }
    };
    progress.bytes(&what, step.done_bytes, step.total_bytes);
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
    let count = batch.item_counts.map_or(0, |counts| counts.total);
    let made = if replayed {
        "was made before"
    } else {
        "is made"
    };
    context.say(format!(
        "Batch {} {made}: {count} items with {}, {} credits charged, {balance} left. Follow it: vbatch watch {}",
        short(&batch.id),
        words::engine(&batch.engine),
        batch.credits_charged,
        short(&batch.id),
    ))
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
            return Err(CommandError::Usage(
                "--audio or --duration is needed".into(),
            ));
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
    context.print(format!(
        "{} x {} = {} credits with {}, balance {} -> {}",
        request.image_count,
        quote.credits_per_item,
        quote.credits,
        words::engine(&quote.engine),
        quote.balance_before,
        quote.balance_after
    ))?;
    if let Some(finish) = words::time(quote.expected_finish_time.as_ref()) {
        context.print(format!(
            "finished about {}: {} slots, {} items ahead",
            words::local(Some(finish)),
            quote.slot_limit,
            quote.items_ahead
        ))?;
    }
    if let Some(wait) = &quote.wait {
        context.print(words::wait(wait, jiff::Timestamp::now()))?;
    }
    if let Some(left) = quote.daily_tasks_left {
        context.print(format!("{left} upstream tasks left within 24 h"))?;
    }
    if !quote.affordable {
        context.say("The credits do not suffice.")?;
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
    let batch_id = resolve::batch(&context.client, &args.batch).await?;
    let item_ids = if args.items.is_empty() {
        Vec::new()
    } else {
        let all = resolve::all_items(&context.client, &batch_id).await?;
        let chosen = resolve::items(&all, &args.items)?;
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
