//! The ledger, the items and the upstream's own book, held against each other when all has ended, and against what the
//! users were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use vbatch_server::clock::Clock;
use vbatch_server::domain::ids::{BatchId, ClientRef, ItemId, UserId};
use vbatch_server::domain::item::{Attempt, ItemState, VideoItem};
use vbatch_server::domain::ledger::EntryKind;
use vbatch_server::domain::media::Video;
use vbatch_server::media::Media;
use vbatch_server::store::Store;
use vbatch_server::store::redb::RedbStore;
use vbatch_server::verify::look;

use super::ground::Person;
use super::report::Report;
use super::round::Accepted;
use crate::simulation::audit::ledgers;
use crate::simulation::books::{Stored, key_of};
use crate::upstream::book::Book;
use crate::upstream::service::Upstream;
use crate::upstream::tasks::{Status, Task};

/// A wait from claim to task id that only a list can explain, in seconds of the program's clock.
const BY_LIST: i64 = 55;

/// What the store is held against.
pub struct View {
    /// What users were told.
    pub accepted: BTreeMap<String, Accepted>,
    /// The users.
    pub users: Vec<Person>,
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// Tasks that may be active upstream at once.
    pub slots: usize,
}

/// Opens what a stopped server has left, and compares.
///
/// # Errors
/// In words, when it cannot be opened.
pub async fn compare(data: &Path, view: &View, report: &Report) -> Result<(), String> {
    let store = RedbStore::open(&data.join("vbatch.redb"), Clock::system())
        .map_err(|error| error.to_string())?;
    let store: Arc<dyn Store> = Arc::new(store);
    let stored = Stored::read(store.as_ref()).await;
    let stored = stored.map_err(|error| error.to_string())?;
    let mut items = BTreeMap::new();
    for (id, told) in &view.accepted {
        let batch: BatchId = id.parse().map_err(|_| format!("{id} is no id"))?;
        let before = items.len();
        for item in stored.items.iter().filter(|item| item.batch == batch) {
            report.check("an item", item_is_as_told(item, told));
            items.insert(item.id, item.clone());
        }
        if items.len() == before {
            report.finding(format!("the accepted batch {id} is lost"));
        }
    }
    if items.len() < stored.items.len() {
        report.finding(format!(
            "{} items are of batches that nobody was promised",
            stored.items.len() - items.len()
        ));
    }
    report.add("batches", view.accepted.len());
    report.add("items", items.len());
    ledger(&stored, view, report);
    // The server's own look at itself is one more book.
    let media = Media::open(data).map_err(|error| error.to_string())?;
    let looked = look(store.as_ref(), &media).await;
    let looked = looked.map_err(|error| error.to_string())?;
    if !looked.is_clean() {
        report.finding(format!("the server's own look: {}", looked.in_words(20)));
    }
    upstream(store.as_ref(), view, &items, report).await
}

/// Against what its owner was told: a round for each retry, and no end that nobody asked for.
fn item_is_as_told(item: &VideoItem, told: &Accepted) -> Result<(), String> {
    let id = item.id.to_string();
    let rounds = 1 + told.retries.get(&id).copied().unwrap_or_default();
    if item.round != rounds {
        return Err(format!("{rounds} rounds were asked for: {item:?}"));
    }
    match item.state {
        ItemState::Cancelled { .. } if !told.cancels.contains(&id) => {
            Err(format!("nobody asked to cancel {item:?}"))
        }
        _ if !item.is_terminal() => Err(format!("it has not ended: {item:?}")),
        _ => Ok(()),
    }
}

fn ledger(stored: &Stored, view: &View, report: &Report) {
    let audited = ledgers(stored.users.iter(), stored.items.iter(), &stored.entries);
    report.check("the ledger", audited);
    for person in &view.users {
        let id: UserId = person.id.parse().expect("an id");
        let entries = stored.entries.get(&id).map_or(&[][..], Vec::as_slice);
        let of = |kind| entries.iter().filter(move |entry| entry.kind == kind);
        report.add("charges", of(EntryKind::Charge).count());
        report.add("refunds", of(EntryKind::Refund).count());
        let granted: i32 = of(EntryKind::Grant).map(|entry| entry.delta).sum();
        if granted != person.credits {
            report.finding(format!("{person:?} was granted {granted}"));
        }
    }
}

