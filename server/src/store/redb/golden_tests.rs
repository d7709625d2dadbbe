//! A database file of each version is kept here and must read for ever.
//!
//! `VBATCH_WRITE_GOLDEN=1 cargo test -p vision-batch-server golden` writes the newest anew. Do that only before a release
//! has written files of this schema; afterwards keep the file, and add another for the new version.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::RedbStore;
use crate::clock::Clock;
use crate::domain::audit::{AuditEvent, Outcome, Target, TargetKind};
use crate::domain::batch::Ending;
use crate::domain::dispatching::{DispatchSettings, DispatchState, UpstreamToken};
use crate::domain::failure::{Failure, FailureReason, WaitReason};
use crate::domain::ids::{BatchId, KeyId, RequestId, TaskId};
use crate::domain::item::{ItemState, Stage, VideoItem};
use crate::domain::key::{ApiKey, Scope, SshKey};
use crate::domain::ledger::{Actor, EntryKind};
use crate::domain::media::BlobKind;
use crate::domain::retention::Kept;
use crate::domain::transition::AttemptEvent;
use crate::domain::user::{Role, SignInMethod, User};
use crate::media::Media;
use crate::store::conformance::world::{World, account, blob, failed, failure, submitted};
use crate::store::query::{BatchFilter, BatchOrder, BatchQuery};
use crate::store::{
    CreditChange, DeleteBatch, Expire, Made, NewApiKey, NewBatch, NewSshKey, Request, RequestKey,
    RetryItems,
};
use crate::verify;

const START: i64 = 1_790_000_000;

fn golden(version: u64) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/redb/golden");
    folder.join(format!("v{version}.redb"))
}

/// A user as an actor that calls from somewhere.
fn actor(user: &User) -> Actor {
    Actor::User {
        id: user.id,
        name: user.username.clone(),
        address: Some(IpAddr::from([192, 0, 2, 7])),
    }
}

