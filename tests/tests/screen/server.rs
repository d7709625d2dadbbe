//! What the screen does when the server refuses, is lost, and comes again.

use std::time::Duration;

use vbatch_tests::programs::{Daemon, folder};
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::faults::Call;
use vbatch_tests::upstream::tasks::Status;

use super::modes::assert_given_back;
use super::person::{first_sign_in, material, open, sign_in, submit, upstream, variables_of};

#[test]
fn a_wrong_password_is_told_and_a_lost_server_too() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    sign_in(&mut terminal, "admin", "wrong-password");
    terminal.until_text("password");
    let refused = terminal.until("the refusal", |screen| {
        let screen = screen.to_lowercase();
        screen.contains("wrong") || screen.contains("not right") || screen.contains("do not match")
    });
    assert!(refused.contains("Sign in"), "{refused}");

    let home = folder();
    let mut terminal = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in(&mut terminal);
    terminal.until_text("live");
    daemon.kill();
    terminal.until("the loss is told", |screen| !screen.contains("live"));
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_a_batch_comes_again_and_the_screen_goes_on_to_the_end() {
    let (data, home, material) = (folder(), folder(), material());
    let upstream = upstream(UpstreamConfig {
        // They end when this test says so.
        run: Duration::from_secs(3_600),
        ..UpstreamConfig::default()
    })
    .await;
    let variables = variables_of(&upstream);
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let daemon = Daemon::start(data.path(), &variables, &[]);
    let address = daemon.address;
    let working = material.path().to_str().unwrap().to_owned();
    let mut terminal = open(&daemon, home.path(), &[("PWD", &working)], 100, 30);
    first_sign_in(&mut terminal);
    submit(
        &mut terminal,
        "Spring",
        material.path(),
        "balance 9,999 -> 9,997",
    );
    terminal.until("both are being made", |screen| {
        screen.matches("generating").count() >= 2
    });

    daemon.kill();
    let lost = terminal.until("the loss is told", |screen| screen.contains("offline"));
    assert!(
        lost.matches("generating").count() >= 2,
        "what was known stays: {lost}"
    );
    let (first, second) = upstream.with_tasks(|tasks| (tasks[0].id.clone(), tasks[1].id.clone()));
    upstream.set_state(&first, Status::Succeed, None);

    let daemon = Daemon::start_at(address, data.path(), &variables, &[]);
    terminal.until("it is live again and has the news", |screen| {
        screen.contains("live") && screen.contains("1/2") && screen.contains("generating")
    });
    upstream.set_state(&second, Status::Succeed, None);
    terminal.until("the end, without a key pressed", |screen| {
        screen.contains("2/2") && screen.contains("9,997 cr")
    });
    assert_eq!(upstream.calls_of(Call::Submit).len(), 2, "nothing twice");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
    assert_given_back(&terminal);
    drop(daemon);
}
