//! The screens of admins: users, movements of credits, and the running of the service.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::{Driver, NOW, answer_admin, signed_in, start};
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, Look, Message, NetEffect, NetMessage, Refusal, TerminalEffect,
};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::user::Role;

fn admin() -> Driver {
    signed_in(start(Look::default(), (100, 24)), "admin", Role::Admin)
}

fn shown(driver: &Driver) -> String {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    samples::text(terminal.backend().buffer())
}

#[track_caller]
fn assert_shows(driver: &Driver, words: &str) {
    let screen = shown(driver);
    assert!(screen.contains(words), "{words:?} is not on\n{screen}");
}

/// Users with the cursor on zhangwei.
fn on_zhangwei() -> Driver {
    let mut driver = admin();
    driver.keys("u");
    answer_admin(&mut driver);
    driver.keys("G");
    answer_admin(&mut driver);
    driver
}

#[test]
fn whoever_is_no_admin_has_no_such_screens() {
    let mut driver = signed_in(start(Look::default(), (80, 24)), "zhangwei", Role::User);
    driver.keys("uS23");
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_eq!(driver.asked(), []);
    driver.keys("?");
    assert!(!shown(&driver).contains("to the users"));
}

#[test]
fn users_are_listed_with_the_ledger_of_the_one_under_the_cursor() {
    let mut driver = admin();
    driver.keys("2");
    assert_eq!(driver.state.mode(), Mode::Users);
    assert!(matches!(
        driver.effects[..],
        [Effect::Net(NetEffect::ListUsers { .. })]
    ));
    answer_admin(&mut driver);
    assert_shows(&driver, "4 users");
    assert_shows(&driver, "1st pwd");
    driver.keys("jjj");
    let asked = driver.asked();
    assert_eq!(
        asked.len(),
        1,
        "one ledger at a time, however fast one moves: {asked:?}"
    );
    let NetEffect::ListLedger { number, request } = &asked[0] else {
        panic!("{asked:?}");
    };
    driver.net(NetMessage::LedgerPage {
        user_id: request.user_id.clone(),
        number: *number,
        result: Ok(Box::default()),
    });
    answer_admin(&mut driver);
    // Twenty charges of one commit are one movement.
    assert_shows(
        &driver,
        "charge         -20       174  zhangwei    春季宣传片 第一批, 20 items",
    );
    assert_shows(
        &driver,
        "refund          +1       194  system      客服问候语 #4",
    );
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Ledger);
    assert_shows(&driver, "174 credits, 40 more held for items that run");
    assert_shows(&driver, "十一月的份额");
    driver.press(Key::Esc).press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn users_are_read_again_while_they_are_looked_at() {
    let mut driver = on_zhangwei();
    driver.send(Message::Tick(Timestamp::from_second(NOW + 11).unwrap()));
    let asked = driver.asked();
    let [NetEffect::ListUsers { number, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    let mut users = samples::users();
    users.remove(1);
    users[2].credit_balance = 555;
    driver.net(NetMessage::UserPage {
        number: *number,
        result: Ok(Box::new(v1::ListUsersResponse {
            users,
            next_page_token: String::new(),
        })),
    });
    assert_shows(&driver, "555");
    assert!(!shown(&driver).contains("old.colleague"));
    driver.keys("y");
    let copied = Effect::Terminal(TerminalEffect::Copy("user-zhangwei".to_owned()));
    assert!(
        driver.effects.contains(&copied),
        "the cursor stays on its row"
    );
}

#[test]
fn credits_are_given_and_taken_with_a_note() {
    let mut driver = on_zhangwei();
    driver.keys("+");
    assert_eq!(driver.state.mode(), Mode::Dialog);
    driver.keys("-２00");
    assert_shows(&driver, "Balance 174 -> -26");
    driver.press(Key::Enter).press(Key::Enter);
    assert_shows(&driver, "a balance never goes below 0");
    assert_eq!(driver.asked(), []);
    driver
        .press(Key::Ctrl('u'))
        .keys("50")
        .press(Key::Tab)
        .keys("谢谢");
    assert_shows(&driver, "Balance 174 -> 224");
    driver.press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::AdjustCredits(request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((request.delta, request.note.as_str()), (50, "谢谢"));
    assert_eq!(request.user_id, "user-zhangwei");
    let first = request.request_id.clone();
    // After a lost answer the same is the same request.
    driver.net(NetMessage::CreditsMoved(Err(Refusal::new(
        Cause::TimedOut,
        "",
    ))));
    assert_shows(&driver, "The server did not answer in time.");
    driver.press(Key::Enter);
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::AdjustCredits(request)] if request.request_id == first)
    );
    let mut user = samples::users().swap_remove(3);
    user.credit_balance = 224;
    driver.net(NetMessage::CreditsMoved(Ok(Box::new(user))));
    assert_eq!(driver.state.mode(), Mode::Users);
    assert_shows(&driver, "zhangwei has 224 credits now.");
    // What is known of the movements is read again.
    assert!(matches!(driver.asked()[..], [NetEffect::ListLedger { .. }]));
}

#[test]
fn credits_are_set_against_the_balance_that_was_seen() {
    let mut driver = on_zhangwei();
    driver.keys("=").keys("500").press(Key::Ctrl('s'));
    assert_eq!(driver.asked(), [], "the note is asked for first");
    driver.press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::SetCredits(request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (request.credits, request.expected_balance),
        (500, Some(174))
    );
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Users);
    // Whoever closed the form is told at the foot.
    driver.net(NetMessage::CreditsMoved(Err(Refusal::new(
        Cause::Server(Reason::BalanceChanged),
        "",
    ))));
    assert_shows(&driver, "The balance has changed");
}

