//! How many items ended in each hour: a row an hour, counted in the transaction that ends the item.
//!
//! Invariants: an hour is one of the clock's, UTC; a row that opens a new hour removes those that are not asked for
//! any more, so the table never has many.

use jiff::Timestamp;
use redb::{ReadTransaction, ReadableTable};

use crate::domain::item::{ItemState, VideoItem};
use crate::store::StoreError;
use crate::store::query::{HOURS_COUNTED, HourCount};

use super::error::failed;
use super::tables::{HOURS, readable};
use super::work::Work;

const SECONDS: i64 = 3_600;

fn hour(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SECONDS)
}

/// The hours that are asked for at that time.
fn counted(now: Timestamp) -> std::ops::RangeInclusive<i64> {
    let newest = hour(now);
    newest - (HOURS_COUNTED - 1)..=newest
}

impl Work<'_> {
    /// Counts an item that has ended with a video or failed; one that was cancelled does not count.
    pub fn count_end(&mut self, item: &VideoItem, now: Timestamp) -> Result<(), StoreError> {
        let (completed, failures) = match item.state {
            ItemState::Completed { .. } => (1, 0),
            ItemState::Failed { .. } => (0, 1),
            _ => return Ok(()),
        };
        let key = hour(now);
        let hours = &mut self.write().hours;
        let before = hours.get(key).map_err(failed)?.map(|guard| guard.value());
        if before.is_none() {
            hours
                .retain_in(..*counted(now).start(), |_, _| false)
                .map_err(failed)?;
        }
        let (was_completed, was_failed) = before.unwrap_or_default();
        hours
            .insert(key, (was_completed + completed, was_failed + failures))
            .map_err(failed)?;
        Ok(())
    }
}

/// Every hour that is asked for, oldest first, those without any included.
pub(super) fn throughput(
    snapshot: &ReadTransaction,
    now: Timestamp,
) -> Result<Vec<HourCount>, StoreError> {
    let hours = readable(snapshot, HOURS)?;
    let mut counts = Vec::new();
    for key in counted(now) {
        // Before the first hour that has a time at all, nothing was counted.
        let Ok(start_time) = Timestamp::from_second(key * SECONDS) else {
            continue;
        };
        let row = hours.get(key).map_err(failed)?;
        let (completed, failures) = row.map(|guard| guard.value()).unwrap_or_default();
        counts.push(HourCount {
            start_time,
            completed,
            failed: failures,
        });
    }
    Ok(counts)
}
