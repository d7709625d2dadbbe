//! Things done at the worst moment: a step waits for an item to be at a stage, and then acts.

use std::time::Duration;

use tokio::time::timeout;
use vbatch_server::domain::ids::{BatchId, ItemId};
use vbatch_server::domain::item::Stage;
use vbatch_server::domain::ledger::Actor;
use vbatch_server::store::query::ItemSelection;
use vbatch_server::store::{CancelItems, RetryItems};

use super::books::items_of;
use super::dice::Dice;
use super::life::Life;
use super::weather;
use crate::upstream::tasks::Script;

/// A moment that does not come in this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(150);

/// Stages that are over too soon to be met by chance.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    Submitting,
    Unresolved,
    AtUpstream,
    Fetching,
}

impl Moment {
    fn any(dice: &mut Dice) -> Self {
        dice.pick(&[
            Self::Submitting,
            Self::Submitting,
            Self::Unresolved,
            Self::AtUpstream,
            Self::Fetching,
        ])
    }

    fn of(stage: &Stage) -> Self {
        match stage {
            Stage::Submitting => Self::Submitting,
            Stage::Unresolved { .. } => Self::Unresolved,
            Stage::Queued { .. } | Stage::Generating { .. } => Self::AtUpstream,
            Stage::Fetching { .. } => Self::Fetching,
        }
    }
}

impl Life {
    /// The server ends while an item is at some stage, and comes back soon.
    pub(super) async fn crash_at_a_moment(&mut self, dice: &mut Dice) {
        self.create(dice).await;
        if self.at(Moment::any(dice)).await.is_none() || !self.world.is_awake() {
            return;
        }
        // Within a call, between its work and its answer, or after it.
        let latency = self.world.upstream.config().latency;
        tokio::time::sleep(dice.between(Duration::ZERO, latency * 4)).await;
        self.world.crash().await;
        self.crashes += 1;
        tokio::time::sleep(dice.seconds(0, 20)).await;
        self.world.start();
    }

    /// An item is cancelled while it is at some stage.
    pub(super) async fn cancel_at_a_moment(&mut self, dice: &mut Dice) {
        self.create(dice).await;
        if let Some((batch, item)) = self.at(Moment::any(dice)).await {
            self.cancel_one(batch, item).await;
        }
    }

    /// A task runs long, is cancelled while nobody answers, and is asked for again before anyone does.
    pub(super) async fn cancel_in_a_blackout(&mut self, dice: &mut Dice) {
        self.world.upstream.script_next(Script {
            run: Some(dice.seconds(300, 1500)),
            ..Script::default()
        });
        self.create(dice).await;
        let moment = dice.pick(&[Moment::AtUpstream, Moment::AtUpstream, Moment::Unresolved]);
        let Some((batch, item)) = self.at(moment).await else {
            return;
        };
        for fault in weather::blackout(dice) {
            self.world.upstream.fault(fault);
        }
        self.cancel_one(batch, item).await;
        tokio::time::sleep(dice.seconds(100, 200)).await;
        if dice.chance(70) {
            let retry = RetryItems {
                batch,
                selection: only(item),
                max_credits: None,
                request: None,
                actor: Actor::System,
                now: self.world.clock.now(),
            };
            // Refused where it has not ended, and without the credits.
            let _ = self.world.store.retry_items(retry).await;
            tokio::time::sleep(dice.seconds(0, 120)).await;
        }
        self.world.upstream.clear_faults();
    }

    async fn cancel_one(&self, batch: BatchId, item: ItemId) {
        let cancel = CancelItems {
            batch,
            selection: only(item),
            whole_batch: false,
            actor: Actor::System,
            now: self.world.clock.now(),
        };
        // Refused where it has just ended.
        let _ = self.world.store.cancel_items(cancel).await;
    }

    /// Waits for an item to be at that stage.
    async fn at(&self, moment: Moment) -> Option<(BatchId, ItemId)> {
        let mut commits = self.world.feed().revision();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                for batch in self.batches.iter().rev() {
                    let items = items_of(self.world.store.as_ref(), *batch).await;
                    let there = items.into_iter().find(|item| {
                        item.processing()
                            .is_some_and(|running| Moment::of(&running.stage) == moment)
                    });
                    if let Some(item) = there {
                        return Some((*batch, item.id));
                    }
                }
                commits.changed().await.ok()?;
            }
        };
        timeout(PATIENCE, waiting).await.ok().flatten()
    }
}

fn only(item: ItemId) -> ItemSelection {
    ItemSelection {
        ids: vec![item],
        states: Vec::new(),
    }
}
