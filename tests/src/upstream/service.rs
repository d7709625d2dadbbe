//! The upstream behind one lock: what both fronts serve, and the controls that tests use.
//!
//! Invariant: a request is recorded when it arrives and its work is done in one turn, so the book and the
//! tasks never disagree.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::api::{Api, Submission};
use super::book::{Book, CallRecord, RefusedSubmit};
use super::config::{Limits, UpstreamConfig};
use super::faults::{self, Action, Call, Fault, Target};
use super::message::{Head, Reply};
use super::tasks::{Script, Status, Task, Tasks};
use super::tokens::Tokens;

/// How long a test waits for something that should come; in virtual time this costs nothing.
const DEADLINE: Duration = Duration::from_secs(60);

/// See the module's page.
pub struct Upstream {
    config: UpstreamConfig,
    bucket: String,
    start: Instant,
    first_token: String,
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

struct Inner {
    tasks: Tasks,
    tokens: Tokens,
    faults: Vec<Fault>,
    book: Book,
    is_down: bool,
}

/// A request that has arrived and is in the book.
pub struct Arrival {
    head: Head,
    index: usize,
    account: Result<String, &'static str>,
    delay: Duration,
    early: bool,
    action: Action,
}

impl Arrival {
    /// Whether what happens needs no body.
    pub fn is_early(&self) -> bool {
        self.early
    }
}

/// What a front does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answers.
    Reply(Reply),
    /// Answers with so many bytes of the body, then breaks the connection.
    Partly(Reply, usize),
    /// Answers with the body in pieces and a pause after each.
    Slowly(Reply, Duration),
    /// Stays silent.
    Hang,
    /// Breaks the connection.
    Drop,
}

impl Upstream {
    /// Starts its clock now.
    pub fn new(config: UpstreamConfig, bucket: String) -> Self {
        let mut tokens = Tokens::default();
        let given: Vec<String> = config
            .accounts
            .iter()
            .map(|account| tokens.give(account, config.epoch))
            .collect();
        let inner = Inner {
            tasks: Tasks::new(&config),
            tokens,
            faults: Vec::new(),
            book: Book::default(),
            is_down: false,
        };
        Self {
            config,
            bucket,
            start: Instant::now(),
            first_token: given.into_iter().next().unwrap_or_default(),
            inner: Mutex::new(inner),
            changed: watch::Sender::new(0),
        }
    }

    /// The token of the first account.
    pub fn token(&self) -> String {
        self.first_token.clone()
    }

    /// Another token of an account, which may be new.
    pub fn give_token(&self, account: &str) -> String {
        let now = self.wall();
        self.inner().tokens.give(account, now)
    }

    /// From now on: 401 `Token has expired`.
    pub fn expire_token(&self, token: &str) {
        self.inner().tokens.refuse(token, Some("Token has expired"));
    }

    /// From now on: 401 with these words; `None` takes the token again.
    pub fn refuse_token(&self, token: &str, words: Option<&'static str>) {
        self.inner().tokens.refuse(token, words);
    }

    /// Scripts a fault, after those that are scripted already.
    pub fn fault(&self, fault: Fault) {
        self.inner().faults.push(fault);
    }

    /// Takes back all faults that have not happened.
    pub fn clear_faults(&self) {
        self.inner().faults.clear();
    }

    /// The next task that is accepted follows this script; a second script is for the one after it.
    pub fn script_next(&self, script: Script) {
        self.inner().tasks.script_next(script);
    }

    /// Other limits from now on. Refusals go on naming the numbers that were met.
    pub fn set_limits(&self, limits: Limits) {
        self.played().tasks.set_limits(limits);
    }

    /// Other workers from now on; with none nothing starts to run.
    pub fn set_workers(&self, workers: usize) {
        self.played().tasks.set_workers(workers);
    }

    /// Puts a task into a state by hand; panics where there is no such task.
    pub fn set_state(&self, id: &str, status: Status, fail_msg: Option<&str>) {
        let now = self.now();
        let done = self.played().tasks.set_state(id, status, fail_msg, now);
        assert!(done, "no task {id}");
        self.tell();
    }

    /// Makes a task that nobody here asked for: somebody else uses the account.
    pub fn foreign_task(&self, account: &str) -> String {
        let now = self.now();
        let id = self
            .played()
            .tasks
            .create(account, serde_json::json!({"seed": 1}), now)
            .id
            .clone();
        self.tell();
        id
    }

