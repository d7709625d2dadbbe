//! Batches and their items.

use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Effect, NetEffect, NetMessage, Stream};
use vision_batch::v1;
use vision_batch::v1::item_failure::Reason as Failure;
use vision_batch::v1::video_item::{Stage, State as ItemState};
use vision_batch::v1::{batch_status_response, wait};

use super::{Driver, at, spanning};

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
