//! Every state an item can be in × everything that can happen to it: the outcome, and what must hold of each.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::failure::{Failure, FailureReason, WaitReason};
use super::ids::{Account, AttemptNumber, BatchId, InstanceId, ItemId, TaskId};
use super::item::{Attempt, ItemState, Pending, Processing, Stage, VideoItem};
use super::leftover::Watch;
use super::media::{Blob, BlobKind, Sha256, SourceImage, Video};
use super::retry::ATTEMPTS_A_ROUND;
use super::transition::{self, AttemptEvent, NotApplicable, Transition};
use super::user::Credits;

/// Rows are states, `!` marks a wish to cancel, `3` the round's last attempt; columns are events. Outcomes: `.`
/// refused, P pending, W pending until a time, B pending behind a cleanup, S submitting, U unresolved, Q queued,
/// G generating, F fetching, C completed, X failed, K cancelled; `c` leaves a cleanup, `w` a watch.
const TABLE: &str = "
              claim adopt subm unan rele rel+ notf prQ  prG  prS  succ fetc comp fail again canc gave expi aban wish retry unbl
pending       S     Q     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    K    .     .
due           S     Q     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    K    .     .
delayed       .     Q     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    K    .     .
blocked       .     Q     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    K    .     P
submitting    .     .     Q    U    P    W    .    .    .    .    .    .    .    X    W     .    Xw   .    P    S    .     .
submitting3   .     .     Q    U    P    W    .    .    .    .    .    .    .    X    X     .    Xw   .    P    S    .     .
submitting!   .     .     Q    U    K    K    .    .    .    .    .    .    .    K    K     .    Kw   Kw   K    S    .     .
unresolved    .     .     Q    .    P    W    Pw   .    .    .    .    .    .    X    W     .    Xw   .    P    U    .     .
unresolved!   .     .     Q    .    K    K    Kw   .    .    .    .    .    .    K    K     .    Kw   Kw   K    U    .     .
queued        .     .     .    .    .    .    .    Q    G    .    F    .    .    X    W     X    Xc   .    P    Q    .     .
queued!       .     .     .    .    .    .    .    Q    G    .    F    .    .    K    K     K    Kc   Kc   K    Q    .     .
generating    .     .     .    .    .    .    .    Q    G    .    F    .    .    X    W     X    Xc   .    P    G    .     .
generating3   .     .     .    .    .    .    .    Q    G    .    F    .    .    X    X     X    Xc   .    P    G    .     .
generating!   .     .     .    .    .    .    .    Q    G    .    F    .    .    K    K     K    Kc   Kc   K    G    .     .
fetching      .     .     .    .    .    .    .    .    .    .    .    F    C    X    W     .    X    .    P    F    .     .
fetching!     .     .     .    .    .    .    .    .    .    .    .    F    C    K    K     .    K    .    K    F    .     .
completed     .     .     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    .    .     .
failed        .     .     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    .    B     .
failed_input  .     .     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    .    .     .
cancelled     .     .     .    .    .    .    .    .    .    .    .    .    .    .    .     .    .    .    .    .    B     .
";

/// What happens, besides its data.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happening {
    Claim,
    Adopt,
    Event(Kind),
    Wish,
    Retry,
    Unblock,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Submitted,
    Unanswered,
    Released,
    ReleasedUntil,
    NotFound,
    Queued,
    Generating,
    NoProgress,
    Succeeded,
    Fetched,
    Completed,
    Failed,
    TryAgain,
    Cancelled,
    GaveUp,
    CancelExpired,
    Abandoned,
}

const HAPPENINGS: [(&str, Happening); 22] = [
    ("claim", Happening::Claim),
    ("adopt", Happening::Adopt),
    ("subm", Happening::Event(Kind::Submitted)),
    ("unan", Happening::Event(Kind::Unanswered)),
    ("rele", Happening::Event(Kind::Released)),
    ("rel+", Happening::Event(Kind::ReleasedUntil)),
    ("notf", Happening::Event(Kind::NotFound)),
    ("prQ", Happening::Event(Kind::Queued)),
    ("prG", Happening::Event(Kind::Generating)),
    ("prS", Happening::Event(Kind::NoProgress)),
    ("succ", Happening::Event(Kind::Succeeded)),
    ("fetc", Happening::Event(Kind::Fetched)),
    ("comp", Happening::Event(Kind::Completed)),
    ("fail", Happening::Event(Kind::Failed)),
    ("again", Happening::Event(Kind::TryAgain)),
    ("canc", Happening::Event(Kind::Cancelled)),
    ("gave", Happening::Event(Kind::GaveUp)),
    ("expi", Happening::Event(Kind::CancelExpired)),
    ("aban", Happening::Event(Kind::Abandoned)),
    ("wish", Happening::Wish),
    ("retry", Happening::Retry),
    ("unbl", Happening::Unblock),
];

