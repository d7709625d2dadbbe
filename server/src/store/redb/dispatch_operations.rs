//! What the dispatcher does: claim, apply what happened to attempts, and settle what they left behind.

use jiff::Timestamp;

use crate::domain::batch::Batch;
use crate::domain::dispatching::DispatchState;
use crate::domain::ids::{Account, ClientRef, TaskId};
use crate::domain::item::{ItemState, Stage, VideoItem};
use crate::domain::ledger::Actor;
use crate::domain::leftover::Cleanup;
use crate::domain::transition::{self, AttemptEvent};
use crate::store::{AttemptChange, Claim, FoundTask, Settled, StoreError};

use super::error::corrupt;
use super::load;
use super::work::Work;

pub(super) fn claim(
    work: &mut Work<'_>,
    claim: &Claim,
) -> Result<Option<(Batch, VideoItem)>, StoreError> {
    let settings = load::dispatch_settings(&work.read().singles)?;
    let slots = claim.slots.unwrap_or(settings.concurrency);
    if settings.state != DispatchState::Running
        || work.slots_held(&claim.account)? >= slots
        || !work.has_work(claim.engine, claim.now)?
    {
        return Ok(None);
    }
    work.promote(claim.engine, claim.now)?;
    while let Some(turn) = work.next_turn(claim.engine, claim.after_batch)? {
        let item = work
            .item(turn.item)?
            .ok_or_else(|| corrupt(format_args!("ready {}", turn.item), "no such item"))?;
        let transition = match transition::claim(&item, &claim.account, claim.instance, claim.now) {
            Ok(transition) => transition,
            Err(_) if matches!(item.state, ItemState::Pending(_)) => {
                work.demote(claim.engine, &turn, &item)?;
                continue;
            }
            Err(error) => {
                return Err(corrupt(
                    format_args!("ready {}", turn.item),
                    error.to_string(),
                ));
            }
        };
        work.had_turn(claim.engine, &turn)?;
        let item = work.carry_out(&item, transition, None, &Actor::System, claim.now)?;
        let batch = work.known_batch(turn.batch())?.clone();
        return Ok(Some((batch, item)));
    }
    Ok(None)
}

pub(super) fn apply(
    work: &mut Work<'_>,
    events: &[AttemptChange],
    now: Timestamp,
) -> Result<Vec<Option<VideoItem>>, StoreError> {
    events
        .iter()
        .map(|change| apply_one(work, change, now))
        .collect()
}

fn apply_one(
    work: &mut Work<'_>,
    change: &AttemptChange,
    now: Timestamp,
) -> Result<Option<VideoItem>, StoreError> {
    let Some(item) = work.item(change.item)? else {
        return Ok(None);
    };
    let Ok(transition) = transition::apply(&item, change.attempt, change.event.clone(), now) else {
        return Ok(None);
    };
    // A transition applies to PROCESSING items only.
    let Some(running) = item.processing() else {
        return Ok(None);
    };
    let account = running.attempt.account.clone();
    let key = item.client_ref(change.attempt);
    match &change.event {
        AttemptEvent::Submitted { .. } | AttemptEvent::Unanswered => {
            work.count_submit(&account, key, now)?;
        }
        AttemptEvent::GaveUp { .. } | AttemptEvent::CancelExpired
            if running.stage == Stage::Submitting =>
        {
            work.count_submit(&account, key, now)?;
        }
        AttemptEvent::NotFound | AttemptEvent::Released { .. } => {
            work.uncount_submit(&account, key)?;
        }
        _ => {}
    }
    work.carry_out(&item, transition, None, &Actor::System, now)
        .map(Some)
}

pub(super) fn settle_watch(
    work: &mut Work<'_>,
    found: &FoundTask,
) -> Result<Option<Settled>, StoreError> {
    let Some(watch) = work.watch(found.key)? else {
        return Ok(None);
    };
    work.remove_watch(&watch)?;
    work.count_submit(&watch.account, found.key, watch.submit_time)?;
    let settled = if found.ended {
        Settled::Forgotten
    } else {
        let item = work.item(found.key.item)?;
        let adopted = item.and_then(|item| {
            transition::adopt(&item, &watch, &found.task, found.instance, found.now)
                .ok()
                .map(|transition| (item, transition))
        });
        match adopted {
            Some((item, transition)) => Settled::Adopted(work.carry_out(
                &item,
                transition,
                None,
                &Actor::System,
                found.now,
            )?),
            None => {
                let cleanup = Cleanup {
                    client_ref: found.key,
                    batch: watch.batch,
                    account: watch.account.clone(),
                    task: found.task.clone(),
                    create_time: found.now,
                    lost: false,
                };
                work.put_cleanup(&cleanup)?;
                Settled::Cleanup(cleanup)
            }
        }
    };
    work.unblock(found.key.item, found.now)?;
    work.wake_dispatch();
    Ok(Some(settled))
}

pub(super) fn mark_watches_matched(
    work: &mut Work<'_>,
    watches: &[ClientRef],
    now: Timestamp,
) -> Result<(), StoreError> {
    for key in watches {
        let Some(mut watch) = work.watch(*key)? else {
            continue;
        };
        if watch.expire_time <= now {
            work.remove_watch(&watch)?;
        } else if !watch.matched {
            watch.matched = true;
            work.put_watch(&watch)?;
        } else {
            continue;
        }
        // No list of its account has it: there is no such task, so far.
        if !watch.matched || watch.expire_time > now {
            work.uncount_submit(&watch.account, *key)?;
        }
        work.unblock(key.item, now)?;
    }
    Ok(())
}

pub(super) fn add_cleanup(work: &mut Work<'_>, cleanup: &Cleanup) -> Result<(), StoreError> {
    // A task that was adopted meanwhile is the item's own.
    let item = work.item(cleanup.client_ref.item)?;
    let own = item.as_ref().and_then(VideoItem::processing);
    if own.is_some_and(|running| running.attempt.task.as_ref() == Some(&cleanup.task)) {
        return Ok(());
    }
    if work.cleanup(cleanup.client_ref, &cleanup.task)?.is_none() {
        work.put_cleanup(cleanup)?;
    }
    Ok(())
}

pub(super) fn end_cleanup(
    work: &mut Work<'_>,
    key: ClientRef,
    task: &TaskId,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(cleanup) = work.cleanup(key, task)? {
        work.remove_cleanup(&cleanup)?;
        work.unblock(key.item, now)?;
    }
    Ok(())
}

pub(super) fn lose_account(
    work: &mut Work<'_>,
    account: &Account,
    now: Timestamp,
) -> Result<(), StoreError> {
    for mut cleanup in work.all_cleanups()? {
        if cleanup.account == *account && !cleanup.lost {
            cleanup.lost = true;
            work.put_cleanup(&cleanup)?;
            work.unblock(cleanup.client_ref.item, now)?;
        }
    }
    for mut watch in work.all_watches()? {
        if watch.account == *account && !watch.matched {
            watch.matched = true;
            work.put_watch(&watch)?;
            work.unblock(watch.client_ref.item, now)?;
        }
    }
    Ok(())
}
