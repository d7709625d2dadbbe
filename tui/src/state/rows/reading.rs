//! Reading a list anew, from a stream's snapshot or page by page: what was not heard of again is gone in the end, not
//! before, so that nothing flickers.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Row, Rows};
use crate::state::sort::SortBy;

impl<T: Row> Rows<T> {
    /// A stream was opened: what may have come of an older snapshot is void.
    pub(crate) fn begin(&mut self) {
        self.incoming = None;
    }

    /// A part of a snapshot.
    pub(crate) fn add_part(&mut self, part: Vec<T>) {
        self.incoming.get_or_insert_default().extend(part);
    }

    /// How many rows of a snapshot have come that is not complete yet.
    pub(crate) fn incoming_count(&self) -> usize {
        self.incoming.as_ref().map_or(0, Vec::len)
    }

    /// The last row of a snapshot that has come so far.
    pub(crate) fn incoming_last(&self) -> Option<&T> {
        self.incoming.as_ref()?.last()
    }

    /// The snapshot is complete and all there is; `unchanged` means that none was sent because ours is the newest.
    pub(crate) fn complete(&mut self, unchanged: bool) {
        if !unchanged {
            self.complete_beginning();
            self.drop_stale();
        }
    }

    /// The snapshot is complete, but only the beginning of all there is: the rows behind it stay until
    /// [`Rows::drop_stale`], for they are likely to be there still.
    pub(crate) fn complete_beginning(&mut self) {
        let incoming = self.incoming.take().unwrap_or_default();
        self.asked.clear();
        self.begin_reading();
        self.update(incoming);
    }

    /// The list is read anew: every row is to be heard of again.
    pub(crate) fn begin_reading(&mut self) {
        self.stale = self.places.keys().cloned().collect();
    }

    /// How many rows were not heard of since the last snapshot.
    pub(crate) fn stale_count(&self) -> usize {
        self.stale.len()
    }

    /// What was not heard of since the last snapshot is gone.
    pub(crate) fn drop_stale(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        self.remove(&stale);
    }

    /// The list was read as far as to this row, in this order: what should stand before it and was not heard of is gone.
    pub(crate) fn read_to(&mut self, last: &T, by: SortBy) {
        if self.stale.is_empty() {
            return;
        }
        let passed = |row: &T| {
            let compared = row.compare(last, by).then_with(|| last.id().cmp(row.id()));
            compared == Ordering::Less
        };
        let gone: HashSet<String> = self
            .stale
            .iter()
            .filter(|id| self.get(id).is_some_and(passed))
            .cloned()
            .collect();
        self.remove(&gone);
    }
}
