//! What is known of each call from outside: its id, its method, how it ended and how long it took.
//!
//! Stands before all services. Invariants: every call has an id, the caller's `x-request-id` where that is well-formed,
//! else one of our own; it is in every log line that the call causes and in the answer's metadata. Methods are told by
//! their names in the contract, whatever else is asked for is `unknown`. Each call that begins ends, also when its caller
//! goes away in the middle.
//!
//! Not here: what is counted (`metrics`), what a call does.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};
use uuid::Builder;

/// The metadata that carries a call's id, both ways.
pub const REQUEST_ID: &str = "x-request-id";

/// The same, looked up without being read anew at each call.
static REQUEST_ID_NAME: HeaderName = HeaderName::from_static(REQUEST_ID);

/// Longest id that is taken from a caller, in characters.
pub const REQUEST_ID_LENGTH: usize = 64;

/// The name of what the contract does not have.
const UNKNOWN: &str = "unknown";

/// How a call went.
#[derive(Debug, Clone)]
pub struct EndedCall {
    /// `package.Service/Method` of the contract, or `unknown`.
    pub method: Arc<str>,
    /// Its status; CANCELLED when the caller went away.
    pub code: Code,
    /// From its begin to its end; of streams that the server sends, to their begin.
    pub took: Duration,
}

/// A moment of a call.
#[derive(Debug)]
pub enum Moment<'c> {
    /// It begins.
    Began,
    /// It has ended.
    Ended(&'c EndedCall),
}

/// Is told of every call. It must not wait.
pub type Observer = Arc<dyn Fn(Moment<'_>) + Send + Sync>;

/// Puts ids before services and tells an observer of their calls. Clones share the list of methods.
#[derive(Clone)]
pub struct Calls {
    methods: Arc<HashMap<String, Method>>,
    unknown: Method,
    observer: Observer,
}

#[derive(Clone)]
struct Method {
    name: Arc<str>,
    /// The server may take its time with the end.
    sends_stream: bool,
}

impl Calls {
    /// Tells `observer` of every call.
    pub fn new(observer: Observer) -> Self {
        let sets = [
            vision_batch::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        Self {
            methods: Arc::new(sets.into_iter().flat_map(methods).collect()),
            unknown: Method {
                name: UNKNOWN.into(),
                sends_stream: false,
            },
            observer,
        }
    }

    fn method(&self, path: &str) -> Method {
        self.methods.get(path).unwrap_or(&self.unknown).clone()
    }
}

/// The methods of a set of descriptors by their paths.
fn methods(descriptors: &[u8]) -> Vec<(String, Method)> {
    // Those that a build has made read.
    let set = FileDescriptorSet::decode(descriptors).unwrap_or_default();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                let known = Method {
                    name: name.as_str().into(),
                    sends_stream: method.server_streaming(),
                };
                methods.push((format!("/{name}"), known));
            }
        }
    }
    methods
}

impl<S> Layer<S> for Calls {
    type Service = Called<S>;

    fn layer(&self, inner: S) -> Called<S> {
        Called {
            calls: self.clone(),
            inner,
        }
    }
}

/// Services behind [`Calls`].
#[derive(Clone)]
pub struct Called<S> {
    calls: Calls,
    inner: S,
}

impl<S> Service<Request<Body>> for Called<S>
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
        let id = request_id(request.headers());
        let method = self.calls.method(request.uri().path());
        let text = id.to_str().unwrap_or_default();
        let span = tracing::info_span!("rpc", request_id = text, method = %method.name);
        let mut call = Call::begin(method, span.clone(), Arc::clone(&self.calls.observer));
        let answer = {
            let _entered = span.enter();
            self.inner.call(request)
        };
        let answer = async move {
            let Ok(response) = answer.await;
            let (mut head, body) = response.into_parts();
            head.headers.insert(REQUEST_ID_NAME.clone(), id);
            call.answers(&head.headers);
            Ok(Response::from_parts(
                head,
                Body::new(Watched { body, call }),
            ))
        };
        Box::pin(answer.instrument(span))
    }
}

/// The caller's id where it is well-formed, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let given = headers.get(&REQUEST_ID_NAME).filter(|value| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(is_plain)
    });
    given.cloned().unwrap_or_else(|| {
        // Not secret: from this thread's own generator, without asking the system at each call.
        let id = Builder::from_random_bytes(rand::random()).into_uuid();
        let id = id.to_string();
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static(UNKNOWN))
    })
}

/// A call under way; it has ended when this is dropped.
struct Call {
    method: Method,
    span: Span,
    observer: Observer,
    begun: Instant,
    /// When the answer began.
    answered: Option<Duration>,
    /// As far as it is known.
    code: Option<Code>,
}

impl Call {
    fn begin(method: Method, span: Span, observer: Observer) -> Self {
        observer(Moment::Began);
        Self {
            method,
            span,
            observer,
            begun: Instant::now(),
            answered: None,
            code: None,
        }
    }

    /// The answer begins. One without a body has its status here.
    fn answers(&mut self, headers: &HeaderMap) {
        self.answered = Some(self.begun.elapsed());
        self.code = code_in(headers);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let took = match self.answered {
            Some(answered) if self.method.sends_stream => answered,
            _ => self.begun.elapsed(),
        };
        let ended = EndedCall {
            method: Arc::clone(&self.method.name),
            code: self.code.unwrap_or(Code::Cancelled),
            took,
        };
        let code = ended.code;
        tracing::debug!(parent: &self.span, ?code, open = ?self.begun.elapsed(), "a call ended");
        (self.observer)(Moment::Ended(&ended));
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    Status::from_header_map(headers).map(|status| status.code())
}

/// The body of an answer, whose end is the call's.
struct Watched {
    body: Body,
    call: Call,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let span = this.call.span.clone();
        let _entered = span.enter();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    this.call.code = code_in(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => this.call.code = Some(status.code()),
            Poll::Ready(None) if this.call.code.is_none() => this.call.code = Some(Code::Unknown),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_a_plain_id_of_bounded_length_is_taken_over() {
        let taken = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            request_id(&headers).as_bytes() == value
        };
        let longest = [b'a'; REQUEST_ID_LENGTH];
        for good in [&b"a"[..], b"7f3c-A_b.9", &longest] {
            assert!(taken(good), "{good:?}");
        }
        let too_long = [b'a'; REQUEST_ID_LENGTH + 1];
        for bad in [&b""[..], b"a b", b"a\"b", b"\xc3\xa9", &too_long] {
            assert!(!taken(bad), "{bad:?}");
        }
        let made = request_id(&HeaderMap::new());
        assert_ne!(made, request_id(&HeaderMap::new()));
        assert!(Uuid::parse_str(made.to_str().unwrap()).is_ok());
    }

    #[test]
    fn methods_have_their_names_in_the_contract_and_all_else_has_one() {
        let calls = Calls::new(Arc::new(|_| {}));
        let create = calls.method("/visionbatch.v1.BatchService/CreateBatch");
        assert_eq!(&*create.name, "visionbatch.v1.BatchService/CreateBatch");
        assert!(!create.sends_stream);
        assert!(
            calls
                .method("/visionbatch.v1.BatchService/BatchStatus")
                .sends_stream
        );
        assert!(calls.method("/grpc.health.v1.Health/Watch").sends_stream);
        for path in ["/", "/visionbatch.v1.BatchService/Nothing", "/a/b"] {
            assert_eq!(&*calls.method(path).name, UNKNOWN, "{path}");
        }
    }
}
