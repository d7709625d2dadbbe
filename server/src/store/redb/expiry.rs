//! Files that ended batches lose: which batch is next, and taking them.
//!
//! Invariants: a batch stands in EXPIRING under a kind if and only if [`Kept::since`] says so, under that time; a blob is
//! doomed in the transaction that says in its place that it is gone.
//!
//! A batch loses its uploads from its audio on, in the first step: from then on it can be neither retried nor rerun, so
//! no later step meets an item that has begun anew.

use redb::ReadableTable;

use crate::domain::audit::Target;
use crate::domain::batch::Batch;
use crate::domain::ids::BatchId;
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::Actor;
use crate::domain::media::Blob;
use crate::domain::retention::Kept;
use crate::store::{Expire, Expired, StoreError};

use super::code::Coded;
use super::error::failed;
use super::load::{self, batch_id};
use super::tables::Tables;
use super::work::{Work, micros};

/// Where a batch stands, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing([Option<i64>; Kept::ALL.len()]);

impl Standing {
    pub fn of(batch: &Batch) -> Self {
        Self(Kept::ALL.map(|kept| kept.since(batch).map(micros)))
    }

    /// The rows it has in EXPIRING.
    pub fn keys(self, batch: BatchId) -> impl Iterator<Item = (u8, i64, u128)> {
        Kept::ALL
            .into_iter()
            .zip(self.0)
            .filter_map(move |(kept, since)| Some((kept.code(), since?, batch.0.as_u128())))
    }
}

/// Moves a batch from where it stood to where it stands.
pub(super) fn follow(
    tables: &mut Tables<'_>,
    batch: BatchId,
    before: Standing,
    after: Standing,
) -> Result<(), StoreError> {
    if before == after {
        return Ok(());
    }
    let stays = |key: &(u8, i64, u128)| after.keys(batch).any(|other| other == *key);
    for key in before.keys(batch).filter(|key| !stays(key)) {
        tables.expiring.remove(key).map_err(failed)?;
    }
    for key in after.keys(batch) {
        if tables.expiring.get(key).map_err(failed)?.is_none() {
            tables.expiring.insert(key, 0).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn expire(work: &mut Work<'_>, expire: &Expire) -> Result<Option<Expired>, StoreError> {
    let Some((row, done)) = oldest(work, expire)? else {
        return Ok(None);
    };
    let id = batch_id(row.2);
    let mut taken = Taken::default();
    if expire.kept == Kept::Uploads {
        take_audio(work, id, expire, &mut taken)?;
    }
    let items = items_after(work, id, done, expire.limit)?;
    let is_last = items.len() < expire.limit;
    let last = items.last().map_or(done, |item| item.position);
    for item in items {
        take_item(work, item, expire, &mut taken)?;
    }
    let batch = work.batch_mut(id)?;
    if is_last {
        // With it the row goes, when the batch is written.
        let (field, action) = match expire.kept {
            Kept::Results => (&mut batch.results_removed_time, "batch.expire_results"),
            Kept::Uploads => (&mut batch.uploads_removed_time, "batch.expire_uploads"),
        };
        *field = Some(expire.now);
        let target = Target::batch(batch);
        work.note(expire.now, &Actor::System, action, target, "")?;
    } else {
        work.write().expiring.insert(row, last).map_err(failed)?;
    }
    Ok(Some(Expired {
        batch: id,
        files: taken.files,
        is_last,
        doomed: taken.doomed,
    }))
}

/// A row of EXPIRING.
type Row = ((u8, i64, u128), u32);

fn oldest(work: &Work<'_>, expire: &Expire) -> Result<Option<Row>, StoreError> {
    let code = expire.kept.code();
    let until = (code, micros(expire.ended_before), u128::MAX);
    let rows = work.read().expiring.range((code, i64::MIN, 0)..=until);
    match rows.map_err(failed)?.next() {
        Some(row) => {
            let (key, value) = row.map_err(failed)?;
            Ok(Some((key.value(), value.value())))
        }
        None => Ok(None),
    }
}

#[derive(Default)]
struct Taken {
    files: u64,
    doomed: Vec<Blob>,
}

fn items_after(
    work: &Work<'_>,
    batch: BatchId,
    position: u32,
    limit: usize,
) -> Result<Vec<VideoItem>, StoreError> {
    let key = batch.0.as_u128();
    work.read()
        .items
        .range((key, position.saturating_add(1))..=(key, u32::MAX))
        .map_err(failed)?
        .take(limit)
        .map(|entry| {
            let (key, value) = entry.map_err(failed)?;
            load::item(batch, key.value().1, value.value())
        })
        .collect()
}

fn take_audio(
    work: &mut Work<'_>,
    id: BatchId,
    expire: &Expire,
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let audio = &mut work.batch_mut(id)?.audio;
    if audio.removed_time.is_some() {
        return Ok(());
    }
    audio.removed_time = Some(expire.now);
    let blob = audio.blob;
    taken.files += 1;
    taken.doomed.extend(work.unrefer(&blob)?);
    Ok(())
}

fn take_item(
    work: &mut Work<'_>,
    mut item: VideoItem,
    expire: &Expire,
    taken: &mut Taken,
) -> Result<(), StoreError> {
    let (blob, removed_time) = match (expire.kept, &mut item.state) {
        (Kept::Uploads, _) => {
            let image = &mut item.source_image;
            (image.blob, &mut image.removed_time)
        }
        (Kept::Results, ItemState::Completed { video, .. }) => {
            (video.blob, &mut video.removed_time)
        }
        (Kept::Results, _) => return Ok(()),
    };
    if removed_time.is_some() {
        return Ok(());
    }
    *removed_time = Some(expire.now);
    item.update_time = expire.now;
    work.put_item(item)?;
    taken.files += 1;
    taken.doomed.extend(work.unrefer(&blob)?);
    Ok(())
}
