//! How attempts are named in the log, so that a batch, an item or an attempt can be followed from line to line.
//!
//! `call` is our key of the attempt, `<item>/<number>`, which the engine is given with the task: the one id that both
//! sides of a call to the upstream know.

use tracing::Span;

use crate::domain::ids::{BatchId, ClientRef};
use crate::domain::item::{ItemState, VideoItem};

/// What a submit or a fetch does is said within this.
pub(super) fn span(batch: BatchId, call: ClientRef) -> Span {
    tracing::info_span!("attempt", %batch, item = %call.item, %call)
}

/// Says which of the items that were just committed have ended, and how.
pub(super) fn ended(committed: &[Option<VideoItem>]) {
    for item in committed.iter().flatten() {
        let (batch, id) = (item.batch, item.id);
        let call = item.client_ref(item.last_attempt);
        match &item.state {
            ItemState::Completed { .. } => {
                tracing::info!(%batch, item = %id, %call, "an item has its video");
            }
            ItemState::Failed { failure, .. } => tracing::warn!(
                %batch,
                item = %id,
                %call,
                reason = ?failure.reason,
                upstream = failure.upstream_message,
                "an item failed"
            ),
            ItemState::Cancelled { .. } => {
                tracing::info!(%batch, item = %id, %call, "an item was cancelled");
            }
            ItemState::Pending(_) | ItemState::Processing(_) => {}
        }
    }
}
