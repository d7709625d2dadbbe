//! How a store shows everything it holds: one committed state, streamed to an [`Inspector`].
//!
//! The order, which an inspector may rely on: each user's entries by sequence, then the user; each batch's items by
//! position, each with the ledger's entries about it, then the batch. Users come before batches.
//!
//! What only the store can know (whether its indexes agree with its records, whether what a record names is there,
//! whether a record reads at all) it tells as differences, in between.

use crate::domain::batch::Batch;
use crate::domain::books::Difference;
use crate::domain::ids::UserId;
use crate::domain::item::VideoItem;
use crate::domain::ledger::Entry;
use crate::domain::user::User;

/// Takes in what a store holds. Called from a thread that may block.
pub trait Inspector: Send {
    /// The next entry of a user's ledger.
    fn entry(&mut self, entry: &Entry);

    /// A user, after the last entry.
    fn user(&mut self, user: &User);

    /// The next item of a batch, with the entries about it.
    fn item(&mut self, batch: &Batch, item: &VideoItem, entries: &[Entry]);

    /// A batch, after the last item.
    fn batch(&mut self, batch: &Batch);

    /// A user had a video in a batch that was deleted since. After all batches.
    fn deleted_video(&mut self, owner: UserId);

    /// Records that the store keeps for itself were compared with the rest: `count` of `kind` (requests, audit
    /// events, rows of an index).
    fn compared(&mut self, kind: &'static str, count: u64);

    /// The store found something that cannot be so.
    fn difference(&mut self, difference: Difference);

    /// Whether to go on. Asked before each user and each batch; a store whose inspector has had enough stops with
    /// [`StoreError::Closed`](super::StoreError::Closed).
    fn goes_on(&self) -> bool;

    /// Everything was shown. Not called when the store failed on the way.
    fn end(self: Box<Self>);
}
