//! How often the screen is drawn, counted in virtual time.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use samples::start;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;
use vbatch_tui::app::{self, FRAMES_PER_SECOND, Outside, Pace};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Effects, Look, Message, NetEffect, NetMessage, Stream, TerminalEffect};
use vision_batch::v1;
use vision_batch::v1::user::Role;
use vision_batch::v1::{batch_status_response, watch_batches_response};

/// A network that says what a server would, at once.
struct Answering {
    messages: mpsc::Sender<Message>,
}

impl Answering {
    fn tell(&self, message: NetMessage) {
        self.messages.try_send(Message::Net(message)).unwrap();
    }
}

impl Effects for Answering {
    fn start(&self, effect: NetEffect) {
        match effect {
            NetEffect::Resume => self.tell(NetMessage::SignedIn {
                user: samples::user("zhangwei", Role::User),
            }),
            NetEffect::WatchBatches(_) => {
                use watch_batches_response::{Event, Snapshot, SnapshotComplete};
                self.tell(NetMessage::StreamOpened(Stream::Batches));
                let batches = samples::batches();
                let snapshot = Event::Snapshot(Snapshot { batches });
                self.tell(NetMessage::Batches(Box::new(snapshot)));
                let end = Event::SnapshotComplete(SnapshotComplete::default());
                self.tell(NetMessage::Batches(Box::new(end)));
            }
            NetEffect::WatchBatch(request) => {
                use batch_status_response::{Event, Snapshot, SnapshotComplete};
                let batch_id = request.batch_id;
                self.tell(NetMessage::StreamOpened(Stream::Batch(batch_id.clone())));
                for event in [
                    Event::Snapshot(Snapshot {
                        batch: None,
                        items: samples::items(),
                    }),
                    Event::SnapshotComplete(SnapshotComplete::default()),
                ] {
                    self.tell(NetMessage::Batch {
                        batch_id: batch_id.clone(),
                        event: Box::new(event),
                    });
                }
            }
            _ => {}
        }
    }
}

/// A running screen.
struct Running {
    keyboard: mpsc::Sender<Message>,
    network: mpsc::Sender<Message>,
    drawn: Arc<AtomicUsize>,
    rung: Arc<Mutex<Vec<TerminalEffect>>>,
}

impl Running {
    /// In a thread of the test's own runtime, with its virtual time.
    fn start() -> Self {
        let (messages, inbox) = app::channel();
        let (keyboard, typed) = mpsc::channel(4096);
        let drawn = Arc::new(AtomicUsize::new(0));
        let rung = Arc::new(Mutex::new(Vec::new()));
        let began = Instant::now();
        let told = Arc::clone(&rung);
        let outside = Outside {
            net: Arc::new(Answering {
                messages: messages.clone(),
            }),
            files: None,
            copy: Box::new(|_| {}),
            terminal: Box::new(move |effect| told.lock().unwrap().push(effect)),
            pace: Pace::default(),
            clock: Box::new(move || {
                let passed = jiff::SignedDuration::try_from(began.elapsed()).unwrap();
                samples::now() + passed
            }),
        };
        let mut beginning = start(Look::default(), (80, 24));
        beginning.resume = true;
        beginning.bell = true;
        let counted = Arc::clone(&drawn);
        tokio::spawn(async move {
            let backend = Counting {
                inner: TestBackend::new(80, 24),
                drawn: counted,
            };
            let mut terminal = Terminal::new(backend).unwrap();
            let input = ReceiverStream::new(typed);
            let _ = app::run(&mut terminal, beginning, input, inbox, outside).await;
        });
        Self {
            keyboard,
            network: messages,
            drawn,
            rung,
        }
    }

    async fn press(&self, key: Key) {
        self.keyboard.send(Message::Key(key)).await.unwrap();
    }

    /// Pictures drawn within this time.
    async fn drawn_within(&self, time: Duration) -> usize {
        let before = self.drawn.load(Ordering::SeqCst);
        sleep(time).await;
        self.drawn.load(Ordering::SeqCst) - before
    }
}

/// A backend that counts pictures.
struct Counting {
    inner: TestBackend,
    drawn: Arc<AtomicUsize>,
}

