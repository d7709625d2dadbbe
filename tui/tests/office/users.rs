//! Users, and the movements of their credits.

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Effect, Message, NetEffect, NetMessage, Refusal, TerminalEffect};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::user::Role;

use super::samples::{self, Driver, NOW, answer_admin};
use super::{admin, assert_shows, shown};

/// Users with the cursor on zhangwei.
pub fn on_zhangwei() -> Driver {
    let mut driver = admin();
    driver.keys("u");
    answer_admin(&mut driver);
    driver.keys("G");
    answer_admin(&mut driver);
    driver
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
    let [NetEffect::AdjustCredits(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((request.delta, request.note.as_str()), (50, "谢谢"));
    assert_eq!(request.user_id, "user-zhangwei");
    let first = request.request_id.clone();
    // After a lost answer the same is the same request.
    let lost = Refusal::new(Cause::TimedOut, "");
    driver.net(NetMessage::CreditsMoved(*ticket, Err(lost)));
    assert_shows(&driver, "The server did not answer in time.");
    driver.press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::AdjustCredits(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.request_id, first);
    let mut user = samples::users().swap_remove(3);
    user.credit_balance = 224;
    driver.net(NetMessage::CreditsMoved(*ticket, Ok(Box::new(user))));
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
    let [NetEffect::SetCredits(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (request.credits, request.expected_balance),
        (500, Some(174))
    );
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Users);
    // Whoever closed the form is told at the foot.
    let changed = Refusal::new(Cause::Server(Reason::BalanceChanged), "");
    driver.net(NetMessage::CreditsMoved(*ticket, Err(changed)));
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
    let [NetEffect::CreateUser(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (request.username.as_str(), request.display_name.as_str()),
        ("li.na", "李娜")
    );
    assert_eq!((request.role(), request.credits), (Role::Admin, None));
    driver.net(NetMessage::UserMade(
        *ticket,
        Ok(Box::new(v1::CreateUserResponse {
            user: Some(samples::user("li.na", Role::Admin)),
            one_time_password: "correct-horse".to_owned(),
            one_time_password_expire_time: samples::at(86_400),
        })),
    ));
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

#[test]
fn the_answer_to_a_form_that_was_left_does_not_close_another() {
    let mut driver = on_zhangwei();
    driver.keys("+50").press(Key::Tab).press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::AdjustCredits(left, _)] = &asked[..] else {
        panic!("{asked:?}");
    };
    // Closed while it is on its way; another form is sent before its answer comes.
    driver.press(Key::Esc).keys("=7").press(Key::Tab);
    driver.keys("why").press(Key::Enter);
    assert_shows(&driver, "Asking the server");
    let asked = driver.asked();
    let [NetEffect::SetCredits(waits, _)] = &asked[..] else {
        panic!("{asked:?}");
    };
    let lost = Refusal::new(Cause::TimedOut, "");
    driver.net(NetMessage::CreditsMoved(*left, Err(lost)));
    assert_eq!(driver.state.mode(), Mode::Dialog);
    assert_shows(&driver, "Asking the server");
    let mut user = samples::users().swap_remove(3);
    user.credit_balance = 224;
    driver.net(NetMessage::CreditsMoved(*left, Ok(Box::new(user.clone()))));
    assert_eq!(driver.state.mode(), Mode::Dialog);
    assert_shows(&driver, "why");
    user.credit_balance = 7;
    driver.net(NetMessage::CreditsMoved(*waits, Ok(Box::new(user))));
    assert_eq!(driver.state.mode(), Mode::Users);
    assert_shows(&driver, "zhangwei has 7 credits now.");
}

#[test]
fn a_page_of_a_ledger_that_was_left_is_not_taken_for_one_that_is_asked_for() {
    let mut driver = admin();
    driver.keys("u");
    answer_admin(&mut driver);
    driver.keys("jjj");
    // Of the first user passed, still on its way; then down to the last and its first page.
    let question = |driver: &mut Driver| {
        let asked = driver.asked();
        match &asked[..] {
            [NetEffect::ListLedger { number, request }] => (*number, request.user_id.clone()),
            _ => panic!("{asked:?}"),
        }
    };
    let page = |driver: &mut Driver, (number, user_id): (u64, String), entries| {
        driver.net(NetMessage::LedgerPage {
            user_id,
            number,
            result: Ok(Box::new(v1::ListLedgerEntriesResponse {
                entries,
                next_page_token: String::new(),
            })),
        });
    };
    let passed = question(&mut driver);
    page(&mut driver, passed.clone(), Vec::new());
    let asked = question(&mut driver);
    assert_eq!(asked.1, "user-zhangwei");
    assert_ne!(passed.0, asked.0, "no number is given twice");
    // What was answered once, or for another, frees nothing and shows nothing.
    page(&mut driver, (passed.0, asked.1.clone()), samples::entries());
    assert!(!shown(&driver).contains("春季宣传片"), "{}", shown(&driver));
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), [], "the page is still on its way");
    page(&mut driver, asked, samples::entries());
    assert_shows(&driver, "春季宣传片 第一批");
}

#[test]
fn the_keys_of_a_choice_are_in_its_help_and_the_form_is_there_again_after_it() {
    let mut driver = on_zhangwei();
    driver.keys("nli.na").press(Key::Tab).press(Key::Tab);
    assert_eq!(driver.state.mode(), Mode::Choice);
    driver.press(Key::F(1));
    assert_eq!(driver.state.mode(), Mode::Help);
    assert_shows(&driver, "next choice");
    assert_shows(&driver, "Right  Space  l");
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Choice);
    assert_shows(&driver, "li.na");
    // A full-width space chooses, too.
    driver.press(Key::Char('\u{3000}'));
    assert_shows(&driver, "(*) admin");
}
