//! The messages of an upload, one after the other.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

use super::tempo::Tempo;
use crate::rpc::MESSAGE_BYTES;
use crate::rpc::convert::batch::request;
use crate::rpc::stream::{End, Life};
use crate::service::Caller;
use crate::service::batches::Batches;
use crate::service::batches::upload::{Begun, Upload};
use crate::service::error::{Reason, ServiceError};
use crate::store::Created;

/// After a refusal, what is on its way is still read for this long at most, so that the client reads the refusal and not a
/// broken connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// Receives a whole upload; one that is under way when the session or the server ends is refused.
pub(super) async fn receive<S>(
    batches: &Batches,
    caller: &Caller,
    mut messages: S,
    life: &Life,
) -> Result<Created, ServiceError>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin + 'static,
{
    let mut arriving = Arriving {
        messages: &mut messages,
        life,
        ended: Box::pin(life.ended()),
        is_over: false,
        tempo: Tempo::new(&batches.limits()),
    };
    let result = receive_parts(batches, caller, &mut arriving).await;
    let is_over = arriving.is_over;
    drop(arriving);
    if !is_over {
        tokio::spawn(timeout(FAREWELL, async move {
            while let Some(Ok(_)) = messages.next().await {}
        }));
    }
    result
}

async fn receive_parts<S>(
    batches: &Batches,
    caller: &Caller,
    arriving: &mut Arriving<'_, S>,
) -> Result<Created, ServiceError>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin,
{
    let spec = match arriving.next().await? {
        Some(Part::Spec(spec)) => spec,
        Some(_) => return Err(out_of_order("The spec comes first.")),
        None => {
            return Err(ServiceError::new(
                Reason::UploadIncomplete,
                "The upload ended before its spec.",
            ));
        }
    };
    let mut upload = match batches.begin(caller, request::spec(spec)?).await? {
        Begun::Replayed(created) => return Ok(*created),
        Begun::Upload(upload) => upload,
    };
    loop {
        match arriving.next().await {
            Ok(Some(Part::File(header))) => {
                upload.file_header(request::file_header(header)?).await?;
            }
            Ok(Some(Part::Chunk(chunk))) => upload.chunk(&chunk).await?,
            Ok(Some(Part::Spec(_))) => return Err(out_of_order("The spec comes once.")),
            Ok(None) => {
                arriving.life.check().await?;
                return upload.finish().await;
            }
            Err(refusal) => return Err(name_file(refusal, &upload)),
        }
    }
}

/// A refusal that came between two messages, with the file it came in.
fn name_file(refusal: ServiceError, upload: &Upload) -> ServiceError {
    match upload.arriving() {
        Some((file, required, available)) => refusal
            .with("file", file)
            .with("required", required)
            .with("available", available),
        None => refusal,
    }
}

/// The messages of an upload as they come.
struct Arriving<'a, S> {
    messages: &'a mut S,
    life: &'a Life,
    ended: Pin<Box<dyn Future<Output = End> + Send + 'a>>,
    /// Nothing more comes: the sender has ended, or its connection has.
    is_over: bool,
    tempo: Tempo,
}

impl<S> Arriving<'_, S>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin,
{
    async fn next(&mut self) -> Result<Option<Part>, ServiceError> {
        let arrived = loop {
            let asked = Instant::now();
            let arrived = tokio::select! {
                arrived = timeout(self.tempo.patience(), self.messages.next()) => arrived,
                end = &mut self.ended => return Err(end.refusal()),
            };
            let content = match &arrived {
                Ok(Some(Ok(message))) => content_bytes(message),
                _ => 0,
            };
            self.tempo.waited(asked.elapsed(), content)?;
            if let Ok(arrived) = arrived {
                break arrived;
            }
        };
        let message = match arrived {
            None => {
                self.is_over = true;
                return Ok(None);
            }
            Some(Ok(message)) => message,
            Some(Err(status)) if status.code() == Code::OutOfRange => {
                return Err(ServiceError::field(
                    "chunk",
                    "A message is too large: send smaller chunks.",
                )
                .with("limit", MESSAGE_BYTES));
            }
            Some(Err(_)) => {
                self.is_over = true;
                return Err(ServiceError::new(
                    Reason::UploadIncomplete,
                    "The upload was cut off. Send it again.",
                ));
            }
        };
        match message.part {
            Some(part) => Ok(Some(part)),
            None => Err(ServiceError::field(
                "part",
                "A message of an upload is a spec, a file or a chunk.",
            )),
        }
    }
}

/// What of a message is a file's content: a sender that only talks brings nothing.
fn content_bytes(message: &v1::CreateBatchRequest) -> usize {
    match &message.part {
        Some(Part::Chunk(chunk)) => chunk.len(),
        _ => 0,
    }
}

fn out_of_order(message: &str) -> ServiceError {
    ServiceError::new(Reason::UploadOutOfOrder, message)
}
