//! What an admin does at the screen, and what those it is done to see.

use vbatch_tests::programs::{Daemon, PASSWORD, folder};
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;

use super::person::{ENTER, first_sign_in, first_sign_in_of, open, sign_in};

#[test]
fn an_admin_makes_a_user_gives_credits_and_pauses_dispatch() {
    let data = folder();
    let home = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let mut terminal = open(&daemon, home.path(), &[], 130, 30);
    first_sign_in(&mut terminal);
    terminal.type_keys("u");
    terminal.until_text("1 user");
    terminal.type_keys("n");
    terminal.until_text("New user");
    for text in ["wang.fang", ENTER, "王芳", ENTER, ENTER, "100", ENTER] {
        terminal.type_keys(text);
    }
    terminal.until_text("One-time password");
    terminal.type_keys("\x1b");
    terminal.until("two users", |screen| {
        screen.contains("2 users") && screen.contains("1st pwd") && screen.contains("王芳")
    });
    terminal.type_keys("j");
    terminal.until_text("wang.fang  ledger");
    terminal.type_keys("+");
    terminal.until_text("Give credits to wang.fang");
    for text in ["50", ENTER, "welcome", ENTER] {
        terminal.type_keys(text);
    }
    terminal.until("the new balance and its entry", |screen| {
        screen.contains("wang.fang has 150 credits now.") && screen.contains("welcome")
    });
    terminal.type_keys("S");
    terminal.until_text("RUNNING");
    terminal.type_keys("p");
    terminal.until_text("Pause dispatch?");
    terminal.type_keys("y");
    terminal.until_text("PAUSED");
    terminal.type_keys("q");
    assert_eq!(terminal.ended().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_an_admin_gives_are_seen_at_once_by_the_user() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let session = daemon.sign_in().await;
    let made = AdminServiceClient::new(session.channel.clone())
        .create_user(session.request(v1::CreateUserRequest {
            username: "wang.fang".to_owned(),
            credits: Some(100),
            ..v1::CreateUserRequest::default()
        }))
        .await
        .unwrap()
        .into_inner();

    let (home, office) = (folder(), folder());
    let mut user = open(&daemon, home.path(), &[], 80, 24);
    first_sign_in_of(&mut user, "wang.fang", &made.one_time_password);
    user.until("the balance", |screen| screen.contains("100 cr"));

    let mut admin = open(&daemon, office.path(), &[], 130, 30);
    sign_in(&mut admin, "admin", PASSWORD);
    admin.until_text("No batches yet");
    admin.type_keys("u");
    admin.until_text("2 users");
    admin.type_keys("G");
    admin.until_text("wang.fang  ledger");
    for (change, balance) in [("50", "150 cr"), ("-30", "120 cr")] {
        admin.type_keys("+");
        admin.until_text("Give credits to wang.fang");
        for text in [change, ENTER, "for the spring", ENTER] {
            admin.type_keys(text);
        }
        // Not a key was pressed here.
        user.until("the new balance", |screen| screen.contains(balance));
        admin.until("the question is over", |screen| {
            !screen.contains("Give credits to")
        });
    }
    for mut terminal in [admin, user] {
        terminal.type_keys("q");
        assert_eq!(terminal.ended().0, 0);
    }
}
