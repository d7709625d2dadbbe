//! What was done and tried.

use jiff::Timestamp;
use vbatch_tui::keymap::{Key, Mode};
use vbatch_tui::state::{Cause, Effect, Message, NetEffect, NetMessage, Refusal, TerminalEffect};
use vision_batch::v1;
use vision_batch::v1::audit_event::Outcome;
use vision_batch::v1::refusal::Reason;

use super::samples::{self, Driver, NOW, answer_admin};
use super::{admin, assert_shows, shown};

fn in_audit() -> Driver {
    let mut driver = admin();
    driver.keys("S");
    answer_admin(&mut driver);
    driver.keys("a");
    answer_admin(&mut driver);
    driver
}

fn asked_audit(driver: &mut Driver) -> Vec<(u64, v1::ListAuditEventsRequest)> {
    let asked = driver.asked().into_iter();
    asked
        .filter_map(|effect| match effect {
            NetEffect::ListAudit { number, request } => Some((number, request)),
            _ => None,
        })
        .collect()
}

fn answer(driver: &mut Driver, number: u64, events: Vec<v1::AuditEvent>, next: &str) {
    driver.net(NetMessage::AuditPage {
        number,
        result: Ok(Box::new(v1::ListAuditEventsResponse {
            events,
            next_page_token: next.to_owned(),
        })),
    });
}

/// So many events up to this sequence, newest first.
fn many(newest: i64, count: i64) -> Vec<v1::AuditEvent> {
    let pattern = samples::events().remove(0);
    (newest - count + 1..=newest)
        .rev()
        .map(|sequence| v1::AuditEvent {
            id: format!("event-{sequence:06}"),
            sequence,
            detail: format!("number {sequence}"),
            ..pattern.clone()
        })
        .collect()
}

#[test]
fn events_are_listed_with_all_that_is_known_of_one() {
    let mut driver = in_audit();
    assert_eq!(driver.state.mode(), Mode::Audit);
    assert_shows(&driver, "9 events");
    assert_shows(&driver, "batch deleted");
    driver.keys("j");
    for words in [
        "2026-11-22 03:18:50",
        "refused",
        "from 192.0.2.17",
        "wrong password",
    ] {
        assert_shows(&driver, words);
    }
    driver.keys("jj");
    assert_shows(&driver, "The upstream did not answer within 30 s.");
    driver.keys("jjj");
    assert_shows(&driver, "on the server itself");
    driver.effects.clear();
    driver.keys("y");
    let copied = Effect::Terminal(TerminalEffect::Copy("user-3".to_owned()));
    assert!(driver.effects.contains(&copied), "{:?}", driver.effects);
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::System);
}

#[test]
fn what_is_asked_for_is_narrowed_by_the_event_under_the_cursor() {
    let mut driver = in_audit();
    let mut expect = |keys: &str, wanted: v1::ListAuditEventsRequest| {
        driver.keys(keys);
        let asked = asked_audit(&mut driver);
        let [(number, request)] = &asked[..] else {
            panic!("{keys}: {asked:?}");
        };
        let wanted = v1::ListAuditEventsRequest {
            page_size: 200,
            ..wanted
        };
        assert_eq!(request, &wanted, "{keys}");
        answer(&mut driver, *number, samples::events(), "");
    };
    let by_wang = v1::ListAuditEventsRequest {
        actor_id: "user-zhangwei".to_owned(),
        ..v1::ListAuditEventsRequest::default()
    };
    expect("w", by_wang.clone());
    let batches_by_wang = v1::ListAuditEventsRequest {
        action: "batch.".to_owned(),
        ..by_wang.clone()
    };
    expect("t", batches_by_wang.clone());
    let refused = v1::ListAuditEventsRequest {
        outcome: Some(Outcome::Refused.into()),
        ..batches_by_wang.clone()
    };
    expect("f", refused);
    let failed = v1::ListAuditEventsRequest {
        outcome: Some(Outcome::Failed.into()),
        ..batches_by_wang.clone()
    };
    expect("f", failed);
    expect("f", batches_by_wang);
    // The same key widens it again.
    expect("t", by_wang.clone());
    let about = v1::ListAuditEventsRequest {
        target_id: "batch-9".to_owned(),
        ..by_wang
    };
    expect("o", about);
    assert_shows(&driver, "by zhangwei");
    assert_shows(&driver, "about 春季宣传片");
    driver.press(Key::Esc);
    assert_eq!(
        driver.state.mode(),
        Mode::Audit,
        "first everything is shown again"
    );
    assert_eq!(
        asked_audit(&mut driver)[0].1,
        v1::ListAuditEventsRequest {
            page_size: 200,
            ..v1::ListAuditEventsRequest::default()
        }
    );
    assert_shows(&driver, "Loading");
}

