//! What happens while nothing happens: counted in virtual time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use vbatch_server::clock::Clock;
use vbatch_server::domain::user::Role;
use vbatch_server::store::redb::RedbStore;
use vbatch_tests::face::Face;
use vbatch_tests::world::World;
use vbatch_tui::app::{self, Outside};
use vbatch_tui::state::{Effects, Message, NetEffect};
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService as _;
use vision_batch::v1::batch_status_response::Event;

use crate::figure::{Figure, Target};
use crate::slots::{epoch, upstream};
use crate::{fill, screen};

/// For so long nothing happens.
const SILENCE: Duration = Duration::from_secs(600);
/// The server's own choice, where the request makes none.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A user may have 32 open.
const WATCHERS_OF_ONE: usize = 25;

/// What an idle server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Durable transactions.
    pub commits: u64,
    /// Flushes of the database.
    pub syncs: u64,
    /// Calls to the upstream.
    pub calls: usize,
    /// Heartbeats, to all watchers.
    pub heartbeats: usize,
    /// Anything else, to all watchers.
    pub messages: usize,
    /// Snapshots of the store that were read.
    pub reads: u64,
}

/// Ten minutes of a server that `watchers` watch, with nothing to do.
///
/// # Panics
/// When a stream breaks.
pub fn server(watchers: usize) -> Silence {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = Clock::simulated(epoch(), 7);
        let store = RedbStore::in_memory(clock.clone()).unwrap();
        let mut users = Vec::new();
        for number in 0..watchers.div_ceil(WATCHERS_OF_ONE) {
            users.push(fill::user(&store, &clock, &format!("admin{number}"), Role::Admin).await);
        }
        let mut world = World::asleep_on(store, upstream(Duration::from_secs(20)), clock);
        let batch = world.batch(users[0], 3).await;
        world.set_token(&world.upstream.token()).await;
        world.start();
        world.finished(batch).await;
        let face = Face::over(&world).await;
        let (heartbeats, messages) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for number in 0..watchers {
            let request = v1::BatchStatusRequest {
                batch_id: batch.0.to_string(),
                follow: true,
                ..v1::BatchStatusRequest::default()
            };
            let request = face.request(users[number / WATCHERS_OF_ONE], request).await;
            let mut stream = face
                .batches
                .batch_status(request)
                .await
                .unwrap()
                .into_inner();
            while let Some(message) = stream.next().await {
                if matches!(message.unwrap().event, Some(Event::SnapshotComplete(_))) {
                    break;
                }
            }
            let (heartbeats, messages) = (Arc::clone(&heartbeats), Arc::clone(&messages));
            tokio::spawn(async move {
                while let Some(Ok(message)) = stream.next().await {
                    match message.event {
                        Some(Event::Heartbeat(_)) => heartbeats.fetch_add(1, Ordering::Relaxed),
                        _ => messages.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
        tokio::time::sleep(HEARTBEAT * 4).await;
        let database = world.database();
        let before = (
            database.commits(),
            database.syncs(),
            world.upstream.calls().len(),
            heartbeats.load(Ordering::Relaxed),
            messages.load(Ordering::Relaxed),
            database.reads(),
        );
        tokio::time::sleep(SILENCE).await;
        Silence {
            commits: database.commits() - before.0,
            syncs: database.syncs() - before.1,
            calls: world.upstream.calls().len() - before.2,
            heartbeats: heartbeats.load(Ordering::Relaxed) - before.3,
            messages: messages.load(Ordering::Relaxed) - before.4,
            reads: database.reads() - before.5,
        }
    })
}

/// A network that tells what there is when a session begins, and then nothing.
struct Quiet(mpsc::Sender<Message>);

impl Effects for Quiet {
    fn start(&self, effect: NetEffect) {
        let told = match effect {
            NetEffect::Resume => 0..1,
            NetEffect::WatchBatches(_) => 1..usize::MAX,
            _ => return,
        };
        let all = screen::beginning(20).into_iter();
        for message in all.skip(told.start).take(told.end - told.start) {
            self.0.try_send(Message::Net(message)).unwrap();
        }
    }
}

/// A backend that counts pictures.
struct Counting {
    inner: TestBackend,
    drawn: Arc<AtomicUsize>,
}

impl Backend for Counting {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.drawn.fetch_add(1, Ordering::Relaxed);
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
        self.inner.flush()
    }
}

/// Pictures drawn before, and within, 20 s of a list in which nothing runs and whose ages are in minutes.
///
/// # Panics
/// When the screen ends.
pub fn client() -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (messages, inbox) = app::channel();
        let (_keyboard, typed) = mpsc::channel(1);
        let drawn = Arc::new(AtomicUsize::new(0));
        let begun = tokio::time::Instant::now();
        let start = screen::start();
        let now = start.now;
        let outside = Outside {
            net: Arc::new(Quiet(messages)),
            files: None,
            copy: Box::new(|_| {}),
            terminal: Box::new(|_| {}),
            pace: app::Pace::default(),
            clock: Box::new(move || now + jiff::SignedDuration::try_from(begun.elapsed()).unwrap()),
        };
        let backend = Counting {
            inner: TestBackend::new(screen::SIZE.0, screen::SIZE.1),
            drawn: Arc::clone(&drawn),
        };
        let running = tokio::spawn(async move {
            let mut terminal = Terminal::new(backend).unwrap();
            let input = ReceiverStream::new(typed);
            app::run(&mut terminal, start, input, inbox, outside).await
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = drawn.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(!running.is_finished(), "the screen goes on");
        (before, drawn.load(Ordering::Relaxed) - before)
    })
}

/// See the module's page.
pub fn figures() -> Vec<Figure> {
    let (_, draws) = client();
    let silence = server(100);
    let expected = 100 * (SILENCE.as_secs() / HEARTBEAT.as_secs()) as usize;
    vec![
        Figure::count(
            "idle client: draws in 20 s",
            draws as f64,
            "",
            Target::AtMost(0.0),
        ),
        Figure::count(
            "idle server, 100 watchers, 10 min: commits",
            silence.commits as f64,
            "",
            Target::AtMost(0.0),
        )
        .with(format!(
            "{} fsyncs, {} upstream calls",
            silence.syncs, silence.calls
        )),
        Figure::count(
            "the same: messages that are no heartbeat",
            silence.messages as f64,
            "",
            Target::AtMost(0.0),
        )
        .with(format!(
            "{} heartbeats, {expected} are due",
            silence.heartbeats
        )),
    ]
}