fn open(path: &Path) -> World {
    let clock = Clock::simulated(Timestamp::from_second(START).unwrap(), 1);
    let store = RedbStore::open(path, clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

fn request(user: &User, method: &'static str) -> Request {
    Request {
        key: RequestKey {
            user: user.id,
            method,
            id: RequestId(uuid::Uuid::from_u128(77)),
        },
        digest: [method.len() as u8; 32],
    }
}

/// The batch from whose media the one in the file was made.
fn source() -> BatchId {
    BatchId(uuid::Uuid::from_u128(78))
}

/// One record of each kind, in each state.
async fn write(world: &World) {
    let user = world.user("王芳", 100).await;
    let actor = actor(&user);
    let mut new = NewBatch {
        request: Some(request(&user, "CreateBatch")),
        actor: actor.clone(),
        ..world.new_batch(user.id, 12, 2)
    };
    new.batch.source_batch = Some(source());
    let batch = world.store.create_batch(new).await.unwrap().batch;
    let mut items = Vec::new();
    for _ in 0..10 {
        items.push(world.claim(100).await.unwrap());
    }
    let event = async |index: usize, event| {
        let item: &VideoItem = &items[index];
        world
            .event(item.id, item.last_attempt, event)
            .await
            .unwrap()
    };
    let generating = AttemptEvent::Progress {
        stage: Stage::Generating {
            expected_run: Some(Duration::from_secs(40)),
        },
        share: Some(0.5),
        answered: Duration::from_secs(3),
    };
    let queued = AttemptEvent::Progress {
        stage: Stage::Queued {
            position: Some(4),
            expected_wait: Some(Duration::from_secs(9)),
        },
        share: None,
        answered: Duration::from_secs(1),
    };
    let fetched = AttemptEvent::Fetched {
        fetched_bytes: 10,
        total_bytes: Some(90),
    };
    let gave_up = AttemptEvent::GaveUp { failure: failure() };
    let again = AttemptEvent::Failed {
        failure: Failure::new(FailureReason::WorkerLost, "lost", "PING timeout"),
        try_again: Some(Timestamp::from_second(START + 3_600).unwrap()),
    };
    // Position 1 stays SUBMITTING, 11 and 12 PENDING.
    event(1, AttemptEvent::Unanswered).await;
    event(2, submitted("t3")).await;
    event(2, queued).await;
    event(3, submitted("t4")).await;
    event(3, generating).await;
    event(4, submitted("t5")).await;
    event(4, AttemptEvent::Succeeded).await;
    event(4, fetched).await;
    world.complete(&items[5]).await;
    event(6, failed()).await;
    event(7, submitted("t8")).await;
    event(7, gave_up.clone()).await;
    event(8, AttemptEvent::Unanswered).await;
    event(8, gave_up).await;
    event(9, again).await;
    world.cancel(batch.id, &[items[0].id]).await.unwrap();
    let last = world.items(batch.id).await[11].id;
    world.cancel(batch.id, &[last]).await.unwrap();
    let retry = RetryItems {
        request: Some(request(&user, "RetryItems")),
        actor: actor.clone(),
        ..world.new_retry(batch.id, &[items[7].id])
    };
    world.store.retry_items(retry).await.unwrap();

    let change = CreditChange {
        user: user.id,
        delta: 7,
        note: "谢谢".to_owned(),
        actor: actor.clone(),
        request: Some(request(&user, "AdjustCredits")),
        now: world.clock.now(),
    };
    world.store.adjust_credits(change).await.unwrap();
    let settings = DispatchSettings {
        state: DispatchState::Draining,
        concurrency: 5,
        changed_by: actor.clone(),
        change_time: world.clock.now(),
    };
    world.store.set_dispatch_settings(settings).await.unwrap();
    let token = UpstreamToken {
        account: account(),
        token: "secret".to_owned(),
        set_time: world.clock.now(),
        current: true,
        refused_since: None,
    };
    world.store.set_upstream_token(token, actor).await.unwrap();
    let store = &world.store;
    store.set_setting("key", vec![1, 2, 3]).await.unwrap();
}

/// What version 2 has besides: another admin with an API key, a batch that was deleted, and refusals.
async fn write_2(world: &World) {
    let store = &world.store;
    let admin = User {
        role: Role::Admin,
        ..world.new_user("li")
    };
    let admin = store.create_user(admin, 0, Actor::Owner).await.unwrap();
    let now = world.clock.now();
    let key = ApiKey {
        id: KeyId(uuid::Uuid::from_u128(79)),
        user: admin.id,
        name: "nightly".to_owned(),
        prefix: "vbk_abcdefgh".to_owned(),
        digest: [9; 32],
        scopes: vec![Scope::Read, Scope::Admin],
        create_time: now,
        expire_time: Some(now + Duration::from_secs(60)),
        last_used_time: None,
    };
    let id = key.id;
    let actor = actor(&admin);
    let new = NewApiKey {
        key,
        actor: actor.clone(),
    };
    store.create_api_key(new).await.unwrap();
    store.note_key_use(admin.id, id, now).await.unwrap();
    // One picture more than the other batch has: nothing else refers to it.
    let batch = world.batch(&admin, 13, 0).await;
    world.cancel(batch.id, &[]).await.unwrap();
    let delete = DeleteBatch {
        batch: batch.id,
        actor,
        now,
    };
    store.delete_batch(delete).await.unwrap();
    let refused = AuditEvent {
        sequence: 0,
        time: now,
        actor: Actor::Anonymous {
            address: "2001:db8::1".parse().ok(),
        },
        action: "sign_in".to_owned(),
        target: None,
        outcome: Outcome::Refused,
        detail: "no such user".to_owned(),
    };
    store.record_audit(refused).await.unwrap();
}

/// A copy of a golden file, opened.
fn open_golden(version: u64, folder: &Path) -> World {
    let copy = folder.join("state.redb");
    std::fs::copy(golden(version), &copy).unwrap();
    open(&copy)
}

#[tokio::test]
async fn golden_file_of_version_1_reads_and_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let world = open_golden(1, folder.path());
    let audit = world.store.audit(None, 100).await.unwrap();
    let targets = |action: &str| {
        let event = audit.iter().find(|event| event.action == action);
        event.unwrap().target.clone().unwrap()
    };
    let user = world.store.user_by_name("王芳").await.unwrap().unwrap();
    // Older records have the name or the id, whichever there was.
    assert_eq!(
        targets("user.create"),
        Target::new(TargetKind::User, "", "王芳")
    );
    assert_eq!(targets("credits.adjust").name, "王芳");
    assert_eq!(targets("batch.create").kind, TargetKind::Batch);
    assert!(targets("batch.create").id.parse::<BatchId>().is_ok());
    assert_eq!(targets("dispatch.set"), Target::only(TargetKind::Dispatch));
    assert!(
        audit
            .iter()
            .all(|event| event.outcome == Outcome::Succeeded)
    );
    // What is new works on it, also after it is opened again.
    write_2(&world).await;
    drop(world);
    let world = open(&folder.path().join("state.redb"));
    read_2(&world).await;
    assert_eq!(world.stored(&user).await, user);
    drop(world);
    read_1(&open_golden(1, folder.path())).await;
}

/// What version 3 has besides: a batch that has lost its files, and one that has not yet.
async fn write_3(world: &World) {
    let user = world.store.user_by_name("li").await.unwrap().unwrap();
    let mut batches = Vec::new();
    for _ in 0..2 {
        let batch = world.batch(&user, 1, 0).await;
        world.cancel(batch.id, &[]).await.unwrap();
        batches.push(batch.id);
    }
    let expire = Expire {
        kept: Kept::Uploads,
        ended_before: Timestamp::MAX,
        limit: 9,
        now: world.clock.now(),
    };
    let expired = world.store.expire(expire).await.unwrap().unwrap();
    assert_eq!((expired.batch, expired.files), (batches[0], 2));
    let new = NewSshKey {
        key: ssh_key(&user, world.clock.now()),
        actor: actor(&user),
    };
    world.store.add_ssh_key(new).await.unwrap();
}

fn ssh_key(user: &User, create_time: Timestamp) -> SshKey {
    SshKey {
        id: KeyId(uuid::Uuid::from_u128(80)),
        user: user.id,
        name: "laptop".to_owned(),
        algorithm: "ssh-ed25519".to_owned(),
        fingerprint: "SHA256:uOGbWJzBoCMoBYAoi+R4q3nIxCUlEGEQGZwPaCPOqBo".to_owned(),
        create_time,
        last_used_time: None,
    }
}

#[tokio::test]
async fn golden_file_of_version_3_reads() {
    if std::env::var_os("VBATCH_WRITE_GOLDEN").is_some() {
        let path = golden(super::SCHEMA);
        drop(std::fs::remove_file(&path));
        let world = open(&path);
        write(&world).await;
        write_2(&world).await;
        write_3(&world).await;
        drop(world);
        let mut database = redb::Database::open(&path).unwrap();
        database.compact().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let world = open_golden(3, folder.path());
    let page = world.store.batches(&everyone()).await.unwrap();
    let removed = |index: usize| {
        let batch = &page.batches[index];
        (
            batch.uploads_removed_time.is_some(),
            batch.audio.removed_time.is_some(),
        )
    };
    assert_eq!([removed(0), removed(1)], [(false, false), (true, true)]);
    let item = world.items(page.batches[1].id).await.remove(0);
    assert!(item.source_image.removed_time.is_some());
    let totals = world.store.totals().await.unwrap();
    assert_eq!(totals.items_by_state.cancelled, 3);
    let user = world.store.user_by_name("li").await.unwrap().unwrap();
    let keys = world.store.ssh_keys(user.id).await.unwrap();
    let [key] = keys.as_slice() else {
        panic!("{keys:?}");
    };
    assert_eq!(*key, ssh_key(&user, key.create_time));
    agrees(&world).await;
}

fn everyone() -> BatchQuery {
    BatchQuery {
        owner: None,
        order: BatchOrder::Newest,
        halted: Vec::new(),
        filter: BatchFilter::default(),
        limit: 9,
        after: None,
    }
}

/// The records, the indexes and the sums say the same. There are no files here.
async fn agrees(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let media = Media::open(folder.path()).unwrap();
    let report = verify::look(world.store.as_ref(), &media).await.unwrap();
    let words = report.in_words(100);
    let wrong = words
        .lines()
        .filter(|line| line.contains("totals") || line.contains("expiring"));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&str>::new(), "{words}");
}

/// Files of version 2 had neither the sums nor the places of ended batches: they are counted when it is opened.
#[tokio::test]
async fn golden_file_of_version_2_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let world = open_golden(2, folder.path());
    let totals = world.store.totals().await.unwrap();
    let items = totals.items_by_state;
    assert_eq!(
        (items.pending, items.processing, items.completed),
        (3, 5, 1)
    );
    assert_eq!((items.failed, items.cancelled), (2, 1));
    let credits = totals.credits;
    assert_eq!((credits.granted, credits.charged), (100, -26));
    assert_eq!((credits.refunded, credits.adjusted), (8, 7));
    let user = world.store.user_by_name("王芳").await.unwrap().unwrap();
    assert_eq!(credits.outstanding(), i64::from(user.credit_balance));
    agrees(&world).await;
    write_3(&world).await;
    agrees(&world).await;
}

