//! Lists as people work with them: order, filter, pages, coming back, and how little of them is built.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "../samples/mod.rs"]
mod samples;

mod doing;
mod order;
mod pages;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;
use samples::{Driver, signed_in, start};
use vbatch_tui::state::Look;
use vbatch_tui::view::{self, Work};
use vision_batch::v1::user::Role;

const SIZE: (u16, u16) = (80, 24);

fn user() -> Driver {
    signed_in(start(Look::default(), SIZE), "zhangwei", Role::User)
}

/// On a screen wide enough that no name is cut.
fn wide() -> Driver {
    signed_in(start(Look::default(), (140, 24)), "zhangwei", Role::User)
}

fn drawn(driver: &Driver) -> (ratatui::buffer::Buffer, Work) {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut work = Work::default();
    terminal
        .draw(|frame| work = view::paint(&driver.state, frame))
        .unwrap();
    (terminal.backend().buffer().clone(), work)
}

fn shown(driver: &Driver) -> String {
    samples::text(&drawn(driver).0)
}

/// The lines of the screen that have one of these words, in order.
fn order_of<'a>(driver: &Driver, words: &[&'a str]) -> Vec<&'a str> {
    let screen = shown(driver);
    let mut found: Vec<(usize, &str)> = words
        .iter()
        .filter_map(|word| {
            let line = screen.lines().position(|line| line.contains(word))?;
            Some((line, *word))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, word)| word).collect()
}

/// The letters that stand out as what a filter means.
fn marked_letters(driver: &Driver) -> String {
    let (picture, _) = drawn(driver);
    let wanted = Modifier::BOLD | Modifier::UNDERLINED;
    picture
        .content
        .iter()
        .filter(|cell| cell.modifier.contains(wanted))
        .map(|cell| cell.symbol())
        .collect()
}
