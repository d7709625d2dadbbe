//! Owns one batch: its items, live, the details of the one under the cursor, and what can be done to them.

use std::cmp::Ordering;

use jiff::Timestamp;
use vision_batch::v1;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::video_item::{Stage, State as ItemState};

use super::batches::{cancel_whole, other_owner};
use super::confirm::{Ask, Target, Which};
use super::effect::NetEffect;
use super::field::Field;
use super::fuzzy::{Fuzzy, Rank};
use super::live::Live;
use super::natural::by_name;
use super::refusal::Refusal;
use super::rows::{Row, Rows};
use super::sort::SortBy;

/// One batch.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    pub(crate) id: String,
    /// As the list knew it, until the stream says more.
    pub(crate) batch: Option<v1::Batch>,
    pub(crate) rows: Rows<v1::VideoItem>,
    pub(crate) live: Live,
    pub(crate) filter: Field,
    pub(crate) filtering: bool,
    pub(crate) detail: Option<Detail>,
    /// The item whose details were asked for and have not come.
    asked: Option<String>,
    /// Failed items that were already reported as looked at.
    acknowledged: i32,
}

/// The attempts of one item.
#[derive(Debug)]
pub(crate) struct Detail {
    pub(crate) item_id: String,
    pub(crate) result: Result<Vec<v1::Attempt>, Refusal>,
    /// What the item was like when they were asked for.
    mark: DetailMark,
}

/// When this changes the attempts have changed.
type DetailMark = (i32, i32, i32, i32);

fn detail_mark(item: &v1::VideoItem) -> DetailMark {
    (item.state, item.stage, item.round, item.attempt_count)
}

/// Failures first, then what runs (the furthest first), then what waits, then what is done.
fn group(item: &v1::VideoItem) -> u8 {
    match (item.state(), item.stage()) {
        (ItemState::Failed, _) => 0,
        (ItemState::Processing, Stage::Fetching) => 1,
        (ItemState::Processing, Stage::Generating) => 2,
        (ItemState::Processing, Stage::Cancelling) => 3,
        (ItemState::Processing, Stage::UpstreamQueued) => 4,
        (ItemState::Processing, _) => 5,
        (ItemState::Pending | ItemState::Unspecified, _) => 6,
        (ItemState::Completed, _) => 7,
        (ItemState::Cancelled, _) => 8,
    }
}

/// How long it took, or since when it is worked on; the longest first, what never began last.
fn clock(item: &v1::VideoItem) -> (u8, i64) {
    match (&item.start_time, &item.finish_time) {
        (Some(start), Some(finish)) => (1, start.seconds - finish.seconds),
        (Some(start), None) => (0, start.seconds),
        (None, _) => (2, 0),
    }
}

impl Row for v1::VideoItem {
    fn id(&self) -> &str {
        &self.id
    }

    fn revision(&self) -> i64 {
        self.revision
    }

    fn compare(&self, other: &Self, by: SortBy) -> Ordering {
        let size = |item: &Self| item.result.as_ref().map_or(0, |it| it.size_bytes);
        let progress = |item: &Self| match item.state() {
            ItemState::Completed => 2.0,
            _ => item.progress_estimate.unwrap_or(-1.0),
        };
        let compared = match by {
            SortBy::Number => Ordering::Equal,
            SortBy::Name => by_name(filename(self), filename(other)),
            SortBy::State => self.state.cmp(&other.state),
            SortBy::Progress => progress(other).total_cmp(&progress(self)),
            SortBy::Clock => clock(self).cmp(&clock(other)),
            SortBy::Attempts => other.attempt_count.cmp(&self.attempt_count),
            SortBy::Size => size(other).cmp(&size(self)),
            _ => group(self).cmp(&group(other)),
        };
        compared.then(self.position.cmp(&other.position))
    }

    fn rank(&self, filter: &Fuzzy) -> Option<Rank> {
        if filter.is_empty() {
            return Some(Rank::Whole);
        }
        let position = self.position.to_string();
        filter.rank(&[filename(self), &position], &[], &self.id)
    }
}

