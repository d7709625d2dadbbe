//! Every table: its name, its key, its value.
//!
//! Ids are u128 keys: UUIDv7, so their order is the order of creation. A value of bytes is a record (see `record`).
//! Nothing that is asked often needs a scan: for each question there is an index here, kept in the transaction
//! that changes what it is about.

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable as _, Table, TableDefinition, WriteTransaction,
};

use crate::store::StoreError;

use super::error::failed;

/// A record.
pub(super) type Bytes = &'static [u8];

macro_rules! tables {
    ($($(#[$doc:meta])* $constant:ident $name:ident: $key:ty => $value:ty;)*) => {
        $(
            $(#[$doc])*
            pub(super) const $constant: TableDefinition<'static, $key, $value> =
                TableDefinition::new(stringify!($name));
        )*

        /// Every table, open for writing.
        pub(super) struct Tables<'t> {
            $($(#[$doc])* pub $name: Table<'t, $key, $value>,)*
        }

        /// Every table, open for reading.
        #[expect(dead_code, reason = "those that are not read are opened too, so that a missing one is noticed")]
        pub(super) struct ReadTables {
            $($(#[$doc])* pub $name: ReadOnlyTable<$key, $value>,)*
        }

        impl ReadTables {
            /// Opens them all.
            pub fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
                Ok(Self {
                    $($name: readable(snapshot, $constant)?,)*
                })
            }
        }

        impl<'t> Tables<'t> {
            /// Opens them all, and makes those that are not there.
            pub fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
                Ok(Self {
                    $($name: transaction.open_table($constant).map_err(failed)?,)*
                })
            }

            /// Writes every entry of every table as it was at one moment.
            pub fn copy_from(&mut self, snapshot: &ReadTransaction) -> Result<(), StoreError> {
                $(copy(&readable(snapshot, $constant)?, &mut self.$name)?;)*
                Ok(())
            }
        }
    };
}

tables! {
    /// `schema` → version.
    META meta: &'static str => u64;
    /// `totals`, `dispatch`, `restored`: records of which there is one.
    SINGLES singles: &'static str => Bytes;
    /// User.
    USERS users: u128 => Bytes;
    /// Canonical username → user.
    USER_NAMES user_names: &'static str => u128;
    /// (user, sequence) → ledger entry.
    ENTRIES entries: (u128, u64) => Bytes;
    /// (item, round, kind) → sequence: what is charged and given back, once each.
    ROUNDS rounds: (u128, u32, u8) => u64;
    /// Sequence → audit event.
    AUDIT audit: u64 => Bytes;
    /// (user, method, request id) → what it made.
    REQUESTS requests: (u128, &'static str, u128) => Bytes;
    /// What is fixed of a batch.
    BATCHES batches: u128 => Bytes;
    /// What changes of a batch.
    PROGRESS progress: u128 => Bytes;
    /// (owner, or 0 for everyone; attention rank; state; has failures; !batch): every order and filter of lists is
    /// a merge of ranges of these, newest first.
    LISTS lists: (u128, u8, u8, bool, u128) => ();
    /// Owner, or 0 for everyone → batches by state.
    COUNTS counts: u128 => Bytes;
    /// (batch, position) → item.
    ITEMS items: (u128, u32) => Bytes;
    /// Item → (batch, position).
    PLACES places: u128 => (u128, u32);
    /// (engine, item): PENDING items, the oldest first.
    WAITING waiting: (u8, u128) => ();
    /// (engine, owner, batch, position) → item: PENDING items that may be claimed.
    READY ready: (u8, u128, u128, u32) => u128;
    /// (engine, not before, item) → (owner, batch, position, reason): PENDING items that wait for a time.
    DELAYED delayed: (u8, i64, u128) => (u128, u128, u32, u8);
    /// (engine, reason) → items with that wait of their own; under 0 the ready ones.
    HELD held: (u8, u8) => u64;
    /// (engine, 0) → the owner who had the last turn; (engine, owner) → the batch that had that owner's.
    TURNS turns: (u8, u128) => u128;
    /// (engine, item): items that an attempt owns.
    ACTIVE active: (u8, u128) => ();
    /// (account, kind of holder, item, attempt, task): what may have an active task upstream.
    SLOTS slots: (&'static str, u8, u128, u32, &'static str) => ();
    /// (item, attempt, task) → cleanup.
    CLEANUPS cleanups: (u128, u32, &'static str) => Bytes;
    /// (item, attempt) → watch.
    WATCHES watches: (u128, u32) => Bytes;
    /// (account, time, item, attempt): submits of the daily window.
    SUBMITS submits: (&'static str, i64, u128, u32) => ();
    /// (item, attempt) → time of its submit, where it is among SUBMITS.
    SUBMIT_TIMES submit_times: (u128, u32) => i64;
    /// Hour since 1970 → items that (completed, failed) in it; only hours that are asked for.
    HOURS hours: i64 => (u64, u64);
    /// (kind, SHA-256) → (references, bytes).
    BLOBS blobs: (u8, &'static [u8; 32]) => (u64, u64);
    /// (kind, SHA-256) → bytes: blobs of deleted batches that nothing refers to, whose files are to be removed.
    DOOMED doomed: (u8, &'static [u8; 32]) => u64;
    /// (kind of files, end of the batch, batch) → position up to which its items have lost them: ended batches that have
    /// such files, the oldest end first.
    EXPIRING expiring: (u8, i64, u128) => u32;
    /// Deleted batch → what is left of it.
    TOMBSTONES tombstones: u128 => Bytes;
    /// Item of a deleted batch → (batch, position, whether it had its video): what the books that stay are about.
    DELETED_ITEMS deleted_items: u128 => (u128, u32, bool);
    /// (user, key) → API key.
    API_KEYS api_keys: (u128, u128) => Bytes;
    /// SHA-256 of an API key's secret → (user, key).
    API_KEY_DIGESTS api_key_digests: &'static [u8; 32] => (u128, u128);
    /// (user, key) → SSH key.
    SSH_KEYS ssh_keys: (u128, u128) => Bytes;
    /// Small values of the server's own.
    SETTINGS settings: &'static str => Bytes;
    /// Account → upstream token.
    TOKENS tokens: &'static str => Bytes;
}

fn copy<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadOnlyTable<K, V>,
    to: &mut Table<'_, K, V>,
) -> Result<(), StoreError> {
    for entry in from.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        to.insert(key.value(), value.value()).map_err(failed)?;
    }
    Ok(())
}

/// Opens one table for reading.
pub(super) fn readable<K: redb::Key + 'static, V: redb::Value + 'static>(
    transaction: &ReadTransaction,
    definition: TableDefinition<'static, K, V>,
) -> Result<ReadOnlyTable<K, V>, StoreError> {
    transaction.open_table(definition).map_err(failed)
}
