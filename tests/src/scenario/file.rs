//! The form of a scenario's file. A key that is not known here is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::upstream::config::{CancelVerb, Estimates, Limits, ResultAddress, UpstreamConfig};
use crate::upstream::faults::{Call, Fault, Target};
use crate::upstream::tasks::Script;
use crate::world::epoch;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What it is about, in a sentence. For readers.
    pub title: String,
    /// What the upstream does.
    #[serde(default)]
    pub upstream: Upstream,
    /// What happens.
    pub story: Story,
    /// What must come out.
    pub expect: Expect,
}

/// How the upstream behaves, and what goes wrong with it from the start.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Upstream {
    queue: Option<Span>,
    run: Option<Span>,
    daily_limit: Option<usize>,
    result_address: Option<Where>,
    cancel_verb: Option<Verb>,
    estimates: Option<Estimate>,
    /// In the order in which they are tried.
    pub faults: Vec<FaultSays>,
    /// What is special about the next tasks, one each.
    pub tasks: Vec<TaskSays>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Where {
    Relative,
    Absolute,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Get,
    Post,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Estimate {
    Sane,
    Null,
    Unknown,
    Absurd,
}

/// A fault of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultSays {
    on: CallName,
    account: Option<String>,
    nth: Option<usize>,
    times: Option<Times>,
    after: Option<Span>,
    does: Does,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Times {
    Number(usize),
    Word(Always),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Always {
    #[serde(rename = "always")]
    Always,
}

#[derive(Debug, Clone, Deserialize)]
enum Does {
    #[serde(rename = "hang")]
    Hang,
    #[serde(rename = "do the work, then hang")]
    DoneButHang,
    #[serde(rename = "break the connection")]
    Drop,
    #[serde(rename = "do the work, then break the connection")]
    LoseAnswer,
    #[serde(rename = "do the work, answer by half")]
    HalfAnswer,
    #[serde(rename = "redirect to the other host")]
    ToOtherHost,
    #[serde(rename = "redirect to this host")]
    ToThisHost,
    /// Instead of the work.
    #[serde(rename = "answer")]
    Answer(AnswerSays),
    /// A web page with this status, instead of the work.
    #[serde(rename = "web_page")]
    WebPage(u16),
    /// So many bytes of the body, then the connection breaks.
    #[serde(rename = "cut_after_bytes")]
    CutAfter(usize),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerSays {
    status: u16,
    /// `{"message": "error: <words>!"}`.
    error: Option<String>,
    /// `{"message": "<words>"}`.
    message: Option<String>,
    /// `{"detail": "<words>"}`.
    detail: Option<String>,
}

/// What is special about a task.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskSays {
    queue: Option<Span>,
    run: Option<Span>,
    fails_with: Option<String>,
    /// RUNNING → PENDING → RUNNING.
    back_to_pending_after: Option<Span>,
}

/// What happens, in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    /// What the user begins with.
    pub credits: i32,
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A batch of so many pictures; once a story.
    UserSubmits(u32),
    /// Items by their numbers from 1.
    UserCancels(Vec<u32>),
    UserRetries(Vec<u32>),
    /// A new token of that upstream account becomes the one to use.
    AdminPutsInATokenOf(String),
    /// From now on the upstream refuses the account's token that is in use.
    TokenExpires(Expires),
    Upstream(Turn),
    /// One fault more.
    UpstreamBegins(FaultSays),
    /// Somebody deletes the task of this item upstream.
    TaskVanishes(u32),
    /// Tasks of somebody else on an upstream account.
    SomebodyElseSubmits(Foreign),
    WaitUntil(Until),
    TimePasses(Span),
    /// What was called so far.
    CallsSoFar(Calls),
    /// What the screen shows of an item.
    Screen(ScreenSays),
    /// What the list of batches shows.
    List(ListSays),
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Expires {
    #[serde(rename = "now")]
    Now,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Turn {
    #[serde(rename = "goes down")]
    Down,
    #[serde(rename = "comes back")]
    Back,
    #[serde(rename = "behaves again")]
    Behaves,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Foreign {
    pub account: String,
    pub tasks: u32,
    pub run: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Until {
    pub items: Vec<u32>,
    /// A stage or state in small letters, `unresolved`, `ended`, or `waits: REASON`.
    pub are: String,
}

/// What the screen must show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScreenSays {
    pub item: u32,
    pub english: Vec<String>,
    pub chinese: Vec<String>,
    /// What it must not show, in neither language.
    #[serde(default)]
    pub never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSays {
    pub english: Vec<String>,
    pub chinese: Vec<String>,
}

/// What must come out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Each item's final state, and why it failed: `FAILED WORKER_LOST`.
    pub items: Vec<String>,
    /// Of each item: number and outcome of its attempts, and why they failed.
    pub attempts: Vec<Vec<String>>,
    /// The ledger, oldest first: `CHARGE -1 item 2`.
    pub credits: Vec<String>,
    pub balance: i32,
    /// The upstream's tasks, oldest first: account and final status.
    pub tasks: Vec<String>,
    /// Every kind of call; what is not named was not called.
    pub calls: Calls,
    /// The latest end of the last item, from the start.
    pub ends_within: Span,
    /// What the screen shows at the end.
    #[serde(default)]
    pub screen: Vec<ScreenSays>,
}

/// Calls by kind. Submits are always exact.
pub(super) type Calls = BTreeMap<CallName, Bounds>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallName {
    Submit,
    Query,
    BulkQuery,
    List,
    ResultUrl,
    Result,
    Presigned,
    Cancel,
    Models,
    Other,
}

/// How often something may be: `3`, `"2..5"` (both included) or `"2.."`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    least: usize,
    most: usize,
}

/// A span of time: `500ms`, `20s`, `10m`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub Duration);

impl Scenario {
    /// Reads a file and refuses one that leaves something open.
    pub fn read(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if scenario.title.trim().is_empty() {
            return Err("the title is empty".to_owned());
        }
        scenario.check_words()?;
        let of_steps = scenario.story.steps.iter().filter_map(|step| match step {
            Step::CallsSoFar(calls) => Some(calls),
            _ => None,
        });
        for calls in of_steps.chain([&scenario.expect.calls]) {
            let submits = calls.get(&CallName::Submit);
            if !submits.is_some_and(|bounds| bounds.least == bounds.most) {
                return Err("calls must say exactly how often `submit` is called".to_owned());
            }
        }
        Ok(scenario)
    }

    /// Both languages are asked for, wherever one is.
    fn check_words(&self) -> Result<(), String> {
        let of_steps = self.story.steps.iter().filter_map(|step| match step {
            Step::Screen(says) => Some((&says.english, &says.chinese)),
            Step::List(says) => Some((&says.english, &says.chinese)),
            _ => None,
        });
        let at_end = self.expect.screen.iter();
        let at_end = at_end.map(|says| (&says.english, &says.chinese));
        let mut asked = 0;
        for (english, chinese) in of_steps.chain(at_end) {
            asked += 1;
            if english.is_empty() || english.len() != chinese.len() {
                return Err(format!(
                    "words must be given in both languages, as many in each: {english:?} {chinese:?}"
                ));
            }
        }
        if asked == 0 {
            return Err("the file must say what the operator reads: a `screen` or a `list`".into());
        }
        Ok(())
    }
}

impl Upstream {
    /// The upstream of this scenario: a run of 20 s, everything else as its sample configuration says.
    pub fn config(&self) -> UpstreamConfig {
        let usual = UpstreamConfig::default();
        let span = |said: Option<Span>, usual: Duration| said.map_or(usual, |span| span.0);
        UpstreamConfig {
            queue: span(self.queue, usual.queue),
            run: span(self.run, Duration::from_secs(20)),
            limits: Limits {
                daily: self.daily_limit.unwrap_or(usual.limits.daily),
                ..usual.limits
            },
            result_address: match self.result_address {
                Some(Where::Absolute) => ResultAddress::Absolute,
                _ => ResultAddress::Relative,
            },
            cancel_verb: match self.cancel_verb {
                Some(Verb::Post) => CancelVerb::Post,
                _ => CancelVerb::Get,
            },
            estimates: match self.estimates {
                None | Some(Estimate::Sane) => Estimates::Sane,
                Some(Estimate::Null) => Estimates::Null,
                Some(Estimate::Unknown) => Estimates::Unknown,
                Some(Estimate::Absurd) => Estimates::Absurd,
            },
            latency: Duration::from_millis(20),
            epoch: epoch(),
            ..usual
        }
    }
}

impl FaultSays {
    /// The fault as the upstream takes it.
    pub fn fault(&self) -> Fault {
        let mut fault = Fault::on(self.on.call());
        if let Some(account) = &self.account {
            fault = fault.of_account(account);
        }
        if let Some(nth) = self.nth {
            fault = fault.nth(nth);
        }
        fault = match self.times {
            None => fault,
            Some(Times::Number(times)) => fault.times(times),
            Some(Times::Word(Always::Always)) => fault.always(),
        };
        if let Some(Span(after)) = self.after {
            fault = fault.after(after);
        }
        match &self.does {
            Does::Hang => fault.hang(),
            Does::DoneButHang => fault.done_but_hang(),
            Does::Drop => fault.drop_connection(),
            Does::LoseAnswer => fault.lose_answer(),
            Does::HalfAnswer => fault.half_answer(),
            Does::ToOtherHost => fault.redirect(Target::Bucket),
            Does::ToThisHost => fault.redirect(Target::Here),
            Does::Answer(answer) => fault.answer(answer.status, &answer.body()),
            Does::WebPage(status) => fault.html(*status),
            Does::CutAfter(bytes) => fault.cut_after(*bytes),
        }
    }
}

impl AnswerSays {
    fn body(&self) -> String {
        let mut body = serde_json::Map::new();
        if let Some(words) = &self.error {
            body.insert("message".to_owned(), format!("error: {words}!").into());
        }
        if let Some(words) = &self.message {
            body.insert("message".to_owned(), words.as_str().into());
        }
        if let Some(words) = &self.detail {
            body.insert("detail".to_owned(), words.as_str().into());
        }
        serde_json::Value::Object(body).to_string()
    }
}

impl TaskSays {
    /// The script as the upstream takes it.
    pub fn script(&self) -> Script {
        let time = |span: Option<Span>| span.map(|span| span.0);
        Script {
            queue: time(self.queue),
            run: time(self.run),
            fail: self.fails_with.clone(),
            bounce_after: time(self.back_to_pending_after),
        }
    }
}

impl CallName {
    fn call(self) -> Call {
        match self {
            Self::Submit => Call::Submit,
            Self::Query => Call::Query,
            Self::BulkQuery => Call::BulkQuery,
            Self::List => Call::List,
            Self::ResultUrl => Call::ResultUrl,
            Self::Result => Call::Result,
            Self::Presigned => Call::Presigned,
            Self::Cancel => Call::Cancel,
            Self::Models => Call::Models,
            Self::Other => Call::Other,
        }
    }

    /// The name of what was called.
    pub fn of(call: Call) -> Self {
        match call {
            Call::Submit => Self::Submit,
            Call::Query => Self::Query,
            Call::BulkQuery => Self::BulkQuery,
            Call::List => Self::List,
            Call::ResultUrl => Self::ResultUrl,
            Call::Result => Self::Result,
            Call::Presigned => Self::Presigned,
            Call::Cancel => Self::Cancel,
            Call::Models => Self::Models,
            Call::InputUrl | Call::Resume | Call::Delete | Call::Other => Self::Other,
        }
    }
}

impl Bounds {
    /// Never.
    pub const NEVER: Self = Self { least: 0, most: 0 };

    /// Whether so often is allowed.
    pub fn allow(self, times: usize) -> bool {
        (self.least..=self.most).contains(&times)
    }

    fn parse(text: &str) -> Option<Self> {
        let (least, most) = text.split_once("..")?;
        let least = least.trim().parse().ok()?;
        let most = match most.trim() {
            "" => usize::MAX,
            most => most.parse().ok()?,
        };
        (least <= most).then_some(Self { least, most })
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, usize::MAX) => write!(f, "{least} or more"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Exactly(usize),
            Between(String),
        }
        match Said::deserialize(deserializer)? {
            Said::Exactly(times) => Ok(Self {
                least: times,
                most: times,
            }),
            Said::Between(text) => Self::parse(&text)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is not like \"2..5\""))),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        match number.parse::<u64>() {
            Ok(number) if milliseconds > 0 => {
                Ok(Self(Duration::from_millis(number * milliseconds)))
            }
            _ => Err(D::Error::custom(format!("`{text}` is not like \"20s\""))),
        }
    }
}