    /// Makes the same task once more, as a proxy does that sends a request again; panics where there is none.
    pub fn twin_of(&self, id: &str) -> String {
        let now = self.now();
        let mut inner = self.played();
        let (account, params) = inner
            .tasks
            .all()
            .iter()
            .find(|task| task.id == id)
            .map(|task| (task.account.clone(), task.params.clone()))
            .expect("a task to repeat");
        let twin = inner.tasks.create(&account, params, now);
        twin.is_twin = true;
        let twin = twin.id.clone();
        drop(inner);
        self.tell();
        twin
    }

    /// Somebody deletes a task, whatever its state.
    pub fn vanish(&self, id: &str) {
        let now = self.now();
        let mut inner = self.played();
        inner.tasks.cancel(id, now);
        assert!(inner.tasks.delete(id), "no task {id}");
        drop(inner);
        self.tell();
    }

    /// Answers nothing about a task from now on; it goes on.
    pub fn mute(&self, id: &str) {
        self.played().tasks.mute(id);
    }

    /// Nothing reaches it any more, or something does again. Its tasks go on.
    pub fn set_down(&self, is_down: bool) {
        self.inner().is_down = is_down;
    }

    /// Whether nothing reaches it.
    pub fn is_down(&self) -> bool {
        self.inner().is_down
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.inner().book.calls.clone()
    }

    /// The calls of one kind so far.
    pub fn calls_of(&self, call: Call) -> Vec<CallRecord> {
        let mut calls = self.calls();
        calls.retain(|record| record.call == call);
        calls
    }

    /// The whole book.
    pub fn book(&self) -> Book {
        self.inner().book.clone()
    }

    /// All tasks as they are now, in the order of their making, deleted and hidden ones included.
    pub fn tasks(&self) -> Vec<Task> {
        self.played().tasks.all().to_vec()
    }

    /// The same, to look at and not to keep.
    pub fn with_tasks<T>(&self, look: impl FnOnce(&[Task]) -> T) -> T {
        look(self.played().tasks.all())
    }

    /// Most tasks of one account that were ever active at once.
    pub fn max_active_of(&self, account: &str) -> usize {
        self.inner().tasks.most_active(account)
    }

    /// The same over all accounts: the most that any one of them had.
    pub fn max_active(&self) -> usize {
        let inner = self.inner();
        let accounts = inner.tasks.all().iter().map(|task| task.account.as_str());
        accounts
            .map(|account| inner.tasks.most_active(account))
            .max()
            .unwrap_or_default()
    }

    /// How it behaves.
    pub fn config(&self) -> &UpstreamConfig {
        &self.config
    }

    /// Since its start, by its own clock.
    pub fn now(&self) -> Duration {
        self.start.elapsed() * self.config.speed
    }

    /// Its wall clock.
    pub fn wall(&self) -> Timestamp {
        self.config.epoch + SignedDuration::try_from(self.now()).unwrap_or_default()
    }

    /// Waits until something holds of what was seen; looked at after each call and each change by hand.
    ///
    /// # Panics
    /// When it does not hold within a minute.
    pub async fn until(&self, what: &str, holds: impl Fn(&Book, &[Task]) -> bool) {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                let held = {
                    let inner = self.played();
                    holds(&inner.book, inner.tasks.all())
                };
                if held || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        if timeout(DEADLINE, waiting).await.is_err() {
            panic!("not within {DEADLINE:?}: {what}");
        }
    }

