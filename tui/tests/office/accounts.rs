//! Users disabled, made admins, and given another password.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Effect, NetEffect, NetMessage, Refusal, TerminalEffect};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::user::Role;

use super::samples::{self, answer_admin};
use super::users::on_zhangwei;
use super::{admin, assert_shows, shown};

fn update(user: v1::User, path: &str) -> NetEffect {
    NetEffect::UpdateUser(Box::new(v1::UpdateUserRequest {
        user: Some(user),
        update_mask: Some(prost_types::FieldMask {
            paths: vec![path.to_owned()],
        }),
    }))
}

/// zhangwei as the server is told of.
fn zhangwei() -> v1::User {
    v1::User {
        id: "user-zhangwei".to_owned(),
        etag: "etag-zhangwei".to_owned(),
        ..v1::User::default()
    }
}

#[test]
fn a_user_is_disabled_after_a_question_that_says_what_goes_on() {
    let mut driver = on_zhangwei();
    driver.keys("x");
    assert_shows(&driver, "Disable zhangwei?");
    assert_shows(&driver, "zhangwei is signed out everywhere at once.");
    assert_shows(&driver, "34 items of open batches go on");
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), [], "the default is no");
    driver.keys("xy");
    let disabled = v1::User {
        disabled: true,
        ..zhangwei()
    };
    assert_eq!(driver.asked(), [update(disabled, "disabled")]);
    let mut user = samples::users().swap_remove(3);
    user.disabled = true;
    driver.net(NetMessage::UserChanged(Ok(Box::new(user))));
    assert_shows(&driver, "zhangwei is disabled.");
    driver.effects.clear();
    // The same key lets the user in again.
    driver.keys("x");
    assert_shows(&driver, "Let zhangwei in again?");
    driver.keys("y");
    let asked = driver.asked();
    assert!(asked.contains(&update(zhangwei(), "disabled")), "{asked:?}");
}

#[test]
fn a_role_is_changed_after_a_question_and_who_was_faster_is_seen() {
    let mut driver = on_zhangwei();
    driver.keys("r");
    assert_shows(&driver, "Make zhangwei an admin?");
    driver.keys("y");
    let raised = v1::User {
        role: Role::Admin.into(),
        ..zhangwei()
    };
    assert_eq!(driver.asked(), [update(raised, "role")]);
    driver.net(NetMessage::UserChanged(Err(Refusal::new(
        Cause::Server(Reason::EtagMismatch),
        "",
    ))));
    assert_shows(&driver, "The user has changed since. Look again.");
    let asked = driver.asked();
    assert!(
        matches!(asked[..], [NetEffect::ListUsers { .. }, ..]),
        "the list is read again: {asked:?}"
    );
    let mut user = samples::users().swap_remove(3);
    user.role = Role::Admin.into();
    driver.net(NetMessage::UserChanged(Ok(Box::new(user))));
    assert_shows(&driver, "zhangwei is an admin now.");
}

#[test]
fn whoever_acts_on_the_own_account_is_told_so() {
    let mut driver = admin();
    driver.keys("u");
    answer_admin(&mut driver);
    for (key, words) in [
        ("x", "your session ends, and you cannot"),
        ("r", "This is you: your session ends"),
        ("w", "This is you: your session ends"),
    ] {
        driver.keys(key);
        assert_shows(&driver, words);
        driver.press(Key::Esc);
    }
    assert_eq!(driver.asked(), []);
}

#[test]
fn a_new_password_is_shown_once_and_copied() {
    let mut driver = on_zhangwei();
    driver.keys("w");
    assert_shows(&driver, "New password for zhangwei?");
    driver.keys("y");
    let request = v1::ResetPasswordRequest {
        user_id: "user-zhangwei".to_owned(),
    };
    assert_eq!(driver.asked(), [NetEffect::ResetPassword(request)]);
    let mut user = samples::users().swap_remove(3);
    user.password_change_required = true;
    let response = v1::ResetPasswordResponse {
        user: Some(user),
        one_time_password: "staple-battery".to_owned(),
        one_time_password_expire_time: samples::at(86_400),
    };
    driver.net(NetMessage::PasswordReset(Ok(Box::new(response))));
    assert_eq!(driver.state.mode(), Mode::Note);
    assert_shows(&driver, "staple-battery");
    assert_shows(&driver, "until 11-23 03:20.");
    driver.effects.clear();
    driver.keys("y");
    let copied = Effect::Terminal(TerminalEffect::Copy("staple-battery".to_owned()));
    assert_eq!(driver.effects, [copied]);
    assert!(
        !format!("{:?}", driver.state).contains("staple"),
        "it is not printed"
    );
    driver.press(Key::Esc);
    assert!(!shown(&driver).contains("staple-battery"));
    assert_shows(&driver, "1st pwd");
}

#[test]
fn a_first_password_that_was_not_used_in_time_is_seen() {
    let mut driver = admin();
    driver.keys("u");
    let asked = driver.asked();
    let Some(NetEffect::ListUsers { number, .. }) = asked.first() else {
        panic!("{asked:?}");
    };
    let mut users = samples::users();
    users[2].one_time_password_expire_time = samples::at(-60);
    driver.net(NetMessage::UserPage {
        number: *number,
        result: Ok(Box::new(v1::ListUsersResponse {
            users,
            next_page_token: String::new(),
        })),
    });
    assert_shows(&driver, "pwd over");
    assert!(!shown(&driver).contains("1st pwd"));
}

fn revoked() -> NetMessage {
    NetMessage::SessionEnded(Refusal::new(Cause::Server(Reason::TokenRevoked), ""))
}

#[test]
fn whoever_resets_the_own_password_reads_it_before_signing_in_again() {
    for ends_first in [false, true] {
        let mut driver = admin();
        driver.keys("u");
        answer_admin(&mut driver);
        driver.keys("wy");
        let response = || {
            NetMessage::PasswordReset(Ok(Box::new(v1::ResetPasswordResponse {
                user: Some(samples::user("admin", Role::Admin)),
                one_time_password: "staple-battery".to_owned(),
                one_time_password_expire_time: samples::at(86_400),
            })))
        };
        if ends_first {
            driver.net(revoked()).net(response());
        } else {
            driver.net(response()).net(revoked());
        }
        assert_eq!(driver.state.mode(), Mode::Note);
        assert_shows(&driver, "staple-battery");
        driver.press(Key::Esc);
        assert_eq!(driver.state.mode(), Mode::Form);
        assert_shows(&driver, "Sign in again");
    }
}

#[test]
fn whoever_is_no_admin_any_more_is_taken_to_the_batches() {
    for screen in ["u", "S", "4"] {
        let mut driver = admin();
        driver.keys(screen);
        answer_admin(&mut driver);
        driver.net(revoked());
        driver.net(NetMessage::SignedIn {
            user: samples::user("admin", Role::User),
        });
        assert_eq!(driver.state.mode(), Mode::Batches, "from {screen}");
        assert!(!driver.asked().contains(&NetEffect::WatchSystem));
    }
}

#[test]
fn the_foot_says_what_the_key_does_to_the_user_under_the_cursor() {
    let mut driver = on_zhangwei();
    assert_shows(&driver, "x disable");
    let mut user = samples::users().swap_remove(3);
    user.disabled = true;
    driver.net(NetMessage::UserChanged(Ok(Box::new(user))));
    // When the notice is over.
    let later = jiff::Timestamp::from_second(samples::NOW + 8).unwrap();
    driver.send(vbatch_tui::state::Message::Tick(later));
    assert_shows(&driver, "x let in");
}
