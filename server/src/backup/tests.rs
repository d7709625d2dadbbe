//! Archives of real data directories, whole, cut, and made up by somebody else.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::manifest::Manifest;
use super::{BackupError, DATABASE, MANIFEST, Options, RestoreError, restore, write};
use crate::clock::Clock;
use crate::domain::dispatching::{DispatchState, UpstreamToken};
use crate::domain::ids::Account;
use crate::domain::ledger::Actor;
use crate::domain::media::BlobKind;
use crate::media::{Media, TEMPORARIES};
use crate::service::accounts::TOKEN_SECRET_SETTING;
use crate::store::Store as _;
use crate::store::conformance::world::World;
use crate::store::redb::{RedbStore, SCHEMA};

/// A data directory with one batch of two pictures, and what a server has open of it.
struct Original {
    folder: TempDir,
    store: Arc<RedbStore>,
    media: Media,
    clock: Clock,
}

impl Original {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let store = RedbStore::open(&folder.path().join(DATABASE), clock.clone()).unwrap();
        let store = Arc::new(store);
        let feed = store.feed().clone();
        let world = World::new(Arc::<RedbStore>::clone(&store), feed, clock.clone());
        let media = Media::open(folder.path()).unwrap();
        let mut blobs = Vec::new();
        for (kind, content) in [
            (BlobKind::Image, "first picture"),
            (BlobKind::Image, "second picture"),
            (BlobKind::Audio, "a speech"),
        ] {
            let mut incoming = media.receive(kind, 1 << 20).await.unwrap();
            incoming.write(content.as_bytes()).await.unwrap();
            let staged = incoming.finish().await.unwrap();
            blobs.push(staged.blob());
            drop(media.adopt(vec![staged]).await.unwrap());
        }
        let secret = store.set_setting(TOKEN_SECRET_SETTING, b"hush".to_vec());
        secret.await.unwrap();
        let token = UpstreamToken {
            account: Account("operator".to_owned()),
            token: "upstream-secret".to_owned(),
            set_time: clock.now(),
            current: true,
            refused_since: None,
        };
        store
            .set_upstream_token(token, Actor::System)
            .await
            .unwrap();
        let user = world.user("wang", 10).await;
        let mut new = world.new_batch(user.id, 2, 1);
        new.batch.audio.blob = blobs[2];
        new.items[0].source_image.blob = blobs[0];
        new.items[1].source_image.blob = blobs[1];
        store.create_batch(new).await.unwrap();
        Self {
            folder,
            store,
            media,
            clock,
        }
    }

    fn options(&self) -> Options {
        Options {
            with_media: true,
            instance: None,
            now: self.clock.now(),
            scratch: self.folder.path().join(TEMPORARIES),
        }
    }

    fn archive(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        write(
            &self.store,
            &self.media,
            &self.options(),
            &mut archive,
            |_| {},
        )
        .unwrap();
        archive
    }

    fn scratch_is_empty(&self) -> bool {
        let mut left = fs::read_dir(self.folder.path().join(TEMPORARIES)).unwrap();
        left.next().is_none()
    }
}

/// A folder to restore in, and the name of the new data directory.
fn place() -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("data");
    (parent, target)
}

async fn refused(archive: Vec<u8>) -> RestoreError {
    let (parent, target) = place();
    let error = restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap_err();
    let mut left = fs::read_dir(parent.path()).unwrap();
    assert!(left.next().is_none(), "{error}: something is left");
    error
}

/// The members of an archive.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .collect()
}

fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in members {
        add(&mut builder, name, content, EntryType::Regular);
    }
    builder.into_inner().unwrap()
}

