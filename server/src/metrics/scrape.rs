//! What is read when somebody asks: the sums that the store keeps, what the engines are doing, the disk.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Metrics;
use crate::clock::Clock;
use crate::disk::{self, DiskSpace};
use crate::domain::failure::WaitReason;
use crate::feed::Feed;
use crate::feed::engine_status::{EngineStatuses, Health, TokenState};
use crate::service::accounts::Accounts;
use crate::service::overview::{Offer, Overview};
use crate::store::query::{Counts, Totals};
use crate::store::{Store, StoreError};

/// Where it is read from.
pub struct Sources {
    /// Sums.
    pub store: Arc<dyn Store>,
    /// What the engines are doing.
    pub feed: Feed,
    /// Time.
    pub clock: Clock,
    /// Sessions and streams.
    pub accounts: Arc<Accounts>,
    /// What is offered.
    pub offer: Offer,
    /// Whose disk is looked at.
    pub data_dir: PathBuf,
    /// When the server was started.
    pub start_time: Timestamp,
    /// Counts the connections.
    pub connections: Box<dyn Fn() -> Connections + Send + Sync>,
}

/// Connections of callers.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// Now.
    pub open: u32,
    /// Not served since the start, by cause.
    pub turned_away: [(&'static str, u64); 4],
}

/// What was read last.
#[derive(Debug, Clone)]
struct Read {
    now: Timestamp,
    start_time: Timestamp,
    totals: Totals,
    batches: Counts,
    statuses: Arc<EngineStatuses>,
    waiting: Vec<(WaitReason, u64)>,
    oldest: Option<Timestamp>,
    disk: Option<DiskSpace>,
    connections: Connections,
    sessions: usize,
    streams: u32,
}

/// What was read last, for the registry that asks for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest(Arc<Mutex<Option<Read>>>);

impl Metrics {
    /// Everything, in the text format that Prometheus reads (OpenMetrics 1.0).
    ///
    /// # Errors
    ///
    /// When the storage fails.
    pub async fn text(&self, sources: &Sources) -> Result<String, StoreError> {
        let read = sources.read().await?;
        *self.latest.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(text)
    }
}

impl Sources {
    async fn read(&self) -> Result<Read, StoreError> {
        let now = self.clock.now();
        let store = self.store.as_ref();
        let overview = Overview::read(store, &self.feed, &self.offer, now).await?;
        let sessions = self.accounts.sessions();
        Ok(Read {
            now,
            start_time: self.start_time,
            totals: store.totals().await?,
            batches: store.counts(None).await?,
            statuses: overview.statuses,
            waiting: overview.waiting.into_iter().collect(),
            oldest: overview.oldest_pending_time,
            disk: disk::space(&self.data_dir),
            connections: (self.connections)(),
            sessions: sessions.count(now),
            streams: sessions.streams(),
        })
    }
}

impl Collector for Latest {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read.as_ref() {
            Some(read) => read.tell(&mut Teller(encoder)),
            None => Ok(()),
        }
    }
}

/// A label and its value.
type Label = (&'static str, &'static str);

struct Teller<'e>(DescriptorEncoder<'e>);

