//! What is done from a list: previews made for real, videos played, transfers.

use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{
    Cause, Effect, Message, NetEffect, NetMessage, Refusal, TerminalEffect, Ticket,
};
use vision_batch::v1;

use super::samples::{self, Driver, open_batch};
use super::{shown, user};

fn preview() -> v1::Batch {
    samples::batches().swap_remove(2)
}

#[track_caller]
fn quote_question(driver: &mut Driver) -> (u64, v1::QuoteBatchRequest) {
    driver
        .asked()
        .into_iter()
        .find_map(|effect| match effect {
            NetEffect::Quote { number, request } => Some((number, request)),
            _ => None,
        })
        .unwrap()
}

#[test]
fn a_preview_is_made_for_real_with_one_key() {
    let mut driver = user();
    driver.keys("p");
    assert!(shown(&driver).contains("This is no preview"));
    driver.keys("jjp");
    let (number, request) = quote_question(&mut driver);
    assert_eq!(
        (request.engine.as_str(), request.image_count),
        ("lightx2v", 12)
    );
    assert_eq!(request.audio_duration.unwrap().seconds, 28);
    let screen = shown(&driver);
    assert!(
        screen.contains("Make product-tour-de for real?"),
        "{screen}"
    );
    // Nobody says yes before it is known what it costs.
    driver.keys("12").press(Key::Enter);
    assert_eq!(driver.asked(), []);
    assert_eq!(driver.state.mode(), Mode::Typed);
    driver.press(Key::Ctrl('u'));
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    let screen = shown(&driver);
    assert!(
        screen.contains("It costs 24 credits. Balance 214 -> 190."),
        "{screen}"
    );
    assert!(
        screen.contains("Finished about 03:55 (in 35m); 3 slots, 31 items"),
        "{screen}"
    );
    // No is the default.
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), []);
    driver.keys("p");
    let (number, _) = quote_question(&mut driver);
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    // Twelve at once want their number typed.
    driver.keys("y").press(Key::Enter);
    assert_eq!(driver.asked(), []);
    driver.keys("p");
    let (number, _) = quote_question(&mut driver);
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    driver.keys("12").press(Key::Enter);
    let asked = driver.asked();
    let [NetEffect::RerunBatch(ticket, request)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(request.batch_id, preview().id);
    assert_eq!(request.engine.as_deref(), Some("lightx2v"));
    assert_eq!(request.max_credits, Some(24));
    assert_eq!(request.request_id.len(), 36);
    assert!(request.item_ids.is_empty());
    let mut made = samples::batch(12, "product-tour-de", "zhangwei", [12, 0, 0, 0, 0], 0);
    made.source_batch_id = Some(preview().id);
    driver.net(NetMessage::Rerun(
        *ticket,
        Ok(Box::new(v1::RerunBatchResponse {
            batch: Some(made),
            credit_balance: 190,
            replayed: false,
        })),
    ));
    let screen = shown(&driver);
    assert!(screen.contains("Submitted product-tour-de."), "{screen}");
    assert!(screen.contains("190 cr"), "{screen}");
}

/// Has the preview under the cursor made for real, and tells what was asked for.
fn make_real(driver: &mut Driver) -> (Ticket, v1::RerunBatchRequest) {
    driver.keys("p");
    let (number, _) = quote_question(driver);
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(samples::quote(12)),
    });
    driver.keys("12").press(Key::Enter);
    let asked = driver.asked();
    match &asked[..] {
        [NetEffect::RerunBatch(ticket, request)] => (*ticket, request.clone()),
        _ => panic!("{asked:?}"),
    }
}

#[test]
fn after_a_lost_answer_making_it_real_is_the_same_request_and_paid_once() {
    let mut driver = user();
    driver.keys("jj");
    let (ticket, first) = make_real(&mut driver);
    let lost = Refusal::new(Cause::Unreachable, "reset");
    driver.net(NetMessage::Rerun(ticket, Err(lost.clone())));
    let (ticket, second) = make_real(&mut driver);
    assert_eq!(first, second, "the same, with the same id");
    driver.net(NetMessage::Rerun(ticket, Err(lost)));
    // Asked for a third time while the answer to another try is still out.
    let (ticket, third) = make_real(&mut driver);
    assert_eq!(first.request_id, third.request_id);
    driver.net(NetMessage::Rerun(
        ticket,
        Ok(Box::new(v1::RerunBatchResponse {
            batch: Some(preview()),
            credit_balance: 190,
            replayed: true,
        })),
    ));
    // What was answered is done with: once more is once more.
    let (ticket, again) = make_real(&mut driver);
    assert_ne!(first.request_id, again.request_id);
    let refused = Refusal::new(Cause::Server(v1::refusal::Reason::InsufficientCredits), "");
    driver.net(NetMessage::Rerun(ticket, Err(refused)));
    let (_, other) = make_real(&mut driver);
    assert_ne!(again.request_id, other.request_id, "a refusal is an answer");
}

