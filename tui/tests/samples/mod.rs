//! Sample states: a session as the server would tell it, in one moment that never changes.

#![allow(dead_code, reason = "each of those who include this uses a part")]
#![allow(clippy::unwrap_used, reason = "samples are right or the test fails")]

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use vbatch_tui::files::{AudioFacts, Entry, FilesMessage, ImageFacts, Unusable};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    Directories, Effect, Look, Message, NetEffect, NetMessage, Start, State, Stream, update,
};
use vision_batch::v1;
use vision_batch::v1::item_failure::Reason as Failure;
use vision_batch::v1::video_item::{Stage, State as ItemState};
use vision_batch::v1::{batch_status_response, wait, watch_batches_response};

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

/// Total, completed, failed, processing, cancelled.
type Numbers = [i32; 5];

pub fn batch(number: i64, name: &str, owner: &str, numbers: Numbers, age: i64) -> v1::Batch {
    use v1::batch::State;
    let [total, completed, failed, processing, cancelled] = numbers;
    let pending = total - completed - failed - processing - cancelled;
    let state = match (pending + processing, completed, failed) {
        (0, 1.., _) => State::Completed,
        (0, 0, 1..) => State::Failed,
        (0, ..) => State::Cancelled,
        _ if processing + completed + failed == 0 => State::Created,
        _ => State::Processing,
    };
    let open = pending + processing > 0;
    v1::Batch {
        id: format!("0193a5b2-0000-7000-8000-{number:012x}"),
        name: name.to_owned(),
        prompt: "根据音频生成对应视频".to_owned(),
        engine: "lightx2v".to_owned(),
        owner_id: format!("user-{owner}"),
        owner_name: owner.to_owned(),
        state: state.into(),
        item_counts: Some(v1::ItemCounts {
            total,
            pending,
            processing,
            completed,
            failed,
            cancelled,
        }),
        has_failures: failed > 0,
        needs_attention: failed > 0,
        progress_estimate: f64::from(completed + failed + cancelled) / f64::from(total),
        audio: Some(v1::Audio {
            filename: "voice.mp3".to_owned(),
            media_type: "audio/mpeg".to_owned(),
            size_bytes: 480_000,
            duration: spanning(28),
            ..v1::Audio::default()
        }),
        credits_per_item: 1,
        credits_charged: total,
        credits_refunded: failed + cancelled,
        create_time: at(-age),
        start_time: at(-age + 5),
        finish_time: if open { None } else { at(-age + 1_500) },
        expected_finish_time: if open {
            at(i64::from(pending + processing) * 120)
        } else {
            None
        },
        revision: 1,
        ..v1::Batch::default()
    }
}

pub fn batches() -> Vec<v1::Batch> {
    let mut spring = batch(
        9,
        "春季宣传片 第一批（王老师口播）",
        "zhangwei",
        [20, 9, 1, 3, 0],
        10_900,
    );
    spring.last_ended_item = Some(v1::EndedItem {
        item_id: "7".to_owned(),
        position: 7,
        filename: "portrait_07.png".to_owned(),
        state: ItemState::Failed.into(),
        failure_reason: Failure::UpstreamBadInput.into(),
        finish_time: at(-130),
    });
    let mut voice = batch(
        8,
        "spring-launch-voice-b",
        "zhangwei",
        [20, 4, 0, 0, 0],
        10_700,
    );
    voice.wait = Some(v1::Wait {
        reason: wait::Reason::Slot.into(),
        until: None,
    });
    let mut tour = batch(10, "product-tour-de", "zhangwei", [12, 0, 0, 0, 0], 310);
    tour.engine = "preview".to_owned();
    tour.credits_per_item = 0;
    tour.credits_charged = 0;
    let mut seen = batch(
        6,
        "onboarding-zh 新员工入职培训（2026 秋季）final-v3.wav",
        "wang.fang",
        [20, 18, 2, 0, 0],
        21_800,
    );
    seen.needs_attention = false;
    vec![
        spring,
        voice,
        tour,
        batch(7, "onboarding-en", "zhangwei", [20, 20, 0, 0, 0], 21_700),
        seen,
        batch(5, "bad-audio-test", "zhangwei", [3, 0, 3, 0, 0], 25_300),
        batch(4, "客服问候语", "wang.fang", [8, 5, 0, 0, 3], 90_000),
        batch(3, "holiday cancelled", "zhangwei", [6, 0, 0, 0, 6], 190_000),
    ]
}

