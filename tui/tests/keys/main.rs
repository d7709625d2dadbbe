//! The screen driven by keys and by what a server would say: what it asks for, and what it then shows.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "../samples/mod.rs"]
mod samples;

mod batch;
mod draft;
mod list;
mod session;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::{Driver, signed_in, start};
use vbatch_tui::state::Look;
use vbatch_tui::view;
use vision_batch::v1::user::Role;

const SIZE: (u16, u16) = (80, 24);

fn user() -> Driver {
    signed_in(start(Look::default(), SIZE), "zhangwei", Role::User)
}

/// What the screen shows, one line a row.
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

#[track_caller]
fn assert_hides(driver: &Driver, words: &str) {
    let screen = shown(driver);
    assert!(!screen.contains(words), "{words:?} is on\n{screen}");
}
