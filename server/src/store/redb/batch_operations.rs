//! What users do to batches: create, cancel, retry, look at.

use redb::ReadableTable;

use crate::domain::audit::Target;
use crate::domain::batch::{Batch, ItemCounts};
use crate::domain::ids::{BatchId, ItemId};
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::{EntryKind, Subject};
use crate::domain::transition;
use crate::domain::user::Credits;
use crate::store::query::ItemSelection;
use crate::store::{
    CancelItems, ChangeItemsError, CreateBatchError, Created, ItemsChanged, Made, NewBatch,
    RetryItems, StoreError,
};

use super::error::{corrupt, failed};
use super::ledger::{Posting, Replay, affordable};
use super::load;
use super::work::Work;

impl From<Replay> for CreateBatchError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Reused => Self::RequestReused,
            Replay::Store(error) => Self::Store(error),
        }
    }
}

impl From<Replay> for ChangeItemsError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Reused => Self::RequestReused,
            Replay::Store(error) => Self::Store(error),
        }
    }
}

fn balance(work: &mut Work<'_>, batch: BatchId) -> Result<(Batch, Credits), StoreError> {
    let batch = work.known_batch(batch)?.clone();
    let balance = work
        .user(batch.owner)?
        .map_or(0, |user| user.credit_balance);
    Ok((batch, balance))
}

pub(super) fn create_batch(
    work: &mut Work<'_>,
    new: &NewBatch,
) -> Result<Created, CreateBatchError> {
    match work.replay(new.request.as_ref())? {
        Some(Made::Batch(id)) => {
            if work.batch(id)?.is_none() {
                return Err(CreateBatchError::Deleted(id));
            }
            let (batch, balance) = balance(work, id)?;
            return Ok(Created {
                batch,
                replayed: true,
                balance,
            });
        }
        Some(_) => return Err(CreateBatchError::RequestReused),
        None => {}
    }
    let owner = work
        .user(new.batch.owner)?
        .ok_or_else(|| corrupt(format_args!("users {}", new.batch.owner), "no such user"))?;
    let charged = affordable(
        owner.credit_balance,
        new.items.iter().map(|item| item.charge),
    )?;

    let mut batch = Batch {
        counts: ItemCounts::default(),
        credits_charged: 0,
        credits_refunded: 0,
        progress_permille_sum: 0,
        last_ended: None,
        held: Default::default(),
        ..new.batch.clone()
    };
    for item in &new.items {
        batch.admit(item);
    }
    let (id, engine, owner, now) = (batch.id, batch.engine, batch.owner, batch.create_time);
    let target = Target::batch(&batch);
    work.refer(&batch.audio.blob)?;
    work.add_batch(batch)?;
    for item in &new.items {
        work.write()
            .places
            .insert(item.id.0.as_u128(), (id.0.as_u128(), item.position))
            .map_err(failed)?;
        let item = work.put_item(item.clone())?;
        work.totals().count_in(&item.state);
        work.refer(&item.source_image.blob)?;
        work.enqueue(engine, owner, &item)?;
        work.post(Posting {
            user: owner,
            kind: EntryKind::Charge,
            delta: -item.charge,
            subject: Some(Subject {
                batch: id,
                item: item.id,
                round: item.round,
            }),
            actor: new.actor.clone(),
            note: String::new(),
            now,
        })?;
    }
    let count = u32::try_from(new.items.len()).unwrap_or(u32::MAX);
    work.totals().items += u64::from(count);
    let user = work.user_mut(owner)?;
    user.active_item_count += count;
    user.credits_held = user.credits_held.saturating_add(charged);
    work.record(new.request.as_ref(), Made::Batch(id))?;
    work.note(
        now,
        &new.actor,
        "batch.create",
        target,
        format!("{count} items, {charged} credits"),
    )?;
    work.wake_dispatch();
    let (batch, balance) = balance(work, id)?;
    Ok(Created {
        batch,
        replayed: false,
        balance,
    })
}

/// The selected items of a batch, by position.
fn selected(
    work: &Work<'_>,
    batch: BatchId,
    selection: &ItemSelection,
) -> Result<Vec<VideoItem>, ChangeItemsError> {
    let tables = work.read();
    let mut items = Vec::new();
    if selection.ids.is_empty() {
        let key = batch.0.as_u128();
        let all = (key, 0)..=(key, u32::MAX);
        for entry in tables.items.range(all).map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            items.push(load::item(batch, key.value().1, value.value())?);
        }
    } else {
        for id in &selection.ids {
            match load::item_by_id(&tables.places, &tables.items, *id)? {
                Some(item) if item.batch == batch => items.push(item),
                _ => return Err(ChangeItemsError::ItemNotFound(*id)),
            }
        }
        items.sort_by_key(|item| item.position);
        items.dedup_by_key(|item| item.position);
    }
    items.retain(|item| selection.admits(item));
    Ok(items)
}

