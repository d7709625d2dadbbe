//! What a picture on the screen takes: to build, and of the line to the terminal.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend, TestBackend};
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Directories, Look, Message, NetMessage, Start, State, Stream, update};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::{batch_status_response, watch_batches_response};

use crate::figure::{Figure, Target, median};
use crate::process;

/// The size that is drawn.
pub const SIZE: (u16, u16) = (120, 40);
/// Batches in the list.
pub const BATCHES: usize = 10_000;
/// Items of the batch that is open.
pub const ITEMS: i32 = 1_000;
const NOW: i64 = 1_800_000_000;
const ROUNDS: usize = 5;
const FRAMES: usize = 2_000;

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

/// How a session begins.
pub fn start() -> Start {
    Start {
        look: Look::default(),
        server: "127.0.0.1:50051".to_owned(),
        username: String::new(),
        resume: true,
        read_only: false,
        player: true,
        bell: false,
        mouse: false,
        directories: Some(Directories {
            working: PathBuf::from("/home/wang/pictures"),
            home: Some(PathBuf::from("/home/wang")),
            downloads: PathBuf::from("/home/wang/Downloads"),
        }),
        way_here: None,
        now: Timestamp::from_second(NOW).unwrap(),
        time_zone: TimeZone::UTC,
        size: SIZE,
        seed: 7,
    }
}

/// The `number`th batch of the list; the first one is being worked on, the others are done.
pub fn batch(number: usize) -> v1::Batch {
    let runs = number == 0;
    let age = i64::try_from(number).unwrap() * 60;
    let counts = v1::ItemCounts {
        total: ITEMS,
        processing: if runs { 3 } else { 0 },
        pending: if runs { ITEMS - 3 } else { 0 },
        completed: if runs { 0 } else { ITEMS },
        ..v1::ItemCounts::default()
    };
    let state = match runs {
        true => v1::batch::State::Processing,
        false => v1::batch::State::Completed,
    };
    v1::Batch {
        id: format!("0193a5b2-0000-7000-8000-{number:012x}"),
        name: format!("春季宣传片 spring campaign {number}"),
        prompt: "根据音频生成对应视频".to_owned(),
        engine: "lightx2v".to_owned(),
        owner_id: "user-wang".to_owned(),
        owner_name: "wang".to_owned(),
        state: state.into(),
        item_counts: Some(counts),
        progress_estimate: if runs { 0.1 } else { 1.0 },
        credits_per_item: 1,
        credits_charged: ITEMS,
        create_time: at(NOW - 100_000 - age),
        start_time: at(NOW - 99_000 - age),
        finish_time: if runs { None } else { at(NOW - 90_000 - age) },
        revision: 1,
        ..v1::Batch::default()
    }
}

/// The items of the first batch: three run, the others wait.
pub fn items(revision: i64, progress: f64) -> Vec<v1::VideoItem> {
    (1..=ITEMS)
        .map(|position| {
            let runs = position <= 3;
            v1::VideoItem {
                id: format!("0193a5b2-0000-7000-9000-{position:012x}"),
                batch_id: batch(0).id,
                position,
                source_image: Some(v1::SourceImage {
                    filename: format!("portrait_{position:04}.png"),
                    media_type: "image/png".to_owned(),
                    size_bytes: 1_887_436,
                    width_px: 1024,
                    height_px: 1024,
                    ..v1::SourceImage::default()
                }),
                state: match runs {
                    true => v1::video_item::State::Processing.into(),
                    false => v1::video_item::State::Pending.into(),
                },
                stage: match runs {
                    true => v1::video_item::Stage::Generating.into(),
                    false => v1::video_item::Stage::Unspecified.into(),
                },
                round: 1,
                attempt_count: i32::from(runs),
                progress_estimate: runs.then_some(progress),
                create_time: at(NOW - 10_900),
                start_time: if runs { at(NOW - 100) } else { None },
                credits_charged: 1,
                revision,
                ..v1::VideoItem::default()
            }
        })
        .collect()
}