    /// Waits until a call was made so often.
    pub fn until_called(&self, call: Call, times: usize) -> impl Future<Output = ()> + '_ {
        let what = format!("{call:?} × {times}");
        async move { self.until(&what, |book, _| book.count(call) >= times).await }
    }

    /// Puts a request into the book and finds out what will happen to it.
    pub fn arrive(&self, head: Head) -> Arrival {
        let now = self.now();
        let call = head.call();
        let mut inner = self.inner();
        let account = inner.tokens.account(head.authorization.as_deref());
        let known = account.as_ref().ok().cloned();
        let fault = faults::take(&mut inner.faults, call, known.as_deref());
        let index = inner.book.calls.len();
        inner.book.calls.push(CallRecord {
            call,
            verb: head.verb.clone(),
            host: head.host,
            at: now,
            account: known,
            authorization: head.authorization.is_some(),
            header_names: head.header_names.clone(),
            content_length: head.content_length,
            task: head.task().cloned(),
            status: None,
            connection: head.connection,
        });
        drop(inner);
        self.tell();
        let fault = fault.unwrap_or(Fault::on(call));
        Arrival {
            head,
            index,
            account,
            delay: self.config.latency + fault.delay,
            early: fault.early,
            action: fault.action,
        }
    }

    /// Does the work, or does not, and says what the front is to do.
    pub async fn serve(&self, arrival: Arrival, body: &[u8]) -> Outcome {
        if !arrival.delay.is_zero() {
            sleep(arrival.delay).await;
        }
        let outcome = self.act(&arrival, body);
        let status = match &outcome {
            Outcome::Reply(reply) | Outcome::Partly(reply, _) | Outcome::Slowly(reply, _) => {
                Some(reply.status)
            }
            Outcome::Hang | Outcome::Drop => None,
        };
        self.inner().book.calls[arrival.index].status = status;
        self.tell();
        if !self.config.latency.is_zero() {
            sleep(self.config.latency).await;
        }
        outcome
    }

    fn act(&self, arrival: &Arrival, body: &[u8]) -> Outcome {
        let submits = arrival.head.call() == Call::Submit;
        let undone = || {
            if submits {
                self.inner().book.refuse(RefusedSubmit::Scripted);
            }
        };
        match &arrival.action {
            Action::Pass => Outcome::Reply(self.work(arrival, body).1),
            Action::Answer(scripted) => {
                undone();
                Outcome::Reply(scripted.into())
            }
            Action::DoneBut(scripted) => {
                self.work(arrival, body);
                Outcome::Reply(scripted.into())
            }
            Action::Hang => {
                undone();
                Outcome::Hang
            }
            Action::DoneButHang => {
                self.work(arrival, body);
                Outcome::Hang
            }
            Action::Drop => {
                undone();
                Outcome::Drop
            }
            Action::LoseAnswer(hidden_for) => {
                if let (Some(id), _) = self.work(arrival, body) {
                    self.hide(&id, *hidden_for);
                }
                Outcome::Drop
            }
            Action::LoseAnswerTwice(hidden_for) => {
                if let (Some(id), _) = self.work(arrival, body) {
                    let twin = self.twin_of(&id);
                    self.hide(&id, *hidden_for);
                    self.hide(&twin, *hidden_for);
                }
                Outcome::Drop
            }
            Action::HalfAnswer => {
                let (_, reply) = self.work(arrival, body);
                let half = reply.body.len() / 2;
                Outcome::Partly(reply, half)
            }
            Action::Cut(bytes) => Outcome::Partly(self.work(arrival, body).1, *bytes),
            Action::Trickle(pause) => Outcome::Slowly(self.work(arrival, body).1, *pause),
            Action::Redirect(target) => {
                let id = arrival.head.task().cloned().unwrap_or_default();
                Outcome::Reply(Reply::redirect(match target {
                    Target::Bucket => self.with_api(|api| api.presigned_address(&id)),
                    Target::Here => format!("./result?task_id={id}&name=output_video&moved=1"),
                }))
            }
        }
    }

    /// The id of a new task, and the answer.
    fn work(&self, arrival: &Arrival, body: &[u8]) -> (Option<String>, Reply) {
        let call = arrival.head.call();
        if call == Call::Presigned {
            return (None, self.with_api(|api| api.presigned(&arrival.head)));
        }
        let account = match &arrival.account {
            Ok(account) => account,
            Err(words) => {
                if call == Call::Submit {
                    self.inner().book.refuse(RefusedSubmit::Token);
                }
                let name = if *words == "Not authenticated" {
                    "detail"
                } else {
                    "message"
                };
                return (None, Reply::json(401, &serde_json::json!({ name: words })));
            }
        };
        if call != Call::Submit || arrival.head.verb != "POST" {
            return (
                None,
                self.with_api(|api| api.answer(account, &arrival.head)),
            );
        }
        match self.with_api(|api| api.submit(account, body)) {
            Submission::Made(id, reply) => {
                self.inner().book.accepted += 1;
                (Some(id), reply)
            }
            Submission::Refused(reason, reply) => {
                self.inner().book.refuse(reason);
                (None, reply)
            }
        }
    }

    fn with_api<T>(&self, ask: impl FnOnce(&mut Api<'_>) -> T) -> T {
        let now = self.now();
        let mut inner = self.played();
        ask(&mut Api {
            config: &self.config,
            tasks: &mut inner.tasks,
            now,
            bucket: &self.bucket,
        })
    }

    fn hide(&self, id: &str, time: Duration) {
        let until = self.now() + time;
        self.inner().tasks.hide(id, until);
    }

    fn played(&self) -> MutexGuard<'_, Inner> {
        let now = self.now();
        let mut inner = self.inner();
        inner.tasks.advance(now);
        inner
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}
