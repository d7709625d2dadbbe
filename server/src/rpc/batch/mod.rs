//! BatchService: decode, call, encode.
//!
//! Invariants: no answer is above the contract's message size, lists and snapshots are cut to it; a stream makes its next
//! message when it is asked for it, so a slow reader holds one message and no more.
//!
//! Not here: rules (`service::batches`).

mod files;
mod live_batch;
mod live_list;
mod part;
mod upload;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use super::convert::batch::item::attempts;
use super::convert::batch::{Now, counts, limits, request, wait};
use super::convert::system::service_status;
use super::convert::{count, read_duration, time, wide};
use super::stream::Life;
use super::{gate, stream};
use crate::domain::batch::{Batch, DEFAULT_PROMPT};
use crate::feed::engine_status::EngineStatuses;
use crate::service::accounts::Accounts;
use crate::service::batches::change::Retry;
use crate::service::batches::download::FileRequest;
use crate::service::batches::rerun::Rerun;
use crate::service::batches::{Batches, OwnerNames};
use crate::service::error::ServiceError;
use crate::service::session::Session;
use crate::store::query::ItemSelection;
use crate::store::{Created, ItemsChanged};
use live_batch::LiveBatch;
use live_list::LiveList;
use part::PART_BYTES;

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The face of the batches. Clones share everything.
#[derive(Clone)]
pub struct BatchFace {
    batches: Batches,
    accounts: Arc<Accounts>,
    shutdown: CancellationToken,
}

impl BatchFace {
    /// The face of these batches; `shutdown` ends its streams with SHUTTING_DOWN.
    pub fn new(batches: Batches, accounts: Arc<Accounts>, shutdown: CancellationToken) -> Self {
        Self {
            batches,
            accounts,
            shutdown,
        }
    }

    /// What ends a stream of this session from outside.
    fn ended(&self, session: Session) -> Result<stream::Ended, ServiceError> {
        let open = self.accounts.open_stream(session)?;
        Ok(stream::end(open, self.shutdown.clone()))
    }

    async fn show(&self, batch: &Batch) -> Result<v1::Batch, ServiceError> {
        let owner = self.batches.owner_names().of(batch.owner).await?;
        let engines = self.batches.engines();
        Ok(self.now(&engines).batch(batch, owner))
    }

    fn now<'a>(&self, engines: &'a EngineStatuses) -> Now<'a> {
        Now {
            engines,
            time: self.batches.clock().now(),
        }
    }

    async fn created(&self, created: Created) -> Result<v1::CreateBatchResponse, ServiceError> {
        Ok(v1::CreateBatchResponse {
            batch: Some(self.show(&created.batch).await?),
            credit_balance: created.balance,
            replayed: created.replayed,
        })
    }

    /// A page of batches that fits into a message: a page may be shorter than was asked for.
    async fn page_of_batches(
        &self,
        caller: &crate::service::Caller,
        message: v1::ListBatchesRequest,
    ) -> Result<v1::ListBatchesResponse, ServiceError> {
        let list = request::list(message.filter, &message.owner_id, &message.order_by)?;
        let mut names = self.batches.owner_names();
        let mut page_size = message.page_size;
        loop {
            let page = self
                .batches
                .list(caller, list.clone(), page_size, &message.page_token)
                .await?;
            let answer = v1::ListBatchesResponse {
                batches: self.listed(&page.batches, &mut names).await?,
                next_page_token: page.next_page_token,
                counts: Some(counts(&page.counts)),
            };
            if answer.encoded_len() <= PART_BYTES || page.batches.len() <= 1 {
                return Ok(answer);
            }
            page_size = count(page.batches.len() / 2);
        }
    }

    async fn listed(
        &self,
        batches: &[Batch],
        names: &mut OwnerNames,
    ) -> Result<Vec<v1::Batch>, ServiceError> {
        let engines = self.batches.engines();
        let now = self.now(&engines);
        let mut messages = Vec::with_capacity(batches.len());
        for batch in batches {
            messages.push(now.listed_batch(batch, names.of(batch.owner).await?));
        }
        Ok(messages)
    }
}

/// The items of a change, by id.
fn changed_ids(changed: &ItemsChanged) -> (i32, Vec<String>) {
    let ids: Vec<_> = changed.items.iter().map(ToString::to_string).collect();
    (count(ids.len()), ids)
}

fn selection(ids: &[String], states: &[i32]) -> Result<ItemSelection, ServiceError> {
    Ok(ItemSelection {
        ids: request::item_ids(ids)?,
        states: request::item_states(states)?,
    })
}