fn changed(
    work: &mut Work<'_>,
    batch: BatchId,
    items: Vec<ItemId>,
) -> Result<ItemsChanged, ChangeItemsError> {
    let (batch, balance) = balance(work, batch)?;
    Ok(ItemsChanged {
        batch,
        items,
        balance,
    })
}

pub(super) fn cancel_items(
    work: &mut Work<'_>,
    cancel: &CancelItems,
) -> Result<ItemsChanged, ChangeItemsError> {
    if work.batch(cancel.batch)?.is_none() {
        return Err(ChangeItemsError::BatchNotFound);
    }
    let mut open = selected(work, cancel.batch, &cancel.selection)?;
    open.retain(|item| !item.is_terminal());
    if open.is_empty() {
        return Err(ChangeItemsError::Nothing);
    }
    let ids: Vec<ItemId> = open.iter().map(|item| item.id).collect();
    // Asking again changes nothing: the wish stands.
    let wished = |item: &VideoItem| {
        item.processing()
            .is_some_and(|running| running.cancel_request_time.is_some())
    };
    let batch = work.known_batch(cancel.batch)?;
    let first_for_batch = cancel.whole_batch && batch.cancel_request_time.is_none();
    open.retain(|item| !wished(item));
    if !open.is_empty() || first_for_batch {
        for item in &open {
            if let Ok(transition) = transition::request_cancel(item, cancel.now) {
                work.carry_out(item, transition, None, &cancel.actor, cancel.now)?;
            }
        }
        let batch = work.batch_mut(cancel.batch)?;
        let mut action = "items.cancel";
        if cancel.whole_batch {
            batch.cancel_request_time.get_or_insert(cancel.now);
            action = "batch.cancel";
        }
        let target = Target::batch(batch);
        work.note(
            cancel.now,
            &cancel.actor,
            action,
            target,
            format!("{} items", open.len()),
        )?;
        work.wake_dispatch();
    }
    changed(work, cancel.batch, ids)
}

fn is_retryable(item: &VideoItem) -> bool {
    match &item.state {
        ItemState::Failed { failure, .. } => failure.reason.is_retryable(),
        ItemState::Cancelled { .. } => true,
        _ => false,
    }
}

pub(super) fn retry_items(
    work: &mut Work<'_>,
    retry: &RetryItems,
) -> Result<ItemsChanged, ChangeItemsError> {
    match work.replay(retry.request.as_ref())? {
        Some(Made::Rounds(batch, items)) if batch == retry.batch => {
            if work.batch(batch)?.is_none() {
                return Err(ChangeItemsError::BatchNotFound);
            }
            return changed(work, batch, items);
        }
        Some(_) => return Err(ChangeItemsError::RequestReused),
        None => {}
    }
    let batch = work
        .batch(retry.batch)?
        .ok_or(ChangeItemsError::BatchNotFound)?;
    if let Some(time) = batch.audio.removed_time {
        return Err(ChangeItemsError::UploadsRemoved(time));
    }
    let (owner, price) = (batch.owner, batch.credits_per_item);
    let mut items = selected(work, retry.batch, &retry.selection)?;
    if retry.selection.ids.is_empty() {
        items.retain(is_retryable);
    } else if let Some(item) = items.iter().find(|item| !is_retryable(item)) {
        return Err(ChangeItemsError::NotRetryable(item.id));
    }
    if items.is_empty() {
        return Err(ChangeItemsError::Nothing);
    }
    let available = work.user(owner)?.map_or(0, |user| user.credit_balance);
    let required = affordable(available, items.iter().map(|_| price));
    let sum = i64::from(price) * i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(allowed) = retry.max_credits
        && sum > i64::from(allowed)
    {
        return Err(ChangeItemsError::TooExpensive {
            required: Credits::try_from(sum).unwrap_or(Credits::MAX),
            allowed,
        });
    }
    let required = required?;

    let mut ids = Vec::with_capacity(items.len());
    for item in &items {
        let blocked = work.is_blocked(item.id)?;
        let transition = transition::retry(item, price, blocked, retry.now)
            .map_err(|_| ChangeItemsError::NotRetryable(item.id))?;
        work.carry_out(item, transition, Some(price), &retry.actor, retry.now)?;
        ids.push(item.id);
    }
    // It is not being cancelled any more: some of it was asked for again.
    let batch = work.batch_mut(retry.batch)?;
    batch.cancel_request_time = None;
    let target = Target::batch(batch);
    work.record(
        retry.request.as_ref(),
        Made::Rounds(retry.batch, ids.clone()),
    )?;
    work.note(
        retry.now,
        &retry.actor,
        "items.retry",
        target,
        format!("{} items, {required} credits", ids.len()),
    )?;
    changed(work, retry.batch, ids)
}

pub(super) fn look_at(work: &mut Work<'_>, id: BatchId) -> Result<(), StoreError> {
    let Some(batch) = work.batch(id)? else {
        return Ok(());
    };
    if batch.failures_seen != batch.counts.failed {
        let batch = work.batch_mut(id)?;
        batch.failures_seen = batch.counts.failed;
    }
    Ok(())
}