async fn upstream(
    store: &dyn Store,
    view: &View,
    items: &BTreeMap<ItemId, VideoItem>,
    report: &Report,
) -> Result<(), String> {
    let tasks = view.upstream.tasks();
    let book = view.upstream.book();
    report.add("tasks upstream", tasks.len());
    let most = view.upstream.max_active();
    if most > view.slots {
        report.finding(format!(
            "{most} tasks were active at once, {} may be",
            view.slots
        ));
    }
    let words = |error: vbatch_server::store::StoreError| error.to_string();
    let cleanups = store.cleanups().await.map_err(words)?;
    if !cleanups.is_empty() {
        report.finding(format!("cleanups are left: {cleanups:?}"));
    }
    let watches = store.watches().await.map_err(words)?;
    report.add("submits that stay watched", watches.len());

    let named = named(&book);
    let mut of_item: BTreeMap<ItemId, Vec<&Task>> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for task in &tasks {
        let Some(key) = key_of(task) else {
            report.finding(format!("a task without our key: {task:?}"));
            continue;
        };
        if !keys.insert(key) {
            report.finding(format!("one attempt, two tasks: {task:?}"));
        }
        let Some(item) = items.get(&key.item) else {
            report.finding(format!("a task of no item: {task:?}"));
            continue;
        };
        of_item.entry(key.item).or_default().push(task);
        let owner = attempt_of(item, task);
        report.count(match owner {
            Some(attempt) if ran_on(attempt, task, &view.upstream) => "tasks that a cleanup ended",
            Some(attempt) if was_found(attempt) => "tasks that a list brought back",
            Some(_) => "tasks that were answered for",
            None => "tasks that only a cleanup or nobody needed",
        });
        report.check("a task", task_is_owned(task, key, item, owner, &named));
    }
    for (id, tasks) in &of_item {
        report.check("an item upstream", no_two_at_once(&items[id], tasks));
    }
    for item in items.values() {
        let view_of = |video: &Video, task: &Task| {
            let served = view.upstream.config().video_of(&task.id);
            video.blob.size_bytes == served.len() as u64
        };
        report.check("an end", end_is_earned(item, &tasks, view_of, report));
    }
    Ok(())
}

/// Every task that a call of ours has named.
fn named(book: &Book) -> BTreeSet<&str> {
    book.calls
        .iter()
        .filter_map(|call| call.task.as_deref())
        .flat_map(|names| names.split(','))
        .collect()
}

fn attempt_of<'a>(item: &'a VideoItem, task: &Task) -> Option<&'a Attempt> {
    item.attempts()
        .find(|attempt| attempt.task.as_ref().is_some_and(|it| it.0 == task.id))
}

fn was_found(attempt: &Attempt) -> bool {
    attempt
        .submit_time
        .is_some_and(|time| time.duration_since(attempt.start_time).as_secs() >= BY_LIST)
}

/// Whether the task ended after its attempt had.
fn ran_on(attempt: &Attempt, task: &Task, upstream: &Upstream) -> bool {
    let ended = upstream.config().epoch.saturating_add(task.updated);
    attempt
        .finish_time
        .is_some_and(|finish| ended.is_ok_and(|ended| ended > finish))
}

fn task_is_owned(
    task: &Task,
    key: ClientRef,
    item: &VideoItem,
    owner: Option<&Attempt>,
    named: &BTreeSet<&str>,
) -> Result<(), String> {
    if task.status.is_active() {
        return Err(format!("it still runs: {task:?}"));
    }
    if key.attempt > item.last_attempt {
        return Err(format!("no such attempt was committed: {task:?}, {item:?}"));
    }
    match owner {
        Some(attempt) if attempt.number == key.attempt => Ok(()),
        Some(attempt) => Err(format!("{task:?} was taken for {attempt:?}")),
        // A cleanup has dealt with it, or it had ended without a video before anybody looked. That it is still watched
        // for is no excuse: every list that proves anything has it.
        None if named.contains(task.id.as_str()) => Ok(()),
        None if matches!(task.status, Status::Failed | Status::Cancel) => Ok(()),
        None => Err(format!("nobody owns {task:?} of {item:?}")),
    }
}

/// An item's tasks one after the other; and within one round none after one that succeeded.
fn no_two_at_once(item: &VideoItem, tasks: &[&Task]) -> Result<(), String> {
    for pair in tasks.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        if second.created < first.updated {
            return Err(format!("two at once: {first:?}, {second:?}, {item:?}"));
        }
        let round = |task| attempt_of(item, task).map(|attempt| attempt.round);
        let same = round(first).is_some() && round(first) == round(second);
        if same && first.status == Status::Succeed {
            return Err(format!("paid twice: {first:?}, {second:?}, {item:?}"));
        }
    }
    Ok(())
}

/// A video is that of the task that the last attempt had; a failure is the upstream's own word.
fn end_is_earned(
    item: &VideoItem,
    tasks: &[Task],
    is_served: impl Fn(&Video, &Task) -> bool,
    report: &Report,
) -> Result<(), String> {
    let last = item.ended_attempts.last();
    let task = last
        .and_then(|attempt| attempt.task.as_ref())
        .and_then(|id| tasks.iter().find(|task| task.id == id.0));
    match &item.state {
        ItemState::Completed { video, .. } => {
            report.count("items completed");
            match task {
                Some(task) if task.status == Status::Succeed && is_served(video, task) => Ok(()),
                _ => Err(format!("a video of no finished task: {item:?}, {task:?}")),
            }
        }
        ItemState::Failed { .. } => {
            report.count("items failed");
            match task {
                Some(task) if task.status == Status::Failed => Ok(()),
                _ => Err(format!("it failed by itself: {item:?}, {task:?}")),
            }
        }
        _ => {
            report.count("items cancelled");
            Ok(())
        }
    }
}