const CHARGE: Credits = 2;
const NEXT_CHARGE: Credits = 3;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000 + seconds).unwrap()
}

fn account() -> Account {
    Account("factory".to_owned())
}

fn instance() -> InstanceId {
    InstanceId(Uuid::from_u128(9))
}

fn blob(kind: BlobKind) -> Blob {
    Blob {
        kind,
        sha256: Sha256([1; 32]),
        size_bytes: 1,
    }
}

fn video() -> Video {
    Video {
        media_type: "video/mp4".to_owned(),
        blob: blob(BlobKind::Video),
        duration: Duration::from_secs(1),
        width_px: 2,
        height_px: 2,
        removed_time: None,
    }
}

pub(super) fn fresh(state: ItemState) -> VideoItem {
    VideoItem {
        id: ItemId(Uuid::from_u128(1)),
        batch: BatchId(Uuid::from_u128(2)),
        position: 1,
        source_image: SourceImage {
            filename: "a.png".to_owned(),
            media_type: "image/png".to_owned(),
            blob: blob(BlobKind::Image),
            width_px: 1,
            height_px: 1,
            removed_time: None,
        },
        state,
        round: 1,
        charge: CHARGE,
        failures_in_round: 0,
        last_attempt: 0,
        ended_attempts: Vec::new(),
        progress_permille: 0,
        create_time: at(-100),
        start_time: None,
        update_time: at(-100),
        revision: 0,
    }
}

/// An item that an attempt owns.
fn running(stage: Stage, wished: bool, failures_in_round: u32) -> VideoItem {
    let has_task = !matches!(stage, Stage::Submitting | Stage::Unresolved { .. });
    let progress_permille = match stage {
        Stage::Submitting | Stage::Unresolved { .. } => 0,
        Stage::Queued { .. } => 20,
        Stage::Generating { .. } => 500,
        Stage::Fetching { .. } => 960,
    };
    let number = failures_in_round + 1;
    let state = ItemState::Processing(Processing {
        attempt: Attempt {
            number,
            round: 1,
            seed: 5,
            account: account(),
            instance: instance(),
            task: has_task.then(|| TaskId("t".to_owned())),
            start_time: at(-50),
            submit_time: has_task.then(|| at(-40)),
            run_start_time: None,
            finish_time: None,
            failure: None,
        },
        stage,
        cancel_request_time: wished.then(|| at(-1)),
        answered: Duration::ZERO,
    });
    VideoItem {
        failures_in_round,
        last_attempt: number,
        start_time: Some(at(-50)),
        progress_permille,
        ..fresh(state)
    }
}

fn ended(state: ItemState) -> VideoItem {
    VideoItem {
        last_attempt: 1,
        start_time: Some(at(-50)),
        progress_permille: 1000,
        ..fresh(state)
    }
}

fn pending(not_before: Option<Timestamp>, reason: Option<WaitReason>) -> VideoItem {
    fresh(ItemState::Pending(Pending { not_before, reason }))
}

fn failure(reason: FailureReason) -> Failure {
    Failure::new(reason, "why", "their words")
}

