//! Owns `cancel`, `retry` and `delete`: changing what runs, and removing what has run.

use vision_batch::v1;
use vision_batch::v1::video_item::State;

use super::args::{Cancel, Delete, Retry};
use super::exit::{CommandError, Exit};
use super::table::printable;
use super::words::{self, short};
use super::{Context, password, resolve};

/// Cancels a batch, or some of its items.
pub(super) async fn cancel(context: &mut Context<'_>, args: &Cancel) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let count = if args.items.is_empty() {
        let request = v1::CancelBatchRequest {
            batch_id: batch_id.clone(),
        };
        let response = context.client.cancel_batch(request).await?;
        if context.json {
            context.print_json(&response)?;
        }
        response.item_count
    } else {
        let request = v1::CancelItemsRequest {
            batch_id: batch_id.clone(),
            item_ids: item_ids(context, &batch_id, &args.items).await?,
            states: Vec::new(),
        };
        let response = context.client.cancel_items(request).await?;
        if context.json {
            context.print_json(&response)?;
        }
        response.item_count
    };
    context.say((context.texts.cancelled)(short(&batch_id), count))?;
    Ok(Exit::Done)
}

/// Begins a new round of items.
pub(super) async fn retry(context: &mut Context<'_>, args: &Retry) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    let mut states = Vec::new();
    if args.failed || (args.items.is_empty() && !args.cancelled) {
        states.push(State::Failed.into());
    }
    if args.cancelled {
        states.push(State::Cancelled.into());
    }
    let item_ids = if args.items.is_empty() {
        Vec::new()
    } else {
        states.clear();
        item_ids(context, &batch_id, &args.items).await?
    };
    let request = v1::RetryItemsRequest {
        batch_id: batch_id.clone(),
        item_ids,
        states,
        request_id: args
            .request_id
            .clone()
            .unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        max_credits: args.max_credits,
    };
    let response = context.client.retry_items(request).await?;
    if context.json {
        context.print_json(&response)?;
    }
    context.say((context.texts.retried)(short(&batch_id), &response))?;
    Ok(Exit::Done)
}

async fn item_ids(
    context: &Context<'_>,
    batch_id: &str,
    names: &[String],
) -> Result<Vec<String>, CommandError> {
    let all = resolve::all_items(&context.client, batch_id).await?;
    let chosen = resolve::items(context.texts, &all, names)?;
    Ok(chosen.into_iter().map(|item| item.id.clone()).collect())
}

/// Removes a batch and its files, when that is confirmed.
pub(super) async fn delete(context: &mut Context<'_>, args: &Delete) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(context, &args.batch).await?;
    if !args.yes {
        let request = v1::GetBatchRequest {
            batch_id: batch_id.clone(),
            acknowledge_failures: false,
        };
        let response = context.client.get_batch(request).await?;
        let mut batch = response.batch.unwrap_or_default();
        batch.name = printable(&batch.name);
        let texts = context.texts;
        let question = (texts.ask_delete)(&batch);
        if !password::confirm(context.io, texts, context.no_input, &question)? {
            context.say(texts.not_deleted)?;
            return Ok(Exit::Interrupted);
        }
    }
    let request = v1::DeleteBatchRequest {
        batch_id: batch_id.clone(),
    };
    let response = context.client.delete_batch(request).await?;
    if context.json {
        context.print_json(&response)?;
    }
    let freed = words::size(response.freed_bytes);
    context.say((context.texts.deleted)(short(&batch_id), &freed))?;
    Ok(Exit::Done)
}
