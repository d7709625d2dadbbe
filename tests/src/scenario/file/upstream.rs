//! What a file says of the upstream: how it behaves, and what goes wrong.

use std::time::Duration;

use serde::Deserialize;

use super::values::{CallName, Span};
use crate::upstream::config::{CancelVerb, Estimates, Limits, ResultAddress, UpstreamConfig};
use crate::upstream::faults::{Fault, Target};
use crate::upstream::tasks::Script;
use crate::world::epoch;

/// How the upstream behaves, and what goes wrong with it from the start.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::scenario) struct Upstream {
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
pub(in crate::scenario) struct FaultSays {
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
pub(in crate::scenario) struct TaskSays {
    queue: Option<Span>,
    run: Option<Span>,
    fails_with: Option<String>,
    /// RUNNING → PENDING → RUNNING.
    back_to_pending_after: Option<Span>,
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