#[tokio::test]
async fn golden_file_of_version_2_reads() {
    let folder = tempfile::tempdir().unwrap();
    let world = open_golden(2, folder.path());
    read_2(&world).await;
    let address = world.store.audit(None, 100).await.unwrap();
    let address = address
        .iter()
        .find(|event| event.action == "credits.adjust");
    assert!(address.unwrap().actor.address().is_some());
    read_1(&world).await;
}

/// Users whose names were others by today's rules have new ones, and nobody has another's.
#[tokio::test]
async fn names_of_version_1_become_canonical_and_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let world = open(&path);
    let mut users = Vec::new();
    for name in ["wang", "ｗａｎｇ", "WANG-2", "ﬁona", "½", "王芳"] {
        // What is stored here is not looked at.
        users.push(world.user(name, 1).await);
    }
    drop(world);
    let set = |version: u64| {
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut meta = transaction.open_table(super::tables::META).unwrap();
        let before = meta.insert("schema", version).unwrap().unwrap().value();
        drop(meta);
        transaction.commit().unwrap();
        before
    };
    assert_eq!(set(1), super::SCHEMA);
    let world = open(&path);
    let mut names = Vec::new();
    for user in &users {
        let name = world.stored(user).await.username;
        let found = world.store.user_by_name(&name).await.unwrap().unwrap();
        assert_eq!(found.id, user.id);
        names.push(name);
    }
    // In the order of the old names: the letters of plain ASCII come first.
    assert_eq!(names, ["wang", "wang-3", "wang-2", "fiona", "user", "王芳"]);
    for old in ["ｗａｎｇ", "WANG-2", "ﬁona", "½"] {
        assert_eq!(world.store.user_by_name(old).await.unwrap(), None, "{old}");
    }
    let audit = world.store.audit(None, 100).await.unwrap();
    let renamed = audit.iter().filter(|event| event.action == "user.rename");
    assert_eq!(renamed.count(), 4);
    drop(world);
    assert_eq!(set(super::SCHEMA), super::SCHEMA);
}

