//! Batches taken away for good.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Look, NetEffect, NetMessage, Refusal};
use vision_batch::v1;
use vision_batch::v1::refusal::Reason;
use vision_batch::v1::user::Role;

use super::samples::{self, Driver, signed_in, start};
use super::{admin, assert_shows, shown};

fn user() -> Driver {
    signed_in(start(Look::default(), (100, 24)), "zhangwei", Role::User)
}

fn delete(id: &str) -> NetEffect {
    NetEffect::DeleteBatch(v1::DeleteBatchRequest {
        batch_id: id.to_owned(),
    })
}

fn deleted(driver: &mut Driver, id: &str, bytes: i64) {
    driver.net(NetMessage::Deleted {
        batch_id: id.to_owned(),
        result: Ok(bytes),
    });
}

/// Ids of the samples that have ended, as they are listed.
fn ended() -> Vec<v1::Batch> {
    use v1::batch::State;
    let open = [i32::from(State::Created), i32::from(State::Processing)];
    let all = samples::batches().into_iter();
    all.filter(|batch| !open.contains(&batch.state)).collect()
}

/// Says yes as the question wants it: with the number of videos that go, where there are several.
fn accept(driver: &mut Driver, batch: &v1::Batch) {
    match batch.item_counts.unwrap().completed {
        0 | 1 => drop(driver.keys("y")),
        videos => drop(driver.keys(&videos.to_string()).press(Key::Enter)),
    }
}

/// The cursor on this batch.
fn on(driver: &mut Driver, batch: &v1::Batch) {
    driver.keys("/").keys(&batch.name).press(Key::Enter);
}

#[test]
fn a_batch_that_has_not_ended_stays() {
    let mut driver = user();
    driver.keys("D");
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_shows(&driver, "Only what has ended can be deleted");
}

#[test]
fn an_ended_batch_goes_after_a_question_that_says_what_stays() {
    let mut driver = user();
    let batch = ended()
        .into_iter()
        .find(|batch| batch.item_counts.unwrap().completed > 1)
        .unwrap();
    on(&mut driver, &batch);
    driver.keys("D");
    let completed = batch.item_counts.unwrap().completed;
    assert_shows(&driver, &format!("{completed} finished videos go from the"));
    assert_shows(&driver, "Credits stay as they are");
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), [], "the default is no");
    driver.keys("D");
    accept(&mut driver, &batch);
    assert_eq!(driver.asked(), [delete(&batch.id)]);
    deleted(&mut driver, &batch.id, 5 << 20);
    assert_shows(&driver, "Deleted 1 batch, 5.0 MiB freed.");
    driver.press(Key::Esc);
    assert!(!shown(&driver).contains(&batch.name));
}

#[test]
fn several_want_their_number_and_what_is_open_is_left_out() {
    let mut driver = user();
    let ended = ended();
    let open = samples::batches().len() - ended.len();
    assert!(ended.len() > 1 && open > 1);
    driver.keys("*D");
    assert_eq!(driver.state.mode(), Mode::Typed);
    assert_shows(&driver, &format!("Delete {} batches?", ended.len()));
    assert_shows(
        &driver,
        &format!("{open} chosen batches have not ended and stay."),
    );
    driver.keys(&ended.len().to_string()).press(Key::Enter);
    let asked = driver.asked();
    assert_eq!(asked.len(), ended.len());
    for batch in &ended {
        assert!(asked.contains(&delete(&batch.id)), "{}", batch.name);
    }
    for batch in &ended {
        deleted(&mut driver, &batch.id, 1 << 20);
    }
    let count = ended.len();
    assert_shows(
        &driver,
        &format!("Deleted {count} batches, {count}.0 MiB freed."),
    );
}

#[test]
fn whoever_looks_at_a_batch_that_goes_comes_back_to_the_list() {
    let mut driver = user();
    let batch = ended().remove(0);
    on(&mut driver, &batch);
    driver.press(Key::Enter);
    samples::fill_batch(&mut driver, &batch.id, samples::items());
    driver.effects.clear();
    driver.keys("D");
    accept(&mut driver, &batch);
    assert!(driver.asked().contains(&delete(&batch.id)));
    deleted(&mut driver, &batch.id, 0);
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert!(driver.asked().contains(&NetEffect::UnwatchBatch));
    // What the stream has to say after that changes nothing.
    let end = v1::batch_status_response::Event::End(v1::StreamEnd {
        reason: v1::stream_end::Reason::BatchDeleted.into(),
    });
    driver.net(NetMessage::Batch {
        batch_id: batch.id.clone(),
        event: Box::new(end),
    });
    assert_shows(&driver, "Deleted 1 batch");
}

#[test]
fn a_batch_that_is_deleted_elsewhere_is_left_with_a_word() {
    let mut driver = user();
    samples::open_batch(&mut driver);
    let id = samples::batches()[0].id.clone();
    let end = v1::batch_status_response::Event::End(v1::StreamEnd {
        reason: v1::stream_end::Reason::BatchDeleted.into(),
    });
    driver.net(NetMessage::Batch {
        batch_id: id,
        event: Box::new(end),
    });
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_shows(&driver, "The batch was deleted.");
}

#[test]
fn an_admin_is_told_whose_it_is_and_a_refusal_leaves_it() {
    let mut driver = admin();
    let batch = ended()
        .into_iter()
        .find(|batch| batch.owner_name != "admin")
        .unwrap();
    on(&mut driver, &batch);
    driver.keys("D");
    assert_shows(&driver, &format!("Owned by {}.", batch.owner_name));
    accept(&mut driver, &batch);
    driver.net(NetMessage::Deleted {
        batch_id: batch.id.clone(),
        result: Err(Refusal::new(Cause::Server(Reason::BatchNotFinished), "")),
    });
    assert_shows(&driver, "The batch has not ended yet.");
}

#[test]
fn a_read_only_screen_deletes_nothing() {
    let mut looking = start(Look::default(), (100, 24));
    looking.read_only = true;
    let mut driver = signed_in(looking, "zhangwei", Role::User);
    on(&mut driver, &ended()[0]);
    driver.keys("D");
    assert_eq!(driver.state.mode(), Mode::Batches);
    assert_eq!(driver.asked(), []);
}
