//! What is scripted to go wrong, and when.
//!
//! ```
//! use vbatch_tests::upstream::faults::{Call, Fault};
//!
//! Fault::on(Call::Submit).nth(2).answer(500, r#"{"message":"error: Queue busy, please try again later!"}"#);
//! Fault::on(Call::Query).times(3).hang();
//! ```

use std::time::Duration;

/// Of a body that trickles.
pub const PIECES: usize = 8;

/// The calls of the API, and what else is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `POST /api/v1/task/submit`.
    Submit,
    /// `GET /api/v1/task/query?task_id=`.
    Query,
    /// `GET /api/v1/task/query?task_ids=`.
    BulkQuery,
    /// `GET /api/v1/task/list`.
    List,
    /// `GET /api/v1/task/result_url`.
    ResultUrl,
    /// `GET /api/v1/task/input_url`.
    InputUrl,
    /// `GET /assets/task/result`, with the token.
    Result,
    /// The presigned address on the other host.
    Presigned,
    /// `/api/v1/task/cancel`, whatever the verb.
    Cancel,
    /// `GET /api/v1/task/resume`.
    Resume,
    /// `DELETE /api/v1/task/delete`.
    Delete,
    /// `GET /api/v1/model/list`.
    Models,
    /// Anything else.
    Other,
}

/// Something that goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(super) call: Option<Call>,
    pub(super) account: Option<String>,
    pub(super) skip: usize,
    pub(super) times: usize,
    pub(super) delay: Duration,
    pub(super) early: bool,
    pub(super) action: Action,
}

/// What happens to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing but the delay.
    Pass,
    /// This answer; the work is not done.
    Answer(Scripted),
    /// This answer; the work is done.
    DoneBut(Scripted),
    /// No byte, ever; the work is not done.
    Hang,
    /// No byte, ever; the work is done.
    DoneButHang,
    /// The connection breaks; the work is not done.
    Drop,
    /// The connection breaks, the work is done. A new task appears in lists only after this time.
    LoseAnswer(Duration),
    /// The same, and the work is done twice, as a proxy does that sends a request again.
    LoseAnswerTwice(Duration),
    /// The answer's head promises all of its body, half of which comes. The work is done.
    HalfAnswer,
    /// So many bytes of the body come.
    Cut(usize),
    /// The body comes in pieces, with this pause after each. Without sockets it comes whole.
    Trickle(Duration),
    /// A redirect of a result, to the other host or to another place of this one.
    Redirect(Target),
}

/// Where a scripted redirect leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The host of presigned addresses.
    Bucket,
    /// This host, as a relative address.
    Here,
}

/// A scripted answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scripted {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media_type: &'static str,
    /// `Retry-After`, where there is one.
    pub retry_after: Option<String>,
    /// The body.
    pub body: String,
}

impl Fault {
    /// A fault of the next such call; what happens is told last.
    pub fn on(call: Call) -> Self {
        Self {
            call: Some(call),
            account: None,
            skip: 0,
            times: 1,
            delay: Duration::ZERO,
            early: false,
            action: Action::Pass,
        }
    }

    /// A fault of the next call, whatever it is.
    pub fn on_any() -> Self {
        Self {
            call: None,
            ..Self::on(Call::Other)
        }
    }

    /// Only calls with a token of this account.
    pub fn of_account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Not the next but the n-th such call from now on, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// So many such calls in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Every such call, until the faults are cleared.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// After this time, on top of the configured latency.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Before the request's body is read. Only faults that do no work can be early.
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// JSON, or whatever the body is.
    pub fn answer(self, status: u16, body: &str) -> Self {
        self.act(Action::Answer(Scripted::json(status, body)))
    }

    /// `{"message": "error: <words>!"}`, as the upstream wraps what it says.
    pub fn error(self, status: u16, words: &str) -> Self {
        let body = serde_json::json!({"message": format!("error: {words}!")});
        self.answer(status, &body.to_string())
    }

    /// An answer that says how long to wait.
    pub fn answer_with_retry_after(self, status: u16, body: &str, retry_after: &str) -> Self {
        let mut scripted = Scripted::json(status, body);
        scripted.retry_after = Some(retry_after.to_owned());
        self.act(Action::Answer(scripted))
    }

    /// A web page with this status, as proxies and login walls answer.
    pub fn html(self, status: u16) -> Self {
        self.act(Action::Answer(Scripted {
            status,
            media_type: "text/html",
            retry_after: None,
            body: "<!doctype html><html><body>Please sign in</body></html>".to_owned(),
        }))
    }

    /// The work is done, and then this is the answer.
    pub fn done_but(self, status: u16, body: &str) -> Self {
        self.act(Action::DoneBut(Scripted::json(status, body)))
    }

    /// 200 and JSON, the task is made, but its id is not told.
    pub fn without_task_id(self) -> Self {
        self.done_but(200, r#"{"workers":{},"params":{},"wait_time":0.0}"#)
    }

    /// No byte, ever; the work is not done.
    pub fn hang(self) -> Self {
        self.act(Action::Hang)
    }

    /// No byte, ever; the work is done.
    pub fn done_but_hang(self) -> Self {
        self.act(Action::DoneButHang)
    }

    /// The connection breaks before the work.
    pub fn drop_connection(self) -> Self {
        self.act(Action::Drop)
    }

    /// The connection breaks after the work.
    pub fn lose_answer(self) -> Self {
        self.act(Action::LoseAnswer(Duration::ZERO))
    }

    /// The connection breaks after the work, and the new task appears in lists only after this time.
    pub fn lose_answer_and_list_after(self, time: Duration) -> Self {
        self.act(Action::LoseAnswer(time))
    }

    /// The connection breaks after the work was done twice; both tasks appear in lists after this time.
    pub fn lose_answer_twice(self, time: Duration) -> Self {
        self.act(Action::LoseAnswerTwice(time))
    }

    /// The connection breaks in the middle of the answer's body, after the work.
    pub fn half_answer(self) -> Self {
        self.act(Action::HalfAnswer)
    }

    /// The connection breaks after so many bytes of the answer's body.
    pub fn cut_after(self, bytes: usize) -> Self {
        self.act(Action::Cut(bytes))
    }

    /// The answer's body comes in [`PIECES`] pieces, with this pause after each.
    pub fn trickle(self, pause: Duration) -> Self {
        self.act(Action::Trickle(pause))
    }

    /// A redirect, with 302.
    pub fn redirect(self, target: Target) -> Self {
        self.act(Action::Redirect(target))
    }

    /// The call succeeds; with `after`, late.
    pub fn pass(self) -> Self {
        self.act(Action::Pass)
    }

    fn act(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// Whether this call is one of those meant.
    pub(super) fn is_meant_for(&self, call: Call, account: Option<&str>) -> bool {
        self.call.is_none_or(|meant| meant == call)
            && self
                .account
                .as_deref()
                .is_none_or(|meant| Some(meant) == account)
    }
}

/// What happens to a call: the first fault that is due. Those that are to pass over calls count this one,
/// whether another takes it or not.
pub(super) fn take(faults: &mut Vec<Fault>, call: Call, account: Option<&str>) -> Option<Fault> {
    let mut taken = None;
    for fault in faults.iter_mut() {
        if !fault.is_meant_for(call, account) {
            continue;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
        } else if taken.is_none() {
            if fault.times != usize::MAX {
                fault.times -= 1;
            }
            taken = Some(fault.clone());
        }
    }
    faults.retain(|fault| fault.times > 0);
    taken
}

impl Scripted {
    fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            media_type: "application/json",
            retry_after: None,
            body: body.to_owned(),
        }
    }
}