#[test]
fn what_cannot_be_paid_is_not_made_for_real() {
    let mut driver = user();
    driver.keys("jjp");
    let (number, _) = quote_question(&mut driver);
    let mut dear = samples::quote(12);
    dear.affordable = false;
    driver.net(NetMessage::Quoted {
        number,
        result: Ok(dear),
    });
    assert!(shown(&driver).contains("more than you have"));
    driver.keys("12").press(Key::Enter);
    assert_eq!(driver.asked(), []);
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batches);
}

#[test]
fn a_video_is_played_when_it_is_there() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("o");
    assert!(shown(&driver).contains("No finished video here to play."));
    driver.keys("/01").press(Key::Enter).effects.clear();
    driver.keys("o");
    let asked = driver.asked();
    let [NetEffect::Download { transfer, .. }] = &asked[..] else {
        panic!("{asked:?}");
    };
    let path = std::path::PathBuf::from("/home/wang/Downloads/portrait_01.mp4");
    driver.net(NetMessage::Saved {
        transfer: *transfer,
        result: Ok(path.clone()),
    });
    let play = Effect::Terminal(TerminalEffect::Play(path));
    assert_eq!(driver.effects[..], std::slice::from_ref(&play)[..]);
    // Once saved it is not fetched again.
    driver.effects.clear();
    driver.keys("o");
    assert_eq!(driver.effects, [play]);
}

#[test]
fn transfers_show_pace_and_rest_and_can_be_broken_off() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("*d").effects.clear();
    for (second, done) in [(2, 2u64 << 20), (4, 4 << 20)] {
        driver.send(Message::Tick(
            jiff::Timestamp::from_second(samples::NOW + second).unwrap(),
        ));
        driver.net(NetMessage::Progress {
            transfer: vbatch_tui::state::TransferId(2),
            done_bytes: done,
            total_bytes: Some(10 << 20),
        });
    }
    let screen = shown(&driver);
    assert!(screen.contains("40% 1.0 MiB/s ~6s"), "{screen}");
    driver.keys("T");
    let screen = shown(&driver);
    assert!(screen.contains("MiB  1.0 MiB/s  6s left"), "{screen}");
    assert!(screen.contains("waits for its turn"), "{screen}");
    // What runs is broken off only after a question, and the list is there again.
    driver.keys("jx");
    assert_eq!(driver.asked(), []);
    assert!(
        shown(&driver).contains("Break off portrait_"),
        "{}",
        shown(&driver)
    );
    driver.press(Key::Enter);
    assert_eq!(driver.asked(), [], "the default is no");
    assert_eq!(driver.state.mode(), Mode::Transfers);
    driver.keys("jxy");
    let asked = driver.asked();
    assert!(
        matches!(asked[..], [NetEffect::Abort(_), NetEffect::Download { .. }]),
        "{asked:?}"
    );
    assert_eq!(driver.state.mode(), Mode::Transfers);
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Batch);
}

#[test]
fn what_waits_for_its_turn_is_broken_off_at_once_and_what_ended_meanwhile_is_left_alone() {
    let mut driver = user();
    open_batch(&mut driver);
    driver.keys("*d").effects.clear();
    // Six are to be saved, two of them at once.
    for _ in 0..4 {
        driver.keys("x");
        assert_eq!(driver.state.mode(), Mode::Batch);
        assert!(shown(&driver).contains("Broke off"), "{}", shown(&driver));
    }
    driver.keys("x");
    assert_eq!(driver.state.mode(), Mode::Confirm);
    for transfer in [1, 2] {
        driver.net(NetMessage::Saved {
            transfer: vbatch_tui::state::TransferId(transfer),
            result: Ok("/home/wang/Downloads/portrait.mp4".into()),
        });
    }
    driver.effects.clear();
    driver.keys("y");
    assert_eq!(driver.asked(), []);
}
