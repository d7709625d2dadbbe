//! Things done at the worst moment: a step waits for an item to be at a stage, and then acts.

use std::time::Duration;

use tokio::time::timeout;
use vbatch_server::domain::ids::{BatchId, ItemId};
use vbatch_server::domain::item::Stage;

use super::dice::Dice;
use super::life::Life;
use super::weather;
use super::wishes::{Ask, lock};
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
    /// The process ends while an item is at some stage, and another comes soon.
    pub async fn crash_at_a_moment(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.create(dice).await;
        if self.at(Moment::any(dice)).await.is_none() {
            return Ok(());
        }
        if dice.chance(50) {
            // Within one of the next things that it writes down.
            self.disk.die_at_call(dice.below(40) + 1);
        }
        // Within a call, between its work and its answer, or after it.
        let latency = self.upstream.config().latency;
        tokio::time::sleep(dice.between(Duration::ZERO, latency * 4)).await;
        self.bury(dice).await?;
        if self.node.is_some() {
            self.fall(dice).await;
        }
        tokio::time::sleep(dice.seconds(0, 20)).await;
        self.rise(dice).await
    }

    /// An item is cancelled while it is at some stage.
    pub async fn cancel_at_a_moment(&mut self, dice: &mut Dice) {
        self.create(dice).await;
        if let Some((batch, item)) = self.at(Moment::any(dice)).await {
            self.cancel_one(batch, item, dice).await;
        }
    }

    /// A task runs long, is cancelled while nobody answers, and is asked for again before anyone does.
    pub async fn cancel_in_a_blackout(&mut self, dice: &mut Dice) {
        self.upstream.script_next(Script {
            run: Some(dice.seconds(300, 1500)),
            ..Script::default()
        });
        self.create(dice).await;
        let moment = dice.pick(&[Moment::AtUpstream, Moment::AtUpstream, Moment::Unresolved]);
        let Some((batch, item)) = self.at(moment).await else {
            return;
        };
        for fault in weather::blackout(dice) {
            self.upstream.fault(fault);
        }
        self.cancel_one(batch, item, dice).await;
        tokio::time::sleep(dice.seconds(100, 200)).await;
        if dice.chance(70) {
            if let Some(who) = self.owner_of(batch) {
                self.wish(who, Ask::Retry(batch, vec![item]), dice).await;
            }
            tokio::time::sleep(dice.seconds(0, 120)).await;
        }
        self.upstream.clear_faults();
    }

    async fn cancel_one(&mut self, batch: BatchId, item: ItemId, dice: &mut Dice) {
        if let Some(who) = self.owner_of(batch) {
            self.cancel_these(who, batch, vec![item], dice).await;
        }
    }

    /// Waits for an item to be at that stage.
    async fn at(&self, moment: Moment) -> Option<(BatchId, ItemId)> {
        let mut commits = self.node.as_ref()?.feed.revision();
        let waiting = async {
            loop {
                commits.mark_unchanged();
                let there = {
                    let books = lock(&self.books);
                    let there = books.items.values().rev().find(|item| {
                        item.processing()
                            .is_some_and(|running| Moment::of(&running.stage) == moment)
                    });
                    there.map(|item| (item.batch, item.id))
                };
                if there.is_some() {
                    return there;
                }
                commits.changed().await.ok()?;
            }
        };
        timeout(PATIENCE, waiting).await.ok().flatten()
    }
}
