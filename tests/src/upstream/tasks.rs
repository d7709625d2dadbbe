//! The state machine of the upstream's tasks, and its three limits. Pure: `now` is the time since the start.
//!
//! CREATED → PENDING → RUNNING → SUCCEED, FAILED; CANCEL from the first three. Time is made up for on demand:
//! [`Tasks::advance`] plays all that happened until now, in the order in which it happened.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::config::{Limits, UpstreamConfig};

/// How long a task is CREATED before it is PENDING.
const CREATED_FOR: Duration = Duration::from_millis(2);

/// The id of the first task; each next one's is one more, so that a task is found by its id alone.
const FIRST_ID: u128 = 0x0f0e_0d0c_0b0a_4000_8000_0000_0000_0000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The upstream's own states, in the order of its numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Accepted.
    Created,
    /// In the queue.
    Pending,
    /// At a worker.
    Running,
    /// Ended, with a result.
    Succeed,
    /// Ended without.
    Failed,
    /// Ended by a cancel.
    Cancel,
    /// Ended by the upstream; shown as FAILED outside lists.
    Reject,
}

impl Status {
    /// The word of `query`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeed => "SUCCEED",
            Self::Failed | Self::Reject => "FAILED",
            Self::Cancel => "CANCEL",
        }
    }

    /// The number of `list`.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether it counts against the limit of active tasks.
    pub fn is_active(self) -> bool {
        self <= Self::Running
    }
}

/// What is special about a task to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Instead of the configured time in the queue.
    pub queue: Option<Duration>,
    /// Instead of the configured run.
    pub run: Option<Duration>,
    /// Its first run ends FAILED with these words.
    pub fail: Option<String>,
    /// Its first run is given up after this time: RUNNING → PENDING → RUNNING.
    pub bounce_after: Option<Duration>,
}

impl Script {
    /// A first run that fails with these words, at its end.
    pub fn failing(words: &str) -> Self {
        Self {
            fail: Some(words.to_owned()),
            ..Self::default()
        }
    }
}

/// One task.
#[derive(Debug, Clone)]
pub struct Task {
    /// A UUID.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// What was sent, without the media.
    pub params: Value,
    /// Now.
    pub status: Status,
    /// When it was accepted.
    pub created: Duration,
    /// When its status last changed.
    pub updated: Duration,
    /// Why it failed.
    pub fail_msg: Option<String>,
    /// Runs begun.
    pub runs: u32,
    /// Lists and queries do not know it before.
    pub hidden_until: Duration,
    /// Finished phases (`"PENDING-RUNNING"`), in seconds.
    pub elapses: BTreeMap<String, f64>,
    /// Deleted: no call knows it any more.
    pub deleted: bool,
    /// Every question about it alone fails, and answers about many leave it out.
    pub is_mute: bool,
    /// Made again by somebody between us and the upstream, from a request that was sent once.
    pub is_twin: bool,
    script: Script,
    /// PENDING: may run from here on. RUNNING: the run ends here.
    due: Duration,
}

impl Task {
    /// Our key, where the submit had one.
    pub fn client_ref(&self) -> Option<&str> {
        self.params.get("client_ref")?.as_str()
    }

    /// The seed, where the submit had one.
    pub fn seed(&self) -> Option<i64> {
        self.params.get("seed")?.as_i64()
    }

    fn turn(&mut self, status: Status, at: Duration) {
        let spent = at.saturating_sub(self.updated).as_secs_f64();
        self.elapses
            .insert(format!("{}-{}", self.status.word(), status.word()), spent);
        self.status = status;
        self.updated = at;
    }
}

/// A submit that a limit refuses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Too soon after the last one.
    Pace(Duration),
    /// So many are active.
    Active(usize),
    /// So many within 24 h.
    Daily(usize),
}

/// All tasks of one upstream.
#[derive(Debug)]
pub struct Tasks {
    limits: Limits,
    queue: Duration,
    run: Duration,
    workers: usize,
    tasks: Vec<Task>,
    /// All tasks before this one have ended: so many are never looked through again.
    ended: usize,
    scripts: VecDeque<Script>,
    visits: BTreeMap<String, Duration>,
    most_active: BTreeMap<String, usize>,
    played: Duration,
}

