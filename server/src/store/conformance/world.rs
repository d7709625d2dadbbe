//! A store with a clock, and short ways to put users, batches and events into it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::batch::{Batch, EngineKind, ItemCounts};
use crate::domain::dispatching::{DispatchSettings, DispatchState};
use crate::domain::failure::{Failure, FailureReason};
use crate::domain::ids::{Account, AttemptNumber, BatchId, InstanceId, ItemId, TaskId, UserId};
use crate::domain::item::{ItemState, Pending, VideoItem};
use crate::domain::ledger::Actor;
use crate::domain::media::{Audio, Blob, BlobKind, Sha256, SourceImage, Video};
use crate::domain::transition::AttemptEvent;
use crate::domain::user::{Credits, Role, User};
use crate::feed::Feed;
use crate::store::query::ItemSelection;
use crate::store::{
    AttemptChange, CancelItems, ChangeItemsError, Claim, CreateBatchError, Created, ItemsChanged,
    NewBatch, Request, RetryItems, Store,
};

/// A store to be tested, as a driver hands it over.
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The feed that it tells.
    pub feed: Feed,
    /// The clock that it was given.
    pub clock: Clock,
    /// This start of the server.
    pub instance: InstanceId,
}

impl World {
    /// Around a store that was just opened.
    pub fn new(store: Arc<dyn Store>, feed: Feed, clock: Clock) -> Self {
        let instance = clock.instance_id();
        Self {
            store,
            feed,
            clock,
            instance,
        }
    }

    /// A user with so many credits.
    pub async fn user(&self, name: &str, credits: Credits) -> User {
        self.store
            .create_user(self.new_user(name), credits, Actor::System)
            .await
            .unwrap()
    }

    /// A user that is not stored yet.
    pub fn new_user(&self, name: &str) -> User {
        User {
            id: self.clock.user_id(),
            username: name.to_owned(),
            display_name: name.to_uppercase(),
            language: "zh-CN".to_owned(),
            role: Role::User,
            disabled: false,
            password_hash: "$argon2id$".to_owned(),
            password_change_required: true,
            password_expire_time: Some(self.clock.now()),
            token_epoch: 1,
            credit_balance: 0,
            credits_held: 0,
            active_item_count: 0,
            completed_video_count: 0,
            ledger_sequence: 0,
            create_time: self.clock.now(),
            last_sign_in_time: None,
            last_sign_in_method: None,
            version: 1,
        }
    }

    /// A batch that is not stored yet.
    pub fn new_batch(&self, owner: UserId, items: u32, price: Credits) -> NewBatch {
        let engine = if price == 0 {
            EngineKind::Preview
        } else {
            EngineKind::LightX2v
        };
        let id = self.clock.batch_id();
        let now = self.clock.now();
        let batch = Batch {
            id,
            owner,
            name: "春节".to_owned(),
            prompt: "a prompt".to_owned(),
            negative_prompt: String::new(),
            engine,
            labels: [("kind".to_owned(), "test".to_owned())].into(),
            source_batch: None,
            audio: Audio {
                filename: "speech.wav".to_owned(),
                media_type: "audio/wav".to_owned(),
                blob: blob(BlobKind::Audio, 1),
                duration: Duration::from_secs(7),
                removed_time: None,
            },
            credits_per_item: price,
            counts: ItemCounts::default(),
            credits_charged: 0,
            credits_refunded: 0,
            progress_permille_sum: 0,
            create_time: now,
            start_time: None,
            finish_time: None,
            cancel_request_time: None,
            results_removed_time: None,
            uploads_removed_time: None,
            held: std::collections::BTreeMap::new(),
            last_ended: None,
            failures_seen: 0,
            revision: 0,
        };
        let items = (1..=items)
            .map(|position| VideoItem {
                id: self.clock.item_id(),
                batch: id,
                position,
                source_image: SourceImage {
                    filename: format!("王芳-{position}.png"),
                    media_type: "image/png".to_owned(),
                    blob: blob(BlobKind::Image, position as u8),
                    width_px: 640,
                    height_px: 480,
                    removed_time: None,
                },
                state: ItemState::Pending(Pending::default()),
                round: 1,
                charge: price,
                failures_in_round: 0,
                last_attempt: 0,
                ended_attempts: Vec::new(),
                progress_permille: 0,
                create_time: now,
                start_time: None,
                update_time: now,
                revision: 0,
            })
            .collect();
        NewBatch {
            batch,
            items,
            request: None,
            actor: Actor::System,
        }
    }

    /// Commits a new batch.
    pub async fn try_batch(
        &self,
        owner: &User,
        items: u32,
        price: Credits,
        request: Option<Request>,
    ) -> Result<Created, CreateBatchError> {
        let new = NewBatch {
            request,
            ..self.new_batch(owner.id, items, price)
        };
        self.store.create_batch(new).await
    }

    /// Commits a new batch that can be paid.
    pub async fn batch(&self, owner: &User, items: u32, price: Credits) -> Batch {
        self.try_batch(owner, items, price, None)
            .await
            .unwrap()
            .batch
    }

    /// The items of a batch.
    pub async fn items(&self, batch: BatchId) -> Vec<VideoItem> {
        let all = ItemSelection::default();
        self.store
            .items(batch, 0, &all, 10_000)
            .await
            .unwrap()
            .items
    }

    /// One item.
    pub async fn item(&self, id: ItemId) -> VideoItem {
        self.store.item(id).await.unwrap().unwrap().1
    }

