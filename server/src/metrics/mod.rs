//! What Prometheus may know of the server: counters that are kept while it works, and sums that are read when asked.
//!
//! | room | owns |
//! |---|---|
//! | `upstream` | counts the calls to an engine |
//! | `scrape` | what is read when somebody asks, and how it is told |
//! | `serve` | `GET /metrics` on an address of its own |
//!
//! Invariants: labels take their values from lists that the code knows (methods of the contract, statuses, engines,
//! states); no label is ever a name, an id or anything else that somebody outside chooses. A scrape costs the same
//! however long the server has been in use: it reads sums that each commit keeps.
//!
//! Not here: what the numbers mean for an administrator (`service::admin`); where to listen (`config`).

pub mod scrape;
pub mod serve;
pub mod upstream;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tonic::Code;

use scrape::Latest;

/// Upper bounds of latencies, in seconds: from a read in memory to the longest wait of a client of ours.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rpc {
    method: Arc<str>,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    method: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamCall {
    engine: &'static str,
    operation: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamOperation {
    engine: &'static str,
    operation: &'static str,
}

type Latencies<L> = Family<L, Histogram, fn() -> Histogram>;

fn latencies<L: Clone + std::hash::Hash + Eq>() -> Latencies<L> {
    Family::new_with_constructor(|| Histogram::new(SECONDS))
}

/// All metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    rpcs: Family<Rpc, Counter>,
    rpc_duration: Latencies<Method>,
    rpcs_open: Gauge<i64, AtomicI64>,
    upstream_calls: Family<UpstreamCall, Counter>,
    upstream_duration: Latencies<UpstreamOperation>,
    latest: Latest,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics of a server that has done nothing yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("vbatch");
        let rpcs = Family::<Rpc, Counter>::default();
        registry.register(
            "rpcs",
            "Calls that have ended, by method of the contract and gRPC status",
            rpcs.clone(),
        );
        let rpc_duration = latencies();
        registry.register_with_unit(
            "rpc_duration",
            "Time from a call's begin to its end; of streams that the server sends, to their begin",
            Unit::Seconds,
            rpc_duration.clone(),
        );
        let rpcs_open = Gauge::<i64, AtomicI64>::default();
        registry.register(
            "rpcs_open",
            "Calls under way, streams included",
            rpcs_open.clone(),
        );
        let upstream_calls = Family::<UpstreamCall, Counter>::default();
        registry.register(
            "upstream_calls",
            "Calls to engines, by operation and what came of them",
            upstream_calls.clone(),
        );
        let upstream_duration = latencies();
        registry.register_with_unit(
            "upstream_call_duration",
            "Time that calls to engines took, answered or not",
            Unit::Seconds,
            upstream_duration.clone(),
        );
        let latest = Latest::default();
        registry.register_collector(Box::new(latest.clone()));
        Self {
            registry: Arc::new(registry),
            rpcs,
            rpc_duration,
            rpcs_open,
            upstream_calls,
            upstream_duration,
            latest,
        }
    }

    /// A call has begun.
    pub fn rpc_began(&self) {
        self.rpcs_open.inc();
    }

    /// A call has ended; `method` is one of a known list.
    pub fn rpc_ended(&self, method: &Arc<str>, code: Code, took: Duration) {
        self.rpcs_open.dec();
        let rpc = Rpc {
            method: Arc::clone(method),
            status: status_name(code),
        };
        self.rpcs.get_or_create(&rpc).inc();
        let method = Method {
            method: Arc::clone(method),
        };
        let histogram = self.rpc_duration.get_or_create(&method);
        histogram.observe(took.as_secs_f64());
    }

    fn upstream_called(
        &self,
        engine: &'static str,
        operation: &'static str,
        result: &'static str,
        took: Duration,
    ) {
        let call = UpstreamCall {
            engine,
            operation,
            result,
        };
        self.upstream_calls.get_or_create(&call).inc();
        let operation = UpstreamOperation { engine, operation };
        let histogram = self.upstream_duration.get_or_create(&operation);
        histogram.observe(took.as_secs_f64());
    }
}

/// The name of a code in gRPC's own list.
pub fn status_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
