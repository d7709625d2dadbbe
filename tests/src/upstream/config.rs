//! How the upstream behaves when nothing is scripted.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

/// Everything about an upstream that does not change while it runs.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// The three limits of each account.
    pub limits: Limits,
    /// How long a task waits at least before it runs.
    pub queue: Duration,
    /// How long a task runs.
    pub run: Duration,
    /// Tasks that run at once, over all accounts.
    pub workers: usize,
    /// The workers that a task passes, one subtask each.
    pub stages: Vec<&'static str>,
    /// How `list` tells a status.
    pub list_status: ListStatus,
    /// How `list` tells times.
    pub list_times: ListTimes,
    /// What of a submit is told again.
    pub echo: Echo,
    /// Where results are said to be.
    pub result_address: ResultAddress,
    /// The verb that a cancel must have; the other one is answered with 405.
    pub cancel_verb: CancelVerb,
    /// What the estimates are.
    pub estimates: Estimates,
    /// Every result.
    pub video: Bytes,
    /// What each result ends in, so that no video is taken for another's: a `free` box of at least so many bytes that
    /// names its task. 0 for none.
    pub signature_bytes: usize,
    /// Whether sources are refused that are neither picture nor sound by their first bytes.
    pub check_media: bool,
    /// The wall clock at the start; it goes on with tokio's.
    pub epoch: Timestamp,
    /// Its seconds in one of tokio's: every span here passes so much sooner, except the latency and what faults delay.
    pub speed: u32,
    /// Time from a request to the work, and again from the work to its answer.
    pub latency: Duration,
    /// Accounts that have a token from the start; the first is the one that `token()` belongs to.
    pub accounts: Vec<String>,
    /// Without sockets: how long an engine waits for an answer that does not come.
    pub patience: Duration,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            queue: Duration::from_millis(20),
            run: Duration::from_millis(100),
            workers: 3,
            stages: vec!["pipeline"],
            list_status: ListStatus::Words,
            list_times: ListTimes::Epoch,
            echo: Echo::All,
            result_address: ResultAddress::Relative,
            cancel_verb: CancelVerb::Get,
            estimates: Estimates::Sane,
            video: small_video(),
            signature_bytes: 0,
            check_media: true,
            epoch: Timestamp::now(),
            speed: 1,
            latency: Duration::ZERO,
            accounts: vec!["operator".to_owned()],
            patience: Duration::from_secs(60),
        }
    }
}

impl UpstreamConfig {
    /// The result of a task.
    pub fn video_of(&self, task: &str) -> Bytes {
        if self.signature_bytes == 0 {
            return self.video.clone();
        }
        let name = format!("{task}\n");
        let names = name.repeat(self.signature_bytes.div_ceil(name.len()));
        let mut video = self.video.to_vec();
        video.extend(
            u32::try_from(8 + names.len())
                .expect("a small box")
                .to_be_bytes(),
        );
        video.extend(b"free");
        video.extend(names.as_bytes());
        video.into()
    }
}

/// The limits of one account; the defaults are those of the upstream's sample configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tasks that have not ended.
    pub active: usize,
    /// Tasks accepted within 24 h.
    pub daily: usize,
    /// Least time between two submits.
    pub pace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            active: 3,
            daily: 100,
            pace: Duration::from_millis(50),
        }
    }
}

impl Limits {
    /// No limit that a test could meet.
    pub fn none() -> Self {
        Self {
            active: usize::MAX,
            daily: usize::MAX,
            pace: Duration::ZERO,
        }
    }
}

/// How `list` tells a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStatus {
    /// `"PENDING"`.
    Words,
    /// 1…7.
    Numbers,
}

/// How `list` tells times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListTimes {
    /// Epoch seconds as a float.
    Epoch,
    /// The local time of the upstream's machine, eight hours east, without saying so.
    LocalText,
}

/// What of a submit is told again in `params`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Everything, unknown keys included.
    All,
    /// What the upstream knows itself: no `client_ref`.
    KnownKeys,
    /// Nothing.
    Nothing,
}

/// Where results are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultAddress {
    /// `./assets/task/result?…`, which wants the token.
    Relative,
    /// A presigned URL on another host.
    Absolute,
}

/// The verb of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelVerb {
    /// As observed.
    Get,
    /// As newer deployments want it.
    Post,
}

/// What the estimates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimates {
    /// What will come, as far as it is known.
    Sane,
    /// null.
    Null,
    /// 3600.
    Unknown,
    /// 3.6e10.
    Absurd,
}

impl Estimates {
    /// What is told where `sane` would be right.
    pub fn told(self, sane: Duration) -> Option<f64> {
        match self {
            Self::Sane => Some(sane.as_secs_f64()),
            Self::Null => None,
            Self::Unknown => Some(3600.0),
            Self::Absurd => Some(3.6e10),
        }
    }
}

/// Looks like an MP4 by its first bytes; 3 KiB, each byte telling its place.
pub fn small_video() -> Bytes {
    let mut video = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    video.extend((0..3048_u32).map(|place| (place % 251) as u8));
    video.into()
}
