//! `vbatchd backup` and `restore` with real programs: while a server runs, when none does, and what the copy does then.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tonic::Code;
use vbatch_tests::batches::{create, finished, next, status, video};
use vbatch_tests::programs::{Daemon, Session, folder, program};
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;
use vision_batch::v1::batch_status_response::Event;
use vision_batch::v1::video_item::State;
use vision_batch::v1::{dispatch, warning};

fn vbatchd(arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(program("vbatchd"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["LIGHTX2V_ACCESS_TOKEN", "VBATCH_CONFIG", "VBATCH_DATA_DIR"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn backup(file: &Path, data_dir: &Path) -> Output {
    let folder = OsStr::new("--data-dir");
    vbatchd(&[
        OsStr::new("backup"),
        file.as_os_str(),
        folder,
        data_dir.as_os_str(),
    ])
}

fn restore(file: &Path, data_dir: &Path) -> Output {
    let folder = OsStr::new("--data-dir");
    vbatchd(&[
        OsStr::new("restore"),
        file.as_os_str(),
        folder,
        data_dir.as_os_str(),
    ])
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

async fn system(session: &Session) -> v1::SystemStatus {
    let mut admin = AdminServiceClient::new(session.channel.clone());
    let request = session.request(v1::GetSystemStatusRequest::default());
    let answer = admin.get_system_status(request).await.unwrap();
    answer.into_inner().status.unwrap()
}

fn has_warning(status: &v1::SystemStatus, reason: warning::Reason) -> bool {
    status
        .warnings
        .iter()
        .any(|warning| warning.reason() == reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_that_runs_becomes_a_paused_copy_with_all_its_videos() {
    let (data, elsewhere) = (folder(), folder());
    let file = elsewhere.path().join("backup.tar");
    let copy = elsewhere.path().join("copy");
    let original = Daemon::start(data.path(), &[], &[]);
    let session = original.sign_in().await;
    let batch = create(&session, "preview", 2).await;
    let items = finished(&session, &batch).await;
    let mut videos = Vec::new();
    for item in &items {
        assert_eq!(item.state(), State::Completed, "{item:?}");
        videos.push(video(&session, item).await);
    }

    // The server works while it is backed up.
    let going_on = create(&session, "preview", 2).await;
    let made = backup(&file, data.path());
    assert!(made.status.success(), "{}", said(&made));
    assert!(said(&made).contains("It holds secrets"), "{}", said(&made));
    let looked = vbatchd(&[
        OsStr::new("verify"),
        OsStr::new("--data-dir"),
        data.path().as_os_str(),
    ]);
    assert_eq!(looked.status.code(), Some(0), "{}", said(&looked));
    assert!(said(&looked).contains("Looked at"), "{}", said(&looked));
    finished(&session, &going_on).await;
    let before = system(&session).await;
    assert!(before.last_backup_time.is_some());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let archive = std::fs::read(&file).unwrap();
    let again = backup(&file, data.path());
    assert_eq!(again.status.code(), Some(1));
    assert!(
        said(&again).contains("is there already"),
        "{}",
        said(&again)
    );
    assert_eq!(std::fs::read(&file).unwrap(), archive);
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no other file: {left:?}");

    let restored = restore(&file, &copy);
    assert!(restored.status.success(), "{}", said(&restored));
    let looked = vbatchd(&[
        OsStr::new("verify"),
        OsStr::new("--data-dir"),
        copy.as_os_str(),
    ]);
    assert_eq!(looked.status.code(), Some(0), "{}", said(&looked));
    let twice = restore(&file, &copy);
    assert_eq!(twice.status.code(), Some(1));
    assert!(said(&twice).contains("is not empty"), "{}", said(&twice));

    // Both live: the copy is paused, and knows no session of the original.
    let second = Daemon::start(&copy, &[], &[]);
    let stranger = Session {
        channel: second.channel().await,
        token: session.token.clone(),
    };
    let mut auth = AuthServiceClient::new(stranger.channel.clone());
    let refused = auth
        .get_profile(stranger.request(v1::GetProfileRequest::default()))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    let session_of_copy = second.sign_in().await;
    let after = system(&session_of_copy).await;
    assert_eq!(after.dispatch.unwrap().state(), dispatch::State::Paused);
    assert_ne!(after.instance_id, before.instance_id);
    let paused = system(&session_of_copy).await;
    assert!(has_warning(&paused, warning::Reason::RestoredCopy));
    let waiting = create(&session_of_copy, "preview", 1).await;
    let mut stream = status(&session_of_copy, &waiting).await;
    loop {
        match next(&mut stream).await {
            Event::Snapshot(snapshot) => {
                for item in snapshot.items {
                    assert_eq!(item.state(), State::Pending);
                    assert_eq!(item.wait.unwrap().reason(), v1::wait::Reason::Paused);
                }
            }
            Event::SnapshotComplete(_) => break,
            other => panic!("{other:?}"),
        }
    }
    drop(stream);

    for (item, content) in items.iter().zip(&videos) {
        assert!(video(&session_of_copy, item).await == *content);
    }
    let mut admin = AdminServiceClient::new(session_of_copy.channel.clone());
    let run = v1::SetDispatchRequest {
        state: Some(dispatch::State::Running.into()),
        concurrency: None,
    };
    admin
        .set_dispatch(session_of_copy.request(run))
        .await
        .unwrap();
    let items = finished(&session_of_copy, &waiting).await;
    assert_eq!(items[0].state(), State::Completed, "{items:?}");
    let running = system(&session_of_copy).await;
    assert!(!has_warning(&running, warning::Reason::RestoredCopy));
    // What was going on at the backup goes on here too.
    let resumed = finished(&session_of_copy, &going_on).await;
    assert!(resumed.iter().all(|item| item.state() == State::Completed));
    assert_eq!(second.terminate(), Some(0));
    assert_eq!(original.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_folder_itself_is_backed_up() {
    let (data, elsewhere) = (folder(), folder());
    let daemon = Daemon::start(data.path(), &[], &[]);
    let session = daemon.sign_in().await;
    let batch = create(&session, "preview", 1).await;
    let items = finished(&session, &batch).await;
    let content = video(&session, &items[0]).await;
    // Its socket stays behind, and nobody answers there.
    daemon.kill();
    assert!(data.path().join("run/owner.sock").exists());
    let streamed = backup(Path::new("-"), data.path());
    assert!(streamed.status.success(), "{}", said(&streamed));
    let file = elsewhere.path().join("backup.tar");
    std::fs::write(&file, &streamed.stdout).unwrap();
    let copy = elsewhere.path().join("copy");
    let restored = restore(&file, &copy);
    assert!(restored.status.success(), "{}", said(&restored));
    let second = Daemon::start(&copy, &[], &[]);
    let session = second.sign_in().await;
    assert!(video(&session, &items[0]).await == content);
    assert_eq!(second.terminate(), Some(0));

    // The next start takes the dead one's socket over.
    let daemon = Daemon::start(data.path(), &[], &[]);
    let made = backup(&elsewhere.path().join("second.tar"), data.path());
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!data.path().join("run/owner.sock").exists());
}

#[test]
fn what_is_no_data_directory_or_no_backup_is_refused_in_words_and_nothing_is_made() {
    let place = folder();
    let file = place.path().join("backup.tar");
    let none = backup(&file, &place.path().join("nowhere"));
    assert_eq!(none.status.code(), Some(1));
    assert!(
        said(&none).contains("is no data directory"),
        "{}",
        said(&none)
    );
    std::fs::write(&file, "not an archive").unwrap();
    let refused = restore(&file, &place.path().join("copy"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("no whole backup"),
        "{}",
        said(&refused)
    );
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
