//! Owns `cancel` and `retry`: changing what runs.

use vision_batch::v1;
use vision_batch::v1::video_item::State;

use super::args::{Cancel, Retry};
use super::exit::{CommandError, Exit};
use super::words::short;
use super::{Context, resolve};

/// Cancels a batch, or some of its items.
pub(super) async fn cancel(context: &mut Context<'_>, args: &Cancel) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(&context.client, &args.batch).await?;
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
    context.say(format!(
        "Batch {}: {count} items are cancelled or being cancelled; their credits come back when they have ended.",
        short(&batch_id)
    ))?;
    Ok(Exit::Done)
}

/// Begins a new round of items.
pub(super) async fn retry(context: &mut Context<'_>, args: &Retry) -> Result<Exit, CommandError> {
    let batch_id = resolve::batch(&context.client, &args.batch).await?;
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
    context.say(format!(
        "Batch {}: {} items are tried again, {} credits charged, {} left.",
        short(&batch_id),
        response.item_count,
        response.credits_charged,
        response.credit_balance
    ))?;
    Ok(Exit::Done)
}

async fn item_ids(
    context: &Context<'_>,
    batch_id: &str,
    names: &[String],
) -> Result<Vec<String>, CommandError> {
    let all = resolve::all_items(&context.client, batch_id).await?;
    let chosen = resolve::items(&all, names)?;
    Ok(chosen.into_iter().map(|item| item.id.clone()).collect())
}
