//! Batches as the fake has them.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;
use vision_batch::v1::create_batch_request::Part;

use super::{BATCH_ID, Events, Fake, Step, play, refusal, sha256};

#[tonic::async_trait]
impl BatchService for Fake {
    type BatchStatusStream = Events<v1::BatchStatusResponse>;
    type WatchBatchesStream = Events<v1::WatchBatchesResponse>;
    type DownloadFileStream = Events<v1::DownloadFileResponse>;
    type ExportBatchStream = Events<v1::ExportBatchResponse>;

    async fn create_batch(
        &self,
        request: Request<Streaming<v1::CreateBatchRequest>>,
    ) -> Result<Response<v1::CreateBatchResponse>, Status> {
        if let Some(refusal) = self.gate(&request)?.refuse_upload.clone() {
            return Err(refusal);
        }
        let mut parts = request.into_inner();
        let mut received = 0;
        while let Some(message) = parts.message().await? {
            let mut script = self.script();
            match message.part.unwrap() {
                Part::Spec(spec) => script.specs.push(spec),
                Part::File(header) => {
                    script.headers.push(header);
                    script.uploaded.push(Vec::new());
                }
                Part::Chunk(chunk) => {
                    received += chunk.len();
                    script.chunk_sizes.push(chunk.len());
                    script
                        .uploaded
                        .last_mut()
                        .unwrap()
                        .extend_from_slice(&chunk);
                }
            }
            if script.breaks_left > 0 && received > script.break_after_bytes {
                script.breaks_left -= 1;
                script.headers.clear();
                script.uploaded.clear();
                return Err(Status::unavailable("the connection broke"));
            }
        }
        let script = self.script();
        let spec = script.specs.last().unwrap();
        Ok(Response::new(v1::CreateBatchResponse {
            batch: Some(v1::Batch {
                id: BATCH_ID.into(),
                engine: "preview".into(),
                item_counts: Some(v1::ItemCounts {
                    total: spec.image_count,
                    ..v1::ItemCounts::default()
                }),
                ..v1::Batch::default()
            }),
            credit_balance: 95,
            replayed: false,
        }))
    }