pub fn counts() -> v1::BatchCounts {
    v1::BatchCounts {
        total: 40,
        created: 1,
        processing: 4,
        completed: 32,
        failed: 1,
        cancelled: 2,
        needs_attention: 2,
        has_failures: 3,
    }
}

fn item(position: i32, name: &str, state: ItemState, stage: Stage) -> v1::VideoItem {
    v1::VideoItem {
        id: format!("item-{position}"),
        batch_id: batches()[0].id.clone(),
        position,
        source_image: Some(v1::SourceImage {
            filename: name.to_owned(),
            media_type: "image/png".to_owned(),
            size_bytes: 1_887_436,
            width_px: 1024,
            height_px: 1024,
            ..v1::SourceImage::default()
        }),
        state: state.into(),
        stage: stage.into(),
        round: 1,
        create_time: at(-10_900),
        revision: 1,
        credits_charged: 1,
        ..v1::VideoItem::default()
    }
}

pub fn items() -> Vec<v1::VideoItem> {
    let mut items = Vec::new();
    for position in 1..=20 {
        let name = match position {
            5 => "王芳-正面照（修图 最终版 再也不改了）-IMG_20260314_093011.jpg".to_owned(),
            9 => "famille 👨‍👩‍👧 a la mer.png".to_owned(),
            _ => format!("portrait_{position:02}.png"),
        };
        items.push(match position {
            7 => {
                let mut failed = item(7, &name, ItemState::Failed, Stage::Unspecified);
                failed.attempt_count = 2;
                failed.start_time = at(-300);
                failed.finish_time = at(-130);
                failed.credits_refunded = 1;
                failed.failure = Some(failure(
                    Failure::UpstreamBadInput,
                    "cannot identify image file",
                ));
                failed
            }
            8 => {
                let mut running = item(8, &name, ItemState::Processing, Stage::Generating);
                running.attempt_count = 1;
                running.start_time = at(-100);
                running.progress_estimate = Some(0.62);
                running
            }
            9 => {
                let mut running = item(9, &name, ItemState::Processing, Stage::Fetching);
                running.attempt_count = 1;
                running.start_time = at(-140);
                running.fetched_bytes = Some(3_400_000);
                running.total_bytes = Some(4_100_000);
                running
            }
            10 => {
                let mut queued = item(10, &name, ItemState::Processing, Stage::UpstreamQueued);
                queued.attempt_count = 1;
                queued.start_time = at(-12);
                queued.queue_position = Some(2);
                queued.expected_wait = spanning(180);
                queued
            }
            11 => {
                let mut waiting = item(11, &name, ItemState::Pending, Stage::Unspecified);
                waiting.attempt_count = 1;
                waiting.wait = Some(v1::Wait {
                    reason: wait::Reason::BackOff.into(),
                    until: at(40),
                });
                waiting
            }
            12..=20 => {
                let mut waiting = item(position, &name, ItemState::Pending, Stage::Unspecified);
                waiting.wait = Some(v1::Wait {
                    reason: wait::Reason::Slot.into(),
                    until: None,
                });
                waiting
            }
            _ => {
                let mut done = item(position, &name, ItemState::Completed, Stage::Unspecified);
                done.attempt_count = 1;
                done.start_time = at(-3_000);
                done.finish_time = at(-2_870);
                done.result = Some(v1::VideoResult {
                    media_type: "video/mp4".to_owned(),
                    size_bytes: 4_300_000,
                    duration: spanning(28),
                    width_px: 640,
                    height_px: 640,
                    ..v1::VideoResult::default()
                });
                done
            }
        });
    }
    items
}

fn failure(reason: Failure, said: &str) -> v1::ItemFailure {
    v1::ItemFailure {
        reason: reason.into(),
        message: "failed".to_owned(),
        upstream_message: said.to_owned(),
        retryable: false,
    }
}

