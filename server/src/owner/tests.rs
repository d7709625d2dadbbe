//! The socket itself, and what a server and a command say to each other over it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::{AskError, ask};
use super::protocol::{self, Frame, Reply, Request, VERSION};
use super::serve::{Parts, start};
use super::socket::{connect, listen};
use crate::backup::{DATABASE, LAST_BACKUP_SETTING};
use crate::clock::Clock;
use crate::domain::books::last_look::{self, LastLook};
use crate::media::Media;
use crate::service::accounts::Accounts;
use crate::service::health::Standing;
use crate::store::Store as _;
use crate::store::conformance::world::World;
use crate::store::redb::RedbStore;

struct Running {
    accounts: Arc<Accounts>,
    store: Arc<RedbStore>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn server(data_dir: &Path) -> Running {
    let clock = Clock::system();
    let store = Arc::new(RedbStore::open(&data_dir.join(DATABASE), clock.clone()).unwrap());
    let shutdown = CancellationToken::new();
    let as_store: Arc<dyn crate::store::Store> = Arc::<RedbStore>::clone(&store);
    let accounts = Accounts::open(as_store, store.feed().clone(), clock.clone());
    let accounts = Arc::new(accounts.await.unwrap());
    let parts = Parts {
        accounts: Arc::clone(&accounts),
        store: Arc::clone(&store),
        media: Media::open(data_dir).unwrap(),
        instance: clock.instance_id(),
        clock,
        data_dir: data_dir.to_owned(),
        standing: watch::channel(Standing::DiskFull).1,
    };
    let task = start(parts, shutdown.clone()).await;
    Running {
        accounts,
        store,
        shutdown,
        task,
    }
}

const BACKUP: Request = Request::Backup {
    version: VERSION,
    with_media: true,
};

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_goes_with_the_server() {
    let data = tempfile::tempdir().unwrap();
    let running = server(data.path()).await;
    let folder = data.path().join("run");
    let socket = folder.join("owner.sock");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
    running.shutdown.cancel();
    running.task.await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_dead_servers_socket_is_replaced_and_a_living_ones_is_not() {
    let data = tempfile::tempdir().unwrap();
    let dead = listen(data.path()).await.unwrap();
    let path = data.path().join("run/owner.sock");
    // As a crash leaves it: the file stays, nobody listens.
    fs::hard_link(&path, data.path().join("kept")).unwrap();
    drop(dead);
    fs::rename(data.path().join("kept"), &path).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    let living = listen(data.path()).await.unwrap();
    let error = listen(data.path()).await.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(living);
    fs::write(&path, "not a socket").unwrap();
    let error = listen(data.path()).await.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"not a socket");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_reached_all_the_same() {
    let data = tempfile::tempdir().unwrap();
    let deep = data.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let socket = listen(&deep).await.unwrap();
    connect(&deep).await.unwrap();
    drop(socket);
    assert!(!deep.join("run/owner.sock").exists());
}

#[tokio::test]
async fn a_backup_counts_when_it_is_kept() {
    let data = tempfile::tempdir().unwrap();
    assert!(ask(data.path(), &BACKUP).await.unwrap().is_none());
    let running = server(data.path()).await;
    for kept in [false, true] {
        let mut asked = ask(data.path(), &BACKUP).await.unwrap().unwrap();
        let mut archive = Vec::new();
        let answer = asked
            .answer(
                |piece| {
                    archive.extend_from_slice(piece);
                    Ok(())
                },
                |_, _| {},
            )
            .await
            .unwrap();
        assert_eq!(answer.code, 0);
        assert!(answer.said.contains("0 batches"), "{}", answer.said);
        assert!(archive.len() > 1_024);
        assert_eq!(
            running.store.setting(LAST_BACKUP_SETTING).await.unwrap(),
            None
        );
        if kept {
            asked.kept().await.unwrap();
            let mut commits = running.store.feed().revision();
            while running
                .store
                .setting(LAST_BACKUP_SETTING)
                .await
                .unwrap()
                .is_none()
            {
                commits.changed().await.unwrap();
            }
        }
    }
    running.shutdown.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_goes_leaves_nothing_and_the_next_backup_is_made() {
    let data = tempfile::tempdir().unwrap();
    let running = server(data.path()).await;
    let asked = ask(data.path(), &BACKUP).await.unwrap();
    drop(asked);
    let full = || Err(std::io::ErrorKind::StorageFull.into());
    let mut asked = ask(data.path(), &BACKUP).await.unwrap().unwrap();
    let error = match asked.answer(|_| full(), |_, _| {}).await {
        // The one that was left is still on its way out.
        Err(AskError::Refused(message)) => {
            assert!(message.contains("Another backup"), "{message}");
            None
        }
        other => Some(other.unwrap_err()),
    };
    assert!(error.is_none_or(|error| matches!(error, AskError::Kept(_))));
    drop(asked);
    let made = async {
        loop {
            let mut asked = ask(data.path(), &BACKUP).await.unwrap().unwrap();
            match asked.answer(|_| Ok(()), |_, _| {}).await {
                Ok(answer) => break answer,
                Err(error) => assert!(matches!(error, AskError::Refused(_)), "{error}"),
            }
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(30), made).await;
    assert_eq!(made.unwrap().code, 0);
    let mut left = fs::read_dir(data.path().join("tmp")).unwrap();
    assert!(left.next().is_none());
    running.shutdown.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn a_look_is_remembered_with_what_it_found() {
    let data = tempfile::tempdir().unwrap();
    let running = server(data.path()).await;
    let store = &running.store;
    assert_eq!(store.setting(last_look::SETTING).await.unwrap(), None);
    let look = async || {
        let request = Request::Verify {
            version: VERSION,
            most: 5,
            json: false,
        };
        let mut asked = ask(data.path(), &request).await.unwrap().unwrap();
        let answer = asked.answer(|_| Ok(()), |_, _| {}).await.unwrap();
        let kept = store.setting(last_look::SETTING).await.unwrap().unwrap();
        (answer.code, LastLook::from_bytes(&kept).unwrap())
    };
    let (code, first) = look().await;
    assert_eq!((code, first.detail.as_str()), (0, ""));

    // A batch whose files were never there.
    let world = World::new(store.clone(), store.feed().clone(), Clock::system());
    let user = world.user("wang", 5).await;
    world.batch(&user, 5, 1).await;
    let (code, second) = look().await;
    assert_eq!(code, 1);
    assert!(second.detail.contains("is missing"), "{}", second.detail);
    assert!(second.detail.ends_with("; and 3 more"), "{}", second.detail);
    assert!(second.finish_time >= first.finish_time);
    running.shutdown.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn what_the_server_does_not_understand_is_refused_in_words() {
    let data = tempfile::tempdir().unwrap();
    let running = server(data.path()).await;
    let newer = Request::Backup {
        version: VERSION + 1,
        with_media: true,
    };
    let mut asked = ask(data.path(), &newer).await.unwrap().unwrap();
    let error = asked.answer(|_| Ok(()), |_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("speaks version 1"), "{error}");

    for bytes in [
        &b"\x01\x00\x00\x00\x02{}"[..],
        b"\x01\xff\xff\xff\xff",
        b"\x07\x00\x00\x00\x01x",
    ] {
        let mut stream = connect(data.path()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let reply = protocol::receive::<Reply>(&mut stream).await.unwrap();
        assert!(matches!(reply, Some(Frame::Message(Reply::Refused { .. }))));
    }
    running.shutdown.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn the_owner_gets_back_in_and_everyone_else_is_out() {
    const RESET: Request = Request::ResetAdminPassword { version: VERSION };
    let data = tempfile::tempdir().unwrap();
    let running = server(data.path()).await;
    let accounts = &running.accounts;
    let mut asked = ask(data.path(), &RESET).await.unwrap().unwrap();
    let error = asked.answer(|_| Ok(()), |_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("no user `admin` yet"), "{error}");

    accounts
        .bootstrap(Some("a good old passphrase".into()))
        .await
        .unwrap();
    let login = |password: &str| accounts.login("admin", password.into(), None);
    let signed_in = login("a good old passphrase").await.unwrap();
    let token = signed_in.issued.token.expose_secret();
    accounts.authenticate(token, None).await.unwrap();
    // Another admin works, and is not the one who is asked about.
    let other = crate::domain::user::User {
        username: "wang".to_owned(),
        id: crate::domain::ids::UserId(uuid::Uuid::now_v7()),
        ..signed_in.user.clone()
    };
    running
        .store
        .create_user(other, 0, crate::domain::ledger::Actor::System)
        .await
        .unwrap();
    let disable = crate::store::UserChange {
        user: signed_in.user.id,
        expected_version: None,
        role: Some(crate::domain::user::Role::User),
        disabled: Some(true),
        display_name: None,
        language: None,
        actor: crate::domain::ledger::Actor::System,
        now: signed_in.user.create_time,
    };
    running.store.update_user(disable).await.unwrap();

    let mut asked = ask(data.path(), &RESET).await.unwrap().unwrap();
    let mut password = String::new();
    let answer = asked.answer(
        |piece| {
            password += std::str::from_utf8(piece).unwrap();
            Ok(())
        },
        |_, _| {},
    );
    let answer = answer.await.unwrap();
    assert_eq!(answer.code, 0);
    assert!(answer.said.contains("must be changed"), "{}", answer.said);
    assert!(!answer.said.contains(password.trim()));

    let refused = accounts.authenticate(token, None).await.unwrap_err();
    assert_eq!(refused.reason.name(), "TOKEN_REVOKED");
    assert!(login("a good old passphrase").await.is_err());
    let again = login(password.trim_end()).await.unwrap();
    assert!(again.user.password_change_required);
    assert_eq!(again.user.role, crate::domain::user::Role::Admin);
    let events = running.store.audit(None, 10).await.unwrap();
    let reset = events
        .iter()
        .find(|event| event.action == "password.reset")
        .unwrap();
    assert_eq!(reset.actor, crate::domain::ledger::Actor::Owner);
    assert!(!format!("{events:?}").contains(password.trim()));
    running.shutdown.cancel();
    running.task.await.unwrap();
}