async fn read_2(world: &World) {
    let store = &world.store;
    let admin = store.user_by_name("li").await.unwrap().unwrap();
    assert_eq!(admin.last_sign_in_method, Some(SignInMethod::ApiKey));
    let key = store.api_key_by_digest(&[9; 32]).await.unwrap().unwrap();
    assert_eq!((key.user, key.name.as_str()), (admin.id, "nightly"));
    assert_eq!(key.scopes, [Scope::Read, Scope::Admin]);
    assert!(key.expire_time > key.last_used_time && key.last_used_time.is_some());
    let keys = store.api_keys(admin.id).await.unwrap();
    assert_eq!(keys, std::slice::from_ref(&key));
    assert_eq!(
        store.doomed_blobs(9).await.unwrap(),
        [blob(BlobKind::Image, 13)]
    );
    let audit = store.audit(None, 100).await.unwrap();
    let refused = &audit[0];
    assert_eq!(
        (refused.outcome, &refused.target),
        (Outcome::Refused, &None)
    );
    assert!(refused.actor.address().unwrap().is_ipv6());
    let deleted = audit[1].target.clone().unwrap();
    let left = store.tombstone(deleted.id.parse().unwrap()).await.unwrap();
    let left = left.unwrap();
    assert_eq!((left.owner, left.name), (admin.id, deleted.name));
    assert_eq!(audit[4].target, Some(Target::key(&key)));
    assert_eq!(audit[5].actor, Actor::Owner);
}

