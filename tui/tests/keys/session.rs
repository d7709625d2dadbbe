//! Signing in, losing the connection, and looking only.

use std::time::Duration;

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Look, Message, NetEffect, NetMessage, Refusal, Stream, TransferId};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

use super::samples::{self, Driver, NOW, answer_detail, list, open_batch, signed_in, start};
use super::{SIZE, assert_hides, assert_shows, user};

#[test]
fn signing_in_goes_through_the_fields() {
    let mut driver = Driver::new(start(Look::default(), SIZE));
    driver.keys("zhangwei").press(Key::Enter).keys("秘密?q");
    assert_hides(&driver, "秘密");
    driver.press(Key::Enter);
    let wanted = NetEffect::SignIn {
        server: "127.0.0.1:50051".to_owned(),
        username: "zhangwei".to_owned(),
        password: "秘密?q".to_owned(),
    };
    assert_eq!(driver.asked(), [wanted]);
    // While it is on its way nothing is sent twice.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    let refusal = Refusal::new(Cause::Server(Reason::CredentialsInvalid), "no");
    driver.net(NetMessage::SignInRefused(refusal));
    assert_shows(&driver, "User or password is wrong.");
}

#[test]
fn a_first_password_is_changed_before_anything_else() {
    let mut driver = Driver::new(start(Look::default(), SIZE));
    driver
        .keys("admin")
        .press(Key::Enter)
        .keys("admin")
        .press(Key::Enter);
    let mut admin = samples::user("admin", Role::Admin);
    admin.password_change_required = true;
    driver.net(NetMessage::SignedIn {
        user: admin.clone(),
    });
    driver.effects.clear();
    assert_shows(&driver, "Choose a new password");
    driver
        .keys("long enough")
        .press(Key::Enter)
        .keys("long enouhg")
        .press(Key::Enter);
    assert_shows(&driver, "The two new passwords differ.");
    assert_eq!(driver.asked(), []);
    driver
        .press(Key::Ctrl('u'))
        .keys("long enough")
        .press(Key::Enter);
    let wanted = NetEffect::ChangePassword {
        current: "admin".to_owned(),
        new: "long enough".to_owned(),
    };
    assert_eq!(driver.asked(), [wanted]);
    admin.password_change_required = false;
    driver.net(NetMessage::PasswordChanged { user: admin });
    assert_eq!(driver.state.mode(), Mode::Batches);
    // An admin watches everyone's batches.
    assert!(driver.asked().iter().any(
        |effect| matches!(effect, NetEffect::WatchBatches(request) if request.owner_id == "-")
    ));
}

#[test]
fn an_ended_session_asks_over_the_same_view() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("/07");
    let refusal = Refusal::new(Cause::Server(Reason::TokenRevoked), "");
    driver.net(NetMessage::SessionEnded(refusal));
    assert_shows(&driver, "Sign in again");
    assert_shows(&driver, "春季宣传片");
    driver.effects.clear();
    driver.keys("secret").press(Key::Enter);
    assert!(
        matches!(&driver.asked()[..], [NetEffect::SignIn { username, .. }] if username == "zhangwei")
    );
    driver.net(NetMessage::SignedIn {
        user: samples::user("zhangwei", Role::User),
    });
    // The batch is watched again, and what was typed is there.
    assert!(
        driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::WatchBatch(_)))
    );
    assert_eq!(driver.state.mode(), Mode::Filter);
    assert_shows(&driver, "07");
}

#[test]
fn a_lost_connection_says_for_how_long_and_comes_back() {
    let mut driver = user();
    driver.net(NetMessage::StreamLost {
        stream: Stream::Batches,
        refusal: Refusal::new(Cause::Unreachable, "refused"),
        retry_in: Some(Duration::from_secs(9)),
    });
    driver.send(Message::Tick(Timestamp::from_second(NOW + 5).unwrap()));
    assert_shows(&driver, "offline 5s, trying in 4s");
    assert_shows(&driver, "The server cannot be reached");
    // What was known is still there to look at.
    assert_shows(&driver, "onboarding-en");
    list(&mut driver, samples::batches(), TokenState::Ok);
    assert_shows(&driver, "live");
}

#[test]
fn only_what_is_seen_to_pass_makes_a_picture() {
    let mut driver = user();
    let later = |seconds| Timestamp::from_second(NOW + seconds).unwrap();
    assert!(!driver.state.shows_passing(later(1)));
    assert!(driver.state.shows_passing(later(60)), "minutes are shown");
    assert!(driver.state.shows_passing(later(39)), "silence is shown");
    open_batch(&mut driver);
    assert!(
        !driver.state.shows_passing(later(1)),
        "a failed item has ended"
    );
    driver.keys("j");
    answer_detail(&mut driver);
    assert!(
        driver.state.shows_passing(later(1)),
        "a running item counts seconds"
    );
}

