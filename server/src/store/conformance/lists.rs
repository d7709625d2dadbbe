//! Lists: every order, filter and page against a model that sorts and filters everything.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::domain::batch::{AttentionRank, Batch, BatchState, EngineKind};
use crate::domain::user::User;
use crate::store::query::{
    BatchCursor, BatchFilter, BatchOrder, BatchQuery, Counts, ItemSelection, ItemStateName,
    waits_for_any,
};

use super::world::World;

/// What a batch goes through in the test.
#[derive(Debug, Clone)]
struct Life {
    owner: usize,
    items: u32,
    completed: u32,
    failed: u32,
    cancelled: bool,
    looked_at: bool,
}

/// A question about lists.
#[derive(Debug, Clone)]
struct Question {
    owner: Option<usize>,
    order: BatchOrder,
    states: Vec<BatchState>,
    has_failures: Option<bool>,
    text: &'static str,
    limit: usize,
    since: Option<usize>,
    until: Option<usize>,
}

fn life() -> impl Strategy<Value = Life> {
    (
        0..2usize,
        1..4u32,
        0..4u32,
        0..4u32,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(owner, items, completed, failed, cancelled, looked_at)| Life {
                owner,
                items,
                completed,
                failed,
                cancelled,
                looked_at,
            },
        )
}

fn question() -> impl Strategy<Value = Question> {
    let order = prop_oneof![Just(BatchOrder::Newest), Just(BatchOrder::Attention)];
    let states = prop::sample::subsequence(BatchState::ALL.to_vec(), 0..=3);
    let text = prop_oneof![3 => Just(""), 1 => Just("NAME 1"), 1 => Just("nowhere")];
    (
        prop::option::of(0..2usize),
        order,
        states,
        prop::option::of(any::<bool>()),
        text,
        1..5usize,
        prop::option::of(0..12usize),
        prop::option::of(0..12usize),
    )
        .prop_map(
            |(owner, order, states, has_failures, text, limit, since, until)| Question {
                owner,
                order,
                states,
                has_failures,
                text,
                limit,
                since,
                until,
            },
        )
}

async fn live(world: &World, users: &[User], lives: &[Life]) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (index, life) in lives.iter().enumerate() {
        let mut new = world.new_batch(users[life.owner].id, life.items, 1);
        new.batch.name = format!("Name {index}");
        let batch = world.store.create_batch(new).await.unwrap().batch;
        for turn in 0..life.completed + life.failed {
            // Only this batch has work, so the claim is its.
            let Some(item) = world.claim(1_000).await else {
                break;
            };
            assert_eq!(item.batch, batch.id);
            if turn < life.completed {
                world.complete(&item).await;
            } else {
                world.fail(&item).await;
            }
        }
        if life.looked_at {
            world.store.look_at(batch.id).await.unwrap();
        }
        let open = world.store.batch(batch.id).await.unwrap().unwrap();
        if open.counts.open() > 0 && life.cancelled {
            world.cancel(batch.id, &[]).await.unwrap();
        }
        batches.push(batch.id);
        // What is still open must not take the next batch's claims.
        if open.counts.open() > 0 && !life.cancelled {
            while let Some(item) = world.claim(1_000).await {
                world
                    .event(item.id, item.last_attempt, super::world::submitted("t"))
                    .await
                    .unwrap();
            }
        }
    }
    let mut all = Vec::new();
    for id in batches {
        all.push(world.store.batch(id).await.unwrap().unwrap());
    }
    all
}

fn naive_counts<'a>(batches: impl Iterator<Item = &'a Batch>) -> Counts {
    let mut counts = Counts::default();
    for batch in batches {
        *match batch.state() {
            BatchState::Created => &mut counts.created,
            BatchState::Processing => &mut counts.processing,
            BatchState::Completed => &mut counts.completed,
            BatchState::Failed => &mut counts.failed,
            BatchState::Cancelled => &mut counts.cancelled,
        } += 1;
        counts.with_failures += u64::from(batch.counts.failed > 0);
        counts.needs_attention += u64::from(batch.counts.failed > batch.failures_seen);
    }
    counts
}

async fn check(world: &World, users: &[User], all: &[Batch], question: &Question) {
    // While nothing is halted, and while every batch that only waits waits for a person.
    for halted in [vec![], vec![EngineKind::LightX2v]] {
        check_while(world, users, all, question, &halted).await;
    }
}