fn states() -> Vec<(&'static str, VideoItem)> {
    let unresolved = Stage::Unresolved { since: at(-40) };
    let queued = Stage::Queued {
        position: Some(2),
        expected_wait: None,
    };
    let generating = Stage::Generating { expected_run: None };
    let fetching = Stage::Fetching {
        fetched_bytes: 1,
        total_bytes: None,
    };
    let last = ATTEMPTS_A_ROUND - 1;
    let finish_time = at(-10);
    let failed = |reason| {
        ended(ItemState::Failed {
            failure: failure(reason),
            finish_time,
        })
    };
    vec![
        ("pending", pending(None, None)),
        ("due", pending(Some(at(0)), Some(WaitReason::BackOff))),
        ("delayed", pending(Some(at(1)), Some(WaitReason::BackOff))),
        ("blocked", pending(None, Some(WaitReason::Cleanup))),
        ("submitting", running(Stage::Submitting, false, 0)),
        ("submitting3", running(Stage::Submitting, false, last)),
        ("submitting!", running(Stage::Submitting, true, 0)),
        ("unresolved", running(unresolved.clone(), false, 0)),
        ("unresolved!", running(unresolved, true, 0)),
        ("queued", running(queued.clone(), false, 0)),
        ("queued!", running(queued, true, 0)),
        ("generating", running(generating.clone(), false, 0)),
        ("generating3", running(generating.clone(), false, last)),
        ("generating!", running(generating, true, 0)),
        ("fetching", running(fetching.clone(), false, 0)),
        ("fetching!", running(fetching, true, 0)),
        (
            "completed",
            ended(ItemState::Completed {
                video: video(),
                finish_time,
            }),
        ),
        ("failed", failed(FailureReason::UpstreamFailed)),
        ("failed_input", failed(FailureReason::UpstreamBadInput)),
        ("cancelled", ended(ItemState::Cancelled { finish_time })),
    ]
}

fn event(kind: Kind, now: Timestamp) -> AttemptEvent {
    let later = now.saturating_add(Duration::from_secs(60)).unwrap();
    match kind {
        Kind::Submitted => AttemptEvent::Submitted {
            task: TaskId("t".to_owned()),
            expected_wait: None,
        },
        Kind::Unanswered => AttemptEvent::Unanswered,
        Kind::Released => AttemptEvent::Released {
            reason: WaitReason::Slot,
            not_before: None,
        },
        Kind::ReleasedUntil => AttemptEvent::Released {
            reason: WaitReason::UpstreamBusy,
            not_before: Some(later),
        },
        Kind::NotFound => AttemptEvent::NotFound,
        Kind::Queued => AttemptEvent::Progress {
            stage: Stage::Queued {
                position: None,
                expected_wait: None,
            },
            share: None,
            answered: Duration::from_secs(1),
        },
        Kind::Generating => AttemptEvent::Progress {
            stage: Stage::Generating { expected_run: None },
            share: Some(0.25),
            answered: Duration::from_secs(1),
        },
        Kind::NoProgress => AttemptEvent::Progress {
            stage: Stage::Submitting,
            share: None,
            answered: Duration::ZERO,
        },
        Kind::Succeeded => AttemptEvent::Succeeded,
        Kind::Fetched => AttemptEvent::Fetched {
            fetched_bytes: 7,
            total_bytes: Some(9),
        },
        Kind::Completed => AttemptEvent::Completed { video: video() },
        Kind::Failed => AttemptEvent::Failed {
            failure: failure(FailureReason::UpstreamFailed),
            try_again: None,
        },
        Kind::TryAgain => AttemptEvent::Failed {
            failure: failure(FailureReason::WorkerLost),
            try_again: Some(later),
        },
        Kind::Cancelled => AttemptEvent::Cancelled,
        Kind::GaveUp => AttemptEvent::GaveUp {
            failure: failure(FailureReason::ItemDeadline),
        },
        Kind::CancelExpired => AttemptEvent::CancelExpired,
        Kind::Abandoned => AttemptEvent::Abandoned,
    }
}

fn watch_of(item: &VideoItem, attempt: AttemptNumber) -> Watch {
    Watch {
        client_ref: item.client_ref(attempt),
        batch: item.batch,
        account: account(),
        seed: 5,
        start_time: at(-50),
        submit_time: at(-40),
        matched: true,
        expire_time: at(1_000),
    }
}