fn add(builder: &mut Builder<Vec<u8>>, name: &str, content: &[u8], kind: EntryType) {
    let mut header = Header::new_ustar();
    // The crate refuses names that lead out of the folder; somebody else's may not.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

#[tokio::test]
async fn everything_comes_back_paused_and_without_sessions() {
    let original = Original::new().await;
    let archive = original.archive();
    assert!(original.scratch_is_empty());
    let names: Vec<String> = members(&archive)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names[..2], [MANIFEST.to_owned(), DATABASE.to_owned()]);
    assert_eq!(names.len(), 5);

    let (_parent, target) = place();
    let done = restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap();
    assert_eq!((done.manifest.batches, done.manifest.items), (1, 2));
    let store = RedbStore::open(&target.join(DATABASE), Clock::system()).unwrap();
    let settings = store.dispatch_settings().await.unwrap();
    assert_eq!(settings.state, DispatchState::Paused);
    assert_eq!(store.setting(TOKEN_SECRET_SETTING).await.unwrap(), None);
    let restored = store.restored().await.unwrap().unwrap();
    assert_eq!(restored, done.restored);
    assert_eq!(
        restored.submitting_account,
        Some(Account("operator".to_owned()))
    );
    let tokens = store.upstream_tokens().await.unwrap();
    assert_eq!(tokens[0].token, "upstream-secret");
    let user = store.user_by_name("wang").await.unwrap().unwrap();
    let before = original.store.user(user.id).await.unwrap().unwrap();
    assert_eq!(user.credit_balance, before.credit_balance);
    let audit = store.audit(None, 1).await.unwrap();
    assert_eq!(audit[0].action, "restore");
    let media = Media::open(&target).unwrap();
    for name in &names[2..] {
        let content = fs::read(target.join(name)).unwrap();
        assert_eq!(
            content,
            fs::read(original.folder.path().join(name)).unwrap()
        );
    }
    drop(media);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_restored_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let archive = Original::new().await.archive();
    let (_parent, target) = place();
    restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&target), 0o700);
    assert_eq!(mode(&target.join(DATABASE)), 0o600);
    assert_eq!(mode(&target.join("images")), 0o700);
}

#[tokio::test]
async fn commits_go_on_during_a_backup_and_are_not_in_it() {
    let original = Original::new().await;
    let mut archive = Vec::new();
    let handle = tokio::runtime::Handle::current();
    struct Slow<'a> {
        out: &'a mut Vec<u8>,
        store: &'a RedbStore,
        handle: tokio::runtime::Handle,
        commits: u32,
    }
    impl std::io::Write for Slow<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // With every piece that is taken, something is committed.
            self.commits += 1;
            let note = self.store.set_setting("during", vec![1]);
            self.handle.block_on(note).unwrap();
            self.out.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let slow = Slow {
        out: &mut archive,
        store: &original.store,
        handle,
        commits: 0,
    };
    // Where blocking is allowed, as in production.
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let mut slow = slow;
                write(
                    &original.store,
                    &original.media,
                    &original.options(),
                    &mut slow,
                    |_| {},
                )
                .unwrap();
                assert!(slow.commits > 5);
            })
            .join()
            .unwrap();
    });
    let (_parent, target) = place();
    restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap();
    let store = RedbStore::open(&target.join(DATABASE), Clock::system()).unwrap();
    assert_eq!(store.setting("during").await.unwrap(), None);
    assert_eq!(
        original.store.setting("during").await.unwrap(),
        Some(vec![1])
    );
}

#[tokio::test]
async fn a_file_that_is_missing_or_damaged_is_named_and_the_database_alone_still_goes() {
    let original = Original::new().await;
    let name = members(&original.archive()).pop().unwrap().0;
    let file = original.folder.path().join(&name);
    let digest = file.file_name().unwrap().to_str().unwrap();
    let content = fs::read(&file).unwrap();
    fs::write(&file, vec![0; content.len()]).unwrap();
    let mut out = Vec::new();
    let error = write(
        &original.store,
        &original.media,
        &original.options(),
        &mut out,
        |_| {},
    );
    let error = error.unwrap_err();
    assert!(matches!(&error, BackupError::Media(_)), "{error}");
    assert!(error.to_string().contains(digest), "{error}");
    fs::remove_file(&file).unwrap();
    let error = write(
        &original.store,
        &original.media,
        &original.options(),
        &mut out,
        |_| {},
    );
    assert!(error.unwrap_err().to_string().contains(digest));
    assert!(original.scratch_is_empty());

    let alone = Options {
        with_media: false,
        ..original.options()
    };
    let mut archive = Vec::new();
    let manifest = write(
        &original.store,
        &original.media,
        &alone,
        &mut archive,
        |_| {},
    )
    .unwrap();
    assert_eq!(manifest.media, None);
    let (_parent, target) = place();
    restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_target_ends_a_backup_and_leaves_nothing() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let original = Original::new().await;
    let written = write(
        &original.store,
        &original.media,
        &original.options(),
        Full(100_000),
        |_| {},
    );
    assert!(matches!(written, Err(BackupError::Io(_))));
    assert!(original.scratch_is_empty());
    assert!(!original.media.is_held());
}

