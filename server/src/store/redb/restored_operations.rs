//! A restored copy: marking it, and taking over what its other life has submitted.

use std::collections::BTreeMap;

use prost::Message;
use redb::ReadableTable;

use crate::domain::audit::{Target, TargetKind};
use crate::domain::batch::EngineKind;
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::ids::{AttemptNumber, ItemId};
use crate::domain::item::{VideoItem, seed};
use crate::domain::ledger::Actor;
use crate::domain::leftover::Cleanup;
use crate::domain::restored::Restored;
use crate::domain::transition::{self, OtherLifeTask, TaskStanding};
use crate::store::StoreError;
use crate::store::restored::{KeylessTask, ListedTask, MatchList, Matched, Restore};

use super::code::Coded;
use super::error::{corrupt, failed};
use super::work::Work;
use super::{account_operations as accounts, decode, encode, key_operations as keys, load};

/// Attempts of its other life that an item is looked for, where only seeds tell tasks apart: more than two rounds.
const SEEDS_TRIED: AttemptNumber = 8;

pub(super) fn mark(work: &mut Work<'_>, restore: &Restore) -> Result<Restored, StoreError> {
    let before = load::restored(&work.read().singles)?;
    let tokens = accounts::tokens(&work.read().tokens)?;
    let newest = work.read().batches.last().map_err(failed)?;
    let newest_batch = newest.map(|(key, _)| load::batch_id(key.value()));
    let restored = Restored {
        // A copy of a copy: what the first life submitted is still to be looked for.
        backup_time: before.as_ref().map_or(restore.backup_time, |before| {
            before.backup_time.min(restore.backup_time)
        }),
        restore_time: restore.now,
        submitting_account: tokens
            .into_iter()
            .find(|token| token.current)
            .map(|token| token.account),
        newest_batch,
        earlier: before.map_or_else(Vec::new, |before| before.inherited()),
        matched: Default::default(),
    };
    put(work, &restored)?;
    let bytes = work.read().singles.get(load::DISPATCH).map_err(failed)?;
    let bytes = bytes
        .map(|guard| guard.value().to_vec())
        .ok_or_else(|| corrupt(load::DISPATCH, "it is missing"))?;
    let settings = load::decoded(load::DISPATCH, &bytes, decode::dispatch)?;
    let paused = DispatchSettings {
        state: DispatchState::Paused,
        changed_by: Actor::System,
        change_time: restore.now,
        ..settings
    };
    accounts::set_dispatch_settings(work, &paused)?;
    for name in &restore.ended_settings {
        work.write()
            .settings
            .remove(name.as_str())
            .map_err(failed)?;
    }
    // One that was revoked after the backup must not come back; nobody can tell which.
    keys::end_all(work, restore.now)?;
    let target = Target::new(TargetKind::System, "", restore.backup_time.to_string());
    work.note(
        restore.now,
        &Actor::System,
        "restore",
        target,
        restore.detail.clone(),
    )?;
    Ok(restored)
}

fn put(work: &mut Work<'_>, restored: &Restored) -> Result<(), StoreError> {
    let bytes = encode::restored(restored).encode_to_vec();
    work.write()
        .singles
        .insert(load::RESTORED, bytes.as_slice())
        .map_err(failed)?;
    work.wake_dispatch();
    Ok(())
}

pub(super) fn match_list(work: &mut Work<'_>, list: &MatchList) -> Result<Matched, StoreError> {
    let mut matched = Matched::default();
    let Some(mut restored) = load::restored(&work.read().singles)? else {
        return Ok(matched);
    };
    let recognised = recognise(work, list)?;
    let mut by_item: BTreeMap<ItemId, Vec<&ListedTask>> = BTreeMap::new();
    for task in list.tasks.iter().chain(&recognised) {
        by_item.entry(task.key.item).or_default().push(task);
    }
    for (item, tasks) in by_item {
        match work.item(item)? {
            Some(item) => match_item(work, list, item, tasks, &mut matched)?,
            None => matched.unknown += tasks.len(),
        }
    }
    restored.matched.insert(list.account.clone());
    put(work, &restored)?;
    Ok(matched)
}