pub fn attempts() -> Vec<v1::Attempt> {
    use v1::attempt::Outcome;
    let attempt = |number: i32, start: i64, end: i64, outcome: Outcome| v1::Attempt {
        number,
        round: 1,
        seed: 81_723_645 + number,
        engine: "lightx2v".to_owned(),
        upstream_task_id: Some("7b1f2c1e-aaaa-4bbb-8ccc-0123456e9c2e".to_owned()),
        outcome: outcome.into(),
        start_time: at(start),
        finish_time: at(end),
        ..v1::Attempt::default()
    };
    let mut first = attempt(1, -300, -210, Outcome::TriedAgain);
    first.failure = Some(failure(Failure::WorkerLost, "PING timeout"));
    let mut second = attempt(2, -140, -130, Outcome::Failed);
    second.failure = Some(failure(
        Failure::UpstreamBadInput,
        "cannot identify image file",
    ));
    vec![first, second]
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

/// The first batch opened, its items there.
pub fn open_batch(driver: &mut Driver) {
    driver.press(Key::Enter);
    let id = batches()[0].id.clone();
    fill_batch(driver, &id, items());
    answer_detail(driver);
}

pub fn fill_batch(driver: &mut Driver, id: &str, items: Vec<v1::VideoItem>) {
    use batch_status_response::{Event, Snapshot, SnapshotComplete};
    driver.net(NetMessage::StreamOpened(Stream::Batch(id.to_owned())));
    let mut event = |event| {
        driver.net(NetMessage::Batch {
            batch_id: id.to_owned(),
            event: Box::new(event),
        });
    };
    for part in items.chunks(200) {
        event(Event::Snapshot(Snapshot {
            batch: None,
            items: part.to_vec(),
        }));
    }
    event(Event::SnapshotComplete(SnapshotComplete {
        revision: 1,
        unchanged: false,
    }));
}

/// Answers the question for the details of the item under the cursor.
pub fn answer_detail(driver: &mut Driver) {
    let asked = driver.effects.iter().rev().find_map(|effect| match effect {
        Effect::Net(NetEffect::LoadItem(request)) => Some(request.item_id.clone()),
        _ => None,
    });
    let item = items()
        .into_iter()
        .find(|item| Some(&item.id) == asked.as_ref());
    let Some(item) = item else { return };
    let attempts = match item.state() {
        ItemState::Failed => attempts(),
        ItemState::Pending => Vec::new(),
        _ => vec![attempts().remove(0)],
    };
    driver.net(NetMessage::Item {
        item_id: item.id.clone(),
        result: Ok(Box::new(v1::GetItemResponse {
            item: Some(item),
            attempts,
        })),
    });
}

/// The screen for a new batch, with files, marks, an audio and a quote.
pub fn new_batch(driver: &mut Driver) {
    driver.keys("n");
    let directory = PathBuf::from("/home/wang/pics/spring");
    let entry = |name: &str, size_bytes: u64| Entry {
        name: name.to_owned(),
        path: directory.join(name),
        is_directory: size_bytes == 0,
        size_bytes,
    };
    let entries = vec![
        entry("raw", 0),
        entry("portrait_01.png", 1_887_436),
        entry("portrait_02.png", 2_100_000),
        entry(
            "王芳-正面照（修图 最终版 再也不改了）-IMG_20260314_093011.jpg",
            943_718,
        ),
        entry("scan.tif", 8_000_000),
        entry("huge.png", 32_000_000),
        entry("wang_takeB.mp3", 771_000),
        entry("portrait_10.png", 1_500_000),
        entry("portrait_11.png", 1_500_000),
    ];
    driver.send(Message::Files(FilesMessage::Listed {
        directory: directory.clone(),
        result: Ok(entries.clone()),
    }));
    for entry in entries.iter().filter(|it| !it.is_directory) {
        let result = match entry.name.as_str() {
            "scan.tif" => Err(Unusable::Kind),
            "huge.png" => Err(Unusable::TooLarge {
                found_bytes: 32_000_000,
                limit_bytes: 20 << 20,
            }),
            "wang_takeB.mp3" | "portrait_11.png" => continue,
            _ => Ok(ImageFacts {
                kind: "PNG",
                width_px: 1024,
                height_px: 1024,
                size_bytes: entry.size_bytes,
            }),
        };
        driver.send(Message::Files(FilesMessage::ImageProbed {
            path: entry.path.clone(),
            result,
        }));
    }
    driver.keys("春季宣传片 第二批");
    driver.press(Key::Tab).press(Key::Tab);
    driver.keys("wang_takeB.mp3");
    driver.send(Message::Files(FilesMessage::AudioProbed {
        path: directory.join("wang_takeB.mp3"),
        result: Ok(AudioFacts {
            kind: "MP3",
            duration: Duration::from_secs(48),
            size_bytes: 771_000,
        }),
    }));
    driver.press(Key::Tab).press(Key::Tab);
    // Past the way out, the directory and what cannot be used.
    driver.keys("jjj  ");
    let number = driver.effects.iter().rev().find_map(|effect| match effect {
        Effect::Net(NetEffect::Quote { number, .. }) => Some(*number),
        _ => None,
    });
    for number in number.into_iter().flat_map(|number| [number, number + 1]) {
        driver.net(NetMessage::Quoted {
            number,
            result: Ok(quote(2)),
        });
    }
}

pub fn quote(images: i32) -> v1::QuoteBatchResponse {
    v1::QuoteBatchResponse {
        engine: "lightx2v".to_owned(),
        credits: images * 2,
        credits_per_item: 2,
        balance_before: 214,
        balance_after: 214 - images * 2,
        affordable: true,
        expected_finish_time: at(2_100),
        wait: None,
        items_ahead: 31,
        slot_limit: 3,
        daily_tasks_left: Some(62),
    }
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

/// Users as an admin sees them.
pub fn users() -> Vec<v1::User> {
    use v1::user::SignInMethod;
    let mut wang = user("zhangwei", v1::user::Role::User);
    wang.credit_balance = 174;
    wang.credits_held = 40;
    wang.active_item_count = 34;
    wang.completed_video_count = 1_204;
    wang.display_name = "张伟".to_owned();
    wang.online = true;
    wang.last_sign_in_time = at(-600);
    wang.last_sign_in_method = SignInMethod::Ssh.into();
    let mut fang = user("wang.fang", v1::user::Role::User);
    fang.credit_balance = 100;
    fang.password_change_required = true;
    let mut old = user("old.colleague", v1::user::Role::User);
    old.credit_balance = 3;
    old.disabled = true;
    old.completed_video_count = 77;
    old.last_sign_in_time = at(-4_000_000);
    let mut admin = user("admin", v1::user::Role::Admin);
    admin.last_sign_in_time = at(-90);
    admin.last_sign_in_method = SignInMethod::Password.into();
    vec![admin, old, fang, wang]
}

/// Movements of the credits of zhangwei, newest first: a batch of twenty, a refund, a gift.
pub fn entries() -> Vec<v1::LedgerEntry> {
    use v1::ledger_entry::Kind;
    let entry = |sequence: i64, commit: i64, kind: Kind, delta: i32, balance: i32, ago: i64| {
        v1::LedgerEntry {
            id: format!("entry-{sequence}"),
            sequence,
            commit_sequence: commit,
            user_id: "user-zhangwei".to_owned(),
            username: "zhangwei".to_owned(),
            kind: kind.into(),
            delta,
            balance_after: balance,
            create_time: at(-ago),
            actor: Some(v1::Actor {
                kind: v1::actor::Kind::User.into(),
                id: String::new(),
                name: "zhangwei".to_owned(),
            }),
            ..v1::LedgerEntry::default()
        }
    };
    let mut entries: Vec<v1::LedgerEntry> = (1..=20)
        .rev()
        .map(|number| {
            let position = i32::try_from(number).unwrap();
            let mut charge = entry(30 + number, 7, Kind::Charge, -1, 194 - position, 2_333);
            charge.batch_id = Some("batch-9".to_owned());
            charge.batch_name = Some("春季宣传片 第一批".to_owned());
            charge.item_position = Some(position);
            charge
        })
        .collect();
    let mut refund = entry(20, 6, Kind::Refund, 1, 194, 7_600);
    refund.batch_id = Some("batch-4".to_owned());
    refund.batch_name = Some("客服问候语".to_owned());
    refund.item_position = Some(4);
    if let Some(actor) = &mut refund.actor {
        actor.kind = v1::actor::Kind::System.into();
        actor.name = "system".to_owned();
    }
    let mut gift = entry(10, 5, Kind::Adjustment, 93, 193, 90_000);
    gift.note = "十一月的份额".to_owned();
    if let Some(actor) = &mut gift.actor {
        actor.name = "admin".to_owned();
    }
    entries.extend([refund, gift, entry(1, 1, Kind::Grant, 100, 100, 4_000_000)]);
    entries
}

/// The service as an admin sees it.
pub fn system() -> v1::SystemStatus {
    use v1::upstream_error_count::Class;
    use v1::warning::{Reason, Severity};
    let mut upstream = status(v1::upstream::TokenState::Ok).upstream.unwrap();
    upstream.host = "lightx2v.example:443".to_owned();
    upstream.last_success_time = at(-4);
    upstream.token_expire_time = at(68_400);
    upstream.accounts = vec![
        v1::UpstreamAccount {
            account: "studio-01".to_owned(),
            token_state: v1::upstream::TokenState::Ok.into(),
            running_attempts: 3,
            ..v1::UpstreamAccount::default()
        },
        v1::UpstreamAccount {
            account: "old-studio".to_owned(),
            token_state: v1::upstream::TokenState::Expired.into(),
            cleanups: 1,
            ..v1::UpstreamAccount::default()
        },
    ];
    let error = |class: Class, count| v1::UpstreamErrorCount {
        class: class.into(),
        count,
    };
    let done = [
        2, 3, 1, 0, 0, 0, 4, 6, 9, 12, 11, 8, 7, 12, 14, 9, 3, 0, 0, 1, 5, 8, 11, 4,
    ];
    v1::SystemStatus {
        version: "0.1.0".to_owned(),
        start_time: at(-400_000),
        dispatch: Some(v1::Dispatch {
            state: v1::dispatch::State::Running.into(),
            concurrency: 3,
            changed_by: "admin".to_owned(),
            change_time: at(-7_300),
        }),
        slots: Some(v1::Slots {
            limit: 3,
            running: 3,
            ..v1::Slots::default()
        }),
        engines: status(v1::upstream::TokenState::Ok).engines,
        waiting: vec![
            v1::WaitingCount {
                reason: wait::Reason::Slot.into(),
                count: 500,
            },
            v1::WaitingCount {
                reason: wait::Reason::BackOff.into(),
                count: 31,
            },
        ],
        oldest_pending_time: at(-2_280),
        expected_drain: spanning(460_000),
        upstream: Some(upstream),
        recent_errors: vec![error(Class::Busy, 2), error(Class::Reset, 1)],
        throughput: done
            .iter()
            .enumerate()
            .map(|(index, completed)| v1::ThroughputPoint {
                start_time: at((i64::try_from(index).unwrap() - 23) * 3_600 - 1_200),
                interval: spanning(3_600),
                completed: *completed,
                failed: i32::from(*completed > 11),
            })
            .collect(),
        storage: Some(v1::StorageUsage {
            images_bytes: 3 << 30,
            audios_bytes: 200 << 20,
            videos_bytes: 40 << 30,
            database_bytes: 412 << 20,
            disk_free_bytes: 78 << 30,
            disk_total_bytes: 200 << 30,
        }),
        sessions: 4,
        watchers: 6,
        last_verify: Some(v1::VerifyResult {
            finish_time: at(-4_800),
            ok: true,
            detail: String::new(),
        }),
        warnings: vec![
            v1::Warning {
                reason: Reason::UpstreamTokenExpiring.into(),
                severity: Severity::Warning.into(),
                metadata: [(
                    "expire_time".to_owned(),
                    Timestamp::from_second(NOW + 68_400).unwrap().to_string(),
                )]
                .into(),
                ..v1::Warning::default()
            },
            v1::Warning {
                reason: Reason::BackupMissing.into(),
                severity: Severity::Info.into(),
                ..v1::Warning::default()
            },
        ],
        ..v1::SystemStatus::default()
    }
}

/// Answers every question about users, movements and the service that was asked and not answered yet.
pub fn answer_admin(driver: &mut Driver) {
    loop {
        let asked = driver.asked();
        if asked.is_empty() {
            return;
        }
        for effect in asked {
            let answer = match effect {
                NetEffect::ListUsers { number, .. } => NetMessage::UserPage {
                    number,
                    result: Ok(Box::new(v1::ListUsersResponse {
                        users: users(),
                        next_page_token: String::new(),
                    })),
                },
                NetEffect::ListLedger { number, request } => {
                    let all = entries();
                    let mine = request.user_id == "user-zhangwei";
                    NetMessage::LedgerPage {
                        user_id: request.user_id,
                        number,
                        result: Ok(Box::new(v1::ListLedgerEntriesResponse {
                            entries: if mine { all } else { Vec::new() },
                            next_page_token: String::new(),
                        })),
                    }
                }
                NetEffect::LoadSystem => {
                    NetMessage::System(Ok(Box::new(v1::GetSystemStatusResponse {
                        status: Some(system()),
                    })))
                }
                _ => continue,
            };
            driver.net(answer);
        }
    }
}
