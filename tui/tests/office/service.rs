//! The service as it is now, and what is done to it.

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Message, NetEffect, NetMessage, Refusal};
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::refusal::Reason;

use super::samples::{Driver, NOW, answer_admin};
use super::{admin, assert_shows, shown};

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