    /// The user as stored.
    pub async fn stored(&self, user: &User) -> User {
        self.store.user(user.id).await.unwrap().unwrap()
    }

    /// Claims for the paid engine with so many slots.
    pub async fn claim(&self, limit: u32) -> Option<VideoItem> {
        self.claim_for(EngineKind::LightX2v, Some(limit)).await
    }

    /// Claims for an engine, with so many slots or as many as the settings say.
    pub async fn claim_for(&self, engine: EngineKind, slots: Option<u32>) -> Option<VideoItem> {
        let claim = Claim {
            engine,
            account: account(),
            instance: self.instance,
            slots,
            after_batch: None,
            now: self.clock.now(),
        };
        let claimed = self.store.claim(claim).await.unwrap();
        claimed.map(|(_, item)| item)
    }

    /// Sets the dispatcher's state and slots.
    pub async fn dispatch(&self, state: DispatchState, concurrency: u32) {
        let settings = DispatchSettings {
            state,
            concurrency,
            changed_by: Actor::System,
            change_time: self.clock.now(),
        };
        self.store.set_dispatch_settings(settings).await.unwrap();
    }

    /// Applies one event to the attempt.
    pub async fn event(
        &self,
        item: ItemId,
        attempt: AttemptNumber,
        event: AttemptEvent,
    ) -> Option<VideoItem> {
        let change = AttemptChange {
            item,
            attempt,
            event,
        };
        let mut applied = self
            .store
            .apply(vec![change], self.clock.now())
            .await
            .unwrap();
        applied.pop().unwrap()
    }

    /// Brings a claimed item to its end as COMPLETED.
    pub async fn complete(&self, item: &VideoItem) -> VideoItem {
        let attempt = item.last_attempt;
        for event in [
            submitted("t"),
            AttemptEvent::Succeeded,
            AttemptEvent::Completed { video: video(1) },
        ] {
            self.event(item.id, attempt, event).await.unwrap();
        }
        self.item(item.id).await
    }

    /// Brings a claimed item to its end as FAILED.
    pub async fn fail(&self, item: &VideoItem) -> VideoItem {
        self.event(item.id, item.last_attempt, failed())
            .await
            .unwrap()
    }

    /// Cancels items; all of the batch when `ids` is empty.
    pub async fn cancel(
        &self,
        batch: BatchId,
        ids: &[ItemId],
    ) -> Result<ItemsChanged, ChangeItemsError> {
        let cancel = CancelItems {
            batch,
            selection: ItemSelection {
                ids: ids.to_vec(),
                states: Vec::new(),
            },
            whole_batch: ids.is_empty(),
            actor: Actor::System,
            now: self.clock.now(),
        };
        self.store.cancel_items(cancel).await
    }

    /// Retries items; all that can be when `ids` is empty.
    pub async fn retry(
        &self,
        batch: BatchId,
        ids: &[ItemId],
    ) -> Result<ItemsChanged, ChangeItemsError> {
        self.store.retry_items(self.new_retry(batch, ids)).await
    }

    /// A retry that is not sent yet.
    pub fn new_retry(&self, batch: BatchId, ids: &[ItemId]) -> RetryItems {
        RetryItems {
            batch,
            selection: ItemSelection {
                ids: ids.to_vec(),
                states: Vec::new(),
            },
            max_credits: None,
            request: None,
            actor: Actor::System,
            now: self.clock.now(),
        }
    }

    /// The balance is the sum of the ledger, each entry follows the one before, and what a user's account says of
    /// running work is what the items say.
    pub async fn check_books(&self, user: &User) {
        let user = self.stored(user).await;
        let mut entries = self
            .store
            .entries(user.id, None, usize::MAX)
            .await
            .unwrap()
            .entries;
        entries.reverse();
        let mut balance = 0;
        for (index, entry) in entries.iter().enumerate() {
            balance += entry.delta;
            assert_ne!(entry.delta, 0);
            assert_eq!(entry.sequence, index as u64 + 1);
            assert_eq!(entry.balance_after, balance);
            assert!(balance >= 0);
        }
        assert_eq!(user.credit_balance, balance);
        assert_eq!(user.ledger_sequence, entries.len() as u64);
    }
}

/// The account of most tests.
pub fn account() -> Account {
    Account("factory".to_owned())
}

/// A blob whose content is told by one number.
pub fn blob(kind: BlobKind, content: u8) -> Blob {
    Blob {
        kind,
        sha256: Sha256([content; 32]),
        size_bytes: 1_000 + u64::from(content),
    }
}

/// A video whose content is told by one number.
pub fn video(content: u8) -> Video {
    Video {
        media_type: "video/mp4".to_owned(),
        blob: blob(BlobKind::Video, content),
        duration: Duration::from_millis(7_040),
        width_px: 640,
        height_px: 360,
        removed_time: None,
    }
}

/// The engine took the task.
pub fn submitted(task: &str) -> AttemptEvent {
    AttemptEvent::Submitted {
        task: TaskId(task.to_owned()),
        expected_wait: None,
    }
}

/// A failure for good.
pub fn failed() -> AttemptEvent {
    AttemptEvent::Failed {
        failure: failure(),
        try_again: None,
    }
}

/// Why.
pub fn failure() -> Failure {
    Failure::new(FailureReason::UpstreamFailed, "it failed", "boom")
}
