//! A batch that is being made.

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, FilesEffect, Message, NetEffect, NetMessage, Refusal, TransferId,
};
use vision_batch::v1;

use super::samples::{self, Driver, NOW, new_batch, quote};
use super::{assert_hides, assert_shows, user};

#[test]
fn a_draft_is_quoted_while_it_is_marked_and_kept_on_esc() {
    let mut driver = user();
    new_batch(&mut driver);
    assert_shows(&driver, "2 x 2 cr = 4 cr");
    assert_shows(&driver, "balance 214 -> 210");
    assert_shows(&driver, "not PNG/JPEG/WebP");
    assert_shows(&driver, "30.6 MiB > 20 MiB");
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
    driver.keys("n");
    assert_shows(&driver, "春季宣传片 第二批");
    assert_shows(&driver, "2 images marked");
}

#[test]
fn submitting_twice_after_a_lost_answer_is_the_same_request() {
    let mut driver = user();
    new_batch(&mut driver);
    driver.effects.clear();
    driver.press(Key::Ctrl('s'));
    let first = upload(&mut driver);
    assert_eq!(first.1.name, "春季宣传片 第二批");
    assert_eq!(first.1.engine, "lightx2v");
    assert_eq!(first.1.max_credits, Some(4));
    driver.net(NetMessage::Progress {
        transfer: first.0,
        done_bytes: 1 << 20,
        total_bytes: Some(4 << 20),
    });
    assert_shows(&driver, "Uploading");
    assert_shows(&driver, "25%");
    let lost = Refusal::new(Cause::Unreachable, "reset");
    driver.net(NetMessage::Uploaded {
        transfer: first.0,
        result: Err(lost.clone()),
    });
    assert_shows(&driver, "The server cannot be reached");
    driver.press(Key::Ctrl('s'));
    let second = upload(&mut driver);
    assert_eq!(first.1.request_id, second.1.request_id);
    driver.net(NetMessage::Uploaded {
        transfer: second.0,
        result: Err(lost),
    });
    // Another content is another request.
    driver.keys(" ");
    let numbers = driver
        .asked()
        .into_iter()
        .filter_map(|effect| match effect {
            NetEffect::Quote { number, .. } => Some(number),
            _ => None,
        });
    for number in numbers.collect::<Vec<_>>() {
        driver.net(NetMessage::Quoted {
            number,
            result: Ok(quote(1)),
        });
    }
    driver.press(Key::Ctrl('s'));
    let third = upload(&mut driver);
    assert_ne!(first.1.request_id, third.1.request_id);
    let made = samples::batch(99, "春季宣传片 第二批", "zhangwei", [2, 0, 0, 0, 0], 0);
    driver.net(NetMessage::Uploaded {
        transfer: third.0,
        result: Ok(Box::new(v1::CreateBatchResponse {
            batch: Some(made),
            credit_balance: 210,
            replayed: false,
        })),
    });
    assert_eq!(driver.state.mode(), Mode::Batch);
    assert_shows(&driver, "Submitted 春季宣传片 第二批.");
    assert_shows(&driver, "210 cr");
}

#[track_caller]
fn upload(driver: &mut Driver) -> (TransferId, v1::BatchSpec) {
    driver
        .asked()
        .into_iter()
        .find_map(|effect| match effect {
            NetEffect::CreateBatch { transfer, spec, .. } => Some((transfer, spec)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_draft_says_what_is_missing() {
    let mut driver = user();
    driver.keys("n").press(Key::Ctrl('s'));
    assert_shows(&driver, "Choose an audio file first.");
    let mut driver = user();
    new_batch(&mut driver);
    let mut poor = quote(2);
    poor.affordable = false;
    poor.balance_before = 3;
    poor.balance_after = -1;
    driver.send(Message::Tick(Timestamp::from_second(NOW + 60).unwrap()));
    let number = driver
        .asked()
        .into_iter()
        .rev()
        .find_map(|effect| match effect {
            NetEffect::Quote { number, .. } => Some(number),
            _ => None,
        })
        .unwrap();
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(poor),
    });
    assert_shows(&driver, "not enough");
    driver.press(Key::Ctrl('s'));
    assert_shows(&driver, "It costs 4 credits and you have 3.");
}

#[test]
fn dropped_files_are_marked_and_looked_at() {
    let mut driver = user();
    new_batch(&mut driver);
    driver.effects.clear();
    driver.send(Message::Paste(
        "'/tmp/my picture.png' /tmp/other.mp3".to_owned(),
    ));
    let probes: Vec<String> = driver
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Files(FilesEffect::ProbeAudio { path, .. }) => Some(path.display().to_string()),
            Effect::Files(FilesEffect::ProbeImages { paths, .. }) => {
                paths.first().map(|path| path.display().to_string())
            }
            _ => None,
        })
        .collect();
    assert_eq!(probes, ["/tmp/other.mp3", "/tmp/my picture.png"]);
}

#[test]
fn nothing_is_submitted_at_a_price_that_was_not_seen() {
    let mut driver = user();
    new_batch(&mut driver);
    driver.effects.clear();
    // Another mark and the submit come at once, before the server could say what it costs now.
    driver.keys(" ").press(Key::Ctrl('s'));
    let asked = driver.asked();
    let is_upload = |it: &NetEffect| matches!(it, NetEffect::CreateBatch { .. });
    assert!(!asked.iter().any(is_upload), "{asked:?}");
    assert_shows(&driver, "The price is not known yet");
    // Esc and s that arrive together are no command.
    driver.press(Key::Alt('s'));
    assert!(!driver.asked().iter().any(is_upload));
}

#[test]
fn the_cost_is_of_what_is_marked_also_before_the_server_has_answered_anew() {
    let mut driver = user();
    new_batch(&mut driver);
    assert_shows(&driver, "2 x 2 cr = 4 cr");
    // One mark less: at once the sums are of what is marked, not of what was.
    driver.keys("k ");
    assert_shows(&driver, "1 image marked");
    assert_shows(&driver, "1 x 2 cr = 2 cr");
    assert_shows(&driver, "balance 214 -> 212");
    // With another engine the price is another one, and nothing is reckoned with the old one.
    driver.press(Key::Tab).press(Key::Tab).press(Key::Right);
    assert_hides(&driver, "x 2 cr");
}

#[test]
fn the_keys_of_the_engine_are_in_its_help() {
    let mut driver = user();
    driver.keys("n").press(Key::Tab);
    assert_eq!(driver.state.mode(), Mode::Engine);
    assert_shows(&driver, "(*) LightX2V");
    driver.press(Key::Ctrl('g'));
    assert_shows(&driver, "next choice");
    driver.press(Key::Esc).press(Key::Left);
    assert_shows(&driver, "(*) preview");
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Fields);
}