fn happen(
    item: &VideoItem,
    happening: Happening,
    now: Timestamp,
) -> Result<Transition, NotApplicable> {
    match happening {
        Happening::Claim => transition::claim(item, &account(), instance(), now),
        Happening::Adopt => {
            let watch = watch_of(item, item.last_attempt.max(1));
            transition::adopt(item, &watch, &TaskId("late".to_owned()), instance(), now)
        }
        Happening::Event(kind) => {
            let number = item
                .processing()
                .map_or(item.last_attempt, |running| running.attempt.number);
            transition::apply(item, number, event(kind, now), now)
        }
        Happening::Wish => transition::request_cancel(item, now),
        Happening::Retry => transition::retry(item, NEXT_CHARGE, true, now),
        Happening::Unblock => transition::unblock(item, now),
    }
}

fn code(outcome: &Result<Transition, NotApplicable>) -> String {
    let Ok(transition) = outcome else {
        return ".".to_owned();
    };
    let state = match &transition.item.state {
        ItemState::Pending(pending) => match (pending.reason, pending.not_before) {
            (Some(WaitReason::Cleanup), _) => "B",
            (_, Some(_)) => "W",
            (_, None) => "P",
        },
        ItemState::Processing(running) => match running.stage {
            Stage::Submitting => "S",
            Stage::Unresolved { .. } => "U",
            Stage::Queued { .. } => "Q",
            Stage::Generating { .. } => "G",
            Stage::Fetching { .. } => "F",
        },
        ItemState::Completed { .. } => "C",
        ItemState::Failed { .. } => "X",
        ItemState::Cancelled { .. } => "K",
    };
    let cleanup = if transition.cleanup.is_some() {
        "c"
    } else {
        ""
    };
    let watch = if transition.watch.is_some() { "w" } else { "" };
    format!("{state}{cleanup}{watch}")
}

/// What must hold of every transition.
fn check(before: &VideoItem, happening: Happening, transition: &Transition, now: Timestamp) {
    let after = &transition.item;
    let context = format!("{happening:?} of {before:?} gave {transition:?}");
    let gives_back = matches!(
        after.state,
        ItemState::Failed { .. } | ItemState::Cancelled { .. }
    );

    assert_eq!(after.update_time, now, "{context}");
    assert_eq!(after.is_terminal(), after.finish_time().is_some());
    assert_eq!(
        transition.refund,
        (gives_back && before.charge > 0).then_some(before.charge),
        "a round that ends without a video gives back its charge: {context}"
    );
    assert!(
        !before.is_terminal() || happening == Happening::Retry,
        "only a retry leaves a terminal state: {context}"
    );

    if happening == Happening::Retry {
        assert_eq!(after.round, before.round + 1);
        assert_eq!(after.charge, NEXT_CHARGE);
        assert_eq!((after.failures_in_round, after.progress_permille), (0, 0));
    } else {
        assert_eq!(after.round, before.round, "{context}");
        assert_eq!(after.charge, before.charge, "{context}");
        assert!(
            after.progress_permille >= before.progress_permille,
            "{context}"
        );
        assert!(after.failures_in_round >= before.failures_in_round);
    }
    assert_eq!(
        after.progress_permille == 1000,
        after.is_terminal(),
        "{context}"
    );
    assert!(after.failures_in_round <= ATTEMPTS_A_ROUND, "{context}");

    assert!(after.last_attempt >= before.last_attempt, "{context}");
    if happening == Happening::Claim {
        assert_eq!(after.last_attempt, before.last_attempt + 1);
    }
    if let Some(running) = after.processing() {
        let has_task = !matches!(running.stage, Stage::Submitting | Stage::Unresolved { .. });
        assert_eq!(running.attempt.task.is_some(), has_task, "{context}");
        assert!(running.attempt.seed >= 1);
        if let Some(wish) = before
            .processing()
            .and_then(|running| running.cancel_request_time)
        {
            assert_eq!(
                running.cancel_request_time,
                Some(wish),
                "a wish stands: {context}"
            );
        }
    }

    // Only these two end an item without a word about its task.
    let without_word = matches!(
        happening,
        Happening::Event(Kind::GaveUp | Kind::CancelExpired)
    );
    let may_run = before
        .processing()
        .is_some_and(|running| !matches!(running.stage, Stage::Fetching { .. }));
    if after.is_terminal() && without_word && may_run {
        assert!(
            transition.cleanup.is_some() || transition.watch.is_some(),
            "{context}"
        );
    }
    if let Some(cleanup) = &transition.cleanup {
        assert!(after.is_terminal() && cleanup.holds_slot(), "{context}");
        let attempt = &before.processing().unwrap().attempt;
        assert_eq!(Some(&cleanup.task), attempt.task.as_ref());
        assert_eq!(cleanup.account, attempt.account);
        assert_eq!(cleanup.client_ref, before.client_ref(attempt.number));
    }
    if let Some(watch) = &transition.watch {
        let attempt = &before.processing().unwrap().attempt;
        assert_eq!(attempt.task, None, "{context}");
        assert_eq!(watch.client_ref, before.client_ref(attempt.number));
        assert_eq!(watch.seed, attempt.seed);
    }
}

