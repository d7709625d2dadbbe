//! Reading: lists of batches and of items, page by page, and one batch or item.

use super::Batches;
use crate::domain::batch::Batch;
use crate::domain::ids::{BatchId, UserId};
use crate::domain::item::{ItemState, VideoItem};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError, user_not_found};
use crate::service::page_token::{self, PageScope};
use crate::store::query::{
    BatchCursor, BatchFilter, BatchOrder, BatchPage, BatchQuery, Counts, ItemPage, ItemSelection,
    ItemStateName,
};

/// Whose batches are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The caller's own.
    Own,
    /// Everyone's; for admins.
    Everyone,
    /// Those of one user; for admins, and for that user.
    Of(UserId),
}

/// A list of batches that is asked for.
#[derive(Debug, Clone)]
pub struct BatchList {
    /// Whose.
    pub scope: Scope,
    /// Which.
    pub filter: BatchFilter,
    /// In which order.
    pub order: BatchOrder,
}

/// A page of batches.
#[derive(Debug, Clone)]
pub struct BatchListPage {
    /// The batches.
    pub batches: Vec<Batch>,
    /// Where to go on; empty at the end.
    pub next_page_token: String,
    /// All batches of that scope by state.
    pub counts: Counts,
}

/// A page of items.
#[derive(Debug, Clone)]
pub struct ItemListPage {
    /// Their batch.
    pub batch: Batch,
    /// By position.
    pub items: Vec<VideoItem>,
    /// Where to go on; empty at the end.
    pub next_page_token: String,
}

/// Every state of an item, in the order of the contract.
pub(super) const ITEM_STATES: [ItemStateName; 5] = [
    ItemStateName::Pending,
    ItemStateName::Processing,
    ItemStateName::Completed,
    ItemStateName::Failed,
    ItemStateName::Cancelled,
];

/// The name of a state in refusals: the contract's.
pub(super) fn state_name(state: &ItemState) -> &'static str {
    match ItemStateName::from(state) {
        ItemStateName::Pending => "PENDING",
        ItemStateName::Processing => "PROCESSING",
        ItemStateName::Completed => "COMPLETED",
        ItemStateName::Failed => "FAILED",
        ItemStateName::Cancelled => "CANCELLED",
    }
}

/// Open batches that a count of those that wait for a person looks at.
pub const OPEN_LOOKED_AT: usize = 2_000;

impl Batches {
    /// Whose batches a scope means; absent: everyone's.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, USER_NOT_FOUND.
    pub async fn owner(
        &self,
        caller: &Caller,
        scope: Scope,
    ) -> Result<Option<UserId>, ServiceError> {
        match scope {
            Scope::Own => Ok(Some(caller.user)),
            Scope::Of(user) if user == caller.user => Ok(Some(user)),
            _ if !caller.is_admin() => Err(ServiceError::new(
                Reason::AdminRequired,
                "Only administrators see the batches of others.",
            )),
            Scope::Everyone => Ok(None),
            Scope::Of(user) => match self.store().user(user).await? {
                Some(_) => Ok(Some(user)),
                None => Err(user_not_found(user)),
            },
        }
    }

