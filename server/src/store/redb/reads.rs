//! Every question, answered from one committed state.
//!
//! A read runs in the caller: it is short, bounded by a page or by [`SCAN_BUDGET`] records, and mostly from memory.

use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};
use redb::{ReadTransaction, ReadableTableMetadata as _};

use crate::domain::audit::AuditEvent;
use crate::domain::batch::{Batch, EngineKind};
use crate::domain::dispatching::DispatchSettings;
use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, BatchId, ItemId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::media::Blob;
use crate::domain::retry::DAILY_WINDOW;
use crate::store::StoreError;
use crate::store::query::{
    Backlog, BatchCursor, BatchOrder, BatchPage, BatchQuery, DailyUse, EntryPage, ItemPage,
    ItemSelection, NextTurn, SCAN_BUDGET, UserPage, waits_for_any,
};

use super::code::Coded;
use super::error::{corrupt, failed};
use super::lists::{Merge, groups, open_classes, rank as rank_of, scope};
use super::queue::{READY_CODE, Turns};
use super::tables::{
    ACTIVE, AUDIT, BATCHES, BLOBS, DELAYED, ENTRIES, HELD, ITEMS, LISTS, PLACES, PROGRESS, READY,
    SINGLES, SUBMITS, TURNS, USER_NAMES, USERS, WAITING, readable,
};
use super::work::micros;
use super::{decode, load};