#[tonic::async_trait]
impl BatchService for BatchFace {
    async fn get_service_info(
        &self,
        _request: Request<v1::GetServiceInfoRequest>,
    ) -> Result<Response<v1::GetServiceInfoResponse>, Status> {
        let overview = self.batches.overview().await?;
        let now = self.batches.clock().now();
        Ok(Response::new(v1::GetServiceInfoResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server_time: Some(time(now)),
            limits: Some(limits::limits(&self.batches.limits())),
            default_prompt: DEFAULT_PROMPT.to_owned(),
            status: Some(service_status(&overview, now)),
        }))
    }

    async fn quote_batch(
        &self,
        request: Request<v1::QuoteBatchRequest>,
    ) -> Result<Response<v1::QuoteBatchResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let audio = message.audio_duration.ok_or_else(|| {
            ServiceError::field("audio_duration", "Say how long the audio plays.")
        })?;
        let quote = self
            .batches
            .quote(
                &caller,
                &message.engine,
                i64::from(message.image_count),
                read_duration("audio_duration", audio)?,
            )
            .await?;
        let balance_after = quote.balance_before.saturating_sub(quote.credits);
        Ok(Response::new(v1::QuoteBatchResponse {
            engine: quote.engine.name().to_owned(),
            credits: quote.credits,
            credits_per_item: quote.credits_per_item,
            balance_before: quote.balance_before,
            balance_after,
            affordable: balance_after >= 0,
            expected_finish_time: quote.expected_finish_time.map(time),
            wait: quote.wait.map(wait),
            items_ahead: count(quote.items_ahead),
            slot_limit: count(quote.slot_limit),
            daily_tasks_left: quote.daily_tasks_left.map(count),
        }))
    }

    async fn create_batch(
        &self,
        request: Request<Streaming<v1::CreateBatchRequest>>,
    ) -> Result<Response<v1::CreateBatchResponse>, Status> {
        let session = gate::session(&request)?;
        let caller = session.caller.clone();
        let life = Life::new(self.accounts.open_stream(session)?, self.shutdown.clone());
        let messages = request.into_inner();
        let created = upload::receive(&self.batches, &caller, messages, &life).await?;
        Ok(Response::new(self.created(created).await?))
    }

    async fn rerun_batch(
        &self,
        request: Request<v1::RerunBatchRequest>,
    ) -> Result<Response<v1::RerunBatchResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let rerun = Rerun {
            batch: request::batch_id(&message.batch_id)?,
            engine: message.engine,
            prompt: message.prompt,
            negative_prompt: message.negative_prompt,
            name: message.name,
            items: request::item_ids(&message.item_ids)?,
            labels: message.labels,
            request_id: request::request_id(&message.request_id)?,
            max_credits: message.max_credits,
        };
        let created = self
            .created(self.batches.rerun(&caller, rerun).await?)
            .await?;
        Ok(Response::new(v1::RerunBatchResponse {
            batch: created.batch,
            credit_balance: created.credit_balance,
            replayed: created.replayed,
        }))
    }

    async fn list_batches(
        &self,
        request: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        let caller = gate::caller(&request)?;
        let page = self.page_of_batches(&caller, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn get_batch(
        &self,
        request: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let id = request::batch_id(&message.batch_id)?;
        let batch = self
            .batches
            .get(&caller, id, message.acknowledge_failures)
            .await?;
        Ok(Response::new(v1::GetBatchResponse {
            batch: Some(self.show(&batch).await?),
        }))
    }

    async fn list_items(
        &self,
        request: Request<v1::ListItemsRequest>,
    ) -> Result<Response<v1::ListItemsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let id = request::batch_id(&message.batch_id)?;
        let states = request::item_states(&message.states)?;
        let mut page_size = message.page_size;
        loop {
            let page = self
                .batches
                .list_items(&caller, id, states.clone(), page_size, &message.page_token)
                .await?;
            let engines = self.batches.engines();
            let now = self.now(&engines);
            let answer = v1::ListItemsResponse {
                items: page
                    .items
                    .iter()
                    .map(|item| now.item(page.batch.engine, item))
                    .collect(),
                next_page_token: page.next_page_token,
            };
            if answer.encoded_len() <= PART_BYTES || page.items.len() <= 1 {
                return Ok(Response::new(answer));
            }
            page_size = count(page.items.len() / 2);
        }
    }

    async fn get_item(
        &self,
        request: Request<v1::GetItemRequest>,
    ) -> Result<Response<v1::GetItemResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let batch = request::batch_id(&message.batch_id)?;
        // Whose batch it is is told before whether the item is one.
        self.batches.batch(&caller, batch).await?;
        let item = request::item_id(&message.item_id)?;
        let (batch, item) = self.batches.item(&caller, batch, item).await?;
        let engines = self.batches.engines();
        Ok(Response::new(v1::GetItemResponse {
            item: Some(self.now(&engines).item(batch.engine, &item)),
            attempts: attempts(batch.engine, &item),
        }))
    }

    type BatchStatusStream = Answers<v1::BatchStatusResponse>;

    async fn batch_status(
        &self,
        request: Request<v1::BatchStatusRequest>,
    ) -> Result<Response<Self::BatchStatusStream>, Status> {
        let session = gate::session(&request)?;
        let caller = session.caller.clone();
        let ended = self.ended(session)?;
        let message = request.into_inner();
        let live = LiveBatch::open(self.batches.clone(), &caller, message, ended).await?;
        Ok(Response::new(Box::pin(live.into_stream())))
    }

    type WatchBatchesStream = Answers<v1::WatchBatchesResponse>;

    async fn watch_batches(
        &self,
        request: Request<v1::WatchBatchesRequest>,
    ) -> Result<Response<Self::WatchBatchesStream>, Status> {
        let session = gate::session(&request)?;
        let caller = session.caller.clone();
        let ended = self.ended(session)?;
        let message = request.into_inner();
        let live = LiveList::open(self.batches.clone(), &caller, message, ended).await?;
        Ok(Response::new(Box::pin(live.into_stream())))
    }

    async fn cancel_batch(
        &self,
        request: Request<v1::CancelBatchRequest>,
    ) -> Result<Response<v1::CancelBatchResponse>, Status> {
        let caller = gate::caller(&request)?;
        let id = request::batch_id(&request.into_inner().batch_id)?;
        let changed = self.batches.cancel_batch(&caller, id).await?;
        let (item_count, item_ids) = changed_ids(&changed);
        Ok(Response::new(v1::CancelBatchResponse {
            batch: Some(self.show(&changed.batch).await?),
            item_count,
            item_ids,
        }))
    }

    async fn cancel_items(
        &self,
        request: Request<v1::CancelItemsRequest>,
    ) -> Result<Response<v1::CancelItemsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let id = request::batch_id(&message.batch_id)?;
        let selection = selection(&message.item_ids, &message.states)?;
        let changed = self.batches.cancel_items(&caller, id, selection).await?;
        let (item_count, item_ids) = changed_ids(&changed);
        Ok(Response::new(v1::CancelItemsResponse {
            batch: Some(self.show(&changed.batch).await?),
            item_count,
            item_ids,
        }))
    }

    async fn retry_items(
        &self,
        request: Request<v1::RetryItemsRequest>,
    ) -> Result<Response<v1::RetryItemsResponse>, Status> {
        let caller = gate::caller(&request)?;
        let message = request.into_inner();
        let retry = Retry {
            batch: request::batch_id(&message.batch_id)?,
            selection: selection(&message.item_ids, &message.states)?,
            request_id: request::request_id(&message.request_id)?,
            max_credits: message.max_credits,
        };
        let retried = self.batches.retry(&caller, retry).await?;
        let (item_count, item_ids) = changed_ids(&retried.changed);
        Ok(Response::new(v1::RetryItemsResponse {
            batch: Some(self.show(&retried.changed.batch).await?),
            item_count,
            item_ids,
            credits_charged: retried.credits_charged,
            credit_balance: retried.changed.balance,
            replayed: retried.replayed,
        }))
    }

    type DownloadFileStream = Answers<v1::DownloadFileResponse>;

    async fn download_file(
        &self,
        request: Request<v1::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let session = gate::session(&request)?;
        let caller = session.caller.clone();
        let ended = self.ended(session)?;
        let message = request.into_inner();
        let file = FileRequest {
            batch: request::batch_id(&message.batch_id)?,
            item: match message.item_id.as_str() {
                "" => None,
                id => Some(request::item_id(id)?),
            },
            kind: request::file_kind("kind", message.kind)?,
            offset: message.offset,
        };
        let download = self.batches.download(&caller, file).await?;
        let sent = files::download(download);
        Ok(Response::new(Box::pin(stream::until(ended, sent))))
    }

    type ExportBatchStream = Answers<v1::ExportBatchResponse>;

    async fn export_batch(
        &self,
        request: Request<v1::ExportBatchRequest>,
    ) -> Result<Response<Self::ExportBatchStream>, Status> {
        let session = gate::session(&request)?;
        let caller = session.caller.clone();
        let ended = self.ended(session)?;
        let message = request.into_inner();
        let id = request::batch_id(&message.batch_id)?;
        let items = request::item_ids(&message.item_ids)?;
        let export = self.batches.export(&caller, id, items).await?;
        let sent = files::export(export);
        Ok(Response::new(Box::pin(stream::until(ended, sent))))
    }

    async fn delete_batch(
        &self,
        request: Request<v1::DeleteBatchRequest>,
    ) -> Result<Response<v1::DeleteBatchResponse>, Status> {
        let caller = gate::caller(&request)?;
        let id = request::batch_id(&request.into_inner().batch_id)?;
        let freed_bytes = self.batches.delete(&caller, id).await?;
        Ok(Response::new(v1::DeleteBatchResponse {
            freed_bytes: wide(freed_bytes),
        }))
    }
}

#[cfg(test)]
mod tests;
