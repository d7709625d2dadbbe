//! The screen over SSH: its size, its language, its ends, and what it offers in the place of files.

use base64::Engine as _;
use tokio::runtime::Handle;
use vbatch_tests::programs::{DEADLINE, Daemon};
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;

use super::console::{By, Console};
use super::signing_in::assert_given_back;

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_the_terminal_is_followed() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let mut terminal = console.open_screen((80, 24));
    terminal.resize(120, 40);
    terminal.until("the wide screen is drawn", |screen| {
        let first = screen.lines().next().unwrap_or_default();
        first.trim_end().chars().count() > 80 && screen.contains("? help")
    });
    terminal.resize(30, 5);
    terminal.until_text("too small");
    terminal.resize(60, 15);
    terminal.until_text("No batches yet");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn chinese_is_shown_and_typed_as_the_client_or_the_user_wants_it() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let by = By::Key("key");
    let chinese = [("LANG", "zh_CN.UTF-8")];
    let mut terminal = console.open("admin", by, &chinese, (80, 24));
    terminal.until_text("还没有批次");
    // As an input method sends it: whole characters, full-width keys, a paste.
    terminal.type_keys("／");
    terminal.type_keys("王芳");
    terminal.until_text("王芳");
    terminal.type_keys("\x1b[200~口播\x1b[201~");
    terminal.until_text("王芳口播");
    terminal.type_keys("\x1b");
    terminal.until("the filter is gone", |screen| !screen.contains("王芳"));
    // Arrows, the keypad and function keys come as sequences; the language is changed by a key as at home.
    terminal.type_keys("L");
    terminal.until_text("No batches yet");
    terminal.type_keys("?");
    terminal.until_text("Keys: Batches");
    terminal.type_keys("\x1b[B\x1b[6~\x1b[A\x1b[5~\x1bOP\x1b");
    terminal.until_text("No batches yet");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);

    // A client that says nothing of itself sees the user's own language.
    let session = console.daemon.sign_in().await;
    let mut auth = AuthServiceClient::new(session.channel.clone());
    let profile = auth.get_profile(session.request(v1::GetProfileRequest {}));
    let me = profile.await.unwrap().into_inner().user.unwrap();
    let request = v1::UpdateUserRequest {
        user: Some(v1::User {
            id: me.id,
            language: "zh".to_owned(),
            ..v1::User::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["language".to_owned()],
        }),
    };
    let mut admin = AdminServiceClient::new(session.channel.clone());
    admin.update_user(session.request(request)).await.unwrap();
    let terminal = console.open("admin", by, &[("LANG", "")], (80, 24));
    terminal.until_text("还没有批次");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_files_is_a_command_that_is_shown_and_copied() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let mut terminal = console.open_screen((100, 30));
    terminal.type_keys("n");
    terminal.until_text("--tar -");
    let way = format!("ssh -p {} admin@127.0.0.1", console.address.port());
    terminal.until_written("the command is copied", |written| {
        copied(written)
            .iter()
            .any(|text| text.contains(&way) && text.contains("submit --tar -"))
    });
}

/// What was put into the clipboard.
fn copied(written: &str) -> Vec<String> {
    let parts = written.split("\x1b]52;c;").skip(1);
    let texts = parts.filter_map(|part| part.split_once('\x07'));
    texts
        .filter_map(|(text, _)| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

/// Streams that are open, as the server counts them.
fn open_streams(daemon: &Daemon) -> i32 {
    tokio::task::block_in_place(|| {
        Handle::current().block_on(async {
            let session = daemon.sign_in().await;
            let mut admin = AdminServiceClient::new(session.channel.clone());
            let request = v1::GetSystemStatusRequest::default();
            let status = admin.get_system_status(session.request(request)).await;
            status.unwrap().into_inner().status.unwrap().watchers
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_leaves_nothing_open() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let terminal = console.open_screen((80, 24));
    assert!(open_streams(&console.daemon) > 0, "the screen watches");
    terminal.signal("KILL");
    let deadline = std::time::Instant::now() + DEADLINE;
    while open_streams(&console.daemon) > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "its streams stay open"
        );
    }
    // Others are served.
    console.open_screen((80, 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_says_so_and_gives_the_terminal_back() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let mut terminal = console.open_screen((100, 24));
    assert_eq!(console.daemon.terminate(), Some(0));
    terminal.until_text("The server is shutting down. Batches go on when it is back.");
    terminal.ended();
    assert_given_back(&terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_ends_the_client() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let mut terminal = console.open_screen((80, 24));
    console.daemon.kill();
    assert_eq!(terminal.ended().0, 255);
    assert_eq!(terminal.line_modes(), terminal.found_line_modes());
}
