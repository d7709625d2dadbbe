//! The screens around the batches: users and their credits, the running of the service, what was done, keys for programs.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "../samples/mod.rs"]
mod samples;

mod accounts;
mod api_keys;
mod audit;
mod deletion;
mod service;
mod users;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::{Driver, answer_admin, signed_in, start};
use vbatch_tui::keymap::Mode;
use vbatch_tui::state::Look;
use vbatch_tui::view;
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

#[test]
fn whoever_is_no_admin_has_no_such_screens() {
    let mut driver = signed_in(start(Look::default(), (80, 24)), "zhangwei", Role::User);
    driver.keys("uS234");
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_eq!(driver.asked(), []);
    driver.keys("?");
    assert!(!shown(&driver).contains("to the users"));
}

#[test]
fn a_read_only_admin_looks_at_everything_and_changes_nothing() {
    let mut looking = start(Look::default(), (100, 24));
    looking.read_only = true;
    let mut driver = signed_in(looking, "admin", Role::Admin);
    driver.keys("u");
    answer_admin(&mut driver);
    driver.keys("+=nxrw");
    assert_eq!(driver.state.mode(), Mode::Users);
    driver.keys("S");
    answer_admin(&mut driver);
    driver.keys("pD+-t");
    assert_eq!(driver.state.mode(), Mode::System);
    assert_shows(&driver, "read-only");
    assert_eq!(driver.asked(), []);
}
