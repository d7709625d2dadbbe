//! Draws sample states on the real terminal, to look at the screens: `cargo run --example gallery -- [--zh] [SCENE]`.
//!
//! Left and right go through the scenes, `l` switches the language, every other key ends.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::error::Error;

use crossterm::event::{Event, KeyCode, read};
use samples::{SCENES, scene};
use vbatch_tui::state::{Language, Look};
use vbatch_tui::terminal::TerminalGuard;
use vbatch_tui::view;

fn main() -> Result<(), Box<dyn Error>> {
    let mut look = Look::from_environment(|name| std::env::var(name).ok());
    let mut index = 0;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--zh" => look.language = Language::Chinese,
            name => {
                index = SCENES
                    .iter()
                    .position(|it| *it == name)
                    .ok_or("no such scene")?
            }
        }
    }
    let mut guard = TerminalGuard::take()?;
    loop {
        let size = crossterm::terminal::size()?;
        let driver = scene(SCENES[index], look, size);
        guard
            .terminal()
            .draw(|frame| view::draw(&driver.state, frame))?;
        match read()? {
            Event::Key(key) => match key.code {
                KeyCode::Right => index = (index + 1) % SCENES.len(),
                KeyCode::Left => index = (index + SCENES.len() - 1) % SCENES.len(),
                KeyCode::Char('l') => look.language = look.language.other(),
                _ => return Ok(()),
            },
            _ => continue,
        }
    }
}
