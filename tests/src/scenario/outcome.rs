//! What came out, held against what the file expects. Everything is said in the words of the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vbatch_server::domain::ledger::{Entry, EntryKind};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use super::file::{Bounds, CallName, Calls, Expect};
use super::player::Player;
use crate::upstream::book::Host;
use crate::upstream::faults::Call;

/// What differs at the end; the last item had ended at that time.
pub(super) async fn compare(player: &Player, expect: &Expect, ended: Duration) -> Vec<String> {
    let mut differences = Vec::new();
    let told = details(player).await;
    let items: Vec<String> = told.iter().map(|told| state(&told.0)).collect();
    differ(&mut differences, "the items", &expect.items, &items);
    let attempts: Vec<Vec<String>> = told.iter().map(|told| attempts(&told.1)).collect();
    if !attempts_match(&expect.attempts, &attempts) {
        let (expected, found) = (&expect.attempts, &attempts);
        differences.push(format!(
            "the attempts: expected {expected:?}, found {found:?}"
        ));
    }
    let ledger = player.world.ledger(player.user).await;
    let positions: BTreeMap<&str, i32> = told
        .iter()
        .map(|(item, _)| (item.id.as_str(), item.position))
        .collect();
    let credits: Vec<String> = ledger
        .iter()
        .map(|entry| entry_words(entry, &positions))
        .collect();
    differ(&mut differences, "the ledger", &expect.credits, &credits);
    let balance = player.world.balance(player.user).await;
    differ(&mut differences, "the balance", &expect.balance, &balance);
    let upstream = player.world.upstream.tasks();
    let tasks: Vec<String> = upstream
        .iter()
        .map(|task| format!("{} {}", task.account, task.status.word()))
        .collect();
    differ(
        &mut differences,
        "the upstream's tasks",
        &expect.tasks,
        &tasks,
    );
    differences.extend(compare_calls(player, &expect.calls));
    if let Some(expected) = &expect.cancel_answers {
        let cancels = player.world.upstream.calls_of(Call::Cancel);
        let answers: Vec<u16> = cancels.iter().filter_map(|call| call.status).collect();
        differ(
            &mut differences,
            "the answers to cancels",
            expected,
            &answers,
        );
    }
    if ended > expect.ends_within.0 {
        differences.push(format!(
            "the last item ended after {ended:?}, not within {:?}",
            expect.ends_within.0
        ));
    }
    differences.extend(token_abroad(player));
    for says in &expect.screen {
        differences.extend(player.viewer().check_item(says).await);
    }
    differences
}

/// What differs in the calls so far.
pub(super) fn compare_calls(player: &Player, expect: &Calls) -> Vec<String> {
    let mut counted: BTreeMap<CallName, usize> = BTreeMap::new();
    for record in player.world.upstream.calls() {
        *counted.entry(CallName::of(record.call)).or_default() += 1;
    }
    let kinds: BTreeSet<CallName> = expect.keys().chain(counted.keys()).copied().collect();
    kinds
        .into_iter()
        .filter_map(|kind| {
            let allowed = expect.get(&kind).copied().unwrap_or(Bounds::NEVER);
            let called = counted.get(&kind).copied().unwrap_or_default();
            (!allowed.allow(called)).then(|| {
                format!("the calls: {kind:?} was called {called} times, expected {allowed}")
            })
        })
        .collect()
}

/// No file has to say it: the token never goes to another host.
fn token_abroad(player: &Player) -> Option<String> {
    let calls = player.world.upstream.calls();
    let sent = calls
        .iter()
        .any(|call| call.host == Host::Bucket && call.authorization);
    sent.then(|| "the token was sent to the other host".to_owned())
}

/// Each item with its attempts, by position.
async fn details(player: &Player) -> Vec<(v1::VideoItem, Vec<v1::Attempt>)> {
    let mut details = Vec::new();
    for item in player.told().await.unwrap_or_default() {
        let message = v1::GetItemRequest {
            batch_id: item.batch_id.clone(),
            item_id: item.id.clone(),
        };
        let request = player.face.request(player.user, message).await;
        let answer = player.face.batches.get_item(request).await;
        let answer = answer.expect("an item of the own batch").into_inner();
        details.push((answer.item.unwrap_or(item), answer.attempts));
    }
    details
}

fn state(item: &v1::VideoItem) -> String {
    with_reason(
        plain(item.state().as_str_name(), "STATE_"),
        item.failure.as_ref(),
    )
}

fn attempts(attempts: &[v1::Attempt]) -> Vec<String> {
    attempts
        .iter()
        .map(|attempt| {
            let outcome = plain(attempt.outcome().as_str_name(), "OUTCOME_");
            let outcome = with_reason(outcome, attempt.failure.as_ref());
            format!("{} {outcome}", attempt.number)
        })
        .collect()
}

/// Whether each attempt is the one that is expected: the same words after a number that is allowed.
fn attempts_match(expected: &[Vec<String>], found: &[Vec<String>]) -> bool {
    let is_the_one = |(expected, found): (&String, &String)| {
        let split = expected.split_once(' ').zip(found.split_once(' '));
        split.is_some_and(|((allowed, expected), (number, found))| {
            let number = number.parse().unwrap_or_default();
            Bounds::parse(allowed).is_some_and(|allowed| allowed.allow(number)) && expected == found
        })
    };
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| {
            expected.len() == found.len() && expected.iter().zip(found).all(is_the_one)
        })
}

fn with_reason(word: &str, failure: Option<&v1::ItemFailure>) -> String {
    match failure {
        Some(failure) => {
            let reason = plain(failure.reason().as_str_name(), "REASON_");
            format!("{word} {reason}")
        }
        None => word.to_owned(),
    }
}

fn entry_words(entry: &Entry, positions: &BTreeMap<&str, i32>) -> String {
    let kind = match entry.kind {
        EntryKind::Grant => "GRANT",
        EntryKind::Charge => "CHARGE",
        EntryKind::Refund => "REFUND",
        EntryKind::Adjustment => "ADJUSTMENT",
    };
    let mut words = format!("{kind} {:+}", entry.delta);
    if let Some(subject) = &entry.subject {
        let id = subject.item.to_string();
        let position = positions.get(id.as_str()).copied().unwrap_or_default();
        words.push_str(&format!(" item {position}"));
        if subject.round > 1 {
            words.push_str(&format!(" round {}", subject.round));
        }
    }
    words
}

fn plain<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

fn differ<T: PartialEq + std::fmt::Debug>(
    differences: &mut Vec<String>,
    what: &str,
    expected: &T,
    found: &T,
) {
    if expected != found {
        differences.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}