#[test]
fn a_read_only_screen_changes_nothing() {
    let mut looking = start(Look::default(), SIZE);
    looking.read_only = true;
    let mut driver = signed_in(looking, "zhangwei", Role::User);
    driver.keys("crn");
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_shows(&driver, "only looks");
    // What changes something is not offered anywhere.
    let later = Timestamp::from_second(NOW + 20).unwrap();
    driver.send(Message::Tick(later));
    assert_shows(&driver, "Enter open");
    assert_hides(&driver, "c cancel");
    driver.keys("?");
    assert_hides(&driver, "try failed items again");
    assert_shows(&driver, "copy the id");
    driver.press(Key::Esc).keys(":cancel");
    assert_shows(&driver, "Nothing matches");
    // Nor does looking tell the server that it was looked.
    driver.press(Key::Esc).press(Key::Enter);
    assert!(
        !driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::AcknowledgeFailures { .. }))
    );
}

#[test]
fn what_is_typed_of_a_password_never_falls_through_into_the_screens() {
    let mut start = start(Look::default(), SIZE);
    start.username = "zhangwei".to_owned();
    let mut driver = Driver::new(start);
    // The server cannot be reached; it comes back while the password is typed.
    driver.keys("enough");
    driver.net(NetMessage::SignedIn {
        user: samples::user("zhangwei", Role::User),
    });
    driver.effects.clear();
    driver.keys("pwqn");
    assert_eq!(driver.state.mode(), Mode::Form);
    assert_eq!(driver.asked(), []);
    assert_shows(&driver, "good again: Esc goes on.");
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_hides(&driver, "enough");
}

#[test]
fn an_empty_list_offers_no_key_that_a_read_only_screen_lacks() {
    let mut looking = start(Look::default(), SIZE);
    looking.read_only = true;
    let mut driver = signed_in(looking, "zhangwei", Role::User);
    list(&mut driver, Vec::new(), TokenState::Ok);
    assert_shows(&driver, "No batches yet.");
    assert_hides(&driver, "Press n");
    let mut driver = user();
    list(&mut driver, Vec::new(), TokenState::Ok);
    assert_shows(&driver, "Press n");
}

#[test]
fn another_user_finds_nothing_of_the_one_before() {
    let mut driver = user();
    samples::new_batch(&mut driver);
    assert_shows(&driver, "春季宣传片 第二批");
    driver.press(Key::Esc);
    open_batch(&mut driver);
    driver.keys("*d");
    let transfer = TransferId(1);
    assert_shows(&driver, "Saving 6 files");
    let ended = Refusal::new(Cause::Server(Reason::TokenRevoked), "");
    driver.net(NetMessage::SessionEnded(ended));
    driver.effects.clear();
    driver.net(NetMessage::SignedIn {
        user: samples::user("wang.fang", Role::User),
    });
    // What ran for the other one is stopped; what it would still say is heard by nobody.
    let asked = driver.asked();
    assert!(asked.contains(&NetEffect::Abort(transfer)), "{asked:?}");
    list(&mut driver, Vec::new(), TokenState::Ok);
    driver.net(NetMessage::Progress {
        transfer,
        done_bytes: 1,
        total_bytes: Some(2),
    });
    driver.net(NetMessage::Saved {
        transfer,
        result: Ok("/home/wang/Downloads/portrait_01.mp4".into()),
    });
    driver.net(NetMessage::Uploaded {
        transfer,
        result: Ok(Box::new(v1::CreateBatchResponse {
            batch: Some(samples::batches().swap_remove(0)),
            ..v1::CreateBatchResponse::default()
        })),
    });
    assert_shows(&driver, "No batches yet");
    assert_hides(&driver, "portrait_01");
    assert_hides(&driver, "春季宣传片");
    driver.keys("T");
    assert_hides(&driver, "portrait_01");
    driver.press(Key::Esc).keys("n");
    assert_shows(&driver, "New batch");
    assert_hides(&driver, "春季宣传片");
    assert_hides(&driver, "2 images marked");
    // The same user would have found all of it.
    driver.press(Key::Esc).keys("q");
    assert!(driver.state.has_ended(), "nothing runs any more");
}

#[test]
fn who_signs_in_again_finds_the_draft_as_it_was() {
    let mut driver = user();
    samples::new_batch(&mut driver);
    let ended = Refusal::new(Cause::Server(Reason::TokenExpired), "");
    driver.net(NetMessage::SessionEnded(ended));
    driver.net(NetMessage::SignedIn {
        user: samples::user("zhangwei", Role::User),
    });
    assert_shows(&driver, "春季宣传片 第二批");
    assert_shows(&driver, "2 images marked");
}

#[test]
fn what_the_service_takes_and_costs_is_asked_until_it_is_known() {
    let mut driver = Driver::new(start(Look::default(), SIZE));
    driver.net(NetMessage::SignedIn {
        user: samples::user("zhangwei", Role::User),
    });
    assert!(driver.asked().contains(&NetEffect::LoadServiceInfo));
    let later = |seconds| Message::Tick(Timestamp::from_second(NOW + seconds).unwrap());
    for again in [4, 8] {
        driver.net(NetMessage::ServiceInfoLost);
        driver.send(later(again - 2));
        assert_eq!(driver.asked(), [], "not at once");
        driver.send(later(again));
        assert_eq!(driver.asked(), [NetEffect::LoadServiceInfo]);
    }
    driver.net(NetMessage::ServiceInfo(Box::new(samples::service())));
    driver.send(later(60));
    assert_eq!(driver.asked(), []);
}
