//! An engine and a fake upstream, and how tests name what came of a call.

use std::time::Duration;

use vbatch_server::domain::ids::TaskId;
use vbatch_server::engine::lightx2v::LightX2v;
use vbatch_server::engine::lightx2v::config::{LightX2vConfig, Timeouts};
use vbatch_server::engine::{
    Credentials, Engine, QueryAnswer, ReadError, Refusal, SubmitError, TaskState,
};
use vbatch_tests::upstream::config::{Limits, UpstreamConfig};
use vbatch_tests::upstream::fake::FakeUpstream;
use vbatch_tests::upstream::material::new_task;
use vbatch_tests::upstream::simulated::credentials;
use vbatch_tests::upstream::tasks::Status;

pub(crate) const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(30),
    idle: Duration::from_secs(30),
};

pub(crate) const IMPATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    answer: Duration::from_millis(300),
    idle: Duration::from_millis(300),
};

pub(crate) fn no_limits() -> UpstreamConfig {
    UpstreamConfig {
        limits: Limits::none(),
        ..UpstreamConfig::default()
    }
}

pub(crate) async fn fake(config: UpstreamConfig) -> (FakeUpstream, LightX2v, Credentials) {
    let fake = FakeUpstream::start(config).await.unwrap();
    let engine = engine(&fake.base_url(), PATIENT);
    let credentials = credentials(fake.token());
    (fake, engine, credentials)
}

pub(crate) fn engine(base_url: &str, timeouts: Timeouts) -> LightX2v {
    let config = LightX2vConfig {
        timeouts,
        ..LightX2vConfig::at(base_url)
    };
    LightX2v::new(config).unwrap()
}

/// Submits a task and puts it into a state.
pub(crate) async fn task_in(
    fake: &FakeUpstream,
    engine: &LightX2v,
    credentials: &Credentials,
    status: Status,
) -> TaskId {
    let task = engine
        .submit(credentials, new_task("ref", 1))
        .await
        .unwrap()
        .task;
    fake.set_state(&task.0, status, None);
    task
}

pub(crate) async fn state_of(
    engine: &LightX2v,
    credentials: &Credentials,
    task: &TaskId,
) -> TaskState {
    let answers = engine
        .query(credentials, std::slice::from_ref(task))
        .await
        .unwrap();
    match answers.as_slice() {
        [(answered, QueryAnswer::Task(report))] if answered == task => report.state.clone(),
        other => panic!("one task was asked about: {other:?}"),
    }
}

pub(crate) fn on_submit(error: &SubmitError) -> &'static str {
    match error {
        SubmitError::Refused(Refusal::Token { .. }) => "token",
        SubmitError::Refused(Refusal::Unavailable { .. }) => "unavailable",
        SubmitError::Refused(Refusal::Pace { .. }) => "pace",
        SubmitError::Refused(Refusal::Slots { .. }) => "slots",
        SubmitError::Refused(Refusal::Daily { .. }) => "daily",
        SubmitError::Refused(Refusal::Busy { .. }) => "busy",
        SubmitError::Refused(Refusal::BadInput { .. }) => "bad input",
        SubmitError::NotSent { .. } => "not sent",
        SubmitError::SourceLost { .. } => "source lost",
        SubmitError::SourceUnreadable { .. } => "source unreadable",
        SubmitError::Unresolved { .. } => "unresolved",
    }
}

pub(crate) fn on_read(error: &ReadError) -> &'static str {
    match error {
        ReadError::Token { .. } => "token",
        ReadError::Unavailable { .. } => "unavailable",
        ReadError::Unknown { .. } => "unknown",
        ReadError::Busy { .. } => "busy",
        ReadError::Weather { reached: true, .. } => "weather",
        ReadError::Weather { reached: false, .. } => "not reached",
    }
}

pub(crate) const MIB: u64 = 1024 * 1024;