async fn read_1(world: &World) {
    let store = &world.store;
    let user = store.user_by_name("王芳").await.unwrap().unwrap();
    world.check_books(&user).await;
    assert_eq!(user.credit_balance, 100 - 24 + 4 * 2 - 2 + 7);
    assert_eq!((user.credits_held, user.active_item_count), (16, 8));
    assert_eq!(user.completed_video_count, 1);
    let page = store.entries(user.id, None, 100).await.unwrap();
    let kinds = |kind| {
        let entries = page.entries.iter();
        entries.filter(|entry| entry.kind == kind).count()
    };
    assert_eq!(
        [
            kinds(EntryKind::Grant),
            kinds(EntryKind::Charge),
            kinds(EntryKind::Refund),
            kinds(EntryKind::Adjustment)
        ],
        [1, 13, 4, 1]
    );
    assert_eq!(page.entries[0].note, "谢谢");

    let made = async |method| {
        let recorded = store.request(request(&user, method).key).await;
        let recorded = recorded.unwrap().unwrap();
        assert_eq!(recorded.digest, [method.len() as u8; 32]);
        recorded.made
    };
    let Made::Batch(id) = made("CreateBatch").await else {
        panic!("no batch");
    };
    assert!(
        matches!(made("RetryItems").await, Made::Rounds(batch, items) if batch == id && items.len() == 1)
    );
    assert!(matches!(made("AdjustCredits").await, Made::Entry(of, 19) if of == user.id));

    let batch = store.batch(id).await.unwrap().unwrap();
    assert_eq!((batch.name.as_str(), batch.labels.len()), ("春节", 1));
    assert_eq!((batch.credits_charged, batch.credits_refunded), (26, 8));
    assert_eq!(batch.source_batch, Some(source()));
    let ended = batch.last_ended.unwrap();
    assert_eq!(
        (ended.position, ended.filename.as_str(), ended.ending),
        (12, "王芳-12.png", Ending::Cancelled)
    );
    let items = world.items(id).await;
    assert_eq!(ended.item, items[11].id);
    assert_eq!(Some(ended.finish_time), items[11].finish_time());
    let stage = |index: usize| &items[index].processing().unwrap().stage;
    assert!(items[0].processing().unwrap().cancel_request_time.is_some());
    assert_eq!(*stage(0), Stage::Submitting);
    assert!(matches!(stage(1), Stage::Unresolved { .. }));
    assert_eq!(
        *stage(2),
        Stage::Queued {
            position: Some(4),
            expected_wait: Some(Duration::from_secs(9))
        }
    );
    assert_eq!(
        *stage(3),
        Stage::Generating {
            expected_run: Some(Duration::from_secs(40))
        }
    );
    assert_eq!(
        *stage(4),
        Stage::Fetching {
            fetched_bytes: 10,
            total_bytes: Some(90)
        }
    );
    let ItemState::Completed { video, .. } = &items[5].state else {
        panic!("not completed");
    };
    assert!(store.is_referenced(video.blob).await.unwrap());
    let ItemState::Failed { failure, .. } = &items[6].state else {
        panic!("not failed");
    };
    assert_eq!(failure.upstream_message, "boom");
    let wait = |index: usize| match &items[index].state {
        ItemState::Pending(pending) => pending.reason,
        _ => panic!("not pending"),
    };
    assert_eq!((items[7].round, wait(7)), (2, Some(WaitReason::Cleanup)));
    assert!(matches!(items[8].state, ItemState::Failed { .. }));
    assert_eq!(wait(9), Some(WaitReason::BackOff));
    assert_eq!(items[9].ended_attempts.len(), 1);
    assert_eq!(wait(10), None);
    assert!(matches!(items[11].state, ItemState::Cancelled { .. }));
    assert_eq!(items[11].source_image.filename, "王芳-12.png");

    let cleanup = store.cleanups().await.unwrap().remove(0);
    assert_eq!(cleanup.task, TaskId("t8".to_owned()));
    assert_eq!(cleanup.client_ref.item, items[7].id);
    let watch = store.watches().await.unwrap().remove(0);
    assert_eq!(watch.client_ref.item, items[8].id);
    assert!(!watch.matched);
    assert_eq!(store.active(batch.engine).await.unwrap().len(), 5);
    let daily = store
        .daily_use(&account(), world.clock.now())
        .await
        .unwrap();
    assert_eq!(daily.submitted, 7);
    let hours = store.throughput(Timestamp::from_second(START).unwrap());
    let hour = hours.await.unwrap().pop().unwrap();
    assert_eq!((hour.completed, hour.failed), (1, 3));
    let settings = store.dispatch_settings().await.unwrap();
    assert_eq!(settings.state, DispatchState::Draining);
    let token = store.upstream_tokens().await.unwrap().remove(0);
    assert_eq!((token.token.as_str(), token.current), ("secret", true));
    assert_eq!(store.setting("key").await.unwrap(), Some(vec![1, 2, 3]));
    let audit = store.audit(None, 100).await.unwrap();
    assert_eq!(audit.last().unwrap().action, "user.create");
    assert_eq!(store.counts(Some(user.id)).await.unwrap().processing, 1);

    // And work goes on with it: the one that waits is claimed, behind the slots that are held.
    assert_eq!(world.claim(7).await, None, "dispatch was draining");
    world.dispatch(DispatchState::Running, 3).await;
    assert_eq!(world.claim(6).await, None);
    assert_eq!(world.claim(7).await.unwrap().position, 11);
}
