//! The conformance suite on both ways of writing, and what only this driver does: files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::{OpenError, RedbStore};
use crate::clock::Clock;
use crate::domain::batch::EngineKind;
use crate::store::Store;
use crate::store::conformance::conformance_suite;
use crate::store::conformance::world::World;
use crate::store::query::{BatchFilter, BatchOrder, BatchQuery, Totals};

fn clock() -> Clock {
    Clock::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 1)
}

fn inline() -> World {
    let clock = clock();
    let store = RedbStore::in_memory(clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

/// On a real file, which goes when the test ends.
fn thread() -> World {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("state.redb"), clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

conformance_suite!(inline_suite, super::inline());
conformance_suite!(thread_suite, super::thread());

fn file_store(path: &Path) -> World {
    let clock = clock();
    let store = RedbStore::open(path, clock.clone()).unwrap();
    let feed = store.feed().clone();
    World::new(Arc::new(store), feed, clock)
}

/// Everything that can be asked.
async fn all(world: &World) -> String {
    let store = &world.store;
    let query = BatchQuery {
        owner: None,
        order: BatchOrder::Attention,
        halted: Vec::new(),
        filter: BatchFilter::default(),
        limit: 100,
        after: None,
    };
    let page = store.batches(&query).await.unwrap();
    let mut items = Vec::new();
    for batch in &page.batches {
        items.extend(world.items(batch.id).await);
    }
    let users = store.users("", None, 100).await.unwrap().users;
    let mut entries = Vec::new();
    for user in &users {
        world.check_books(user).await;
        entries.extend(store.entries(user.id, None, 100).await.unwrap().entries);
        entries.sort_by_key(|entry| entry.id);
    }
    let now = Timestamp::from_second(1_790_000_100).unwrap();
    let totals = Totals {
        database_bytes: 0,
        ..store.totals().await.unwrap()
    };
    format!(
        "{page:?} {items:?} {entries:?} {totals:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        users
            .iter()
            .map(|user| (user.credit_balance, user.version))
            .collect::<Vec<_>>(),
        store.counts(None).await.unwrap(),
        store.audit(None, 100).await.unwrap(),
        store.cleanups().await.unwrap(),
        store.watches().await.unwrap(),
        store.backlog(EngineKind::LightX2v, now).await.unwrap(),
        store.dispatch_settings().await.unwrap(),
    )
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let world = file_store(&path);
    let user = world.user("wang", 50).await;
    world.batch(&user, 4, 1).await;
    world.batch(&user, 1, 1).await;
    let first = world.claim(9).await.unwrap();
    world.complete(&first).await;
    let second = world.claim(9).await.unwrap();
    world.fail(&second).await;
    world.retry(second.batch, &[second.id]).await.unwrap();
    let before = all(&world).await;
    let revision = *world.feed.revision().borrow();
    drop(world);

    let world = file_store(&path);
    assert_eq!(all(&world).await, before);
    assert_eq!(*world.feed.revision().borrow(), revision);
    assert_ne!(world.claim(9).await, None);
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(file_store(&path));
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(file_store(&path));
    assert_eq!(mode(), 0o600);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["state.redb"], "nothing else is left");
}

fn refusal(path: &Path) -> OpenError {
    match RedbStore::open(path, clock()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_file_in_use_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let world = file_store(&path);
    let error = refusal(&path);
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    world.user("wang", 1).await;
    drop(world);
    file_store(&path);
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    drop(file_store(&path));
    let database = redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut meta = transaction.open_table(super::tables::META).unwrap();
        meta.insert("schema", super::SCHEMA + 1).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let before = std::fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(std::fs::read(&path).unwrap() == before, "it was written");
    assert!(
        matches!(
            error,
            OpenError::NewerSchema { found, known, .. }
                if found == super::SCHEMA + 1 && known == super::SCHEMA
        ),
        "{error}"
    );
    assert!(error.to_string().contains("start a newer vbatchd"));
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.redb");
    let world = file_store(&good);
    let user = world.user("wang", 1_000).await;
    world.batch(&user, 100, 1).await;
    drop(world);
    let bytes = std::fs::read(&good).unwrap();

    let mut no_magic = bytes.clone();
    no_magic[..9].fill(b'x');
    let other_tables = {
        let path = folder.path().join("other.redb");
        let database = redb::Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let table = redb::TableDefinition::<u64, u64>::new("theirs");
        transaction.open_table(table).unwrap();
        transaction.commit().unwrap();
        drop(database);
        std::fs::read(&path).unwrap()
    };
    for (name, damaged) in [
        ("empty", Vec::new()),
        ("text", b"this is a text".to_vec()),
        ("no magic", no_magic),
        ("other tables", other_tables),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
    ] {
        let path = folder.path().join("damaged.redb");
        std::fs::write(&path, &damaged).unwrap();
        let error = refusal(&path);
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains("restore a backup"));
        assert_eq!(
            std::fs::metadata(&path).unwrap().len(),
            damaged.len() as u64,
            "{name}"
        );
        assert!(std::fs::read(&path).unwrap() == damaged, "{name}");
    }
    let missing = folder.path().join("no such folder").join("state.redb");
    let error = refusal(&missing);
    assert!(matches!(error, OpenError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn many_writers_share_a_flush() {
    const WRITERS: usize = 64;
    const EACH: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("state.redb"), clock()).unwrap();
    let (commits, syncs) = (store.commits(), store.syncs());
    let store = Arc::new(store);
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for turn in 0..EACH {
                let name = format!("{writer}");
                store.set_setting(&name, vec![turn as u8]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let (commits, syncs) = (store.commits() - commits, store.syncs() - syncs);
    assert_eq!(store.operations(), (WRITERS * EACH) as u64);
    let together = store.operations() / commits;
    assert!(together >= 32, "{together} operations a commit");
    assert!(syncs <= 2 * commits, "{syncs} flushes, {commits} commits");
}

#[tokio::test]
async fn a_lone_writer_and_an_idle_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("state.redb"), clock()).unwrap();
    for turn in 0..10 {
        store.set_setting("key", vec![turn]).await.unwrap();
    }
    assert_eq!((store.commits(), store.operations()), (10, 10));
    let world = World::new(Arc::new(store), crate::feed::Feed::new(0), clock());
    let before = world.store.totals().await.unwrap();
    for _ in 0..10 {
        assert_eq!(world.claim(9).await, None);
    }
    assert_eq!(world.store.totals().await.unwrap(), before);
}