/// Ids carry the time they were made at; a batch's create time is within this of it.
const ID_TIME_SLACK: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn users(
    snapshot: &ReadTransaction,
    text: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<UserPage, StoreError> {
    let names = readable(snapshot, USER_NAMES)?;
    let users = readable(snapshot, USERS)?;
    let wanted = text.to_lowercase();
    let mut page = UserPage::default();
    let mut last = None;
    let from = match after {
        Some(after) => std::ops::Bound::Excluded(after),
        None => std::ops::Bound::Unbounded,
    };
    let found = names
        .range::<&str>((from, std::ops::Bound::Unbounded))
        .map_err(failed)?;
    for (scanned, entry) in found.enumerate() {
        let (name, id) = entry.map_err(failed)?;
        if page.users.len() == limit || scanned == SCAN_BUDGET {
            page.next_after = last;
            break;
        }
        last = Some(name.value().to_owned());
        let id = load::user_id(id.value());
        let user = load::user(&users, id)?
            .ok_or_else(|| corrupt(format_args!("users {id}"), "it is missing"))?;
        if wanted.is_empty()
            || user.username.contains(&wanted)
            || user.display_name.to_lowercase().contains(&wanted)
        {
            page.users.push(user);
        }
    }
    Ok(page)
}

pub(super) fn entries(
    snapshot: &ReadTransaction,
    user: UserId,
    before: Option<u64>,
    limit: usize,
) -> Result<EntryPage, StoreError> {
    let key = user.0.as_u128();
    let older = (key, 0)..(key, before.unwrap_or(u64::MAX));
    let mut page = EntryPage::default();
    for entry in readable(snapshot, ENTRIES)?
        .range(older)
        .map_err(failed)?
        .rev()
    {
        let (key, value) = entry.map_err(failed)?;
        if page.entries.len() == limit {
            page.has_more = true;
            break;
        }
        let sequence = key.value().1;
        page.entries.push(load::decoded(
            format_args!("entries {user}/{sequence}"),
            value.value(),
            |record| decode::entry(user, sequence, record),
        )?);
    }
    Ok(page)
}

pub(super) fn audit(
    snapshot: &ReadTransaction,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditEvent>, StoreError> {
    let table = readable(snapshot, AUDIT)?;
    let older = table.range(..before.unwrap_or(u64::MAX)).map_err(failed)?;
    older
        .rev()
        .take(limit)
        .map(|entry| {
            let (sequence, value) = entry.map_err(failed)?;
            let sequence = sequence.value();
            load::decoded(format_args!("audit {sequence}"), value.value(), |record| {
                decode::audit(sequence, record)
            })
        })
        .collect()
}

pub(super) fn batch(snapshot: &ReadTransaction, id: BatchId) -> Result<Option<Batch>, StoreError> {
    load::batch(
        &readable(snapshot, BATCHES)?,
        &readable(snapshot, PROGRESS)?,
        id,
    )
}

pub(super) fn batches(
    snapshot: &ReadTransaction,
    query: &BatchQuery,
) -> Result<BatchPage, StoreError> {
    let lists = readable(snapshot, LISTS)?;
    let fixed = readable(snapshot, BATCHES)?;
    let progress = readable(snapshot, PROGRESS)?;
    let mut page = BatchPage {
        revision: load::totals(&readable(snapshot, SINGLES)?)?.revision,
        ..BatchPage::default()
    };
    let bounds = |time: Option<Timestamp>, slack: SignedDuration| {
        let time = time?.saturating_add(slack).ok()?;
        let millis = u128::try_from(time.as_millisecond()).ok()?;
        Some(millis << 80)
    };
    let newest = bounds(query.filter.created_before, ID_TIME_SLACK).unwrap_or(u128::MAX);
    let oldest = bounds(query.filter.created_after, -ID_TIME_SLACK).unwrap_or(0);

    let scope = scope(query.owner);
    let mut last: Option<BatchCursor> = None;
    let mut scanned = 0;
    for (rank, classes) in groups(query.order, &query.filter, &query.halted) {
        let mut from = !newest;
        match query.after {
            Some(after) if query.order == BatchOrder::Attention && rank < after.rank => continue,
            Some(after) if query.order == BatchOrder::Newest || rank == after.rank => {
                // The one right behind it in the order of inverted ids.
                match (!after.batch.0.as_u128()).checked_add(1) {
                    Some(next) => from = from.max(next),
                    None => continue,
                }
            }
            _ => {}
        }
        let mut merge = Merge::open(&lists, scope, &classes, from)?;
        while let Some(id) = merge.next()? {
            if id.0.as_u128() < oldest {
                break;
            }
            if page.batches.len() == query.limit || scanned == SCAN_BUDGET {
                page.next = last;
                return Ok(page);
            }
            scanned += 1;
            last = Some(BatchCursor { rank, batch: id });
            let batch = load::batch(&fixed, &progress, id)?
                .ok_or_else(|| corrupt(format_args!("batches {id}"), "it is missing"))?;
            let is_here =
                query.order == BatchOrder::Newest || rank_of(&batch, &query.halted).code() == rank;
            if is_here && query.filter.admits(&batch) {
                page.batches.push(batch);
            }
        }
    }
    Ok(page)
}

/// Batches of a scope that need attention only because these engines go on only by a person; at most `limit` open ones
/// are looked at.
pub(super) fn halted(
    snapshot: &ReadTransaction,
    owner: Option<UserId>,
    engines: &[EngineKind],
    limit: usize,
) -> Result<u64, StoreError> {
    let lists = readable(snapshot, LISTS)?;
    let fixed = readable(snapshot, BATCHES)?;
    let progress = readable(snapshot, PROGRESS)?;
    let mut merge = Merge::open(&lists, scope(owner), &open_classes(), 0)?;
    let mut count = 0;
    for _ in 0..limit {
        let Some(id) = merge.next()? else {
            break;
        };
        let batch = load::batch(&fixed, &progress, id)?;
        count += u64::from(batch.is_some_and(|batch| waits_for_any(&batch, engines)));
    }
    Ok(count)
}

pub(super) fn item(
    snapshot: &ReadTransaction,
    id: ItemId,
) -> Result<Option<(Batch, VideoItem)>, StoreError> {
    let (places, items) = (readable(snapshot, PLACES)?, readable(snapshot, ITEMS)?);
    let Some(item) = load::item_by_id(&places, &items, id)? else {
        return Ok(None);
    };
    let batch = batch(snapshot, item.batch)?
        .ok_or_else(|| corrupt(format_args!("batches {}", item.batch), "it is missing"))?;
    Ok(Some((batch, item)))
}

pub(super) fn items(
    snapshot: &ReadTransaction,
    batch: BatchId,
    after: u32,
    selection: &ItemSelection,
    limit: usize,
) -> Result<ItemPage, StoreError> {
    let table = readable(snapshot, ITEMS)?;
    let mut page = ItemPage {
        revision: load::totals(&readable(snapshot, SINGLES)?)?.revision,
        ..ItemPage::default()
    };
    let Some(first) = after.checked_add(1) else {
        return Ok(page);
    };
    let key = batch.0.as_u128();
    for entry in table
        .range((key, first)..=(key, u32::MAX))
        .map_err(failed)?
    {
        let (key, value) = entry.map_err(failed)?;
        let item = load::item(batch, key.value().1, value.value())?;
        if !selection.admits(&item) {
            continue;
        }
        if page.items.len() == limit {
            page.next_after = page.items.last().map(|item| item.position);
            break;
        }
        page.items.push(item);
    }
    Ok(page)
}

pub(super) fn is_referenced(snapshot: &ReadTransaction, blob: Blob) -> Result<bool, StoreError> {
    let blobs = readable(snapshot, BLOBS)?;
    let found = blobs
        .get((blob.kind.code(), &blob.sha256.0))
        .map_err(failed)?;
    Ok(found.is_some_and(|guard| guard.value().0 > 0))
}

pub(super) fn active(
    snapshot: &ReadTransaction,
    engine: EngineKind,
) -> Result<Vec<(Batch, VideoItem)>, StoreError> {
    let table = readable(snapshot, ACTIVE)?;
    let engine = engine.code();
    let mut all = Vec::new();
    for entry in table
        .range((engine, 0)..=(engine, u128::MAX))
        .map_err(failed)?
    {
        let (key, ()) = entry.map(|(key, _)| (key, ())).map_err(failed)?;
        let id = load::item_id(key.value().1);
        let found = item(snapshot, id)?
            .ok_or_else(|| corrupt(format_args!("active {id}"), "no such item"))?;
        all.push(found);
    }
    Ok(all)
}

pub(super) fn backlog(
    snapshot: &ReadTransaction,
    engine: EngineKind,
    now: Timestamp,
) -> Result<Backlog, StoreError> {
    let code = engine.code();
    let mut backlog = Backlog::default();
    for entry in readable(snapshot, HELD)?
        .range((code, 0)..=(code, u8::MAX))
        .map_err(failed)?
    {
        let (key, value) = entry.map_err(failed)?;
        let (reason, count) = (key.value().1, value.value());
        if reason == READY_CODE {
            backlog.ready = count;
        } else if count > 0 {
            let reason = WaitReason::from_code(reason.into())
                .ok_or_else(|| corrupt("held", format!("{reason} is no wait reason")))?;
            backlog.held.insert(reason, count);
        }
    }
    // Those whose time has come are ready, though no claim has moved them yet.
    let delayed = readable(snapshot, DELAYED)?;
    for entry in delayed
        .range((code, i64::MIN, 0)..=(code, i64::MAX, u128::MAX))
        .map_err(failed)?
    {
        let (key, value) = entry.map_err(failed)?;
        let time = key.value().1;
        if time > micros(now) {
            backlog.next_ready_time = Timestamp::from_microsecond(time).ok();
            break;
        }
        backlog.ready += 1;
        if let Some(reason) = WaitReason::from_code(value.value().3.into())
            && let Some(count) = backlog.held.get_mut(&reason)
        {
            *count = count.saturating_sub(1);
        }
    }
    backlog.held.retain(|_, count| *count > 0);
    let (ready, turns) = (readable(snapshot, READY)?, readable(snapshot, TURNS)?);
    let turns = Turns {
        ready: &ready,
        turns: &turns,
    };
    if let Some(turn) = turns.next(engine, None)? {
        backlog.next = Some(NextTurn {
            batch: turn.batch(),
            ready: turns.ready_of(engine, &turn)?,
        });
    }
    let waiting = readable(snapshot, WAITING)?;
    let oldest = waiting
        .range((code, 0)..=(code, u128::MAX))
        .map_err(failed)?
        .next();
    if let Some(entry) = oldest {
        let id = load::item_id(entry.map_err(failed)?.0.value().1);
        let (places, items) = (readable(snapshot, PLACES)?, readable(snapshot, ITEMS)?);
        backlog.oldest_create_time =
            load::item_by_id(&places, &items, id)?.map(|item| item.create_time);
    }
    Ok(backlog)
}

pub(super) fn daily_use(
    snapshot: &ReadTransaction,
    account: &Account,
    now: Timestamp,
) -> Result<DailyUse, StoreError> {
    let since = now.saturating_sub(DAILY_WINDOW).unwrap_or(Timestamp::MIN);
    let name = account.0.as_str();
    let submits = readable(snapshot, SUBMITS)?;
    let first = (name, micros(since), u128::MAX, u32::MAX);
    let last = (name, i64::MAX, u128::MAX, u32::MAX);
    // The table knows its length, and what is not asked for (submits that are too old, other accounts) are few: asked
    // after each of a hundred thousand submits, counting those that are would take longer than everything else.
    let mut submitted = submits.len().map_err(failed)?;
    let before = submits.range(..first).map_err(failed)?;
    let after = submits.range((Bound::Excluded(last), Bound::Unbounded));
    for entry in before.chain(after.map_err(failed)?) {
        entry.map_err(failed)?;
        submitted = submitted.saturating_sub(1);
    }
    let oldest = match submits.range(first..=last).map_err(failed)?.next() {
        Some(entry) => {
            let (key, _) = entry.map_err(failed)?;
            Timestamp::from_microsecond(key.value().1).ok()
        }
        None => None,
    };
    Ok(DailyUse {
        submitted: u32::try_from(submitted).unwrap_or(u32::MAX),
        oldest,
    })
}

pub(super) fn dispatch_settings(
    snapshot: &ReadTransaction,
) -> Result<DispatchSettings, StoreError> {
    load::dispatch_settings(&readable(snapshot, SINGLES)?)
}