impl Tasks {
    /// None yet.
    pub fn new(config: &UpstreamConfig) -> Self {
        Self {
            limits: config.limits,
            queue: config.queue,
            run: config.run,
            workers: config.workers,
            tasks: Vec::new(),
            ended: 0,
            scripts: VecDeque::new(),
            visits: BTreeMap::new(),
            most_active: BTreeMap::new(),
            played: Duration::ZERO,
        }
    }

    /// In the order in which they were accepted; deleted ones included.
    pub fn all(&self) -> &[Task] {
        &self.tasks
    }

    /// The tasks accepted from now on follow these scripts, one each.
    pub fn script_next(&mut self, script: Script) {
        self.scripts.push_back(script);
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Other workers from now on; with none nothing starts to run.
    pub fn set_workers(&mut self, workers: usize) {
        self.workers = workers;
    }

    /// Most tasks of one account that were ever active at once.
    pub fn most_active(&self, account: &str) -> usize {
        self.most_active.get(account).copied().unwrap_or_default()
    }

    /// The task, if this account knows it now.
    pub fn known(&self, account: &str, id: &str, now: Duration) -> Option<&Task> {
        let task = &self.tasks[self.index(id)?];
        (task.account == account && task.is_visible(now)).then_some(task)
    }

    /// What an account sees in its list, newest first.
    pub fn listed(&self, account: &str, now: Duration) -> Vec<&Task> {
        let seen = |task: &&Task| task.account == account && task.is_visible(now);
        self.tasks.iter().rev().filter(seen).collect()
    }

    /// Tasks that will run before this one.
    pub fn ahead_of(&self, task: &Task) -> usize {
        let end = self.index(&task.id).unwrap_or_default();
        self.tasks[self.ended.min(end)..end]
            .iter()
            .filter(|other| matches!(other.status, Status::Created | Status::Pending))
            .count()
    }

    /// How long this task runs.
    pub fn run_of(&self, task: &Task) -> Duration {
        task.script.run.unwrap_or(self.run)
    }

    /// Whether the account may submit now; each visit that comes not too soon sets the pace for the next.
    pub fn admit(&mut self, account: &str, now: Duration) -> Result<(), Limit> {
        if let Some(last) = self.visits.get(account) {
            let since = now.saturating_sub(*last);
            if since < self.limits.pace {
                return Err(Limit::Pace(since));
            }
        }
        self.visits.insert(account.to_owned(), now);
        let active = self.active(account);
        if active >= self.limits.active {
            return Err(Limit::Active(active));
        }
        let daily = if self.limits.daily == usize::MAX {
            0
        } else {
            let recent =
                |task: &&Task| task.account == account && now.saturating_sub(task.created) < DAY;
            self.tasks.iter().filter(recent).count()
        };
        if daily >= self.limits.daily {
            return Err(Limit::Daily(daily));
        }
        Ok(())
    }

    /// Makes a task, whatever the limits say.
    pub fn create(&mut self, account: &str, params: Value, now: Duration) -> &mut Task {
        let number = self.tasks.len() as u128;
        let id = Uuid::from_u128(FIRST_ID + number).to_string();
        let script = self.scripts.pop_front().unwrap_or_default();
        self.tasks.push(Task {
            id,
            account: account.to_owned(),
            params,
            status: Status::Created,
            created: now,
            updated: now,
            fail_msg: None,
            runs: 0,
            hidden_until: Duration::ZERO,
            elapses: BTreeMap::new(),
            deleted: false,
            is_mute: false,
            is_twin: false,
            script,
            due: now + CREATED_FOR,
        });
        self.count_active(account);
        self.tasks.last_mut().expect("a task was just added")
    }

    /// Ends an active task; false where it was not active.
    pub fn cancel(&mut self, id: &str, now: Duration) -> bool {
        self.change(id, |task| {
            let active = task.status.is_active();
            if active {
                task.turn(Status::Cancel, now);
            }
            active
        })
    }

    /// Runs a FAILED or CANCEL task again; false where it was neither.
    pub fn resume(&mut self, id: &str, now: Duration) -> bool {
        let resumed = self.change(id, |task| {
            let ended = matches!(task.status, Status::Failed | Status::Cancel);
            if ended {
                task.turn(Status::Created, now);
                task.fail_msg = None;
                task.due = now + CREATED_FOR;
            }
            ended
        });
        if let Some(account) = self
            .index(id)
            .map(|index| self.tasks[index].account.clone())
        {
            self.count_active(&account);
        }
        resumed
    }

    /// Deletes a task; false where there is none or it is active.
    pub fn delete(&mut self, id: &str) -> bool {
        self.change(id, |task| {
            let ended = !task.status.is_active();
            task.deleted |= ended;
            ended
        })
    }

    /// Every question about the task alone fails from now on, and answers about many leave it out.
    pub fn mute(&mut self, id: &str) {
        self.change(id, |task| {
            task.is_mute = true;
            true
        });
    }

    /// Keeps a task from lists and queries until then.
    pub fn hide(&mut self, id: &str, until: Duration) {
        self.change(id, |task| {
            task.hidden_until = until;
            true
        });
    }

    /// Puts a task into a state by hand, with the words of a failure.
    pub fn set_state(
        &mut self,
        id: &str,
        status: Status,
        fail_msg: Option<&str>,
        now: Duration,
    ) -> bool {
        let run = self.run;
        let queue = self.queue;
        self.change(id, |task| {
            task.turn(status, now);
            task.fail_msg = fail_msg.map(str::to_owned);
            task.due = match status {
                Status::Created => now + CREATED_FOR,
                Status::Pending => now + task.script.queue.unwrap_or(queue),
                _ => now + task.script.run.unwrap_or(run),
            };
            if status == Status::Running {
                task.runs += 1;
            }
            true
        })
    }

    /// Plays what happened until now.
    pub fn advance(&mut self, now: Duration) {
        while let Some((at, index)) = self.next_event(now) {
            self.played = self.played.max(at);
            let (queue, run) = (self.queue, self.run);
            let task = &mut self.tasks[index];
            match task.status {
                Status::Created => {
                    task.turn(Status::Pending, at);
                    task.due = at + task.script.queue.unwrap_or(queue);
                }
                Status::Pending => {
                    task.turn(Status::Running, at);
                    task.runs += 1;
                    let whole = task.script.run.unwrap_or(run);
                    let first = task.runs == 1;
                    task.due = at + task.script.bounce_after.filter(|_| first).unwrap_or(whole);
                }
                _ => {
                    let first = task.runs == 1;
                    if first && task.script.bounce_after.is_some() {
                        task.turn(Status::Pending, at);
                        task.due = at + task.script.queue.unwrap_or(queue);
                    } else if let Some(words) = task.script.fail.take() {
                        task.turn(Status::Failed, at);
                        task.fail_msg = Some(words);
                    } else {
                        task.turn(Status::Succeed, at);
                    }
                }
            }
        }
        self.played = self.played.max(now);
        let is_over = |task: &Task| !task.status.is_active();
        while self.tasks.get(self.ended).is_some_and(is_over) {
            self.ended += 1;
        }
    }

    /// The earliest thing that happens until now; of several at once, that of the oldest task.
    fn next_event(&self, now: Duration) -> Option<(Duration, usize)> {
        let open = &self.tasks[self.ended..];
        let running = open
            .iter()
            .filter(|task| task.status == Status::Running)
            .count();
        let free = running < self.workers;
        (self.ended..)
            .zip(open)
            .filter_map(|(index, task)| match task.status {
                Status::Created | Status::Running => Some((task.due, index)),
                // A worker that was taken became free at the last thing that happened.
                Status::Pending if free => Some((task.due.max(self.played), index)),
                _ => None,
            })
            .filter(|(at, _)| *at <= now)
            .min()
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Task) -> bool) -> bool {
        let Some(index) = self.index(id) else {
            return false;
        };
        let task = &mut self.tasks[index];
        let changed = !task.deleted && change(task);
        if task.status.is_active() {
            self.ended = self.ended.min(index);
        }
        changed
    }

    fn index(&self, id: &str) -> Option<usize> {
        let number = Uuid::parse_str(id).ok()?.as_u128().checked_sub(FIRST_ID)?;
        let index = usize::try_from(number).ok()?;
        (self.tasks.get(index)?.id == id).then_some(index)
    }

    /// Tasks of an account that have not ended.
    pub fn active(&self, account: &str) -> usize {
        let active = |task: &&Task| task.account == account && task.status.is_active();
        self.tasks[self.ended..].iter().filter(active).count()
    }

    fn count_active(&mut self, account: &str) {
        let active = self.active(account);
        let most = self.most_active.entry(account.to_owned()).or_default();
        *most = active.max(*most);
    }
}

impl Task {
    fn is_visible(&self, now: Duration) -> bool {
        !self.deleted && self.hidden_until <= now
    }
}
