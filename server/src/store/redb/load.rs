//! Reading one thing from tables that are open, for reading or for writing.

use prost::Message;
use redb::ReadableTable;

use crate::domain::batch::Batch;
use crate::domain::dispatching::DispatchSettings;
use crate::domain::ids::{BatchId, ClientRef, ItemId, TaskId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::restored::Restored;
use crate::domain::user::User;
use crate::store::StoreError;

use super::decode;
use super::error::{corrupt, failed};
use super::record::TotalsRecord;
use super::tables::Bytes;

/// The name of the record with the sums over everything.
pub(super) const TOTALS: &str = "totals";
/// The name of the record with the dispatcher's settings.
pub(super) const DISPATCH: &str = "dispatch";
/// The name of the mark of a restored copy.
pub(super) const RESTORED: &str = "restored";

/// Reads bytes as a record and that as a domain value.
pub(super) fn decoded<R: Message + Default, T>(
    place: impl std::fmt::Display,
    bytes: &[u8],
    convert: impl FnOnce(R) -> decode::Decoded<T>,
) -> Result<T, StoreError> {
    let record = R::decode(bytes).map_err(|error| corrupt(&place, error.to_string()))?;
    convert(record).map_err(|message| corrupt(&place, message))
}

pub(super) fn user(
    users: &impl ReadableTable<u128, Bytes>,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    match users.get(id.0.as_u128()).map_err(failed)? {
        Some(guard) => decoded(format_args!("users {id}"), guard.value(), decode::user).map(Some),
        None => Ok(None),
    }
}

pub(super) fn batch(
    batches: &impl ReadableTable<u128, Bytes>,
    progress: &impl ReadableTable<u128, Bytes>,
    id: BatchId,
) -> Result<Option<Batch>, StoreError> {
    let key = id.0.as_u128();
    let Some(fixed) = batches.get(key).map_err(failed)? else {
        return Ok(None);
    };
    let place = format!("batches {id}");
    let moving = progress
        .get(key)
        .map_err(failed)?
        .ok_or_else(|| corrupt(&place, "its progress is missing"))?;
    decoded(&place, fixed.value(), |fixed| {
        let moving = Message::decode(moving.value()).map_err(|error| error.to_string())?;
        decode::batch(fixed, moving)
    })
    .map(Some)
}

/// Reads the value of an item.
pub(super) fn item(batch: BatchId, position: u32, bytes: &[u8]) -> Result<VideoItem, StoreError> {
    decoded(format_args!("items {batch}/{position}"), bytes, |record| {
        decode::item(batch, position, record)
    })
}

pub(super) fn item_at(
    items: &impl ReadableTable<(u128, u32), Bytes>,
    batch: BatchId,
    position: u32,
) -> Result<Option<VideoItem>, StoreError> {
    match items.get((batch.0.as_u128(), position)).map_err(failed)? {
        Some(guard) => item(batch, position, guard.value()).map(Some),
        None => Ok(None),
    }
}

/// Where an item is: its batch and position.
pub(super) fn place(
    places: &impl ReadableTable<u128, (u128, u32)>,
    id: ItemId,
) -> Result<Option<(BatchId, u32)>, StoreError> {
    let found = places.get(id.0.as_u128()).map_err(failed)?;
    Ok(found.map(|guard| {
        let (batch, position) = guard.value();
        (batch_id(batch), position)
    }))
}

pub(super) fn item_by_id(
    places: &impl ReadableTable<u128, (u128, u32)>,
    items: &impl ReadableTable<(u128, u32), Bytes>,
    id: ItemId,
) -> Result<Option<VideoItem>, StoreError> {
    let Some((batch, position)) = place(places, id)? else {
        return Ok(None);
    };
    item_at(items, batch, position)?
        .map(Some)
        .ok_or_else(|| corrupt(format_args!("items {batch}/{position}"), "it is missing"))
}

/// Reads a cleanup from its key and value.
pub(super) fn cleanup(key: (u128, u32, &str), bytes: &[u8]) -> Result<Cleanup, StoreError> {
    let client_ref = client_ref(key.0, key.1);
    decoded(
        format_args!("cleanups {client_ref} {}", key.2),
        bytes,
        |record| decode::cleanup(client_ref, TaskId(key.2.to_owned()), record),
    )
}

/// Reads a watch from its key and value.
pub(super) fn watch(key: (u128, u32), bytes: &[u8]) -> Result<Watch, StoreError> {
    let client_ref = client_ref(key.0, key.1);
    decoded(format_args!("watches {client_ref}"), bytes, |record| {
        decode::watch(client_ref, record)
    })
}

pub(super) fn totals(
    singles: &impl ReadableTable<&'static str, Bytes>,
) -> Result<TotalsRecord, StoreError> {
    match singles.get(TOTALS).map_err(failed)? {
        Some(guard) => decoded(TOTALS, guard.value(), Ok),
        None => Ok(TotalsRecord::default()),
    }
}

pub(super) fn dispatch_settings(
    singles: &impl ReadableTable<&'static str, Bytes>,
) -> Result<DispatchSettings, StoreError> {
    match singles.get(DISPATCH).map_err(failed)? {
        Some(guard) => decoded(DISPATCH, guard.value(), decode::dispatch),
        None => Err(corrupt(DISPATCH, "it is missing")),
    }
}

pub(super) fn restored(
    singles: &impl ReadableTable<&'static str, Bytes>,
) -> Result<Option<Restored>, StoreError> {
    match singles.get(RESTORED).map_err(failed)? {
        Some(guard) => decoded(RESTORED, guard.value(), decode::restored).map(Some),
        None => Ok(None),
    }
}

fn client_ref(item: u128, attempt: u32) -> ClientRef {
    ClientRef {
        item: item_id(item),
        attempt,
    }
}

pub(super) fn item_id(key: u128) -> ItemId {
    ItemId(uuid::Uuid::from_u128(key))
}

pub(super) fn batch_id(key: u128) -> BatchId {
    BatchId(uuid::Uuid::from_u128(key))
}

pub(super) fn user_id(key: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(key))
}