async fn check_while(
    world: &World,
    users: &[User],
    all: &[Batch],
    question: &Question,
    halted: &[EngineKind],
) {
    let owner = question.owner.map(|owner| users[owner].id);
    let time = |index: Option<usize>| Some(all.get(index?)?.create_time);
    let filter = BatchFilter {
        states: question.states.clone(),
        text: question.text.to_owned(),
        has_failures: question.has_failures,
        labels: [("kind".to_owned(), "test".to_owned())].into(),
        created_after: time(question.since),
        created_before: time(question.until),
    };
    let mut expected: Vec<&Batch> = all
        .iter()
        .filter(|batch| owner.is_none_or(|owner| owner == batch.owner) && filter.admits(batch))
        .collect();
    expected.sort_by_key(|batch| std::cmp::Reverse(batch.id));
    if question.order == BatchOrder::Attention {
        expected.sort_by_key(|batch| match batch.attention() {
            AttentionRank::Open if waits_for_any(batch, halted) => AttentionRank::NeedsAttention,
            rank => rank,
        });
    }
    let mut found = Vec::new();
    let mut after: Option<BatchCursor> = None;
    loop {
        let query = BatchQuery {
            owner,
            order: question.order,
            halted: halted.to_vec(),
            filter: filter.clone(),
            limit: question.limit,
            after,
        };
        let page = world.store.batches(&query).await.unwrap();
        assert!(page.batches.len() <= question.limit);
        assert!(page.next.is_none() || page.next != after, "pages go on");
        found.extend(page.batches);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{question:?}");
    let counts = world.store.counts(owner).await.unwrap();
    let in_scope = all
        .iter()
        .filter(|batch| owner.is_none_or(|owner| owner == batch.owner));
    assert_eq!(counts, naive_counts(in_scope.clone()));
    let waiting = in_scope
        .filter(|batch| batch.attention() == AttentionRank::Open && waits_for_any(batch, halted));
    let counted = world.store.halted(owner, halted, all.len()).await;
    assert_eq!(counted.unwrap(), waiting.count() as u64);
}

/// A batch is found by the last digits of its id, as people know it.
async fn check_digits(world: &World, all: &[Batch], batch: &Batch) {
    let id = batch.id.to_string();
    for digits in [&id[id.len() - 8..], id.as_str()] {
        let query = BatchQuery {
            owner: Some(batch.owner),
            order: BatchOrder::Newest,
            halted: Vec::new(),
            filter: BatchFilter {
                text: digits.to_uppercase(),
                ..BatchFilter::default()
            },
            limit: all.len(),
            after: None,
        };
        let found = world.store.batches(&query).await.unwrap().batches;
        assert!(found.contains(batch), "{digits}");
        let ends_so = |batch: &Batch| batch.id.to_string().ends_with(digits);
        assert!(found.iter().all(ends_so), "{digits}");
    }
}

async fn check_items(world: &World, batch: &Batch) {
    let all = world.items(batch.id).await;
    assert_eq!(all.len(), batch.counts.total() as usize);
    for states in [
        vec![],
        vec![ItemStateName::Completed],
        vec![ItemStateName::Failed, ItemStateName::Processing],
    ] {
        let selection = ItemSelection {
            ids: Vec::new(),
            states,
        };
        let mut found = Vec::new();
        let mut after = Some(0);
        while let Some(position) = after {
            let page = world
                .store
                .items(batch.id, position, &selection, 1)
                .await
                .unwrap();
            found.extend(page.items);
            after = page.next_after;
        }
        let expected: Vec<_> = all
            .iter()
            .filter(|item| selection.admits(item))
            .cloned()
            .collect();
        assert_eq!(found, expected);
    }
    let count = |name| {
        all.iter()
            .filter(|item| ItemStateName::from(&item.state) == name)
            .count() as u32
    };
    assert_eq!(batch.counts.completed, count(ItemStateName::Completed));
    assert_eq!(batch.counts.failed, count(ItemStateName::Failed));
    assert_eq!(batch.counts.cancelled, count(ItemStateName::Cancelled));
    assert_eq!(batch.counts.processing, count(ItemStateName::Processing));
    let progress: u64 = all
        .iter()
        .map(|item| u64::from(item.progress_permille))
        .sum();
    assert_eq!(batch.progress_permille_sum, progress);
}

/// Random batches, random questions: all pages together are what the model gives, and so are the counts.
pub fn pages_match_a_naive_model(open: impl Fn() -> World) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cases = (
        prop::collection::vec(life(), 0..12),
        prop::collection::vec(question(), 1..12),
    );
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&cases, |(lives, questions)| {
            runtime.block_on(async {
                let world = open();
                let users = [world.user("ann", 999).await, world.user("bob", 999).await];
                let all = live(&world, &users, &lives).await;
                for batch in &all {
                    check_items(&world, batch).await;
                    check_digits(&world, &all, batch).await;
                }
                for question in &questions {
                    check(&world, &users, &all, question).await;
                }
            });
            Ok(())
        })
        .unwrap();
}
