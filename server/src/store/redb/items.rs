//! Carrying out a transition: the item, its batch, its owner, the queue, the slots, the ledger, what it leaves
//! behind and the video it made, all in one transaction.

use jiff::Timestamp;
use redb::ReadableTable;

use crate::domain::ids::ItemId;
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::{Actor, EntryKind, Subject};
use crate::domain::media::{Blob, BlobKind};
use crate::domain::transition::Transition;
use crate::domain::user::Credits;
use crate::store::StoreError;

use super::code::Coded;
use super::error::failed;
use super::ledger::Posting;
use super::load;
use super::queue::Holder;
use super::work::Work;

impl Work<'_> {
    pub fn item(&self, id: ItemId) -> Result<Option<VideoItem>, StoreError> {
        let tables = self.read();
        load::item_by_id(&tables.places, &tables.items, id)
    }

    /// Commits an item's transition. `charge` is what a new round costs.
    pub fn carry_out(
        &mut self,
        before: &VideoItem,
        transition: Transition,
        charge: Option<Credits>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<VideoItem, StoreError> {
        let after = self.put_item(transition.item)?;
        let batch = self.known_batch(after.batch)?;
        let (owner, engine) = (batch.owner, batch.engine);

        let entry = |kind, delta, item: &VideoItem| Posting {
            user: owner,
            kind,
            delta,
            subject: Some(Subject {
                batch: item.batch,
                item: item.id,
                round: item.round,
            }),
            actor: actor.clone(),
            note: String::new(),
            now,
        };
        let mut charged = 0;
        if let Some(charge) = charge {
            let posted = self.post(entry(EntryKind::Charge, -charge, &after))?;
            charged = posted.map_or(0, |entry| -entry.delta);
        }
        let mut refunded = 0;
        if let Some(refund) = transition.refund {
            let posted = self.post(entry(EntryKind::Refund, refund, before))?;
            refunded = posted.map_or(0, |entry| entry.delta);
        }

        self.batch_mut(after.batch)?
            .follow(before, &after, charged, refunded, now);
        self.follow_owner(owner, before, &after)?;
        let totals = self.totals();
        totals.count_out(&before.state);
        totals.count_in(&after.state);
        if !before.is_terminal() {
            self.count_end(&after, now)?;
        }

        self.dequeue(engine, owner, before)?;
        self.enqueue(engine, owner, &after)?;
        if matches!(after.state, ItemState::Pending(_)) {
            self.wake_dispatch();
        }
        let active = (engine.code(), after.id.0.as_u128());
        match (before.processing(), after.processing()) {
            (None, Some(_)) => {
                self.write().active.insert(active, ()).map_err(failed)?;
            }
            (Some(_), None) => {
                self.write().active.remove(active).map_err(failed)?;
            }
            _ => {}
        }
        self.follow_slot(before, &after)?;

        if let (false, ItemState::Completed { video, .. }) = (before.is_terminal(), &after.state) {
            self.refer(&video.blob)?;
        }
        if let Some(cleanup) = &transition.cleanup {
            self.put_cleanup(cleanup)?;
        }
        if let Some(watch) = &transition.watch {
            self.put_watch(watch)?;
        }
        Ok(after)
    }

    /// Keeps what an owner's account says of running work.
    fn follow_owner(
        &mut self,
        owner: crate::domain::ids::UserId,
        before: &VideoItem,
        after: &VideoItem,
    ) -> Result<(), StoreError> {
        if before.is_terminal() == after.is_terminal() {
            return Ok(());
        }
        let user = self.user_mut(owner)?;
        if after.is_terminal() {
            user.active_item_count = user.active_item_count.saturating_sub(1);
            user.credits_held = user.credits_held.saturating_sub(before.charge);
            if matches!(after.state, ItemState::Completed { .. }) {
                user.completed_video_count += 1;
            }
        } else {
            user.active_item_count += 1;
            user.credits_held = user.credits_held.saturating_add(after.charge);
        }
        Ok(())
    }

    fn follow_slot(&mut self, before: &VideoItem, after: &VideoItem) -> Result<(), StoreError> {
        let holder = |item: &VideoItem| {
            item.processing()
                .filter(|running| running.holds_slot())
                .map(|running| (running.attempt.account.clone(), running.attempt.number))
        };
        let (held, holds) = (holder(before), holder(after));
        if held == holds {
            return Ok(());
        }
        if let Some((account, attempt)) = held {
            self.free_slot(&account, Holder::Attempt, (before.id, attempt), "")?;
        }
        if let Some((account, attempt)) = holds {
            self.hold_slot(&account, Holder::Attempt, (after.id, attempt), "")?;
        }
        Ok(())
    }

    /// Counts one more reference to a blob.
    pub fn refer(&mut self, blob: &Blob) -> Result<(), StoreError> {
        let key = (blob.kind.code(), &blob.sha256.0);
        let blobs = &mut self.write().blobs;
        let references = blobs
            .get(key)
            .map_err(failed)?
            .map_or(0, |guard| guard.value().0);
        blobs
            .insert(key, (references + 1, blob.size_bytes))
            .map_err(failed)?;
        if references == 0 {
            self.write().doomed.remove(key).map_err(failed)?;
            let totals = self.totals();
            let sum = match blob.kind {
                BlobKind::Image => &mut totals.image_bytes,
                BlobKind::Audio => &mut totals.audio_bytes,
                BlobKind::Video => &mut totals.video_bytes,
            };
            *sum += blob.size_bytes;
        }
        Ok(())
    }
}