impl Teller<'_> {
    fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        rows: impl IntoIterator<Item = ([Label; N], f64)>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in rows {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, unit, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        rows: &[(&'static str, u64)],
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (cause, value) in rows {
            metric
                .encode_family(&[(label, *cause)])?
                .encode_counter::<[Label; 0], u64, f64>(value, None)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<[Label; 0], u64, f64>(&value, None)
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// Credits that moved one way.
fn moved(sum: i64) -> u64 {
    sum.unsigned_abs()
}

impl Read {
    fn tell(&self, to: &mut Teller<'_>) -> fmt::Result {
        to.gauges(
            "build",
            "1, with the server's version",
            None,
            [([("version", env!("CARGO_PKG_VERSION"))], 1.0)],
        )?;
        to.gauge(
            "uptime",
            "Time since the server was started",
            Some(&Unit::Seconds),
            seconds(self.start_time, self.now),
        )?;
        self.tell_work(to)?;
        self.tell_engines(to)?;
        self.tell_books(to)?;
        self.tell_storage(to)?;
        to.gauge(
            "connections",
            "Connections that are open",
            None,
            f64::from(self.connections.open),
        )?;
        to.counters(
            "connections_turned_away",
            "Connections that were not served, by cause",
            "cause",
            &self.connections.turned_away,
        )?;
        to.gauge(
            "sessions",
            "Tokens used in this run that have not expired",
            None,
            self.sessions as f64,
        )?;
        to.gauge(
            "streams",
            "Live streams that are open",
            None,
            f64::from(self.streams),
        )?;
        to.counter(
            "commits",
            "Operations committed over the life of the database",
            self.totals.revision,
        )
    }

    fn tell_work(&self, to: &mut Teller<'_>) -> fmt::Result {
        let items = self.totals.items_by_state;
        let states = [
            ("pending", items.pending),
            ("processing", items.processing),
            ("completed", items.completed),
            ("failed", items.failed),
            ("cancelled", items.cancelled),
        ];
        let rows = states.map(|(state, count)| ([("state", state)], count as f64));
        to.gauges("items", "Items by state", None, rows)?;
        let batches = self.batches;
        let states = [
            ("created", batches.created),
            ("processing", batches.processing),
            ("completed", batches.completed),
            ("failed", batches.failed),
            ("cancelled", batches.cancelled),
        ];
        let rows = states.map(|(state, count)| ([("state", state)], count as f64));
        to.gauges("batches", "Batches by state", None, rows)?;
        let rows = self.waiting.iter();
        let rows = rows.map(|(reason, count)| ([("reason", reason_name(*reason))], *count as f64));
        to.gauges(
            "items_waiting",
            "Pending items by what keeps them",
            None,
            rows,
        )?;
        to.gauge(
            "queue_age",
            "Age of the item that has waited longest; 0 when none waits",
            Some(&Unit::Seconds),
            self.oldest.map_or(0.0, |time| seconds(time, self.now)),
        )
    }

    fn tell_engines(&self, to: &mut Teller<'_>) -> fmt::Result {
        let engines = &self.statuses.engines;
        let rows = engines.iter().flat_map(|(engine, status)| {
            let label = |holder| [("engine", engine.name()), ("holder", holder)];
            [
                (label("items"), f64::from(status.running)),
                (label("cleanups"), f64::from(status.cleanup)),
                (label("foreign"), f64::from(status.foreign)),
            ]
        });
        to.gauges(
            "slots_used",
            "Slots that are held: by items, by tasks that are to end, by others on the account",
            None,
            rows,
        )?;
        let each = |value: fn(&crate::feed::engine_status::EngineStatus) -> f64| {
            let rows = engines.iter();
            rows.map(move |(engine, status)| ([("engine", engine.name())], value(status)))
                .collect::<Vec<_>>()
        };
        let rows = each(|status| f64::from(status.slot_limit));
        to.gauges(
            "slots_limit",
            "Tasks that an engine may have at once",
            None,
            rows,
        )?;
        let rows = each(|status| f64::from(u8::from(status.health != Health::Unreachable)));
        to.gauges(
            "engine_reachable",
            "0 while no call is answered",
            None,
            rows,
        )?;
        let rows = each(|status| {
            let usable = matches!(status.token, TokenState::Ok | TokenState::NotNeeded);
            f64::from(u8::from(usable))
        });
        to.gauges(
            "engine_token_usable",
            "0 without a token, or while it is refused",
            None,
            rows,
        )?;
        let rows = each(|status| f64::from(status.daily_used));
        to.gauges(
            "engine_daily_tasks",
            "Tasks submitted on the present account in the last 24 hours",
            None,
            rows,
        )
    }

    fn tell_books(&self, to: &mut Teller<'_>) -> fmt::Result {
        let credits = self.totals.credits;
        to.gauge(
            "credits_outstanding",
            "What all users together have to spend",
            None,
            credits.outstanding() as f64,
        )?;
        to.counter(
            "credits_granted",
            "Credits that accounts have started with",
            moved(credits.granted),
        )?;
        to.counter(
            "credits_charged",
            "Credits charged for items",
            moved(credits.charged),
        )?;
        to.counter(
            "credits_refunded",
            "Credits given back for items that failed or were cancelled",
            moved(credits.refunded),
        )?;
        to.gauge(
            "credits_adjusted",
            "Credits that administrators have added, less what they took",
            None,
            credits.adjusted as f64,
        )?;
        to.gauge("users", "User accounts", None, self.totals.users as f64)
    }

    fn tell_storage(&self, to: &mut Teller<'_>) -> fmt::Result {
        let totals = self.totals;
        let kinds = [
            ("images", totals.image_bytes),
            ("audios", totals.audio_bytes),
            ("videos", totals.video_bytes),
            ("database", totals.database_bytes),
        ];
        let rows = kinds.map(|(kind, bytes)| ([("kind", kind)], bytes as f64));
        to.gauges(
            "storage",
            "What is stored: files that are referred to, each content once, and the database",
            Some(&Unit::Bytes),
            rows,
        )?;
        let Some(disk) = self.disk else {
            return Ok(());
        };
        to.gauge(
            "disk_free",
            "Room on the data directory's disk",
            Some(&Unit::Bytes),
            disk.free_bytes as f64,
        )?;
        to.gauge(
            "disk_size",
            "The data directory's disk",
            Some(&Unit::Bytes),
            disk.total_bytes as f64,
        )
    }
}

fn reason_name(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Slot => "slot",
        WaitReason::Turn => "turn",
        WaitReason::Paused => "paused",
        WaitReason::BackOff => "back_off",
        WaitReason::UpstreamToken => "upstream_token",
        WaitReason::UpstreamDailyLimit => "upstream_daily_limit",
        WaitReason::UpstreamBusy => "upstream_busy",
        WaitReason::Cleanup => "cleanup",
        WaitReason::StorageFull => "storage_full",
    }
}
