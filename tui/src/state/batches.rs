//! Owns the list of batches: what is known of it, and what can be done from it.

use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::watch_batches_response::Event;

use super::confirm::{Ask, Target, Which};
use super::field::Field;
use super::live::Live;
use super::message::NetEffect;
use super::rows::{Row, Rows};
use super::time::moment;

/// Batches of the first snapshot: the contract's most.
const SNAPSHOT_SIZE: i32 = 200;

/// The list of batches.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    pub(crate) rows: Rows<v1::Batch>,
    pub(crate) live: Live,
    pub(crate) counts: Option<v1::BatchCounts>,
    pub(crate) balance: Option<i32>,
    pub(crate) status: Option<v1::ServiceStatus>,
    pub(crate) filter: Field,
    /// Whether the filter is being typed.
    pub(crate) filtering: bool,
}

/// Something that holds up everyone's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    TokenMissing {
        waiting: i32,
    },
    TokenRefused {
        since: Option<Timestamp>,
        waiting: i32,
    },
    TokenExpired {
        since: Option<Timestamp>,
        waiting: i32,
    },
    DailyLimit {
        until: Option<Timestamp>,
        waiting: i32,
    },
    Unreachable {
        since: Option<Timestamp>,
    },
    StorageFull {
        waiting: i32,
    },
    Paused {
        waiting: i32,
    },
    Draining {
        waiting: i32,
    },
}

impl Row for v1::Batch {
    /// What needs attention first, then what is open, then the rest, each newest first (ids rise with time).
    type Order = (u8, Reverse<String>);