impl ratatui::backend::Backend for Counting {
    type Error = std::convert::Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a ratatui::buffer::Cell)>,
    {
        self.drawn.fetch_add(1, Ordering::SeqCst);
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<ratatui::layout::Position, Self::Error> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<ratatui::layout::Position>>(
        &mut self,
        position: P,
    ) -> Result<(), Self::Error> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.inner.clear()
    }

    fn clear_region(&mut self, kind: ratatui::backend::ClearType) -> Result<(), Self::Error> {
        self.inner.clear_region(kind)
    }

    fn size(&self) -> Result<ratatui::layout::Size, Self::Error> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<ratatui::backend::WindowSize, Self::Error> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.inner.flush()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn nothing_is_drawn_while_nothing_changes() {
    let screen = Running::start();
    sleep(SECOND * 2).await;
    assert!(screen.drawn.load(Ordering::SeqCst) > 0);
    assert_eq!(screen.drawn_within(SECOND * 20).await, 0);
    // Only that a minute has passed is to be seen in a list.
    let minute = screen.drawn_within(SECOND * 15).await;
    assert_eq!(minute, 0, "not yet stale, not yet a minute");
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_are_not_drawn_and_one_after_a_silence_is() {
    let screen = Running::start();
    sleep(SECOND).await;
    screen.press(Key::Enter).await;
    sleep(SECOND * 2).await;
    let beat = |after: i64| v1::Heartbeat {
        server_time: samples::at(after),
        ..v1::Heartbeat::default()
    };
    let list = |after| {
        let event = watch_batches_response::Event::Heartbeat(beat(after));
        Message::Net(NetMessage::Batches(Box::new(event)))
    };
    let batch = |after| {
        let event = batch_status_response::Event::Heartbeat(beat(after));
        Message::Net(NetMessage::Batch {
            batch_id: samples::batches()[0].id.clone(),
            event: Box::new(event),
        })
    };
    for after in [8, 13, 18, 23, 28, 33, 38, 43, 48, 53] {
        let drawn = screen.drawn_within(SECOND * 5);
        let beats = async {
            screen.network.send(list(after - 5)).await.unwrap();
            screen.network.send(batch(after - 5)).await.unwrap();
        };
        let (drawn, ()) = tokio::join!(drawn, beats);
        assert_eq!(drawn, 0, "{after} s");
    }
    // Silence is told after a while, and so is that it is over.
    assert!(screen.drawn_within(SECOND * 50).await > 0);
    screen.network.send(batch(103)).await.unwrap();
    assert!(screen.drawn_within(SECOND / 2).await > 0);
}

#[tokio::test(start_paused = true)]
async fn the_row_under_the_cursor_ticks_seconds_and_no_other_does() {
    let screen = Running::start();
    sleep(SECOND).await;
    screen.press(Key::Enter).await;
    sleep(SECOND * 2).await;
    // The failed item on top has ended: it does not tick, though three others run.
    assert_eq!(screen.drawn_within(SECOND * 10).await, 0);
    screen.press(Key::Down).await;
    sleep(SECOND).await;
    let ticking = screen.drawn_within(SECOND * 10).await;
    assert!((10..=11).contains(&ticking), "{ticking} in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_drawn_thirty_times_a_second() {
    let screen = Running::start();
    sleep(SECOND).await;
    let storm = async {
        for round in 0..2_000u16 {
            let message = match round % 3 {
                0 => Message::Resized {
                    width: 60 + round % 60,
                    height: 15 + round % 30,
                },
                1 => Message::Key(Key::Down),
                _ => Message::Key(Key::Up),
            };
            screen.keyboard.send(message).await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
    };
    let (drawn, ()) = tokio::join!(screen.drawn_within(SECOND * 2), storm);
    let most = usize::try_from(FRAMES_PER_SECOND * 2).unwrap() + 2;
    assert!(drawn <= most, "{drawn} in two seconds");
    assert!(drawn >= 30, "and it is not frozen: {drawn}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_batch_rings_once() {
    use watch_batches_response::{Event, Update};
    let screen = Running::start();
    sleep(SECOND).await;
    let mut ended = samples::batch(
        8,
        "spring-launch-voice-b",
        "zhangwei",
        [20, 20, 0, 0, 0],
        900,
    );
    ended.revision = 5;
    let mut others = samples::batch(4, "客服问候语", "wang.fang", [8, 8, 0, 0, 0], 900);
    others.revision = 5;
    let update = |batches: Vec<v1::Batch>| {
        Message::Net(NetMessage::Batches(Box::new(Event::Update(Update {
            batches,
            ..Update::default()
        }))))
    };
    for _ in 0..2 {
        let batches = vec![ended.clone(), others.clone()];
        screen.network.send(update(batches)).await.unwrap();
    }
    sleep(SECOND).await;
    let ring = |words: &str| TerminalEffect::Ring(words.to_owned());
    assert_eq!(
        *screen.rung.lock().unwrap(),
        [ring("spring-launch-voice-b: 20 done")]
    );
    // Silenced, it stays silent.
    screen.press(Key::Char('B')).await;
    sleep(SECOND).await;
    let mut failed = samples::batch(10, "product-tour-de", "zhangwei", [12, 3, 1, 1, 0], 310);
    failed.revision = 5;
    screen
        .network
        .send(update(vec![failed.clone()]))
        .await
        .unwrap();
    sleep(SECOND).await;
    assert_eq!(screen.rung.lock().unwrap().len(), 1);
    // A first failure rings, a second one does not.
    screen.press(Key::Char('B')).await;
    let mut second = samples::batch(9, "春季", "zhangwei", [20, 9, 2, 3, 0], 10_900);
    second.revision = 5;
    screen.network.send(update(vec![second])).await.unwrap();
    sleep(SECOND).await;
    assert_eq!(screen.rung.lock().unwrap().len(), 1);
}
