//! The service as it is now, and what is done to it.

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Message, NetEffect, NetMessage, Refusal, Stream};
use vision_batch::v1;
use vision_batch::v1::dispatch::State as Dispatch;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::watch_system_response::Event;

use super::samples::{self, Driver, NOW, answer_admin};
use super::{admin, assert_shows, shown};

fn in_system() -> Driver {
    let mut driver = admin();
    driver.keys("S");
    answer_admin(&mut driver);
    driver
}

#[test]
fn the_service_is_shown_live() {
    let mut driver = in_system();
    assert_eq!(driver.state.mode(), Mode::System);
    for words in [
        "The upstream token expires in 19h (22:20). Press t to put in a new one.",
        "RUNNING",
        "3 of 3",
        "531 items, the oldest 38m",
        "at most 100 a day",
        "38/100",
        "2 busy, 1 broke off",
        "old-studio",
        "78 GiB free of 200 GiB",
        "all agreed",
    ] {
        assert_shows(&driver, words);
    }
    driver.send(Message::Tick(Timestamp::from_second(NOW + 30).unwrap()));
    assert_eq!(driver.asked(), [], "nothing is asked for again and again");
    let mut status = samples::system();
    status.recent_errors.clear();
    status.last_verify = Some(v1::VerifyResult {
        finish_time: samples::at(-60),
        ok: false,
        detail: "user zhangwei: 174 against 175".to_owned(),
    });
    driver.net(NetMessage::System(Box::new(Event::Status(status))));
    assert_shows(&driver, "DID NOT AGREE");
    assert_shows(&driver, "174 against 175");
    assert!(!shown(&driver).contains("2 busy"));
}

#[test]
fn a_lost_stream_of_the_service_says_for_how_long_and_comes_back() {
    let mut driver = in_system();
    driver.net(NetMessage::StreamLost {
        stream: Stream::System,
        refusal: Refusal::new(Cause::Unreachable, ""),
        retry_in: Some(std::time::Duration::from_secs(4)),
    });
    driver.send(Message::Tick(Timestamp::from_second(NOW + 3).unwrap()));
    assert_shows(&driver, "The server cannot be reached.");
    assert_shows(&driver, "offline 3s");
    assert_shows(&driver, "RUNNING");
    driver.net(NetMessage::StreamOpened(Stream::System));
    driver.net(NetMessage::System(Box::new(Event::Status(
        samples::system(),
    ))));
    assert_shows(&driver, "live");
    assert!(!shown(&driver).contains("cannot be reached"));
}

#[test]
fn the_stream_is_open_only_while_it_is_looked_at() {
    let mut driver = admin();
    driver.keys("S");
    assert_eq!(driver.asked(), [NetEffect::WatchSystem]);
    assert_shows(&driver, "connecting");
    driver.keys("1");
    assert_eq!(driver.asked(), [NetEffect::UnwatchSystem]);
    driver.keys("S");
    assert_eq!(driver.asked(), [NetEffect::WatchSystem]);
    // Signed in again over the same screen, it is opened again.
    driver.net(NetMessage::SessionEnded(Refusal::new(
        Cause::Server(Reason::TokenExpired),
        "",
    )));
    driver.net(NetMessage::SignedIn {
        user: samples::user("admin", v1::user::Role::Admin),
    });
    assert!(driver.asked().contains(&NetEffect::WatchSystem));
}

#[test]
fn everyone_is_told_that_the_token_ends_soon() {
    let user = v1::user::Role::User;
    let mut driver = samples::signed_in(
        samples::start(vbatch_tui::state::Look::default(), (100, 24)),
        "zhangwei",
        user,
    );
    let mut status = samples::status(v1::upstream::TokenState::Ok);
    status.warnings = vec![v1::Warning {
        reason: v1::warning::Reason::UpstreamTokenExpiring.into(),
        ..v1::Warning::default()
    }];
    status.upstream.as_mut().unwrap().token_expire_time = samples::at(68_400);
    let end = v1::watch_batches_response::Update {
        status: Some(status),
        ..v1::watch_batches_response::Update::default()
    };
    driver.net(NetMessage::Batches(Box::new(
        v1::watch_batches_response::Event::Update(end),
    )));
    assert_shows(&driver, "The upstream token ends in 19h (22:20)");
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
    assert_eq!(driver.asked(), []);
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
    let asked = driver.asked();
    let [NetEffect::UpdateToken(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (request.token.as_str(), request.force),
        ("eyJ.secret", false)
    );
    let refusal = Refusal::new(Cause::Server(Reason::UpstreamTokenRejected), "no")
        .with("upstream_message", "401 Unauthorized");
    driver.net(NetMessage::TokenPutIn(*ticket, Err(refusal)));
    assert_shows(&driver, "The upstream refused it: 401 Unauthorized");
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::System);
    assert_eq!(driver.asked(), []);
    assert!(
        !format!("{:?}", driver.state).contains("eyJ"),
        "nor is it kept"
    );
}