#[test]
fn a_new_user_has_a_password_that_is_shown_once() {
    let mut driver = on_zhangwei();
    driver
        .keys("n")
        .press(Key::Enter)
        .press(Key::Enter)
        .press(Key::Enter);
    driver.press(Key::Enter);
    assert_shows(&driver, "A username is needed.");
    driver
        .keys("li.na")
        .press(Key::Tab)
        .keys("李娜")
        .press(Key::Tab);
    driver.keys(" ").press(Key::Tab).press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::CreateUser(request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (request.username.as_str(), request.display_name.as_str()),
        ("li.na", "李娜")
    );
    assert_eq!((request.role(), request.credits), (Role::Admin, None));
    driver.net(NetMessage::UserMade(Ok(Box::new(v1::CreateUserResponse {
        user: Some(samples::user("li.na", Role::Admin)),
        one_time_password: "correct-horse".to_owned(),
        one_time_password_expire_time: samples::at(86_400),
    }))));
    assert_eq!(driver.state.mode(), Mode::Note);
    assert_shows(&driver, "correct-horse");
    driver.effects.clear();
    driver.keys("y");
    let copied = Effect::Terminal(TerminalEffect::Copy("correct-horse".to_owned()));
    assert_eq!(driver.effects, [copied]);
    driver.press(Key::Esc);
    assert!(!shown(&driver).contains("correct-horse"));
    assert_shows(&driver, "li.na");
}

fn in_system() -> Driver {
    let mut driver = admin();
    driver.keys("S");
    answer_admin(&mut driver);
    driver
}

#[test]
fn the_service_is_shown_and_asked_for_again() {
    let mut driver = in_system();
    assert_eq!(driver.state.mode(), Mode::System);
    for words in [
        "The upstream token expires in 19h (22:20). Press t to put in a new one.",
        "RUNNING",
        "3 of 3",
        "531 items, the oldest 38m",
        "38/100",
        "2 busy, 1 broke off",
        "old-studio",
        "78 GiB free of 200 GiB",
    ] {
        assert_shows(&driver, words);
    }
    driver.send(Message::Tick(Timestamp::from_second(NOW + 1).unwrap()));
    assert_eq!(driver.asked(), []);
    driver.send(Message::Tick(Timestamp::from_second(NOW + 2).unwrap()));
    assert_eq!(driver.asked(), [NetEffect::LoadSystem]);
    driver.send(Message::Tick(Timestamp::from_second(NOW + 9).unwrap()));
    assert_eq!(driver.asked(), [], "one question at a time");
}

#[test]
fn dispatch_is_changed_only_after_a_question() {
    let mut driver = in_system();
    driver.keys("p");
    assert_shows(&driver, "Pause dispatch?");
    assert_shows(&driver, "No item begins until somebody resumes. 3 items");
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    let set = |state: Option<Dispatch>, concurrency| {
        NetEffect::SetDispatch(v1::SetDispatchRequest {
            state: state.map(Into::into),
            concurrency,
        })
    };
    driver.keys("py");
    assert_eq!(driver.asked(), [set(Some(Dispatch::Paused), None)]);
    driver.net(NetMessage::Dispatched(Ok(Box::new(v1::Dispatch {
        state: Dispatch::Paused.into(),
        concurrency: 3,
        ..v1::Dispatch::default()
    }))));
    assert_shows(&driver, "Dispatch PAUSED, 3 slots.");
    assert_eq!(driver.asked(), [NetEffect::LoadSystem]);
    // Paused, the same key lets it run again.
    driver.keys("p");
    assert_shows(&driver, "Resume dispatch?");
    driver.keys("y");
    assert_eq!(driver.asked(), [set(Some(Dispatch::Running), None)]);
    driver.keys("Dy");
    assert_eq!(driver.asked(), [set(Some(Dispatch::Draining), None)]);
    driver.keys("+");
    assert_shows(&driver, "4 slots upstream?");
    driver.keys("y");
    assert_eq!(driver.asked(), [set(None, Some(4))]);
    driver.keys("-y");
    assert_eq!(driver.asked(), [set(None, Some(2))]);
}

#[test]
fn a_refused_token_is_taken_only_on_purpose() {
    let mut driver = in_system();
    driver.keys("t");
    driver.send(Message::Paste("Bearer eyJ.secret\n".to_owned()));
    assert!(!shown(&driver).contains("eyJ"), "a token is never shown");
    driver.press(Key::Enter);
    let update = |force| {
        NetEffect::UpdateToken(v1::UpdateUpstreamTokenRequest {
            token: "eyJ.secret".to_owned(),
            force,
        })
    };
    assert_eq!(driver.asked(), [update(false)]);
    let refusal = Refusal::new(Cause::Server(Reason::UpstreamTokenRejected), "no")
        .with("upstream_message", "401 Unauthorized");
    driver.net(NetMessage::TokenPutIn(Err(refusal)));
    assert_shows(&driver, "The upstream refused it: 401 Unauthorized");
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::System);
    assert_eq!(driver.asked(), [NetEffect::LoadSystem]);
    assert!(
        !format!("{:?}", driver.state).contains("eyJ"),
        "nor is it kept"
    );
}

#[test]
fn a_read_only_admin_looks_at_everything_and_changes_nothing() {
    let mut looking = start(Look::default(), (100, 24));
    looking.read_only = true;
    let mut driver = signed_in(looking, "admin", Role::Admin);
    driver.keys("u");
    answer_admin(&mut driver);
    driver.keys("+=n");
    assert_eq!(driver.state.mode(), Mode::Users);
    driver.keys("S");
    answer_admin(&mut driver);
    driver.keys("pD+-t");
    assert_eq!(driver.state.mode(), Mode::System);
    assert_shows(&driver, "read-only");
    assert_eq!(driver.asked(), []);
}
