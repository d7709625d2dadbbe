//! Draws sample states on the real terminal, to look at the screens: `cargo run --example gallery -- [--zh] [SCENE]`.
//!
//! Left and right go through the scenes, `l` switches the language, every other key ends.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::error::Error;

use crossterm::event::{Event, KeyCode, read};
use samples::{Driver, list, new_batch, open_batch, signed_in, start};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Cause, Language, Look, NetMessage, Refusal, Stream};
use vbatch_tui::terminal::TerminalGuard;
use vbatch_tui::view;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

const SCENES: [&str; 13] = [
    "sign-in",
    "sign-in-refused",
    "new-password",
    "batches",
    "batches-admin",
    "batches-offline",
    "batch",
    "batch-failed",
    "new-batch",
    "help",
    "confirm",
    "palette",
    "empty",
];

fn scene(name: &str, look: Look, size: (u16, u16)) -> Driver {
    let start = start(look, size);
    match name {
        "sign-in" => Driver::new(start),
        "sign-in-refused" => {
            let mut driver = Driver::new(start);
            driver.keys("zhangwei").press(Key::Enter).keys("secret");
            driver.press(Key::Enter);
            let refusal = Refusal::new(Cause::Server(Reason::CredentialsInvalid), "");
            driver.net(NetMessage::SignInRefused(refusal));
            driver
        }
        "new-password" => {
            let mut driver = Driver::new(start);
            driver.keys("admin").press(Key::Enter).keys("admin");
            driver.press(Key::Enter);
            let mut user = samples::user("admin", Role::Admin);
            user.password_change_required = true;
            driver.net(NetMessage::SignedIn { user });
            driver.keys("abc").press(Key::Enter).press(Key::Enter);
            driver
        }
        "batches" => signed_in(start, "zhangwei", Role::User),
        "batches-admin" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            list(&mut driver, samples::batches(), TokenState::Refused);
            driver.keys("j  ");
            driver
        }
        "batches-offline" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.net(NetMessage::StreamLost {
                stream: Stream::Batches,
                refusal: Refusal::new(Cause::Unreachable, "connection refused"),
                retry_in: Some(std::time::Duration::from_secs(3)),
            });
            driver.keys("/宣传");
            driver
        }
        "batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("jj");
            samples::answer_detail(&mut driver);
            driver
        }
        "batch-failed" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver
        }
        "new-batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            new_batch(&mut driver);
            driver
        }
        "help" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("?");
            driver
        }
        "confirm" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("c");
            driver
        }
        "palette" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys(":r");
            driver
        }
        _ => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            list(&mut driver, Vec::new(), TokenState::Ok);
            driver
        }
    }
}

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
