//! Batches: uploading, reading, changing, downloading and exporting them.
//!
//! Invariants:
//! - a user reaches own batches only, an admin everyone's; for anyone else another's batch is BATCH_NOT_FOUND;
//! - a refusal changes, stores and charges nothing, and leaves no file;
//! - credits move on the owner's account, the audit names who asked.
//!
//! Not here: what runs when (`dispatch`), messages (`rpc`).

pub mod change;
pub mod delete;
pub mod download;
mod draft;
pub mod export;
mod file_check;
pub mod page;
pub mod quote;
pub(crate) mod refusal;
mod replay;
pub mod rerun;
mod slots;
pub mod spec;
pub mod upload;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Caller;
use super::error::{Reason, ServiceError, user_not_found};
use super::overview::{Offer, Overview};
use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::domain::batch::{Batch, EngineKind};
use crate::domain::ids::{BatchId, ItemId, UserId};
use crate::domain::item::VideoItem;
use crate::feed::Feed;
use crate::feed::engine_status::EngineStatuses;
use crate::media::{Media, Pin};
use crate::store::{CreateBatchError, Store, StoreError};
use slots::{EXPORTS, Slots, uploads};

/// The operations on batches. Clones share everything.
#[derive(Clone)]
pub struct Batches {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    media: Media,
    feed: Feed,
    clock: Clock,
    limits: Limits,
    offer: Offer,
    uploads: Slots,
    exports: Slots,
}

impl Batches {
    /// The operations on what this store and these files hold.
    pub fn new(
        store: Arc<dyn Store>,
        media: Media,
        feed: Feed,
        clock: Clock,
        config: &Config,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                media,
                feed,
                clock,
                limits: config.limits,
                offer: Offer::of(config),
                uploads: Slots::of(uploads(&config.limits)),
                exports: Slots::of(EXPORTS),
            }),
        }
    }

    /// What uploads may be.
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// The fan-out of what is committed.
    pub fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What the engines are doing now.
    pub fn engines(&self) -> Arc<EngineStatuses> {
        self.shared.feed.engines().borrow().clone()
    }

    fn store(&self) -> &dyn Store {
        self.shared.store.as_ref()
    }

    fn media(&self) -> &Media {
        &self.shared.media
    }

    /// What the service is doing.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn overview(&self) -> Result<Overview, ServiceError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        Ok(Overview::read(self.store(), &shared.feed, &shared.offer, now).await?)
    }

    /// The engine of that name, or the default for none.
    ///
    /// # Errors
    ///
    /// FIELD_INVALID, ENGINE_UNAVAILABLE.
    pub fn engine(&self, name: &str) -> Result<EngineKind, ServiceError> {
        let engine = if name.is_empty() {
            self.shared.offer.default_engine(&self.engines())
        } else {
            EngineKind::from_name(name).ok_or_else(|| {
                ServiceError::field("engine", "The engine is preview or lightx2v.")
            })?
        };
        if self.shared.offer.is_configured(engine) {
            Ok(engine)
        } else {
            Err(ServiceError::new(
                Reason::EngineUnavailable,
                format!(
                    "The engine {} is not configured on this server. Take another engine.",
                    engine.name()
                ),
            )
            .with("engine", engine.name()))
        }
    }

    /// A batch that the caller may reach.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND.
    pub async fn batch(&self, caller: &Caller, id: BatchId) -> Result<Batch, ServiceError> {
        self.store()
            .batch(id)
            .await?
            .filter(|batch| batch.owner == caller.user || caller.is_admin())
            .ok_or_else(|| refusal::batch_not_found(id))
    }

    /// An item of a batch that the caller may reach.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, ITEM_NOT_FOUND.
    pub async fn item(
        &self,
        caller: &Caller,
        batch: BatchId,
        item: ItemId,
    ) -> Result<(Batch, VideoItem), ServiceError> {
        let batch = self.batch(caller, batch).await?;
        match self.store().item(item).await? {
            Some((_, found)) if found.batch == batch.id => Ok((batch, found)),
            _ => Err(refusal::item_not_found(item)),
        }
    }

    /// The user's balance.
    ///
    /// # Errors
    ///
    /// USER_NOT_FOUND.
    pub async fn balance(&self, user: UserId) -> Result<i32, ServiceError> {
        match self.store().user(user).await? {
            Some(user) => Ok(user.credit_balance),
            None => Err(user_not_found(user)),
        }
    }

    /// Looks owners' names up, each once.
    pub fn owner_names(&self) -> OwnerNames {
        OwnerNames {
            store: Arc::clone(&self.shared.store),
            known: HashMap::new(),
        }
    }

    /// Gives pins back after a refusal and removes what nothing refers to. While the store has no room it cannot be
    /// asked: then the pins are kept, and it is asked again until it answers.
    async fn discard(&self, mut pins: Vec<Pin>) {
        let shared = Arc::clone(&self.shared);
        let waiting = shared.discard(&mut pins).await;
        if !waiting {
            return;
        }
        tokio::spawn(async move {
            while shared.discard(&mut pins).await {
                shared.clock.sleep(ASK_AGAIN).await;
            }
        });
    }

    /// The same after a creation that failed so: what certainly is not stored leaves nothing behind, whether the store
    /// can be asked or not.
    async fn discard_after(&self, error: &CreateBatchError, pins: Vec<Pin>) {
        let pins = match error {
            CreateBatchError::Store(StoreError::Full(_)) => self.media().withdraw(pins).await,
            _ => pins,
        };
        self.discard(pins).await;
    }
}

impl Shared {
    /// Discards these pins if the store can say what is referred to; whether it has no room and cannot.
    async fn discard(&self, pins: &mut Vec<Pin>) -> bool {
        let asked = match pins.first() {
            Some(pin) => self.store.is_referenced(pin.blob()).await,
            None => return false,
        };
        if let Err(StoreError::Full(_) | StoreError::Undecided(_)) = asked {
            return true;
        }
        // Which of them are gone matters to nobody: they were never the store's.
        let _gone = self
            .media
            .discard(std::mem::take(pins), |blob| self.store.is_referenced(blob))
            .await;
        false
    }
}

/// A store without room is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Usernames that were looked up. They never change, so each is read once.
pub struct OwnerNames {
    store: Arc<dyn Store>,
    known: HashMap<UserId, String>,
}

/// Names that are kept; a list of everyone's batches would otherwise grow it with the number of users.
const NAMES_KEPT: usize = 1_000;

impl OwnerNames {
    /// The user's name; empty when there is no such user.
    pub async fn of(&mut self, user: UserId) -> Result<String, ServiceError> {
        if let Some(name) = self.known.get(&user) {
            return Ok(name.clone());
        }
        let found = self.store.user(user).await?;
        let name = found.map(|user| user.username).unwrap_or_default();
        if self.known.len() >= NAMES_KEPT {
            self.known.clear();
        }
        self.known.insert(user, name.clone());
        Ok(name)
    }
}
