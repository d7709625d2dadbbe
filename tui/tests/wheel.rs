//! The whole wheel on a backend of the test: keys in, effects out, messages in, pictures out.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use samples::{Driver, signed_in, start};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use vbatch_tui::app::{self, Outside, Pace};
use vbatch_tui::files::{Disk, FileWorker};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Directories, Effects, Look, Message, NetEffect, NetMessage, Stream};
use vision_batch::v1;
use vision_batch::v1::user::Role;
use vision_batch::v1::watch_batches_response::{Event, SnapshotComplete};

/// Nothing here takes long; whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// A backend that tells of every picture.
struct Watched {
    inner: TestBackend,
    pictures: mpsc::UnboundedSender<String>,
}

impl Backend for Watched {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.inner.clear()
    }

    fn clear_region(&mut self, kind: ClearType) -> Result<(), Infallible> {
        self.inner.clear_region(kind)
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        // The test may have seen enough.
        let _ = self.pictures.send(samples::text(self.inner.buffer()));
        self.inner.flush()
    }
}

/// A network that answers as a server would.
struct Answering {
    messages: mpsc::Sender<Message>,
    asked: Mutex<Vec<NetEffect>>,
}

impl Effects for Answering {
    fn start(&self, effect: NetEffect) {
        let mut answers = Vec::new();
        match &effect {
            NetEffect::SignIn { username, .. } => answers.push(NetMessage::SignedIn {
                user: samples::user(username, Role::User),
            }),
            NetEffect::LoadServiceInfo => {
                answers.push(NetMessage::ServiceInfo(Box::new(samples::service())));
            }
            NetEffect::WatchBatches(_) => {
                answers.push(NetMessage::StreamOpened(Stream::Batches));
                let end = SnapshotComplete {
                    counts: Some(v1::BatchCounts::default()),
                    credit_balance: 42,
                    ..SnapshotComplete::default()
                };
                answers.push(NetMessage::Batches(Box::new(Event::SnapshotComplete(end))));
            }
            _ => {}
        }
        self.asked.lock().unwrap().push(effect);
        for answer in answers {
            self.messages.try_send(Message::Net(answer)).unwrap();
        }
    }
}

async fn until(pictures: &mut mpsc::UnboundedReceiver<String>, words: &str) -> String {
    let mut last = String::new();
    let seen = timeout(PATIENCE, async {
        while let Some(picture) = pictures.recv().await {
            if picture.contains(words) {
                return picture;
            }
            last = picture;
        }
        panic!("it ended before {words:?}");
    })
    .await;
    seen.unwrap_or_else(|_| panic!("{words:?} did not come; last was\n{last}"))
}

#[tokio::test]
async fn from_the_sign_in_to_the_files_of_a_new_batch() {
    let pictures_directory = tempfile::tempdir().unwrap();
    std::fs::write(pictures_directory.path().join("notes.txt"), "no picture").unwrap();
    let (messages, inbox) = app::channel();
    let (keyboard, typed) = mpsc::channel(64);
    let (sender, mut pictures) = mpsc::unbounded_channel();
    let mut terminal = Terminal::new(Watched {
        inner: TestBackend::new(80, 24),
        pictures: sender,
    })
    .unwrap();
    let net = Arc::new(Answering {
        messages: messages.clone(),
        asked: Mutex::default(),
    });
    let outside = Outside {
        net: Arc::clone(&net) as Arc<dyn Effects>,
        files: Some(FileWorker::new(Arc::new(Disk), messages)),
        copy: Box::new(|_| {}),
        terminal: Box::new(|_| {}),
        clock: Box::new(Timestamp::now),
        pace: Pace::default(),
    };
    let mut beginning = start(Look::default(), (80, 24));
    beginning.now = Timestamp::now();
    beginning.directories = Some(Directories {
        working: pictures_directory.path().to_owned(),
        home: None,
        downloads: pictures_directory.path().to_owned(),
    });
    let input = ReceiverStream::new(typed);
    let screen = app::run(&mut terminal, beginning, input, inbox, outside);
    let person = async {
        let press = async |keys: &[Key]| {
            for key in keys {
                keyboard.send(Message::Key(*key)).await.unwrap();
            }
        };
        until(&mut pictures, "Sign in").await;
        press(&[Key::Char('a'), Key::Enter, Key::Char('b'), Key::Enter]).await;
        let list = until(&mut pictures, "No batches yet").await;
        assert!(list.contains("42 cr"), "{list}");
        press(&[Key::Char('n')]).await;
        // The worker has listed the directory and looked into the file.
        until(&mut pictures, "not PNG/JPEG/WebP").await;
        press(&[Key::Esc, Key::Char('q')]).await;
    };
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(screen, person) })
        .await
        .unwrap();
    ended.unwrap();
    let asked = net.asked.lock().unwrap();
    assert!(matches!(&asked[0], NetEffect::SignIn { username, .. } if username == "a"));
}

#[tokio::test]
async fn the_screen_ends_when_its_terminal_does() {
    let (messages, inbox) = app::channel();
    let (sender, _pictures) = mpsc::unbounded_channel();
    let mut terminal = Terminal::new(Watched {
        inner: TestBackend::new(80, 24),
        pictures: sender,
    })
    .unwrap();
    let outside = Outside {
        net: Arc::new(Answering {
            messages,
            asked: Mutex::default(),
        }),
        files: None,
        copy: Box::new(|_| {}),
        terminal: Box::new(|_| {}),
        clock: Box::new(Timestamp::now),
        pace: Pace::default(),
    };
    let start = start(Look::default(), (80, 24));
    let input = tokio_stream::empty();
    let ended = app::run(&mut terminal, start, input, inbox, outside);
    timeout(PATIENCE, ended).await.unwrap().unwrap();
}

#[test]
fn a_handed_in_server_is_not_asked_for() {
    let mut handed_in = start(Look::default(), (80, 24));
    handed_in.server = String::new();
    handed_in.resume = true;
    let mut driver: Driver = signed_in(handed_in, "zhangwei", Role::User);
    let refusal = vbatch_tui::state::Refusal::new(
        vbatch_tui::state::Cause::Server(v1::refusal::Reason::TokenExpired),
        "",
    );
    driver.net(NetMessage::SessionEnded(refusal));
    driver.effects.clear();
    driver.keys("secret").press(Key::Enter);
    assert!(matches!(&driver.asked()[..], [NetEffect::SignIn { server, .. }] if server.is_empty()));
}