/// Name of the source image.
pub(crate) fn filename(item: &v1::VideoItem) -> &str {
    item.source_image
        .as_ref()
        .map_or("", |image| image.filename.as_str())
}

/// Whether the item has not ended.
fn is_open(item: &v1::VideoItem) -> bool {
    matches!(item.state(), ItemState::Pending | ItemState::Processing)
}

/// Whether a new round can be asked for.
fn is_retryable(item: &v1::VideoItem) -> bool {
    matches!(item.state(), ItemState::Failed | ItemState::Cancelled)
}

/// Whether there is a video to save.
pub(crate) fn has_video(item: &v1::VideoItem) -> bool {
    item.result
        .as_ref()
        .is_some_and(|result| result.removed_time.is_none())
}

impl OpenBatch {
    /// A batch nothing is known of yet but what the list says.
    pub(crate) fn new(id: String, batch: Option<v1::Batch>) -> Self {
        Self {
            id,
            batch,
            rows: Rows::default(),
            live: Live::default(),
            filter: Field::default(),
            filtering: false,
            detail: None,
            asked: None,
            acknowledged: 0,
        }
    }

    /// Opened again after it was left: what is known is shown, and the stream brings what is new.
    pub(crate) fn come_back(&mut self, batch: Option<v1::Batch>) {
        self.take(batch);
        self.live = Live::default();
        self.asked = None;
    }

    /// The stream to open. It stays open when the batch is finished, to see a retry.
    pub(crate) fn watch(&self) -> NetEffect {
        NetEffect::WatchBatch(v1::BatchStatusRequest {
            batch_id: self.id.clone(),
            follow: true,
            ..v1::BatchStatusRequest::default()
        })
    }

    /// Takes an event of the stream in.
    pub(crate) fn hear(&mut self, event: Event, now: Timestamp) {
        self.live.heard(now);
        match event {
            Event::Snapshot(part) => {
                self.take(part.batch);
                self.rows.add_part(part.items);
            }
            Event::SnapshotComplete(end) => {
                self.rows.complete(end.unchanged);
                self.live.completed(now);
            }
            Event::Update(update) => {
                self.take(update.batch);
                self.rows.update(update.items);
            }
            Event::Heartbeat(_) | Event::End(_) => {}
        }
    }

    /// Keeps the newer one.
    pub(crate) fn take(&mut self, batch: Option<v1::Batch>) {
        if let Some(batch) = batch
            && self
                .batch
                .as_ref()
                .is_none_or(|known| known.revision <= batch.revision)
        {
            self.batch = Some(batch);
        }
    }

    /// Asks for the attempts of the item under the cursor, unless they are known or already asked for.
    pub(crate) fn want_detail(&mut self) -> Option<NetEffect> {
        let item = self.rows.current()?;
        let known = self
            .detail
            .as_ref()
            .is_some_and(|it| it.item_id == item.id && it.mark == detail_mark(item));
        if known || self.asked.is_some() {
            return None;
        }
        self.asked = Some(item.id.clone());
        Some(NetEffect::LoadItem(v1::GetItemRequest {
            batch_id: self.id.clone(),
            item_id: item.id.clone(),
        }))
    }

    /// Takes the attempts of an item in.
    pub(crate) fn take_detail(
        &mut self,
        item_id: String,
        result: Result<Box<v1::GetItemResponse>, Refusal>,
    ) {
        if self.asked.as_deref() != Some(item_id.as_str()) {
            // The answer to a question from before the connection was lost, or another batch was open.
            return;
        }
        self.asked = None;
        let shown = self.rows.get(&item_id).map(detail_mark);
        match result {
            Ok(response) => {
                let Some(item) = response.item.filter(|item| item.batch_id == self.id) else {
                    return;
                };
                let mark = detail_mark(&item);
                // The stream may be behind this answer: what it shows counts for asking again.
                self.rows.update(vec![item]);
                self.detail = Some(Detail {
                    item_id,
                    result: Ok(response.attempts),
                    mark,
                });
            }
            Err(refusal) => {
                self.detail = shown.map(|mark| Detail {
                    item_id,
                    result: Err(refusal),
                    mark,
                });
            }
        }
    }

