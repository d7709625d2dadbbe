//! Retention: takes old results and uploads from batches that have ended, by age and by size.
//!
//! Invariants: off unless told otherwise; a batch with items that have not ended loses nothing, and content that another
//! batch refers to stays; the records go first, in small transactions, then the files, so that what a crash interrupts is
//! either untouched or doomed, and doomed files are removed at the next start.
//!
//! A limit of size counts what is stored and referred to, each content once; the batches that ended longest ago lose
//! theirs first. Both limits may hold at once.
//!
//! Not here: which batch is next and what it says then (`store`); which files may go at all (`domain::retention`).

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::batches::Batches;
use super::error::{Reason, ServiceError};
use crate::domain::retention::{Kept, Policy};
use crate::store::query::Totals;

/// How often it looks: what a limit of size is exceeded by meanwhile is what the disk must have room for.
pub const EVERY: Duration = Duration::from_secs(10 * 60);

/// Items of one transaction: a few milliseconds of the one writer.
pub const STEP: usize = 200;

/// What one look has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Files that items and batches refer to no longer.
    pub files: u64,
    /// Bytes of those that nothing else refers to.
    pub freed_bytes: u64,
}

/// Looks at once and then every [`EVERY`], until `stop`. Returns at once when nothing is limited.
pub async fn run(batches: Batches, policy: Policy, stop: CancellationToken) {
    if policy.is_off() {
        return;
    }
    loop {
        // Files that were in somebody's hands last time.
        let leftovers = batches.remove_doomed().await;
        let looked = match leftovers {
            Ok(()) => look(&batches, &policy, &stop).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(taken) if taken.files > 0 => {
                tracing::info!(
                    files = taken.files,
                    bytes = taken.freed_bytes,
                    "retention removed old files"
                );
            }
            Ok(_) => {}
            Err(error) if error.reason == Reason::StorageFull => {
                tracing::warn!(
                    "retention waits: no room on the disk to write what it would remove"
                );
            }
            Err(error) => {
                tracing::error!(
                    error = error.message,
                    "retention failed; it tries again later"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = batches.clock().sleep(EVERY) => {}
        }
    }
}

/// Takes what is over the limits now.
///
/// # Errors
///
/// When the storage fails; what was taken by then is.
pub async fn look(
    batches: &Batches,
    policy: &Policy,
    stop: &CancellationToken,
) -> Result<Taken, ServiceError> {
    let mut taken = Taken::default();
    for kept in Kept::ALL {
        let limits = policy.of(kept);
        if let Some(age) = limits.age {
            let ended_before = batches.clock().now().saturating_sub(age);
            let ended_before = ended_before.unwrap_or(Timestamp::MIN);
            while !stop.is_cancelled()
                && batches.expire(kept, ended_before, STEP, &mut taken).await?
            {}
        }
        if let Some(most) = limits.bytes {
            while !stop.is_cancelled()
                && stored(kept, &batches.totals().await?) > most
                && batches
                    .expire(kept, Timestamp::MAX, STEP, &mut taken)
                    .await?
            {}
        }
    }
    Ok(taken)
}

fn stored(kept: Kept, totals: &Totals) -> u64 {
    match kept {
        Kept::Results => totals.video_bytes,
        Kept::Uploads => totals.image_bytes + totals.audio_bytes,
    }
}