    /// A page of batches.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, USER_NOT_FOUND, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list(
        &self,
        caller: &Caller,
        list: BatchList,
        page_size: i32,
        page_token: &str,
    ) -> Result<BatchListPage, ServiceError> {
        let limit = page_token::page_size(page_size)?;
        let owner = self.owner(caller, list.scope).await?;
        let pages = pages_of(owner, &list);
        let after = pages.place(page_token)?.map(read_cursor).transpose()?;
        let page = self
            .store()
            .batches(&BatchQuery {
                owner,
                order: list.order,
                halted: self.engines().halted(),
                filter: list.filter,
                limit,
                after,
            })
            .await?;
        Ok(BatchListPage {
            next_page_token: page
                .next
                .map(|cursor| pages.token(&write_cursor(cursor)))
                .unwrap_or_default(),
            batches: page.batches,
            counts: self.counts(owner).await?,
        })
    }

    /// The first batches of a list, as many as `limit` if there are, with the revision they were read at. A search
    /// that finds little reads on for a while only.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn first_batches(
        &self,
        owner: Option<UserId>,
        filter: &BatchFilter,
        order: BatchOrder,
        limit: usize,
    ) -> Result<(Vec<Batch>, u64), ServiceError> {
        /// Scan budgets that a snapshot may use up.
        const ROUNDS: usize = 10;
        let mut query = BatchQuery {
            owner,
            order,
            halted: self.engines().halted(),
            filter: filter.clone(),
            limit,
            after: None,
        };
        let BatchPage {
            mut batches,
            mut next,
            revision,
        } = self.store().batches(&query).await?;
        for _ in 1..ROUNDS {
            if next.is_none() || batches.len() >= limit {
                break;
            }
            query.after = next;
            query.limit = limit - batches.len();
            let page = self.store().batches(&query).await?;
            batches.extend(page.batches);
            next = page.next;
        }
        Ok((batches, revision))
    }

    /// All batches of an owner, or of everyone, by state. Those that wait for a person are counted among the newest
    /// [`OPEN_LOOKED_AT`] open ones: how many wait for an engine is nowhere written.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn counts(&self, owner: Option<UserId>) -> Result<Counts, ServiceError> {
        let mut counts = self.store().counts(owner).await?;
        let halted = self.engines().halted();
        if !halted.is_empty() {
            let waiting = self.store().halted(owner, &halted, OPEN_LOOKED_AT).await?;
            counts.needs_attention += waiting;
        }
        Ok(counts)
    }

    /// One batch; its owner may say that the failures have been looked at, by a credential that may change anything.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND.
    pub async fn get(
        &self,
        caller: &Caller,
        id: BatchId,
        acknowledge_failures: bool,
    ) -> Result<Batch, ServiceError> {
        let batch = self.batch(caller, id).await?;
        if acknowledge_failures
            && caller.access.may_change()
            && batch.owner == caller.user
            && batch.counts.failed > batch.failures_seen
        {
            self.store().look_at(id).await?;
            return self.batch(caller, id).await;
        }
        Ok(batch)
    }

    /// A page of the items of a batch.
    ///
    /// # Errors
    ///
    /// BATCH_NOT_FOUND, FIELD_INVALID, PAGE_TOKEN_INVALID.
    pub async fn list_items(
        &self,
        caller: &Caller,
        id: BatchId,
        states: Vec<ItemStateName>,
        page_size: i32,
        page_token: &str,
    ) -> Result<ItemListPage, ServiceError> {
        let limit = page_token::page_size(page_size)?;
        let batch = self.batch(caller, id).await?;
        let mut pages = PageScope::new("ListItems").with(id.bytes());
        for state in ITEM_STATES {
            pages = pages.with([u8::from(states.contains(&state))]);
        }
        let after = match pages.place(page_token)? {
            None => 0,
            Some(place) => u32::from_be_bytes(place.try_into().map_err(|_| page_token::invalid())?),
        };
        let selection = ItemSelection {
            ids: Vec::new(),
            states,
        };
        let page = self.items_after(id, after, &selection, limit).await?;
        Ok(ItemListPage {
            batch,
            items: page.items,
            next_page_token: page
                .next_after
                .map(|position| pages.token(&position.to_be_bytes()))
                .unwrap_or_default(),
        })
    }

    /// Items of a batch whose access was checked before, after a position.
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn items_after(
        &self,
        batch: BatchId,
        after: u32,
        selection: &ItemSelection,
        limit: usize,
    ) -> Result<ItemPage, ServiceError> {
        Ok(self.store().items(batch, after, selection, limit).await?)
    }

    /// Every selected item of a batch, by position. A batch has a bounded number of them.
    pub(super) async fn all_items(
        &self,
        batch: BatchId,
        selection: &ItemSelection,
    ) -> Result<Vec<VideoItem>, ServiceError> {
        let mut items = Vec::new();
        let mut after = Some(0);
        while let Some(position) = after {
            let page = self
                .items_after(batch, position, selection, page_token::MAX_PAGE_SIZE)
                .await?;
            items.extend(page.items);
            after = page.next_after;
        }
        Ok(items)
    }
}

/// The pages of a list: tokens hold for the same owner, filter and order.
fn pages_of(owner: Option<UserId>, list: &BatchList) -> PageScope {
    let filter = &list.filter;
    let mut pages = PageScope::new("ListBatches")
        .with(owner.map(UserId::bytes).unwrap_or_default())
        .with([match list.order {
            BatchOrder::Newest => 0,
            BatchOrder::Attention => 1,
        }])
        .with(&filter.text)
        .with(match filter.has_failures {
            None => [0],
            Some(false) => [1],
            Some(true) => [2],
        })
        .with(time_part(filter.created_after))
        .with(time_part(filter.created_before));
    for state in crate::domain::batch::BatchState::ALL {
        pages = pages.with([u8::from(filter.states.contains(&state))]);
    }
    for (key, value) in &filter.labels {
        pages = pages.with(key).with(value);
    }
    pages
}

fn time_part(time: Option<jiff::Timestamp>) -> Vec<u8> {
    time.map(|time| time.as_nanosecond().to_be_bytes().to_vec())
        .unwrap_or_default()
}

fn write_cursor(cursor: BatchCursor) -> [u8; 17] {
    let mut place = [0; 17];
    place[0] = cursor.rank;
    place[1..].copy_from_slice(&cursor.batch.bytes());
    place
}

fn read_cursor(place: Vec<u8>) -> Result<BatchCursor, ServiceError> {
    let place: [u8; 17] = place.try_into().map_err(|_| page_token::invalid())?;
    let mut id = [0; 16];
    id.copy_from_slice(&place[1..]);
    Ok(BatchCursor {
        rank: place[0],
        batch: BatchId::from_bytes(id),
    })
}