/// The tasks without a key whose seed is one that an item's next attempts have.
fn recognise(work: &Work<'_>, list: &MatchList) -> Result<Vec<ListedTask>, StoreError> {
    let recent = |task: &KeylessTask| task.created.is_none_or(|created| created >= list.since);
    let by_seed: BTreeMap<i64, &KeylessTask> = list
        .keyless
        .iter()
        .filter(|(_, task)| recent(task))
        .map(|(seed, task)| (*seed, task))
        .collect();
    let mut recognised = Vec::new();
    if by_seed.is_empty() {
        return Ok(recognised);
    }
    let engine = EngineKind::LightX2v.code();
    let all = (engine, 0)..=(engine, u128::MAX);
    let tables = work.read();
    let waiting = tables.waiting.range(all.clone()).map_err(failed)?;
    for entry in waiting.chain(tables.active.range(all).map_err(failed)?) {
        let id = load::item_id(entry.map_err(failed)?.0.value().1);
        let Some(item) = work.item(id)? else {
            continue;
        };
        for attempt in (item.last_attempt + 1)..=(item.last_attempt + SEEDS_TRIED) {
            if let Some(task) = by_seed.get(&i64::from(seed(id, attempt))) {
                recognised.push(ListedTask {
                    key: item.client_ref(attempt),
                    task: task.task.clone(),
                    created: task.created,
                    standing: task.standing,
                });
            }
        }
    }
    Ok(recognised)
}

fn match_item(
    work: &mut Work<'_>,
    list: &MatchList,
    mut item: VideoItem,
    tasks: Vec<&ListedTask>,
    matched: &mut Matched,
) -> Result<(), StoreError> {
    let own = item.processing().and_then(|running| {
        let task = running.attempt.task.as_ref()?;
        let listed = tasks.iter().find(|listed| listed.task == *task)?;
        Some(listed.standing)
    });
    let mut others = Vec::new();
    for task in tasks {
        if !is_known(work, list, &item, task)? {
            others.push(task);
        }
    }
    // Every number that was used is above what the item knew: the attempts of the other life.
    let newest = others.iter().map(|task| task.key.attempt).max();
    let mut candidates: Vec<&ListedTask> = others
        .iter()
        .filter(|task| task.key.attempt > item.last_attempt)
        .copied()
        .collect();
    candidates.sort_by_key(|task| (task.standing, std::cmp::Reverse(task.key.attempt)));
    let mut adopted = None;
    if let Some(best) = candidates.first() {
        let found = OtherLifeTask {
            attempt: best.key.attempt,
            account: list.account.clone(),
            task: best.task.clone(),
            created: best.created,
            standing: best.standing,
        };
        if let Ok(transition) = transition::take_over(&item, &found, own, list.instance, list.now) {
            item = work.carry_out(&item, transition, None, &Actor::System, list.now)?;
            work.count_submit(&list.account, best.key, best.created.unwrap_or(list.now))?;
            adopted = Some(best.task.clone());
            matched.taken_over += 1;
        }
    }
    if let Some(transition) =
        newest.and_then(|number| transition::raise_attempts(&item, number, list.now))
    {
        work.carry_out(&item, transition, None, &Actor::System, list.now)?;
    }
    for task in others {
        if task.standing == TaskStanding::Active && adopted.as_ref() != Some(&task.task) {
            work.put_cleanup(&Cleanup {
                client_ref: task.key,
                batch: item.batch,
                account: list.account.clone(),
                task: task.task.clone(),
                create_time: list.now,
                lost: false,
            })?;
            matched.cleanups += 1;
        }
    }
    Ok(())
}

/// Whether a task is this life's own, or one that the ordinary rules look after, or history.
fn is_known(
    work: &Work<'_>,
    list: &MatchList,
    item: &VideoItem,
    task: &ListedTask,
) -> Result<bool, StoreError> {
    let attempted = item.attempts().any(|attempt| {
        attempt.number == task.key.attempt
            && attempt.account == list.account
            && attempt.task.as_ref().is_none_or(|own| *own == task.task)
    });
    if attempted || work.cleanup(task.key, &task.task)?.is_some() {
        return Ok(true);
    }
    if let Some(watch) = work.watch(task.key)?
        && watch.account == list.account
    {
        return Ok(true);
    }
    let history = task.created.is_some_and(|created| created < list.since);
    Ok(history && task.key.attempt <= item.last_attempt)
}
