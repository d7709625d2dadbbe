//! The question whether a server's certificate is to be trusted, as the screen asks it.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::{Driver, start};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Cause, Language, Look, NetEffect, NetMessage, Refusal};
use vbatch_tui::view;

fn fingerprint() -> String {
    ["AB"; 32].join(":")
}

fn unknown() -> Refusal {
    Refusal::new(Cause::Untrusted, "").with("fingerprint", fingerprint())
}

fn asked(look: Look, size: (u16, u16), refusal: Refusal) -> Driver {
    let mut start = start(look, size);
    start.server = "https://videos.example.org:50051".to_owned();
    let mut driver = Driver::new(start);
    driver.net(NetMessage::SessionEnded(refusal));
    driver.asked();
    driver
}

fn shown(driver: &Driver) -> String {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    samples::text(terminal.backend().buffer())
}

#[test]
fn yes_trusts_and_goes_on() {
    for language in [Language::English, Language::Chinese] {
        for size in [(60, 15), (80, 24), (120, 40)] {
            let look = Look {
                language,
                ..Look::default()
            };
            let driver = asked(look, size, unknown());
            let screen = shown(&driver);
            // The whole of it can be compared, and the answer is in sight.
            assert_eq!(screen.matches("AB").count(), 32, "{screen}");
            assert!(screen.contains("[y/N]"), "{screen}");
        }
    }
    let mut driver = asked(Look::default(), (80, 24), unknown());
    driver.keys("y");
    let trust = NetEffect::Trust {
        server: "https://videos.example.org:50051".to_owned(),
        fingerprint: fingerprint(),
    };
    assert_eq!(driver.asked(), [trust.clone(), NetEffect::Resume]);
    assert!(!shown(&driver).contains("[y/N]"));

    // What was typed before goes along.
    let mut driver = asked(
        Look::default(),
        (80, 24),
        Refusal::new(Cause::Unreachable, ""),
    );
    driver.keys("wang").press(Key::Enter).keys("secret");
    driver.net(NetMessage::SignInRefused(unknown())).keys("Y");
    let asked = driver.asked();
    assert_eq!(asked[0], trust);
    assert!(matches!(&asked[1], NetEffect::SignIn { username, .. } if username == "wang"));
}

#[test]
fn nothing_but_a_clear_yes_is_one() {
    for key in [Key::Char('n'), Key::Char('x'), Key::Enter, Key::Tab] {
        let mut driver = asked(Look::default(), (80, 24), unknown());
        driver.press(key);
        assert_eq!(driver.asked(), []);
        assert!(!shown(&driver).contains("[y/N]"));
        // It was an answer, and no text.
        driver.keys("y");
        assert_eq!(driver.asked(), []);
    }
}

#[test]
fn a_changed_certificate_is_no_question() {
    let changed = unknown().with("trusted", ["CD"; 32].join(":"));
    let mut driver = asked(Look::default(), (80, 24), changed);
    let screen = shown(&driver);
    assert!(screen.contains("HAS CHANGED"), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
    driver.keys("y");
    assert_eq!(driver.asked(), []);
}
