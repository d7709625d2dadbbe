//! How long calls may take: as long as their callers wait (`grpc-timeout`), and a call that is no stream at most as long
//! as the server lets it.
//!
//! Stands before all services. What a call has committed stays committed when its time is over, as when its caller goes
//! away. A stream in which only the client speaks (an upload) has its own rules on standing still, one of the server's
//! lives as long as it is read: for both, the caller's own deadline alone counts, to the end of the stream.

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Frame, SizeHint};
use prost::Message as _;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// The header with which a caller says how long it waits.
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// No one waits longer; it also keeps sums of times within their range.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Puts deadlines before services. Clones share the list of calls.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// Paths of the calls that are no streams.
    unary: Arc<HashSet<String>>,
    cap: Duration,
}

impl Deadlines {
    /// Deadlines that cap calls which are no streams; which those are is what the descriptors say. What cannot be read
    /// there is not capped.
    pub fn new(cap: Duration, descriptor_sets: &[&[u8]]) -> Self {
        let sets = descriptor_sets
            .iter()
            .filter_map(|bytes| prost_types::FileDescriptorSet::decode(*bytes).ok());
        let unary = sets.flat_map(|set| set.file).flat_map(|file| {
            let package = file.package().to_owned();
            file.service.into_iter().flat_map(move |service| {
                let path = format!("/{package}.{}", service.name());
                service
                    .method
                    .into_iter()
                    .filter(|method| !method.client_streaming() && !method.server_streaming())
                    .map(move |method| format!("{path}/{}", method.name()))
            })
        });
        Self {
            unary: Arc::new(unary.collect()),
            cap,
        }
    }

    fn limit(&self, path: &str, headers: &HeaderMap) -> Option<Duration> {
        let asked = headers.get(&GRPC_TIMEOUT).and_then(|value| {
            let text = value.to_str().ok()?;
            parse(text)
        });
        let own = self.unary.contains(path).then_some(self.cap);
        match (asked, own) {
            (Some(asked), Some(own)) => Some(asked.min(own)),
            (asked, own) => asked.or(own),
        }
    }
}

/// Up to 8 digits and a unit, as gRPC over HTTP/2 has it; anything else is as if nothing were said.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    let time = match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    };
    Some(time.min(LONGEST))
}

fn expired(limit: Duration) -> Status {
    Status::deadline_exceeded(format!(
        "The call took longer than the {} s it had. What it has changed stays; look before trying again.",
        limit.as_secs_f64()
    ))
}

impl<S> Layer<S> for Deadlines {
    type Service = WithDeadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithDeadline {
            deadlines: self.clone(),
            inner,
        }
    }
}

/// A service whose calls end in time.
#[derive(Debug, Clone)]
pub struct WithDeadline<S> {
    deadlines: Deadlines,
    inner: S,
}

impl<S> Service<Request<Body>> for WithDeadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limit = self
            .deadlines
            .limit(request.uri().path(), request.headers());
        // tonic reads the header too, for a response's beginning, and would answer CANCELLED. It asks here first.
        let answered = self.inner.call(request);
        let Some(limit) = limit else {
            return Box::pin(answered);
        };
        let deadline = Instant::now() + limit;
        Box::pin(async move {
            match tokio::time::timeout_at(deadline, answered).await {
                Ok(response) => response.map(|response| {
                    response.map(|body| {
                        Body::new(Timed {
                            body,
                            deadline,
                            wait: None,
                            has_ended: false,
                            limit,
                        })
                    })
                }),
                Err(_) => Ok(expired(limit).into_http()),
            }
        })
    }
}

/// An answer that ends in time.
struct Timed {
    body: Body,
    deadline: Instant,
    /// Only an answer that lets wait needs a timer.
    wait: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
    limit: Duration,
}

impl Timed {
    fn expire(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        self.has_ended = true;
        let mut trailers = HeaderMap::new();
        match expired(self.limit).add_header(&mut trailers) {
            Ok(()) => Some(Ok(Frame::trailers(trailers))),
            Err(status) => Some(Err(status)),
        }
    }
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let deadline = self.deadline;
        // An answer that is always ready must not go on for ever.
        if Instant::now() >= deadline {
            return Poll::Ready(self.expire());
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let wait = self
            .wait
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        match wait.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(self.expire()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    #[test]
    fn what_a_caller_says_is_read_as_grpc_has_it() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("6n", Some(Duration::from_nanos(6))),
            ("99999999H", Some(LONGEST)),
            ("100000000S", None),
            ("S", None),
            ("", None),
            ("5", None),
            ("-5S", None),
            ("5s", None),
            ("5é", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    fn slow(
        after: Duration,
    ) -> WithDeadline<
        impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>,
    > {
        let service = tower::service_fn(move |_: Request<Body>| async move {
            tokio::time::sleep(after).await;
            // The beginning comes, and then nothing.
            Ok(Response::new(Body::new(StreamBody::new(
                futures::stream::pending::<Result<Frame<Bytes>, Status>>(),
            ))))
        });
        let cap = Duration::from_secs(60);
        Deadlines::new(cap, &[vision_batch::FILE_DESCRIPTOR_SET]).layer(service)
    }

    fn request(method: &str, timeout: Option<&'static str>) -> Request<Body> {
        let request =
            Request::builder().uri(format!("http://x/visionbatch.v1.BatchService/{method}"));
        let request = match timeout {
            Some(timeout) => request.header(&GRPC_TIMEOUT, timeout),
            None => request,
        };
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_in_time_and_says_so() {
        for (timeout, seconds) in [(None, 60), (Some("7S"), 7), (Some("2M"), 60)] {
            let begin = Instant::now();
            let response = slow(Duration::from_secs(300))
                .call(request("GetBatch", timeout))
                .await
                .unwrap();
            assert_eq!(begin.elapsed().as_secs(), seconds);
            let status = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_caller_said_and_not_before() {
        let begin = Instant::now();
        let response = slow(Duration::from_secs(3))
            .call(request("BatchStatus", Some("100S")))
            .await
            .unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 100);
        let status = Status::from_header_map(collected.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);

        let response = slow(Duration::from_secs(3))
            .call(request("BatchStatus", None))
            .await
            .unwrap();
        let day = Duration::from_secs(86_400);
        let waited = tokio::time::timeout(day, response.into_body().collect()).await;
        assert!(waited.is_err());
    }

    #[test]
    fn calls_are_capped_and_streams_are_not() {
        let cap = Duration::from_secs(60);
        let deadlines = Deadlines::new(cap, &[vision_batch::FILE_DESCRIPTOR_SET]);
        let mut headers = HeaderMap::new();
        let call = "/visionbatch.v1.BatchService/GetBatch";
        let streams = ["CreateBatch", "BatchStatus", "WatchBatches", "DownloadFile"]
            .map(|name| format!("/visionbatch.v1.BatchService/{name}"));
        assert_eq!(deadlines.limit(call, &headers), Some(cap));
        for stream in &streams {
            assert_eq!(deadlines.limit(stream, &headers), None, "{stream}");
        }
        headers.insert(&GRPC_TIMEOUT, http::HeaderValue::from_static("7S"));
        let seven = Some(Duration::from_secs(7));
        assert_eq!(deadlines.limit(call, &headers), seven);
        assert_eq!(deadlines.limit(&streams[0], &headers), seven);
        headers.insert(&GRPC_TIMEOUT, http::HeaderValue::from_static("2M"));
        assert_eq!(deadlines.limit(call, &headers), Some(cap));
    }
}