/// What the network says to a screen that has just begun.
pub fn beginning(batches: usize) -> Vec<NetMessage> {
    use watch_batches_response::{Event, Snapshot, SnapshotComplete};
    let mut told = vec![
        NetMessage::SignedIn {
            user: v1::User {
                id: "user-wang".to_owned(),
                username: "wang".to_owned(),
                role: v1::user::Role::User.into(),
                credit_balance: 9_979,
                ..v1::User::default()
            },
        },
        NetMessage::StreamOpened(Stream::Batches),
    ];
    let all: Vec<v1::Batch> = (0..batches).map(batch).collect();
    for part in all.chunks(200) {
        let batches = part.to_vec();
        told.push(NetMessage::Batches(Box::new(Event::Snapshot(Snapshot {
            batches,
        }))));
    }
    let total = i32::try_from(batches).unwrap();
    let complete = SnapshotComplete {
        revision: 9,
        counts: Some(v1::BatchCounts {
            total,
            processing: 1,
            completed: total - 1,
            ..v1::BatchCounts::default()
        }),
        credit_balance: 9_979,
        ..SnapshotComplete::default()
    };
    told.push(NetMessage::Batches(Box::new(Event::SnapshotComplete(
        complete,
    ))));
    told
}

/// A signed-in screen with a list of so many batches.
pub fn list(batches: usize) -> State {
    let (mut state, _) = State::new(start());
    for message in beginning(batches) {
        update(&mut state, Message::Net(message));
    }
    state
}

/// A screen with the first batch open.
pub fn opened() -> State {
    use batch_status_response::{Event, Snapshot, SnapshotComplete};
    let mut state = list(20);
    update(&mut state, Message::Key(Key::Enter));
    let batch_id = batch(0).id;
    let opened = NetMessage::StreamOpened(Stream::Batch(batch_id.clone()));
    update(&mut state, Message::Net(opened));
    let all = items(1, 0.1);
    let mut events: Vec<Event> = all
        .chunks(200)
        .enumerate()
        .map(|(part, items)| {
            Event::Snapshot(Snapshot {
                batch: (part == 0).then(|| batch(0)),
                items: items.to_vec(),
            })
        })
        .collect();
    events.push(Event::SnapshotComplete(SnapshotComplete {
        revision: 1,
        unchanged: false,
    }));
    for event in events {
        tell(&mut state, event);
    }
    state
}

fn tell(state: &mut State, event: batch_status_response::Event) {
    let message = NetMessage::Batch {
        batch_id: batch(0).id,
        event: Box::new(event),
    };
    update(state, Message::Net(message));
}

/// One item of the open batch is a little further.
pub fn advance(state: &mut State, revision: i64, progress: f64) {
    let item = items(revision, progress).swap_remove(1);
    tell(
        state,
        batch_status_response::Event::Update(batch_status_response::Update {
            batch: Some(v1::Batch {
                revision,
                ..batch(0)
            }),
            items: vec![item],
            revision,
        }),
    );
}

/// A terminal that keeps what it is told.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<Vec<u8>>>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes that go to the terminal when one item of the open batch changes: the most of several changes.
///
/// # Panics
/// When it cannot be drawn.
pub fn bytes_of_a_change() -> usize {
    let mut state = opened();
    let line = Line::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, SIZE.0, SIZE.1));
    let backend = CrosstermBackend::new(line.clone());
    let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
    terminal.draw(|frame| view::draw(&state, frame)).unwrap();
    let mut most = 0;
    for step in 1..=8 {
        line.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        advance(&mut state, 1 + step, 0.1 + step as f64 / 10.0);
        terminal.draw(|frame| view::draw(&state, frame)).unwrap();
        let bytes = line.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        assert!(bytes > 0, "the change is to be seen");
        most = most.max(bytes);
    }
    most
}

/// Processor time of so many pictures.
fn drawn<B: Backend>(terminal: &mut Terminal<B>, state: Option<&State>) -> Duration
where
    B::Error: std::fmt::Debug,
{
    let ((), time) = process::measured(|| {
        for _ in 0..FRAMES {
            terminal
                .draw(|frame| {
                    if let Some(state) = state {
                        view::draw(state, frame);
                    }
                })
                .unwrap();
        }
    });
    time
}

/// See the module's page.
pub fn figures() -> Vec<Figure> {
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let screens = [("10,000 batches", list(BATCHES)), ("1,000 items", opened())];
    let mut figures = Vec::new();
    for (name, state) in &screens {
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let taken = drawn(&mut terminal, Some(state)).as_secs_f64();
            let least = drawn(&mut terminal, None).as_secs_f64();
            ratios.push(taken / least);
            times.push(taken * 1e6 / FRAMES as f64);
        }
        figures.push(
            Figure::ratio(
                &format!("building a frame of {name} at 120×40: CPU"),
                "an empty frame",
                median(ratios),
                Target::AtMost(5.0),
            )
            .with(format!("{:.0} µs", median(times))),
        );
    }
    figures.push(Figure::count(
        "bytes a frame to the terminal when one item changes",
        bytes_of_a_change() as f64,
        "",
        Target::AtMost(300.0),
    ));
    figures
}
