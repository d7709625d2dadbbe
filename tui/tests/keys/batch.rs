//! One batch, and its videos.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, Look, NetEffect, NetMessage, Refusal, TerminalEffect, TransferId,
};
use vision_batch::v1;
use vision_batch::v1::user::Role;

use super::samples::{self, items, open_batch, signed_in, start};
use super::{SIZE, assert_shows, user};

#[test]
fn a_batch_is_watched_while_it_is_open() {
    let mut driver = user();
    driver.press(Key::Enter);
    let id = samples::batches()[0].id.clone();
    let asked = driver.asked();
    assert!(
        matches!(&asked[..], [NetEffect::WatchBatch(request), NetEffect::AcknowledgeFailures { .. }]
        if request.batch_id == id && request.follow)
    );
    samples::fill_batch(&mut driver, &id, items());
    // Failures come first; the details of the one under the cursor are asked for once.
    assert!(
        matches!(&driver.asked()[..], [NetEffect::LoadItem(request)] if request.item_id == "item-7")
    );
    driver.press(Key::Esc);
    assert_eq!(driver.asked(), [NetEffect::UnwatchBatch]);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn moving_fast_asks_for_the_details_of_the_last_row_alone() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.effects.clear();
    driver.keys("jjjj");
    assert_eq!(driver.asked().len(), 1, "one question at a time");
    driver.effects.clear();
    driver.net(NetMessage::Item {
        item_id: "item-9".to_owned(),
        result: Err(Refusal::new(Cause::TimedOut, "")),
    });
    let asked = driver.asked();
    assert!(matches!(&asked[..], [NetEffect::LoadItem(request)] if request.item_id == "item-11"));
}

#[test]
fn a_failed_item_says_what_to_do() {
    let mut driver = user();
    open_batch(&mut driver);
    assert_shows(
        &driver,
        "What to do: Export the picture again as PNG or JPEG",
    );
    assert_shows(&driver, "1 credit was given back.");
    assert_shows(&driver, "cannot identify image file");
    driver.keys("R");
    assert_shows(&driver, "Try portrait_07.png again?");
    driver.effects.clear();
    driver.keys("y");
    let asked = driver.asked();
    let [NetEffect::RetryItems(_, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.item_ids, ["item-7"]);
    assert_eq!(request.max_credits, Some(1));
    assert_eq!(request.request_id.len(), 36);
}

#[test]
fn the_cursor_stays_on_its_item_when_rows_move() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("jj");
    let mut done = items().swap_remove(8);
    done.state = v1::video_item::State::Completed.into();
    done.stage = 0;
    done.revision = 2;
    let event = v1::batch_status_response::Event::Update(v1::batch_status_response::Update {
        batch: None,
        items: vec![done],
        revision: 2,
    });
    driver.net(NetMessage::Batch {
        batch_id: samples::batches()[0].id.clone(),
        event: Box::new(event),
    });
    driver.effects.clear();
    driver.keys("y");
    assert_eq!(
        driver.effects,
        [Effect::Terminal(TerminalEffect::Copy("item-8".to_owned()))]
    );
}

#[test]
fn videos_are_saved_two_at_a_time() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.effects.clear();
    driver.keys("*d");
    let asked = driver.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        matches!(&asked[0], NetEffect::Download { request, directory, .. }
        if request.kind == i32::from(v1::FileKind::Video) && directory.ends_with("Downloads"))
    );
    driver.net(NetMessage::Saved {
        transfer: TransferId(1),
        result: Ok("/home/wang/Downloads/portrait_01.mp4".into()),
    });
    assert_shows(&driver, "Saved /home/wang/Downloads/portrait_01.mp4");
    assert_eq!(driver.asked().len(), 1);
    // Leaving while they run asks first.
    driver.keys("q");
    assert_eq!(driver.state.mode(), Mode::Confirm);
    driver.keys("y");
    assert!(driver.state.has_ended());
}

#[test]
fn without_a_disk_the_ready_command_is_shown() {
    let mut without = start(Look::default(), SIZE);
    without.directories = None;
    let mut driver = signed_in(without, "zhangwei", Role::User);
    driver.keys("n");
    assert_shows(&driver, "vbatch submit");
    open_batch(&mut driver);
    driver.keys("Gd");
    assert_shows(&driver, "vbatch download");
    assert!(
        !driver
            .asked()
            .iter()
            .any(|it| matches!(it, NetEffect::Download { .. }))
    );
}