#[test]
fn whoever_is_not_known_cannot_be_asked_for() {
    let mut driver = in_audit();
    driver.keys("jw");
    assert_eq!(asked_audit(&mut driver), []);
    assert_shows(&driver, "This event does not name one.");
    driver.keys("jjjo");
    assert_eq!(asked_audit(&mut driver), [], "there is only one dispatch");
}

#[test]
fn a_users_doings_are_one_key_away_and_lead_back() {
    let mut driver = super::users::on_zhangwei();
    driver.keys("a");
    let asked = asked_audit(&mut driver);
    assert_eq!(asked[0].1.actor_id, "user-zhangwei");
    answer(&mut driver, asked[0].0, Vec::new(), "");
    assert_shows(&driver, "Nothing of the kind was done or tried.");
    driver.press(Key::Esc);
    answer_admin(&mut driver);
    driver.press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Users);
}

#[test]
fn a_deleted_batch_and_one_that_is_there_can_be_opened() {
    let mut driver = in_audit();
    driver.press(Key::Enter);
    assert_eq!(driver.state.mode(), Mode::Batch);
    assert!(matches!(
        &driver.asked()[..],
        [NetEffect::WatchBatch(request), ..] if request.batch_id == "batch-9"
    ));
}

#[test]
fn older_events_come_when_they_are_scrolled_to_and_newer_ones_by_themselves() {
    let mut driver = admin();
    driver.keys("4");
    let (number, _) = asked_audit(&mut driver).remove(0);
    answer(&mut driver, number, many(1_000, 200), "older");
    assert_eq!(asked_audit(&mut driver), [], "only as far as it is seen");
    driver.keys("G");
    let (number, request) = asked_audit(&mut driver).remove(0);
    assert_eq!(request.page_token, "older");
    answer(&mut driver, number, many(800, 200), "oldest");
    assert_shows(&driver, "400+ events");
    driver.keys("g");
    driver.effects.clear();
    driver.send(Message::Tick(Timestamp::from_second(NOW + 6).unwrap()));
    let (number, request) = asked_audit(&mut driver).remove(0);
    assert_eq!(request.page_token, "", "newer ones are looked for");
    answer(&mut driver, number, many(1_001, 200), "another");
    assert_shows(&driver, "401+ events");
    assert_shows(&driver, "number 1000");
    driver.keys("k");
    assert_shows(&driver, "number 1001");
    // What was read before is not read again.
    driver.keys("G");
    assert_eq!(asked_audit(&mut driver)[0].1.page_token, "oldest");
}

#[test]
fn a_gap_between_newer_and_known_events_is_filled_from_above() {
    let mut driver = admin();
    driver.keys("4");
    let (number, _) = asked_audit(&mut driver).remove(0);
    answer(&mut driver, number, many(1_000, 200), "older");
    driver.send(Message::Tick(Timestamp::from_second(NOW + 6).unwrap()));
    let (number, _) = asked_audit(&mut driver).remove(0);
    answer(&mut driver, number, many(1_500, 200), "gap");
    driver.keys("G");
    assert_eq!(asked_audit(&mut driver)[0].1.page_token, "gap");
}

#[test]
fn what_is_typed_narrows_what_is_there_and_fetches_more_of_it() {
    let mut driver = admin();
    driver.keys("4");
    let (number, _) = asked_audit(&mut driver).remove(0);
    answer(&mut driver, number, many(1_000, 200), "older");
    driver.keys("/number 777");
    let (number, request) = asked_audit(&mut driver).remove(0);
    assert_eq!(request.page_token, "older");
    assert!(shown(&driver).contains("Loading"));
    answer(&mut driver, number, many(800, 200), "");
    assert_shows(&driver, "number 777");
    driver.press(Key::Enter).press(Key::Esc);
    assert_eq!(driver.state.mode(), Mode::Audit);
    assert_shows(&driver, "number 1000");
}

#[test]
fn a_refusal_is_shown_and_it_is_tried_again() {
    let mut driver = admin();
    driver.keys("4");
    let (number, _) = asked_audit(&mut driver).remove(0);
    driver.net(NetMessage::AuditPage {
        number,
        result: Err(Refusal::new(Cause::Server(Reason::AdminRequired), "")),
    });
    assert_shows(&driver, "Only admins may do this.");
    driver.send(Message::Tick(Timestamp::from_second(NOW + 4).unwrap()));
    assert_eq!(asked_audit(&mut driver).len(), 1);
}
