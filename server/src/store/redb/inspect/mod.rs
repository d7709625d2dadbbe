//! Reads one committed state through: shows the records to an inspector, and compares every index with them.
//!
//! The way is always the same. From each record, the rows that it must have in each index are looked up and counted;
//! when an index has more rows than were found so, its rows are read for those that no record asks for. So a state
//! without a fault costs one pass over the records, and nothing is collected but counters a user, a sum for each
//! of [`blobs::BUCKETS`] groups of blobs, and one item's entries.
//!
//! A record that does not read is a difference, and the walk goes on; a page that does not read ends it.
//!
//! Not compared: HOURS and TURNS (how much ended in an hour, and whose turn was last, cannot be told from what there is
//! now) and SETTINGS (bytes of others).

mod batches;
mod blobs;
mod deleted;
#[cfg(test)]
mod deletion_tests;
mod items;
mod keys;
mod leftovers;
mod queue;
mod records;
#[cfg(test)]
mod tests;
mod users;

use redb::{Key, Range, ReadOnlyTable, ReadTransaction, ReadableTableMetadata, Value};

use crate::domain::batch::Batch;
use crate::domain::books::{Check, Difference};
use crate::domain::ids::ItemId;
use crate::domain::item::VideoItem;
use crate::store::StoreError;
use crate::store::inspect::Inspector;

use super::error::failed;
use super::load;
use super::record::TotalsRecord;
use super::tables::ReadTables;
use blobs::References;

/// Shows everything to `inspector`.
pub(super) fn walk(
    snapshot: &ReadTransaction,
    inspector: Box<dyn Inspector>,
) -> Result<(), StoreError> {
    let mut walk = Walk {
        tables: ReadTables::open(snapshot)?,
        inspector,
        found: Found::default(),
    };
    walk.users()?;
    let mut references = References::default();
    walk.batches(&mut references)?;
    walk.cleanups()?;
    walk.watches()?;
    walk.queue()?;
    walk.submits()?;
    walk.blobs(references)?;
    walk.deleted()?;
    walk.keys()?;
    walk.requests()?;
    walk.tokens()?;
    walk.totals()?;
    walk.inspector.end();
    Ok(())
}

/// A walk under way.
struct Walk {
    tables: ReadTables,
    inspector: Box<dyn Inspector>,
    found: Found,
}

/// Rows that records have asked for and that were there, by table.
#[derive(Default)]
struct Found {
    users: u64,
    batches: u64,
    items: u64,
    user_names: u64,
    entries: u64,
    rounds: u64,
    progress: u64,
    lists: u64,
    expiring: u64,
    places: u64,
    waiting: u64,
    ready: u64,
    delayed: u64,
    active: u64,
    slots: u64,
    submit_times: u64,
    /// The sums of items and of credits, as the record of sums should have them.
    sums: TotalsRecord,
    /// Waiting items by (engine, reason), as HELD should have them.
    held: std::collections::BTreeMap<(u8, u8), u64>,
}

impl Walk {
    fn go_on(&self) -> Result<(), StoreError> {
        if self.inspector.goes_on() {
            Ok(())
        } else {
            Err(StoreError::Closed)
        }
    }

    fn differ(&mut self, check: Check, place: impl std::fmt::Display, words: impl Into<String>) {
        self.inspector
            .difference(Difference::new(check, place, words));
    }

    /// What was read, or nothing and a difference when the record does not read.
    fn read<T>(&mut self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt { place, message }) => {
                self.differ(Check::Record, place, message);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a row that a record asks for, or says that it is missing.
    fn expect(
        &mut self,
        is_there: bool,
        counter: fn(&mut Found) -> &mut u64,
        place: impl std::fmt::Display,
        index: &str,
    ) {
        if is_there {
            *counter(&mut self.found) += 1;
        } else {
            self.differ(
                Check::Index,
                place,
                format!("it is missing in the index `{index}`"),
            );
        }
    }

    /// An item and its batch, as far as both read.
    fn item_and_batch(&self, item: u128) -> Result<Option<(VideoItem, Batch)>, StoreError> {
        let tables = &self.tables;
        let found = unless_corrupt(load::item_by_id(
            &tables.places,
            &tables.items,
            load::item_id(item),
        ))?;
        let Some(item) = found.flatten() else {
            return Ok(None);
        };
        let batch = unless_corrupt(load::batch(&tables.batches, &tables.progress, item.batch))?;
        Ok(batch.flatten().map(|batch| (item, batch)))
    }

    /// Whether there is an item, or was one in a batch that was deleted.
    fn has_item(&self, item: ItemId) -> Result<bool, StoreError> {
        let place = self.tables.places.get(item.0.as_u128()).map_err(failed)?;
        Ok(place.is_some() || self.deleted_item(item)?.is_some())
    }
}

/// A record that does not read is told of where it is walked over, not again where something points at it.
fn unless_corrupt<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All rows of a table.
fn rows<K: Key + 'static, V: Value + 'static>(
    table: &ReadOnlyTable<K, V>,
) -> Result<Range<'static, K, V>, StoreError> {
    table.range::<K::SelfType<'static>>(..).map_err(failed)
}

/// Whether a table has rows that no record has asked for.
fn has_strays(table: &impl ReadableTableMetadata, found: u64) -> Result<bool, StoreError> {
    Ok(table.len().map_err(failed)? != found)
}
