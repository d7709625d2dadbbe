//! The messages of an upload, one after the other.

use std::time::Duration;

use futures::{Stream, StreamExt};
use prost::Message as _;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

use super::tempo::Tempo;
use crate::rpc::MESSAGE_BYTES;
use crate::rpc::convert::batch::request;
use crate::rpc::gate::shutting_down;
use crate::service::Caller;
use crate::service::batches::Batches;
use crate::service::batches::upload::{Begun, Upload};
use crate::service::error::{Reason, ServiceError};
use crate::store::Created;

/// After a refusal, what is on its way is still read for this long at most, so that the client reads the refusal and not a
/// broken connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// Receives a whole upload; one that is under way when the server ends is refused.
pub(super) async fn receive<S>(
    batches: &Batches,
    caller: &Caller,
    mut messages: S,
    shutdown: &CancellationToken,
) -> Result<Created, ServiceError>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin + 'static,
{
    let result = receive_parts(batches, caller, &mut messages, shutdown).await;
    if result.is_err() {
        tokio::spawn(timeout(FAREWELL, async move {
            while let Some(Ok(_)) = messages.next().await {}
        }));
    }
    result
}

async fn receive_parts<S>(
    batches: &Batches,
    caller: &Caller,
    messages: &mut S,
    shutdown: &CancellationToken,
) -> Result<Created, ServiceError>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin,
{
    let mut tempo = Tempo::new(&batches.limits());
    let spec = match next(messages, &mut tempo, shutdown).await? {
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
        match next(messages, &mut tempo, shutdown).await {
            Ok(Some(Part::File(header))) => {
                upload.file_header(request::file_header(header)?).await?;
            }
            Ok(Some(Part::Chunk(chunk))) => upload.chunk(&chunk).await?,
            Ok(Some(Part::Spec(_))) => return Err(out_of_order("The spec comes once.")),
            Ok(None) => return upload.finish().await,
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

async fn next<S>(
    messages: &mut S,
    tempo: &mut Tempo,
    shutdown: &CancellationToken,
) -> Result<Option<Part>, ServiceError>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin,
{
    let arrived = loop {
        let begin = Instant::now();
        let arrived = tokio::select! {
            arrived = timeout(tempo.patience(), messages.next()) => arrived,
            () = shutdown.cancelled() => return Err(shutting_down()),
        };
        let bytes = match &arrived {
            Ok(Some(Ok(message))) => message.encoded_len(),
            _ => 0,
        };
        tempo.waited(begin.elapsed(), bytes)?;
        if let Ok(arrived) = arrived {
            break arrived;
        }
    };
    let message = match arrived {
        None => return Ok(None),
        Some(Ok(message)) => message,
        Some(Err(status)) if status.code() == Code::OutOfRange => {
            return Err(ServiceError::field(
                "chunk",
                "A message is too large: send smaller chunks.",
            )
            .with("limit", MESSAGE_BYTES));
        }
        Some(Err(_)) => {
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

fn out_of_order(message: &str) -> ServiceError {
    ServiceError::new(Reason::UploadOutOfOrder, message)
}
