//! Sample states: a session as the server would tell it, in one moment that never changes.

#![allow(dead_code, reason = "each of those who include this uses a part")]
#![allow(clippy::unwrap_used, reason = "samples are right or the test fails")]
#![allow(unused_imports, reason = "each of those who include this uses a part")]

mod batches;
mod draft;
mod office;
mod scenes;

use std::path::PathBuf;

pub use batches::*;
pub use draft::*;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
pub use office::*;
pub use scenes::*;
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    Directories, Effect, Look, Message, NetEffect, NetMessage, Start, State, Stream, update,
};
use vision_batch::v1;
use vision_batch::v1::{wait, watch_batches_response};

/// 2026-11-22 03:20:00 in the zone of the samples.
pub const NOW: i64 = 1_795_288_800;

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub fn at(seconds_from_now: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: NOW + seconds_from_now,
        nanos: 0,
    })
}

fn spanning(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

pub fn start(look: Look, size: (u16, u16)) -> Start {
    Start {
        look,
        server: "127.0.0.1:50051".to_owned(),
        username: String::new(),
        resume: false,
        read_only: false,
        player: true,
        bell: false,
        mouse: false,
        way_here: None,
        directories: Some(Directories {
            working: PathBuf::from("/home/wang/pics/spring"),
            home: Some(PathBuf::from("/home/wang")),
            downloads: PathBuf::from("/home/wang/Downloads"),
        }),
        now: now(),
        time_zone: TimeZone::fixed(Offset::constant(8)),
        size,
        seed: 7,
    }
}

/// A screen that is driven from a test.
pub struct Driver {
    pub state: State,
    pub effects: Vec<Effect>,
}

impl Driver {
    pub fn new(start: Start) -> Self {
        let (state, effects) = State::new(start);
        Self { state, effects }
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        let effects = update(&mut self.state, message);
        self.effects.extend(effects);
        self
    }

    pub fn net(&mut self, message: NetMessage) -> &mut Self {
        self.send(Message::Net(message))
    }

    pub fn press(&mut self, key: Key) -> &mut Self {
        self.send(Message::Key(key))
    }

    /// Presses one key for each character.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            self.press(Key::Char(key));
        }
        self
    }

    /// What was asked of the network since the last look.
    pub fn asked(&mut self) -> Vec<NetEffect> {
        self.effects
            .drain(..)
            .filter_map(|effect| match effect {
                Effect::Net(effect) => Some(effect),
                _ => None,
            })
            .collect()
    }
}

pub fn user(name: &str, role: v1::user::Role) -> v1::User {
    v1::User {
        id: format!("user-{name}"),
        username: name.to_owned(),
        role: role.into(),
        credit_balance: 9_979,
        etag: format!("etag-{name}"),
        ..v1::User::default()
    }
}

fn engine(name: &str, price: i32, is_default: bool) -> v1::EngineInfo {
    v1::EngineInfo {
        name: name.to_owned(),
        is_default,
        health: v1::engine_info::Health::Ok.into(),
        credits_per_item: price,
        seconds_per_credit: (price > 0).then_some(30),
        slots: Some(v1::Slots {
            limit: 3,
            running: if price > 0 { 3 } else { 0 },
            ..v1::Slots::default()
        }),
    }
}

pub fn status(token: v1::upstream::TokenState) -> v1::ServiceStatus {
    let mut waiting = vec![v1::WaitingCount {
        reason: wait::Reason::Slot.into(),
        count: 12,
    }];
    if token == v1::upstream::TokenState::Refused {
        waiting.push(v1::WaitingCount {
            reason: wait::Reason::UpstreamToken.into(),
            count: 31,
        });
    }
    v1::ServiceStatus {
        dispatch_state: v1::dispatch::State::Running.into(),
        engines: vec![engine("preview", 0, false), engine("lightx2v", 1, true)],
        waiting,
        upstream: Some(v1::Upstream {
            engine: "lightx2v".to_owned(),
            health: v1::engine_info::Health::Ok.into(),
            token_state: token.into(),
            token_state_since: at(-3_960),
            daily_limit: 100,
            daily_used: 38,
            ..v1::Upstream::default()
        }),
        ..v1::ServiceStatus::default()
    }
}

pub fn service() -> v1::GetServiceInfoResponse {
    v1::GetServiceInfoResponse {
        version: "0.1.0".to_owned(),
        server_time: at(0),
        limits: Some(v1::Limits {
            image_bytes_max: 20 << 20,
            image_pixels_max: 50_000_000,
            audio_bytes_max: 20 << 20,
            audio_duration_max: spanning(600),
            images_per_batch_max: 1000,
            name_characters_max: 200,
            prompt_characters_max: 2000,
            ..v1::Limits::default()
        }),
        default_prompt: "根据音频生成对应视频".to_owned(),
        status: Some(status(v1::upstream::TokenState::Ok)),
    }
}

/// Signed in, the list there.
pub fn signed_in(start: Start, name: &str, role: v1::user::Role) -> Driver {
    let mut driver = Driver::new(start);
    driver.net(NetMessage::SignedIn {
        user: user(name, role),
    });
    driver.net(NetMessage::ServiceInfo(Box::new(service())));
    list(&mut driver, batches(), v1::upstream::TokenState::Ok);
    driver.effects.clear();
    driver
}

pub fn list(driver: &mut Driver, batches: Vec<v1::Batch>, token: v1::upstream::TokenState) {
    list_of(driver, batches, counts().total, token);
}

/// The beginning of a list of so many.
pub fn list_of(
    driver: &mut Driver,
    batches: Vec<v1::Batch>,
    total: i32,
    token: v1::upstream::TokenState,
) {
    use watch_batches_response::{Event, Snapshot, SnapshotComplete};
    driver.net(NetMessage::StreamOpened(Stream::Batches));
    for part in batches.chunks(200) {
        let snapshot = Snapshot {
            batches: part.to_vec(),
        };
        driver.net(NetMessage::Batches(Box::new(Event::Snapshot(snapshot))));
    }
    let end = SnapshotComplete {
        revision: 9,
        unchanged: false,
        counts: Some(v1::BatchCounts { total, ..counts() }),
        credit_balance: 9_979,
        status: Some(status(token)),
    };
    driver.net(NetMessage::Batches(Box::new(Event::SnapshotComplete(end))));
}

/// The characters of a picture, one line a row.
pub fn text(picture: &ratatui::buffer::Buffer) -> String {
    use unicode_width::UnicodeWidthStr as _;
    let mut text = String::new();
    for y in picture.area.top()..picture.area.bottom() {
        let mut x = picture.area.left();
        while x < picture.area.right() {
            let symbol = picture[(x, y)].symbol();
            text.push_str(symbol);
            // The second cell of a wide character holds nothing of its own.
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        text.push('\n');
    }
    text
}
