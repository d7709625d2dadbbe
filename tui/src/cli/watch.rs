//! Owns `watch` and `wait`: following a batch over its stream, breaks and all, until it is finished.

use std::collections::HashMap;

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::video_item::{Stage, State};

use super::args::{Wait, Watch};
use super::exit::{CommandError, Exit};
use super::progress::Progress;
use super::table::printable;
use super::words::{self, short};
use super::{Context, resolve};
use crate::net::error::Class;
use crate::net::live::{Live, News};
use crate::text::commands::CommandTexts;

/// Follows a batch: a line for each step of each item, or every event of the stream as JSON.
pub(super) async fn watch(context: &mut Context<'_>, args: &Watch) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    detach_with(context, &batch_id);
    let mut shown = HashMap::new();
    let batch = follow(context, &batch_id, args.follow, |context, event| {
        if context.json {
            return context.print_json(&v1::BatchStatusResponse {
                event: Some(event.clone()),
            });
        }
        let items = match event {
            Event::Snapshot(part) => &part.items,
            Event::Update(update) => &update.items,
            Event::SnapshotComplete(_) | Event::Heartbeat(_) | Event::End(_) => return Ok(()),
        };
        for item in items {
            let step = step(item);
            if shown.get(&item.id) == Some(&step) {
                continue;
            }
            shown.insert(item.id.clone(), step);
            let name = item
                .source_image
                .as_ref()
                .map(|image| image.filename.as_str());
            let now = Timestamp::now();
            context.print(format!(
                "{}  #{:<3} {}  {}",
                words::local(Some(now)),
                item.position,
                printable(name.unwrap_or_default()),
                words::item_state(context.texts, item, now)
            ))?;
        }
        Ok(())
    })
    .await?;
    say_outcome(context, &batch)?;
    Ok(exit_of(&batch))
}

/// What has to change of an item to be worth a line: its state, its stage, its place in a queue, a tenth of its way.
type Step = (State, Stage, Option<i32>, u8, Option<v1::wait::Reason>);

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1 has at most ten tenths"
)]
fn step(item: &v1::VideoItem) -> Step {
    let tenths = (item.progress_estimate.unwrap_or(0.0).clamp(0.0, 1.0) * 10.0) as u8;
    (
        item.state(),
        item.stage(),
        item.queue_position,
        tenths,
        item.wait.as_ref().map(v1::Wait::reason),
    )
}

/// Waits for a batch, quietly.
pub(super) async fn wait(context: &mut Context<'_>, args: &Wait) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let finished = match args.timeout {
        None => until_finished(context, &batch_id).await?,
        Some(limit) => {
            match tokio::time::timeout(limit, until_finished(context, &batch_id)).await {
                Ok(finished) => finished?,
                Err(_) => {
                    context.say((context.texts.not_finished)(short(&batch_id)))?;
                    return Ok(Exit::TimedOut);
                }
            }
        }
    };
    if context.json {
        context.print_json(&v1::GetBatchResponse {
            batch: Some(finished.clone()),
        })?;
    }
    say_outcome(context, &finished)?;
    Ok(exit_of(&finished))
}

/// Waits until a batch is finished, with a bar.
pub(super) async fn until_finished(
    context: &mut Context<'_>,
    batch_id: &str,
) -> Result<v1::Batch, CommandError> {
    detach_with(context, batch_id);
    let progress = Progress::of_share(context);
    let texts = context.texts;
    let mut last = v1::Batch::default();
    let batch = follow(context, batch_id, false, |_, event| {
        let batch = match event {
            Event::Snapshot(part) => part.batch.as_ref(),
            Event::Update(update) => update.batch.as_ref(),
            Event::SnapshotComplete(_) | Event::Heartbeat(_) | Event::End(_) => None,
        };
        if let Some(batch) = batch {
            batch.clone_into(&mut last);
            progress.share(thousandths(batch.progress_estimate), &summary(texts, batch));
        }
        Ok(())
    })
    .await;
    drop(progress);
    context.set_way_back(None);
    batch
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1 has at most a thousand thousandths"
)]
fn thousandths(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1_000.0) as u64
}

fn summary(texts: &CommandTexts, batch: &v1::Batch) -> String {
    let mut text = (texts.summary)(&batch.item_counts.unwrap_or_default());
    let now = Timestamp::now();
    let more = match (
        &batch.wait,
        words::time(batch.expected_finish_time.as_ref()),
    ) {
        (Some(wait), _) => words::wait(texts, wait, now),
        (None, Some(finish)) if finish > now => {
            (texts.done_in)(&words::span(finish.as_second() - now.as_second()))
        }
        _ => return text,
    };
    text += texts.comma;
    text += &more;
    text
}

/// Passes on every event until the stream says that the batch is finished; the batch as it was then. The first connection
/// must succeed, later ones are waited for.
async fn follow(
    context: &mut Context<'_>,
    batch_id: &str,
    stay: bool,
    mut on_event: impl FnMut(&mut Context<'_>, &Event) -> Result<(), CommandError>,
) -> Result<v1::Batch, CommandError> {
    let request = v1::BatchStatusRequest {
        batch_id: batch_id.to_owned(),
        follow: stay,
        ..v1::BatchStatusRequest::default()
    };
    let mut live = Live::new(context.client.clone(), request);
    let mut batch = None;
    let mut opened = false;
    let mut lost = false;
    while let Some(news) = live.next().await {
        match news {
            News::Opened => {
                opened = true;
                if std::mem::take(&mut lost) {
                    context.say(context.texts.connected_again)?;
                }
            }
            News::Event(event) => {
                match &event {
                    Event::Snapshot(part) => batch = part.batch.clone().or(batch),
                    Event::Update(update) => batch = update.batch.clone().or(batch),
                    Event::SnapshotComplete(_) | Event::Heartbeat(_) | Event::End(_) => {}
                }
                on_event(context, &event)?;
            }
            News::Lost { error, .. } if !opened => return Err(error.into()),
            News::Lost { error, .. } => {
                if !std::mem::replace(&mut lost, true) {
                    let why = if error.class == Class::Unreachable {
                        context.texts.connection_lost.to_owned()
                    } else {
                        printable(&error.message)
                    };
                    context.say((context.texts.goes_on)(&why))?;
                }
            }
            News::Closed(Some(error)) => return Err(error.into()),
            News::Closed(None) => break,
        }
    }
    match batch {
        Some(batch) if batch.finish_time.is_some() => Ok(batch),
        // The stream may end before an update shows the end: then the batch itself is asked, which also says that it was
        // deleted.
        _ => {
            let request = v1::GetBatchRequest {
                batch_id: batch_id.to_owned(),
                acknowledge_failures: false,
            };
            let response = context.client.get_batch(request).await?;
            Ok(response.batch.unwrap_or_default())
        }
    }
}

fn detach_with(context: &Context<'_>, batch_id: &str) {
    let server = if context.address == crate::net::address::Address::default() {
        String::new()
    } else {
        format!(" --server {}", context.address)
    };
    let command = format!("vbatch{server} watch {}", short(batch_id));
    context.set_way_back(Some((context.texts.detached)(&command)));
}

/// Says how a batch ended.
pub(super) fn say_outcome(
    context: &mut Context<'_>,
    batch: &v1::Batch,
) -> Result<(), CommandError> {
    context.say((context.texts.outcome)(batch))
}

/// Success is that every item is completed.
pub(super) fn exit_of(batch: &v1::Batch) -> Exit {
    let counts = batch.item_counts.unwrap_or_default();
    if counts.total > 0 && counts.completed == counts.total {
        Exit::Done
    } else {
        Exit::ItemsFailed
    }
}
