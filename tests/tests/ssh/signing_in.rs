//! Signing in: passwords, keys, and what ends a session.

use std::process::Command;

use vbatch_tests::programs::{PASSWORD, Session, program};
use vbatch_tests::terminal::Terminal;
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::audit_event::Outcome;

use super::console::{By, Console, said};

/// Types the password where it is asked for.
pub fn type_password(terminal: &mut Terminal, password: &str) {
    terminal.until_text("assword:");
    terminal.type_keys(&format!("{password}\r"));
}

/// The terminal is as a program finds it.
pub fn assert_given_back(terminal: &Terminal) {
    assert_eq!(terminal.line_modes(), terminal.found_line_modes());
    assert_eq!(terminal.modes_on(), Vec::<String>::new());
}

async fn audit(session: &Session, outcome: Outcome) -> Vec<v1::AuditEvent> {
    let request = v1::ListAuditEventsRequest {
        outcome: Some(outcome.into()),
        ..v1::ListAuditEventsRequest::default()
    };
    let mut admin = AdminServiceClient::new(session.channel.clone());
    let events = admin.list_audit_events(session.request(request)).await;
    events.unwrap().into_inner().events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_the_screen_and_a_wrong_one_does_not() {
    let Some(console) = Console::start(&[]) else {
        return;
    };
    let session = console.daemon.sign_in().await;
    let mut terminal = console.open("admin", By::Password, &[], (80, 24));
    type_password(&mut terminal, PASSWORD);
    terminal.until_text("No batches yet");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);

    let mut terminal = console.open("admin", By::Password, &[], (80, 24));
    type_password(&mut terminal, "not the password");
    terminal.until_text("Permission denied");
    assert_eq!(terminal.ended().0, 255);

    let signed_in = audit(&session, Outcome::Succeeded).await;
    let by_ssh = |event: &v1::AuditEvent| {
        event.address == "127.0.0.1" && event.detail.to_lowercase().contains("ssh")
    };
    assert!(signed_in.iter().any(by_ssh), "{signed_in:?}");
    let refused = audit(&session, Outcome::Refused).await;
    assert!(
        refused.iter().any(|event| event.address == "127.0.0.1"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_users_screen_and_no_other_key_does() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let mut terminal = console.open_screen((80, 24));
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);

    // A stranger's key; a known key under another name.
    let session = console.daemon.sign_in().await;
    console.make_user(&session, "wang").await;
    let stranger = console.make_key("stranger");
    for (user, key) in [("admin", "stranger"), ("wang", "key"), ("nobody", "key")] {
        let refused = console.run_as(user, By::Key(key), &[], &["whoami"], None);
        assert_eq!(refused.status.code(), Some(255), "{user} {key}");
        assert!(
            said(&refused).contains("Permission denied"),
            "{}",
            said(&refused)
        );
    }
    let refused = audit(&session, Outcome::Refused).await;
    assert!(
        refused
            .iter()
            .any(|event| event.detail.contains("unknown SSH key")),
        "{refused:?}"
    );

    // An admin adds it for the user, over SSH as well.
    std::fs::write(console.path("stranger.in"), &stranger).unwrap();
    let added = console.run(
        &["ssh-keys", "add", "-", "--user", "wang", "--name", "laptop"],
        Some(&console.path("stranger.in")),
    );
    assert!(added.status.success(), "{}", said(&added));
    let whoami = console.run_as("wang", By::Key("stranger"), &[], &["whoami"], None);
    assert!(said(&whoami).contains("wang"), "{}", said(&whoami));
    // Its user sees it, and takes it away.
    let listed = console.run_as("wang", By::Key("stranger"), &[], &["ssh-keys", "ls"], None);
    assert!(said(&listed).contains("laptop"), "{}", said(&listed));
    let removed = ["ssh-keys", "rm", "laptop"];
    let removed = console.run_as("wang", By::Key("stranger"), &[], &removed, None);
    assert!(removed.status.success(), "{}", said(&removed));
    let refused = console.run_as("wang", By::Key("stranger"), &[], &["whoami"], None);
    assert_eq!(refused.status.code(), Some(255), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_key_is_the_one_that_was_printed_and_stays() {
    let Some(console) = Console::with_key(&[]).await else {
        return;
    };
    let shown = |console: &Console| {
        assert!(console.run(&["whoami"], None).status.success());
        let known = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(console.path("known_hosts"))
            .output();
        String::from_utf8(known.unwrap().stdout).unwrap()
    };
    let known = shown(&console);
    assert!(known.contains(&console.fingerprint), "{known}");
    let printed = Command::new(program("vbatchd"))
        .args(["ssh-fingerprint", "--data-dir"])
        .arg(console.data.path())
        .output()
        .unwrap();
    assert_eq!(said(&printed).trim(), console.fingerprint);
    let before = console.fingerprint.clone();
    let console = console.restart();
    assert_eq!(console.fingerprint, before);
    assert_eq!(shown(&console), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_or_gets_another_password_is_told_and_sees_no_more() {
    let Some(console) = Console::start(&[]) else {
        return;
    };
    let session = console.daemon.sign_in().await;
    let mut admin = AdminServiceClient::new(session.channel.clone());
    for (name, words) in [
        ("wang", "This account was disabled."),
        (
            "li.na",
            "the password or the role of the account was changed",
        ),
    ] {
        let user = console.make_user(&session, name).await;
        let mut terminal = console.open(name, By::Password, &[], (80, 24));
        type_password(&mut terminal, PASSWORD);
        terminal.until_text("No batches yet");
        if name == "wang" {
            let disabled = v1::User {
                disabled: true,
                id: user.id,
                ..v1::User::default()
            };
            let request = v1::UpdateUserRequest {
                user: Some(disabled),
                update_mask: Some(prost_types::FieldMask {
                    paths: vec!["disabled".to_owned()],
                }),
            };
            admin.update_user(session.request(request)).await.unwrap();
        } else {
            let request = v1::ResetPasswordRequest { user_id: user.id };
            admin
                .reset_password(session.request(request))
                .await
                .unwrap();
        }
        terminal.until(words, |screen| {
            screen.replace('\n', " ").contains(words) || screen.replace('\n', "").contains(words)
        });
        assert_eq!(terminal.ended().0, 3, "{name}");
        assert_given_back(&terminal);
    }
}
