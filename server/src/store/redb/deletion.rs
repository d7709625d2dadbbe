//! Taking a batch away.
//!
//! What stays: the ledger and the rounds that keep it from being posted twice, the requests, the cleanups and watches of
//! its attempts, the submits of the day, and a tombstone, with the numbers of its items. What goes: the batch, its items, their places in every list, and
//! the references to blobs.
//!
//! Invariant: a blob that loses its last reference is doomed in the same transaction, and no longer doomed when
//! something refers to it again; so files are never removed by what a crash has interrupted, nor forgotten by it.

use prost::Message;
use redb::{ReadTransaction, ReadableTable};

use crate::domain::audit::Target;
use crate::domain::batch::Batch;
use crate::domain::ids::BatchId;
use crate::domain::item::ItemState;
use crate::domain::media::{Blob, BlobKind, Sha256};
use crate::store::{DeleteBatch, DeleteBatchError, Deleted, StoreError, Tombstone};

use super::code::Coded;
use super::error::{corrupt, failed};
use super::tables::{DOOMED, TOMBSTONES, readable};
use super::work::Work;
use super::{decode, encode, load};

pub(super) fn delete_batch(
    work: &mut Work<'_>,
    delete: &DeleteBatch,
) -> Result<Deleted, DeleteBatchError> {
    let batch = work
        .batch(delete.batch)?
        .ok_or(DeleteBatchError::NotFound)?
        .clone();
    if batch.counts.open() > 0 {
        return Err(DeleteBatchError::NotFinished);
    }
    let mut doomed = Vec::new();
    let items = take_items(work, &batch, &mut doomed)?;
    if batch.audio.removed_time.is_none() {
        doomed.extend(work.unrefer(&batch.audio.blob)?);
    }
    work.remove_batch(&batch)?;
    let totals = work.totals();
    totals.batches = totals.batches.saturating_sub(1);
    totals.items = totals.items.saturating_sub(items);

    let tombstone = Tombstone {
        owner: batch.owner,
        name: batch.name.clone(),
        delete_time: delete.now,
    };
    let bytes = encode::tombstone(&tombstone).encode_to_vec();
    work.write()
        .tombstones
        .insert(batch.id.0.as_u128(), bytes.as_slice())
        .map_err(failed)?;
    let detail = format!("{items} items");
    let target = Target::batch(&batch);
    work.note(delete.now, &delete.actor, "batch.delete", target, detail)?;
    Ok(Deleted { doomed })
}

/// Takes the items of a batch away; how many they were.
fn take_items(
    work: &mut Work<'_>,
    batch: &Batch,
    doomed: &mut Vec<Blob>,
) -> Result<u64, StoreError> {
    let key = batch.id.0.as_u128();
    let mut items = Vec::new();
    for entry in work
        .read()
        .items
        .range((key, 0)..=(key, u32::MAX))
        .map_err(failed)?
    {
        let (place, value) = entry.map_err(failed)?;
        items.push(load::item(batch.id, place.value().1, value.value())?);
    }
    for item in &items {
        let tables = work.write();
        tables.items.remove((key, item.position)).map_err(failed)?;
        tables.places.remove(item.id.0.as_u128()).map_err(failed)?;
        let had_video = matches!(item.state, ItemState::Completed { .. });
        tables
            .deleted_items
            .insert(item.id.0.as_u128(), (key, item.position, had_video))
            .map_err(failed)?;
        work.totals().count_out(&item.state);
        if item.source_image.removed_time.is_none() {
            doomed.extend(work.unrefer(&item.source_image.blob)?);
        }
        if let ItemState::Completed { video, .. } = &item.state
            && video.removed_time.is_none()
        {
            doomed.extend(work.unrefer(&video.blob)?);
        }
    }
    Ok(items.len() as u64)
}

impl Work<'_> {
    /// Counts one reference to a blob less; the blob, when it was the last.
    pub fn unrefer(&mut self, blob: &Blob) -> Result<Option<Blob>, StoreError> {
        let key = (blob.kind.code(), &blob.sha256.0);
        let tables = self.write();
        let found = tables.blobs.get(key).map_err(failed)?;
        let (references, bytes) = found
            .map(|guard| guard.value())
            .ok_or_else(|| corrupt(format_args!("blobs {}", blob.sha256), "it is missing"))?;
        if references > 1 {
            let fewer = (references - 1, bytes);
            tables.blobs.insert(key, fewer).map_err(failed)?;
            return Ok(None);
        }
        tables.blobs.remove(key).map_err(failed)?;
        tables.doomed.insert(key, bytes).map_err(failed)?;
        let totals = self.totals();
        let sum = match blob.kind {
            BlobKind::Image => &mut totals.image_bytes,
            BlobKind::Audio => &mut totals.audio_bytes,
            BlobKind::Video => &mut totals.video_bytes,
        };
        *sum = sum.saturating_sub(bytes);
        Ok(Some(Blob {
            size_bytes: bytes,
            ..*blob
        }))
    }
}

pub(super) fn forget_doomed(work: &mut Work<'_>, blobs: &[Blob]) -> Result<(), StoreError> {
    for blob in blobs {
        let key = (blob.kind.code(), &blob.sha256.0);
        if work.read().doomed.get(key).map_err(failed)?.is_some() {
            work.write().doomed.remove(key).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn doomed(snapshot: &ReadTransaction, limit: usize) -> Result<Vec<Blob>, StoreError> {
    let table = readable(snapshot, DOOMED)?;
    let entries = table.iter().map_err(failed)?;
    entries
        .take(limit)
        .map(|entry| {
            let (key, bytes) = entry.map_err(failed)?;
            let (kind, sha256) = key.value();
            Ok(Blob {
                kind: BlobKind::from_code(kind.into())
                    .ok_or_else(|| corrupt("doomed", format!("{kind} is no kind of blob")))?,
                sha256: Sha256(*sha256),
                size_bytes: bytes.value(),
            })
        })
        .collect()
}

pub(super) fn tombstone(
    snapshot: &ReadTransaction,
    batch: BatchId,
) -> Result<Option<Tombstone>, StoreError> {
    let table = readable(snapshot, TOMBSTONES)?;
    match table.get(batch.0.as_u128()).map_err(failed)? {
        Some(guard) => load::decoded(
            format_args!("tombstones {batch}"),
            guard.value(),
            decode::tombstone,
        )
        .map(Some),
        None => Ok(None),
    }
}
