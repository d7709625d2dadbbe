//! Owns the list of batches: what is known of it, and what can be done from it.

use std::cmp::Ordering;
use std::collections::HashSet;

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::watch_batches_response::Event;

use super::confirm::{Ask, Target, Which};
use super::effect::NetEffect;
use super::field::Field;
use super::fuzzy::{Fuzzy, Rank};
use super::live::Live;
use super::natural::by_name;
use super::paging::{PAGE_SIZE, Paging};
use super::position::Step;
use super::refusal::{Cause, Refusal};
use super::rows::{Row, Rows};
use super::sort::{Order, SortBy};
use super::time::moment;
use super::warning::Warning;

/// When fewer rows than these are below what is seen, the next page is fetched.
const AHEAD: usize = 100;

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
    pub(crate) paging: Paging,
    /// Whether an admin's list, of everyone's batches.
    everyones: bool,
    /// Whether the user wants to be at the very end, which may still have to be fetched.
    to_end: bool,
}

/// What needs attention, what is open, the rest.
fn group(batch: &v1::Batch) -> u8 {
    match (batch.needs_attention, is_open(batch)) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

/// Some time before none; the earlier first.
fn earlier(
    one: Option<&prost_types::Timestamp>,
    other: Option<&prost_types::Timestamp>,
) -> Ordering {
    let place = |time: Option<&prost_types::Timestamp>| {
        time.map_or((1, Timestamp::MAX), |time| (0, moment(time)))
    };
    place(one).cmp(&place(other))
}

impl Row for v1::Batch {
    fn id(&self) -> &str {
        &self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    /// Ids rise with time.
    fn compare(&self, other: &Self, by: SortBy) -> Ordering {
        match by {
            SortBy::Newest => other.id.cmp(&self.id),
            SortBy::Name => by_name(&self.name, &other.name),
            SortBy::Owner => self.owner_name.cmp(&other.owner_name),
            SortBy::State => self.state.cmp(&other.state),
            SortBy::Progress => other.progress_estimate.total_cmp(&self.progress_estimate),
            SortBy::Failed => counts(other).failed.cmp(&counts(self).failed),
            SortBy::Finish => earlier(
                self.expected_finish_time.as_ref(),
                other.expected_finish_time.as_ref(),
            ),
            SortBy::Credits => {
                let paid = |batch: &Self| batch.credits_charged - batch.credits_refunded;
                paid(other).cmp(&paid(self))
            }
            _ => group(self).cmp(&group(other)),
        }
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        if filter.is_empty() {
            return Some(Rank::Whole);
        }
        let mut exact = vec![self.prompt.as_str()];
        exact.extend(self.labels.values().map(String::as_str));
        filter.rank(&[&self.name, &self.owner_name], &exact, &self.id)
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
    /// The list of another user; answers to what was asked for this one are none to it.
    pub(crate) fn of_another(&self) -> Self {
        Self {
            paging: self.paging.of_another(),
            ..Self::default()
        }
    }

    /// The stream to open: an admin sees everyone's batches.
    pub(crate) fn watch(&mut self, is_admin: bool) -> NetEffect {
        self.everyones = is_admin;
        NetEffect::WatchBatches(v1::WatchBatchesRequest {
            owner_id: self.owner(),
            order_by: "attention".to_owned(),
            page_size: PAGE_SIZE,
            ..v1::WatchBatchesRequest::default()
        })
    }

    fn owner(&self) -> String {
        if self.everyones { "-" } else { "" }.to_owned()
    }

    /// The next page behind the snapshot, when it is wanted: near the end of what is there, on the way to the end, and
    /// for a filter or an order of our own, which mean nothing over a part.
    pub(crate) fn want_page(&mut self, now: Timestamp) -> Option<NetEffect> {
        let all = self.to_end
            || !self.rows.filter().is_empty()
            || self.rows.order() != Order::default()
            || self.rows.stale_count() > 0;
        if !self.live.complete || !(all || self.rows.is_near_end(AHEAD)) {
            return None;
        }
        let (number, page_token) = self.paging.want(now)?;
        Some(NetEffect::ListBatches {
            number,
            request: v1::ListBatchesRequest {
                owner_id: self.owner(),
                order_by: "attention".to_owned(),
                page_size: PAGE_SIZE,
                page_token,
                ..v1::ListBatchesRequest::default()
            },
        })
    }

    /// Takes a page in.
    pub(crate) fn take_page(
        &mut self,
        number: u64,
        result: Result<Box<v1::ListBatchesResponse>, Refusal>,
        now: Timestamp,
    ) {
        if !self.paging.expects(number) {
            return;
        }
        match result {
            Ok(page) => {
                let last = page.batches.last().cloned();
                self.rows.update(page.batches);
                if let Some(last) = last {
                    self.rows.read_to(&last, SortBy::Attention);
                }
                self.paging.arrived(page.next_page_token, now);
                if self.paging.is_whole() {
                    self.rows.drop_stale();
                }
                if self.to_end {
                    self.rows.step(Step::Bottom);
                }
            }
            Err(refusal) => {
                let void = Cause::Server(v1::refusal::Reason::PageTokenInvalid);
                self.paging.failed(refusal.cause == void, now);
            }
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.to_end = step == Step::Bottom;
        self.rows.step(step);
    }

    /// How many batches there are, as far as they are there or the server has said.
    pub(crate) fn total(&self) -> usize {
        let told = self.counts.map_or(0, |counts| counts.total);
        if self.paging.is_whole() {
            self.rows.total()
        } else {
            self.rows.total().max(usize::try_from(told).unwrap_or(0))
        }
    }

    /// The batches of this user that end with an event, or in which something fails for the first time.
    pub(crate) fn ended_with(&self, event: &Event, me: &str) -> Vec<(String, v1::ItemCounts)> {
        let Event::Update(update) = event else {
            return Vec::new();
        };
        let tolls = |batch: &&v1::Batch| {
            let known = self.rows.get(&batch.id);
            batch.owner_id == me
                && known.is_some_and(|known| {
                    let ended = is_open(known) && !is_open(batch);
                    let failed = counts(known).failed == 0 && counts(batch).failed > 0;
                    known.revision < batch.revision && (ended || failed)
                })
        };
        update
            .batches
            .iter()
            .filter(tolls)
            .map(|batch| (batch.name.clone(), counts(batch)))
            .collect()
    }

    /// Takes an event of the stream in.
    pub(crate) fn hear(&mut self, event: Event, now: Timestamp) {
        self.live.heard(now);
        match event {
            Event::Snapshot(part) => self.rows.add_part(part.batches),
            Event::SnapshotComplete(end) => {
                if !end.unchanged {
                    let more = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
                    let whole = self.rows.incoming_count() < more;
                    let last = self.rows.incoming_last().cloned();
                    self.rows.complete_beginning();
                    if let Some(last) = last {
                        self.rows.read_to(&last, SortBy::Attention);
                    }
                    if whole {
                        self.rows.drop_stale();
                        self.paging.finish();
                    } else {
                        self.paging.restart();
                    }
                }
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
        Warning::of(self.status.as_ref()?)
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

    /// The question before the chosen batches are taken away; none when they have still to end.
    pub(crate) fn ask_delete(&self, me: &v1::User) -> Option<Ask> {
        delete_ended(&self.rows.chosen(), me)
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
        let owner = other_owner(&failed, me);
        (!targets.is_empty()).then(|| Ask::Retry {
            targets,
            count,
            credits,
            // Another's bill is not paid from the own balance.
            balance: self.balance.filter(|_| owner.is_none()),
            owner,
        })
    }
}

/// The question before batches are taken away; none when all of them have still to end.
pub(crate) fn delete_ended(chosen: &[&v1::Batch], me: &v1::User) -> Option<Ask> {
    let ended: Vec<&v1::Batch> = chosen
        .iter()
        .copied()
        .filter(|batch| !is_open(batch))
        .collect();
    (!ended.is_empty()).then(|| Ask::Delete {
        batches: ended
            .iter()
            .map(|batch| (batch.id.clone(), batch.name.clone()))
            .collect(),
        videos: ended.iter().map(|batch| counts(batch).completed).sum(),
        left_out: chosen.len() - ended.len(),
        owner: other_owner(&ended, me),
    })
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