#[tokio::test]
async fn an_archive_that_is_cut_changed_or_grown_is_refused_and_leaves_nothing() {
    let archive = Original::new().await.archive();
    // Each member's boundary, and places within.
    for length in [
        0,
        100,
        512,
        1024,
        20_000,
        archive.len() / 2,
        archive.len() - 2_048,
    ] {
        let error = refused(archive[..length].to_vec()).await;
        assert!(
            matches!(error, RestoreError::Archive(_) | RestoreError::Io(_)),
            "{length}: {error}"
        );
    }
    let whole = members(&archive);
    type Members = Vec<(String, Vec<u8>)>;
    type Change = fn(&mut Members);
    let changes: [(&str, Change); 8] = [
        ("a changed database", |all| all[1].1[5_000] ^= 1),
        ("a changed picture", |all| all[2].1[0] ^= 1),
        ("a picture less", |all| {
            all.pop();
        }),
        ("a picture twice", |all| {
            let again = all[2].clone();
            all.push(again);
        }),
        ("a file of no use", |all| {
            all.push(("note.txt".to_owned(), vec![1]))
        }),
        ("a path that leads out", |all| {
            all[2].0 = "../../etc/passwd".to_owned();
        }),
        ("an absolute path", |all| all[2].0 = "/tmp/evil".to_owned()),
        ("another order", |all| all.swap(0, 1)),
    ];
    for (what, change) in changes {
        let mut changed = whole.clone();
        change(&mut changed);
        let error = refused(packed(&changed)).await;
        assert!(matches!(error, RestoreError::Archive(_)), "{what}: {error}");
    }
    let mut builder = Builder::new(Vec::new());
    for (name, content) in &whole[..2] {
        add(&mut builder, name, content, EntryType::Regular);
    }
    add(&mut builder, &whole[2].0, &[], EntryType::Symlink);
    let error = refused(builder.into_inner().unwrap()).await;
    assert!(error.to_string().contains("not a plain file"), "{error}");
}

#[tokio::test]
async fn what_a_newer_program_wrote_is_refused_in_words() {
    let whole = members(&Original::new().await.archive());
    let manifest: Manifest = serde_json::from_slice(&whole[0].1).unwrap();
    for (manifest, words) in [
        (
            Manifest {
                schema: 9,
                ..manifest.clone()
            },
            format!("schema version 9, this one knows up to {SCHEMA}").as_str(),
        ),
        (
            Manifest {
                format: 2,
                ..manifest.clone()
            },
            "format 2, this one knows up to 1",
        ),
    ] {
        let mut newer = whole.clone();
        newer[0].1 = serde_json::to_vec(&manifest).unwrap();
        let error = refused(packed(&newer)).await;
        assert!(error.to_string().contains(words), "{error}");
    }
    // What it would need is said before anything is written.
    let mut huge = manifest;
    huge.database.size_bytes = u64::MAX;
    let mut members = whole;
    members[0].1 = serde_json::to_vec(&huge).unwrap();
    let error = refused(packed(&members)).await;
    assert!(matches!(error, RestoreError::NoRoom { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_that_has_something_is_left_as_it_is() {
    let archive = Original::new().await.archive();
    let (_parent, target) = place();
    fs::create_dir(&target).unwrap();
    fs::File::create(target.join("mine"))
        .unwrap()
        .write_all(b"x")
        .unwrap();
    let error = restore(
        std::io::Cursor::new(archive.clone()),
        &target,
        Clock::system(),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty(_)), "{error}");
    assert_eq!(fs::read(target.join("mine")).unwrap(), b"x");
    fs::remove_file(target.join("mine")).unwrap();
    restore(std::io::Cursor::new(archive), &target, Clock::system())
        .await
        .unwrap();
    assert!(target.join(DATABASE).is_file());
}

#[tokio::test]
async fn a_copy_of_a_copy_looks_as_far_back_as_the_first() {
    let original = Original::new().await;
    let (_parent, target) = place();
    let first = restore(
        std::io::Cursor::new(original.archive()),
        &target,
        Clock::system(),
    )
    .await
    .unwrap();
    let store = RedbStore::open(&target.join(DATABASE), Clock::system()).unwrap();
    let media = Media::open(&target).unwrap();
    let options = Options {
        with_media: true,
        instance: None,
        now: Timestamp::now(),
        scratch: target.join(TEMPORARIES),
    };
    let mut archive = Vec::new();
    write(&store, &media, &options, &mut archive, |_| {}).unwrap();
    let (_parent, second) = place();
    let second = restore(std::io::Cursor::new(archive), &second, Clock::system())
        .await
        .unwrap();
    assert!(second.manifest.backup_time > first.manifest.backup_time);
    assert_eq!(second.restored.backup_time, first.restored.backup_time);
}