    fn id(&self) -> &str {
        &self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn order(&self) -> Self::Order {
        let group = match (self.needs_attention, is_open(self)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        (group, Reverse(self.id.clone()))
    }

    fn contains(&self, text: &str) -> bool {
        self.name.to_lowercase().contains(text)
            || self.prompt.to_lowercase().contains(text)
            || self.owner_name.to_lowercase().contains(text)
            || self.id.ends_with(text)
    }
}

/// Whether some item has not ended.
pub(crate) fn is_open(batch: &v1::Batch) -> bool {
    matches!(
        batch.state(),
        v1::batch::State::Created | v1::batch::State::Processing
    )
}

/// How many items of a batch are in which state.
pub(crate) fn counts(batch: &v1::Batch) -> v1::ItemCounts {
    batch.item_counts.unwrap_or_default()
}

impl Batches {
    /// The stream to open: an admin sees everyone's batches.
    pub(crate) fn watch(is_admin: bool) -> NetEffect {
        NetEffect::WatchBatches(v1::WatchBatchesRequest {
            owner_id: if is_admin { "-" } else { "" }.to_owned(),
            order_by: "attention".to_owned(),
            page_size: SNAPSHOT_SIZE,
            ..v1::WatchBatchesRequest::default()
        })
    }

    /// Takes an event of the stream in.
    pub(crate) fn hear(&mut self, event: Event, now: Timestamp) {
        self.live.heard(now);
        match event {
            Event::Snapshot(part) => self.rows.add_part(part.batches),
            Event::SnapshotComplete(end) => {
                self.rows.complete(end.unchanged);
                self.live.completed(now);
                self.counts = end.counts.or(self.counts.take());
                self.balance = Some(end.credit_balance);
                self.status = end.status.or(self.status.take());
            }
            Event::Update(update) => {
                self.rows.update(update.batches);
                let gone: HashSet<String> = update
                    .removals
                    .into_iter()
                    .map(|removal| removal.batch_id)
                    .collect();
                self.rows.remove(&gone);
                self.counts = update.counts.or(self.counts.take());
                self.balance = Some(update.credit_balance);
                self.status = update.status.or(self.status.take());
            }
            Event::Heartbeat(_) | Event::End(_) => {}
        }
    }

    /// What holds up everyone's items, worst first.
    pub(crate) fn warning(&self) -> Option<Warning> {
        use v1::upstream::TokenState;
        use v1::wait::Reason;
        let status = self.status.as_ref()?;
        let waiting = |reason: Reason| {
            status
                .waiting
                .iter()
                .filter(|count| count.reason() == reason)
                .map(|count| count.count)
                .sum::<i32>()
        };
        if let Some(upstream) = &status.upstream {
            let since = upstream.token_state_since.as_ref().map(moment);
            let held = waiting(Reason::UpstreamToken);
            match upstream.token_state() {
                TokenState::Refused => {
                    return Some(Warning::TokenRefused {
                        since,
                        waiting: held,
                    });
                }
                TokenState::Expired => {
                    return Some(Warning::TokenExpired {
                        since,
                        waiting: held,
                    });
                }
                TokenState::NotSet if held > 0 => {
                    return Some(Warning::TokenMissing { waiting: held });
                }
                _ => {}
            }
        }
        let full = waiting(Reason::StorageFull);
        if full > 0 {
            return Some(Warning::StorageFull { waiting: full });
        }
        let pending = status.waiting.iter().map(|count| count.count).sum();
        match status.dispatch_state() {
            v1::dispatch::State::Paused => return Some(Warning::Paused { waiting: pending }),
            v1::dispatch::State::Draining => return Some(Warning::Draining { waiting: pending }),
            _ => {}
        }
        let upstream = status.upstream.as_ref()?;
        let limited = waiting(Reason::UpstreamDailyLimit);
        if limited > 0 {
            let until = upstream.next_free_time.as_ref().map(moment);
            return Some(Warning::DailyLimit {
                until,
                waiting: limited,
            });
        }
        if upstream.health() == v1::engine_info::Health::Unreachable && pending > 0 {
            let since = upstream.last_success_time.as_ref().map(moment);
            return Some(Warning::Unreachable { since });
        }
        None
    }

    /// The question before the chosen batches are cancelled; none when all have ended.
    pub(crate) fn ask_cancel(&self, me: &v1::User) -> Option<Ask> {
        let open: Vec<&v1::Batch> = self
            .rows
            .chosen()
            .into_iter()
            .filter(|batch| is_open(batch))
            .collect();
        cancel_whole(&open, me)
    }

    /// The question before the failed items of the chosen batches are tried again; none when there are none.
    pub(crate) fn ask_retry(&self, me: &v1::User) -> Option<Ask> {
        let failed: Vec<&v1::Batch> = self
            .rows
            .chosen()
            .into_iter()
            .filter(|batch| counts(batch).failed > 0)
            .collect();
        let targets: Vec<Target> = failed
            .iter()
            .map(|batch| whole(batch, batch.credits_per_item * counts(batch).failed))
            .collect();
        let count = failed.iter().map(|batch| counts(batch).failed).sum();
        let credits = targets.iter().map(|target| target.credits).sum();
        (!targets.is_empty()).then(|| Ask::Retry {
            targets,
            count,
            credits,
            balance: self.balance,
            owner: other_owner(&failed, me),
        })
    }
}

/// The question before whole batches are cancelled.
pub(crate) fn cancel_whole(open: &[&v1::Batch], me: &v1::User) -> Option<Ask> {
    let sum = |of: fn(&v1::ItemCounts) -> i32, priced: bool| {
        open.iter()
            .map(|batch| of(&counts(batch)) * if priced { batch.credits_per_item } else { 1 })
            .sum::<i32>()
    };
    (!open.is_empty()).then(|| Ask::Cancel {
        targets: open.iter().map(|batch| whole(batch, 0)).collect(),
        pending: sum(|counts| counts.pending, false),
        running: sum(|counts| counts.processing, false),
        pending_credits: sum(|counts| counts.pending, true),
        running_credits: sum(|counts| counts.processing, true),
        owner: other_owner(open, me),
    })
}

fn whole(batch: &v1::Batch, credits: i32) -> Target {
    Target {
        batch_id: batch.id.clone(),
        name: batch.name.clone(),
        which: Which::All,
        credits,
    }
}

/// Whose credits move, unless they are the user's own.
pub(crate) fn other_owner(batches: &[&v1::Batch], me: &v1::User) -> Option<String> {
    let others: std::collections::BTreeSet<&str> = batches
        .iter()
        .filter(|batch| batch.owner_id != me.id)
        .map(|batch| batch.owner_name.as_str())
        .collect();
    (!others.is_empty()).then(|| others.into_iter().collect::<Vec<_>>().join(", "))
}