#[test]
fn every_state_meets_every_event() {
    let mut lines = TABLE.lines().filter(|line| !line.is_empty());
    let columns: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(columns, HAPPENINGS.map(|(name, _)| name));
    let states = states();
    let rows: Vec<&str> = lines.collect();
    assert_eq!(rows.len(), states.len());
    let mut wrong = Vec::new();
    for (row, (name, item)) in rows.iter().zip(states) {
        let mut cells = row.split_whitespace();
        assert_eq!(cells.next(), Some(name));
        for (cell, (column, happening)) in cells.zip(HAPPENINGS) {
            let outcome = happen(&item, happening, at(0));
            if let Ok(transition) = &outcome {
                check(&item, happening, transition, at(0));
            }
            let found = code(&outcome);
            if found != cell {
                wrong.push(format!("{name} × {column}: {found}, the table says {cell}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_event_of_another_attempt_is_stale_in_every_state() {
    for (name, item) in states() {
        for (_, happening) in HAPPENINGS {
            let Happening::Event(kind) = happening else {
                continue;
            };
            for number in [item.last_attempt + 1, item.last_attempt.wrapping_sub(1)] {
                assert_eq!(
                    transition::apply(&item, number, event(kind, at(0)), at(0)),
                    Err(NotApplicable::Stale),
                    "{name} {kind:?}"
                );
            }
        }
    }
}

#[test]
fn a_free_round_refunds_nothing() {
    for (_, item) in states() {
        let item = VideoItem { charge: 0, ..item };
        for (_, happening) in HAPPENINGS {
            if let Ok(transition) = happen(&item, happening, at(0)) {
                assert_eq!(transition.refund, None);
            }
        }
    }
}

#[test]
fn a_release_never_waits_for_a_cleanup() {
    let item = running(Stage::Submitting, false, 0);
    let released = AttemptEvent::Released {
        reason: WaitReason::Cleanup,
        not_before: Some(at(5)),
    };
    let transition = transition::apply(&item, 1, released, at(0)).unwrap();
    assert_eq!(
        transition.item.state,
        ItemState::Pending(Pending {
            not_before: Some(at(5)),
            reason: None
        })
    );
}

proptest! {
    /// Whatever happens in whatever order: the invariants hold at each step, and what a life was charged less what
    /// it was given back is the price of what it has: an open round or a video.
    #[test]
    fn a_life_of_random_events_keeps_its_books(choices in prop::collection::vec(0usize..100, 1..200)) {
        let mut item = pending(None, None);
        let (mut charged, mut refunded) = (item.charge, 0);
        let mut now = 0;
        for choice in choices {
            // Choices beyond the table stand for what drives an item on, so that long lives are common.
            let happening = match choice {
                0..22 => HAPPENINGS[choice].1,
                22..42 => Happening::Claim,
                42..57 => Happening::Event(Kind::Submitted),
                57..67 => Happening::Event(Kind::TryAgain),
                67..77 => Happening::Event(Kind::Generating),
                77..82 => Happening::Event(Kind::Succeeded),
                82..90 => Happening::Unblock,
                _ => Happening::Retry,
            };
            now += 45;
            let Ok(transition) = happen(&item, happening, at(now)) else { continue };
            check(&item, happening, &transition, at(now));
            if happening == Happening::Retry {
                charged += NEXT_CHARGE;
            }
            refunded += transition.refund.unwrap_or(0);
            item = transition.item;
            let kept = match item.state {
                ItemState::Failed { .. } | ItemState::Cancelled { .. } => 0,
                _ => item.charge,
            };
            prop_assert_eq!(charged - refunded, kept);
        }
    }
}
