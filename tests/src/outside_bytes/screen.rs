//! What a person, or whatever else is at the other end of a terminal, types into the screen.

#[path = "../../../tui/tests/samples/mod.rs"]
mod samples;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::Driver;
use vbatch_tui::files::FilesMessage;
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Look, Message, Mouse};
use vbatch_tui::view;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

use super::pieces::Pieces;

/// Messages of one input; more only repeat.
const MOST: usize = 200;

/// The first byte says who looks, the next two how large the terminal is. Then come keys, one a character; a zero and
/// what follows it stand for everything that is not a key.
///
/// # Panics
/// When a state cannot be updated or drawn.
pub fn screen(bytes: &[u8]) {
    let mut pieces = Pieces::of(bytes);
    let role = if pieces.byte().is_multiple_of(2) {
        Role::User
    } else {
        Role::Admin
    };
    let size = size(&mut pieces);
    let start = samples::start(Look::default(), size);
    let mut driver = samples::signed_in(start, "zhangwei", role);
    draw(&driver);
    let mut left = MOST;
    while !pieces.is_empty() && left > 0 {
        for typed in String::from_utf8_lossy(pieces.until_zero())
            .chars()
            .take(left)
        {
            left -= 1;
            driver.press(key(typed));
            draw(&driver);
        }
        if pieces.is_empty() {
            break;
        }
        left = left.saturating_sub(1);
        happen(&mut driver, &mut pieces);
        draw(&driver);
    }
}

fn size(pieces: &mut Pieces<'_>) -> (u16, u16) {
    (u16::from(pieces.byte()), u16::from(pieces.byte()) % 101)
}

fn key(typed: char) -> Key {
    match typed {
        '\n' | '\r' => Key::Enter,
        '\t' => Key::Tab,
        '\u{1b}' => Key::Esc,
        '\u{7f}' => Key::Backspace,
        '\u{1c}' => Key::Up,
        '\u{1d}' => Key::Down,
        '\u{1e}' => Key::Left,
        '\u{1f}' => Key::Right,
        '\u{80}' => Key::PageUp,
        '\u{81}' => Key::PageDown,
        '\u{82}' => Key::Home,
        '\u{83}' => Key::End,
        '\u{84}' => Key::Delete,
        '\u{85}' => Key::BackTab,
        '\u{86}'..='\u{9f}' => Key::F((u32::from(typed) - 0x85) as u8),
        '\u{1}'..='\u{1a}' => Key::Ctrl(char::from(b'a' + (u32::from(typed) - 1) as u8)),
        typed => Key::Char(typed),
    }
}

/// Everything that is not a key.
fn happen(driver: &mut Driver, pieces: &mut Pieces<'_>) {
    match pieces.byte() {
        b'p' => {
            let text = String::from_utf8_lossy(pieces.until_zero()).into_owned();
            driver.send(Message::Paste(text));
        }
        b's' => {
            let (width, height) = size(pieces);
            driver.send(Message::Resized { width, height });
        }
        b'm' => {
            let (x, y) = size(pieces);
            driver.send(Message::Mouse(Mouse::Press { x, y }));
        }
        b'u' => drop(driver.send(Message::Mouse(Mouse::WheelUp))),
        b'd' => drop(driver.send(Message::Mouse(Mouse::WheelDown))),
        b't' => {
            let seconds = i64::from(pieces.byte()) * 1_000;
            let now = samples::now() + jiff::SignedDuration::from_secs(seconds);
            driver.send(Message::Tick(now));
        }
        b'b' => samples::open_batch(driver),
        b'n' => samples::new_batch(driver),
        b'a' => samples::answer_admin(driver),
        // The list shrinks, down to nothing, under whatever is open.
        b'l' => {
            let mut batches = samples::batches();
            batches.truncate(usize::from(pieces.byte()) % 9);
            samples::list(driver, batches, TokenState::Refused);
        }
        b'f' => {
            let directory = String::from_utf8_lossy(pieces.until_zero()).into_owned();
            driver.send(Message::Files(FilesMessage::Listed {
                directory: directory.into(),
                result: Ok(Vec::new()),
            }));
        }
        _ => drop(driver.send(Message::Resumed)),
    }
}

fn draw(driver: &Driver) {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("no terminal fails");
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .expect("no terminal fails");
}
