//! The messages of an upload, one after the other.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};
use vision_batch::v1;
use vision_batch::v1::create_batch_request::Part;

use crate::rpc::MESSAGE_BYTES;
use crate::rpc::convert::batch::request;
use crate::rpc::stream::{End, Life};
use crate::service::Caller;
use crate::service::batches::Batches;
use crate::service::batches::upload::{Begun, Upload};
use crate::service::error::{Reason, ServiceError};
use crate::store::Created;

/// An upload that stands still for this long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// After a refusal, what is on its way is still read for this long at most, so that the client reads the refusal and not a
/// broken connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// A sender that waits for nothing but its own link has to bring this much in each [`WINDOW`]: a thousandth of what
/// any broadband brings. It keeps a place that others wait for.
const LEAST_BYTES: u64 = 8 * 1024 * WINDOW.as_secs();

/// How long it is watched before it is called slow. Only time that is spent waiting for it counts.
const WINDOW: Duration = Duration::from_secs(60);

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
        waited: Duration::ZERO,
        bytes: 0,
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
    /// Waited for the sender in this window.
    waited: Duration,
    /// Content that came in this window.
    bytes: u64,
}

impl<S> Arriving<'_, S>
where
    S: Stream<Item = Result<v1::CreateBatchRequest, Status>> + Send + Unpin,
{
    async fn next(&mut self) -> Result<Option<Part>, ServiceError> {
        let asked = Instant::now();
        let arrived = tokio::select! {
            arrived = timeout(PATIENCE, self.messages.next()) => arrived,
            end = &mut self.ended => return Err(end.refusal()),
        };
        let message = match arrived {
            Ok(None) => {
                self.is_over = true;
                return Ok(None);
            }
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(status))) if status.code() == Code::OutOfRange => {
                return Err(ServiceError::field(
                    "chunk",
                    "A message is too large: send smaller chunks.",
                )
                .with("limit", MESSAGE_BYTES));
            }
            Ok(Some(Err(_))) => {
                self.is_over = true;
                return Err(ServiceError::new(
                    Reason::UploadIncomplete,
                    "The upload was cut off. Send it again.",
                ));
            }
            Err(_) => {
                return Err(ServiceError::new(
                    Reason::UploadTooSlow,
                    "The upload stood still for too long.",
                )
                .with("limit", PATIENCE.as_secs()));
            }
        };
        self.note(asked.elapsed(), &message)?;
        match message.part {
            Some(part) => Ok(Some(part)),
            None => Err(ServiceError::field(
                "part",
                "A message of an upload is a spec, a file or a chunk.",
            )),
        }
    }

    /// # Errors
    ///
    /// UPLOAD_TOO_SLOW at the end of a window that brought too little.
    fn note(
        &mut self,
        waited: Duration,
        message: &v1::CreateBatchRequest,
    ) -> Result<(), ServiceError> {
        if let Some(Part::Chunk(chunk)) = &message.part {
            self.bytes += chunk.len() as u64;
        }
        self.waited += waited;
        if self.waited < WINDOW {
            return Ok(());
        }
        if self.bytes < LEAST_BYTES {
            return Err(ServiceError::new(
                Reason::UploadTooSlow,
                format!(
                    "The upload brings less than {} bytes a second.",
                    LEAST_BYTES / WINDOW.as_secs()
                ),
            )
            .with("limit", LEAST_BYTES / WINDOW.as_secs()));
        }
        self.waited = Duration::ZERO;
        self.bytes = 0;
        Ok(())
    }
}

fn out_of_order(message: &str) -> ServiceError {
    ServiceError::new(Reason::UploadOutOfOrder, message)
}