    /// The attempts are asked for anew, for example after the connection was lost.
    pub(crate) fn forget_detail(&mut self) {
        self.asked = None;
        self.detail = None;
    }

    /// Tells that the failures were seen, once for each number of them, for the owner alone.
    pub(crate) fn acknowledge(&mut self, me: &v1::User) -> Option<NetEffect> {
        let batch = self.batch.as_ref()?;
        let failed = batch.item_counts.map_or(0, |counts| counts.failed);
        // After a retry there are fewer, and the next failure is a new one.
        self.acknowledged = self.acknowledged.min(failed);
        if batch.owner_id != me.id || !batch.needs_attention || failed <= self.acknowledged {
            return None;
        }
        self.acknowledged = failed;
        Some(NetEffect::AcknowledgeFailures {
            batch_id: self.id.clone(),
        })
    }

    /// The question before the chosen items are cancelled; none when all have ended.
    pub(crate) fn ask_cancel(&self, me: &v1::User) -> Option<Ask> {
        let batch = self.batch.as_ref()?;
        let open: Vec<&v1::VideoItem> = self
            .rows
            .chosen()
            .into_iter()
            .filter(|item| is_open(item))
            .collect();
        let pending = open
            .iter()
            .filter(|item| item.state() == ItemState::Pending)
            .count();
        let pending = i32::try_from(pending).unwrap_or(i32::MAX);
        let running = i32::try_from(open.len()).unwrap_or(i32::MAX) - pending;
        (!open.is_empty()).then(|| Ask::Cancel {
            targets: vec![self.target(&open, 0)],
            pending,
            running,
            pending_credits: pending * batch.credits_per_item,
            running_credits: running * batch.credits_per_item,
            owner: other_owner(&[batch], me),
        })
    }

    /// The question before the whole batch is cancelled.
    pub(crate) fn ask_cancel_batch(&self, me: &v1::User) -> Option<Ask> {
        let batch = self.batch.as_ref()?;
        super::batches::is_open(batch)
            .then(|| cancel_whole(&[batch], me))
            .flatten()
    }

    /// The question before the batch is taken away; none when it has still to end.
    pub(crate) fn ask_delete(&self, me: &v1::User) -> Option<Ask> {
        super::batches::delete_ended(&[self.batch.as_ref()?], me)
    }

    /// The question before the chosen items (or all failed ones) are tried again; none when none can be.
    pub(crate) fn ask_retry(&self, all: bool, me: &v1::User, balance: Option<i32>) -> Option<Ask> {
        let batch = self.batch.as_ref()?;
        let chosen: Vec<&v1::VideoItem> = if all {
            self.rows
                .all()
                .iter()
                .filter(|item| item.state() == ItemState::Failed)
                .collect()
        } else {
            self.rows
                .chosen()
                .into_iter()
                .filter(|item| is_retryable(item))
                .collect()
        };
        let count = i32::try_from(chosen.len()).unwrap_or(i32::MAX);
        let credits = count.saturating_mul(batch.credits_per_item);
        let owner = other_owner(&[batch], me);
        (count > 0).then(|| Ask::Retry {
            targets: vec![self.target(&chosen, credits)],
            count,
            credits,
            balance: balance.filter(|_| owner.is_none()),
            owner,
        })
    }

    fn target(&self, items: &[&v1::VideoItem], credits: i32) -> Target {
        let name = match items {
            [item] => filename(item).to_owned(),
            _ => String::new(),
        };
        Target {
            batch_id: self.id.clone(),
            name,
            which: Which::Items(items.iter().map(|item| item.id.clone()).collect()),
            credits,
        }
    }
}