    async fn download_file(
        &self,
        request: Request<v1::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        use v1::download_file_response::Content;

        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.offsets.push(request.offset);
        let offset = usize::try_from(request.offset).unwrap();
        if offset > script.file.len() {
            return Err(refusal(Code::OutOfRange, "OFFSET_INVALID", &[]));
        }
        let metadata = v1::FileMetadata {
            filename: "王芳.mp4".into(),
            media_type: "video/mp4".into(),
            size_bytes: i64::try_from(script.file.len()).unwrap(),
            sha256: script
                .announced_sha256
                .clone()
                .unwrap_or_else(|| sha256(&script.file)),
            offset: request.offset,
        };
        let rest = script.file[offset..].to_vec();
        let broken = script.breaks_left > 0;
        script.breaks_left = script.breaks_left.saturating_sub(1);
        let limit = if broken {
            script.break_after_bytes
        } else {
            rest.len()
        };
        drop(script);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let message = |content| {
                Ok(v1::DownloadFileResponse {
                    content: Some(content),
                })
            };
            let mut messages = vec![message(Content::Metadata(metadata))];
            for chunk in rest[..limit.min(rest.len())].chunks(1_000) {
                messages.push(message(Content::Chunk(chunk.to_vec().into())));
            }
            if broken {
                messages.push(Err(Status::unavailable("the connection broke")));
            }
            for message in messages {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn export_batch(
        &self,
        request: Request<v1::ExportBatchRequest>,
    ) -> Result<Response<Self::ExportBatchStream>, Status> {
        use v1::export_batch_response::Content;

        let mut script = self.gate(&request)?;
        let file = script.file.clone();
        let broken = script.breaks_left > 0;
        script.breaks_left = script.breaks_left.saturating_sub(1);
        drop(script);
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let message = |content| {
                Ok(v1::ExportBatchResponse {
                    content: Some(content),
                })
            };
            let half = file.len() / 2;
            let mut messages = vec![
                message(Content::Metadata(v1::ExportMetadata {
                    filename: "春季.zip".into(),
                    video_count: 2,
                    estimated_size_bytes: 10,
                })),
                message(Content::Chunk(file[..half].to_vec().into())),
            ];
            messages.push(if broken {
                Err(Status::unavailable("the connection broke"))
            } else {
                message(Content::Chunk(file[half..].to_vec().into()))
            });
            for message in messages {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn batch_status(
        &self,
        request: Request<v1::BatchStatusRequest>,
    ) -> Result<Response<Self::BatchStatusStream>, Status> {
        let mut script = self.gate(&request)?;
        script
            .known_revisions
            .push(request.into_inner().known_revision);
        let steps = script
            .streams
            .pop_front()
            .ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(play(steps, |step| match step {
            Step::Batch(event) => Some(v1::BatchStatusResponse { event: Some(event) }),
            _ => None,
        })))
    }

    async fn watch_batches(
        &self,
        request: Request<v1::WatchBatchesRequest>,
    ) -> Result<Response<Self::WatchBatchesStream>, Status> {
        let mut script = self.gate(&request)?;
        script
            .known_revisions
            .push(request.into_inner().known_revision);
        let steps = script
            .streams
            .pop_front()
            .ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(play(steps, |step| match step {
            Step::List(event) => Some(v1::WatchBatchesResponse { event: Some(event) }),
            _ => None,
        })))
    }

    async fn list_batches(
        &self,
        request: Request<v1::ListBatchesRequest>,
    ) -> Result<Response<v1::ListBatchesResponse>, Status> {
        let script = self.gate(&request)?;
        let request = request.into_inner();
        if !request.owner_id.is_empty() {
            return Err(refusal(Code::PermissionDenied, "ADMIN_REQUIRED", &[]));
        }
        let text = request.filter.unwrap_or_default().text;
        let found: Vec<v1::Batch> = script
            .batches
            .iter()
            .filter(|batch| batch.id.ends_with(&text) || batch.name.contains(&text))
            .cloned()
            .collect();
        // Pages of one, so that whoever asks must go on.
        let at: usize = request.page_token.parse().unwrap_or(0);
        Ok(Response::new(v1::ListBatchesResponse {
            next_page_token: if at + 1 < found.len() {
                (at + 1).to_string()
            } else {
                String::new()
            },
            batches: found.into_iter().skip(at).take(1).collect(),
            counts: None,
        }))
    }

    async fn get_batch(
        &self,
        request: Request<v1::GetBatchRequest>,
    ) -> Result<Response<v1::GetBatchResponse>, Status> {
        let script = self.gate(&request)?;
        let wanted = request.into_inner().batch_id;
        let batch = script.batches.iter().find(|batch| batch.id == wanted);
        match batch {
            Some(batch) => Ok(Response::new(v1::GetBatchResponse {
                batch: Some(batch.clone()),
            })),
            None => Err(refusal(
                Code::NotFound,
                "BATCH_NOT_FOUND",
                &[("batch_id", &wanted)],
            )),
        }
    }

    async fn list_items(
        &self,
        request: Request<v1::ListItemsRequest>,
    ) -> Result<Response<v1::ListItemsResponse>, Status> {
        let script = self.gate(&request)?;
        Ok(Response::new(v1::ListItemsResponse {
            items: script.items.clone(),
            next_page_token: String::new(),
        }))
    }

    async fn cancel_items(
        &self,
        request: Request<v1::CancelItemsRequest>,
    ) -> Result<Response<v1::CancelItemsResponse>, Status> {
        let mut script = self.gate(&request)?;
        let request = request.into_inner();
        script.cancelled.push(request.clone());
        Ok(Response::new(v1::CancelItemsResponse {
            batch: None,
            item_count: i32::try_from(request.item_ids.len()).unwrap(),
            item_ids: request.item_ids,
        }))
    }

    async fn retry_items(
        &self,
        request: Request<v1::RetryItemsRequest>,
    ) -> Result<Response<v1::RetryItemsResponse>, Status> {
        let mut script = self.gate(&request)?;
        script.retried.push(request.into_inner());
        Err(refusal(
            Code::FailedPrecondition,
            "INSUFFICIENT_CREDITS",
            &[("required", "2"), ("available", "1")],
        ))
    }

    async fn quote_batch(
        &self,
        request: Request<v1::QuoteBatchRequest>,
    ) -> Result<Response<v1::QuoteBatchResponse>, Status> {
        drop(self.gate(&request)?);
        let request = request.into_inner();
        Ok(Response::new(v1::QuoteBatchResponse {
            engine: "lightx2v".into(),
            credits: request.image_count * 2,
            credits_per_item: 2,
            balance_before: 5,
            balance_after: 5 - request.image_count * 2,
            affordable: request.image_count * 2 <= 5,
            ..v1::QuoteBatchResponse::default()
        }))
    }

    async fn get_service_info(
        &self,
        request: Request<v1::GetServiceInfoRequest>,
    ) -> Result<Response<v1::GetServiceInfoResponse>, Status> {
        drop(self.gate(&request)?);
        Ok(Response::new(v1::GetServiceInfoResponse::default()))
    }

    async fn rerun_batch(
        &self,
        _: Request<v1::RerunBatchRequest>,
    ) -> Result<Response<v1::RerunBatchResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn get_item(
        &self,
        _: Request<v1::GetItemRequest>,
    ) -> Result<Response<v1::GetItemResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }

    async fn cancel_batch(
        &self,
        _: Request<v1::CancelBatchRequest>,
    ) -> Result<Response<v1::CancelBatchResponse>, Status> {
        Err(refusal(Code::FailedPrecondition, "ALREADY_FINISHED", &[]))
    }

    async fn delete_batch(
        &self,
        _: Request<v1::DeleteBatchRequest>,
    ) -> Result<Response<v1::DeleteBatchResponse>, Status> {
        Err(Status::unimplemented("not in this fake"))
    }
}
