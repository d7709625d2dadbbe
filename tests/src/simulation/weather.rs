//! What may go wrong at the upstream. It never lies: a submit that is answered with a definite refusal made no task.

use std::time::Duration;

use super::dice::Dice;
use super::media::film;
use crate::upstream::config::{
    CancelVerb, Echo, Estimates, Limits, ListStatus, ListTimes, ResultAddress, UpstreamConfig,
};
use crate::upstream::faults::{Call, Fault, Target};
use crate::upstream::tasks::Script;
use crate::world::epoch;

const UNKNOWN: &str = r#"{"message":"error: cannot unpack non-iterable NoneType object!"}"#;

/// An upstream of some kind.
pub fn upstream(dice: &mut Dice) -> UpstreamConfig {
    UpstreamConfig {
        limits: Limits {
            active: dice.pick(&[2, 3, 3, 3, 5]),
            daily: dice.pick(&[12, 100, 100, 1000]),
            ..Limits::default()
        },
        queue: dice.between(Duration::from_millis(20), Duration::from_secs(20)),
        run: dice.seconds(3, 120),
        workers: dice.pick(&[1, 3, 3, 8]),
        list_status: dice.pick(&[ListStatus::Words, ListStatus::Numbers]),
        list_times: dice.pick(&[ListTimes::Epoch, ListTimes::Epoch, ListTimes::LocalText]),
        echo: dice.pick(&[Echo::All, Echo::All, Echo::KnownKeys]),
        result_address: dice.pick(&[ResultAddress::Relative, ResultAddress::Absolute]),
        cancel_verb: dice.pick(&[CancelVerb::Get, CancelVerb::Post]),
        estimates: dice.pick(&[
            Estimates::Sane,
            Estimates::Sane,
            Estimates::Null,
            Estimates::Unknown,
            Estimates::Absurd,
        ]),
        latency: dice.pick(&[
            Duration::from_millis(1),
            Duration::from_millis(20),
            Duration::from_millis(700),
        ]),
        epoch: epoch(),
        video: film(),
        ..UpstreamConfig::default()
    }
}

/// What is special about the next task.
pub fn script(dice: &mut Dice) -> Script {
    let mut script = Script::default();
    match dice.below(8) {
        0 | 1 => script = Script::failing("PING timeout: 51.87 s"),
        2 => script = Script::failing("worker failed"),
        3 => script = Script::failing("CUDA out of memory"),
        4 => script.bounce_after = Some(dice.seconds(1, 30)),
        5 => script.queue = Some(dice.seconds(30, 600)),
        6 => script.run = Some(dice.seconds(200, 1500)),
        // Beyond the deadline, but seldom: it takes long to live through.
        _ if dice.chance(10) => script.run = Some(Duration::from_secs(100_000)),
        _ => script.run = Some(Duration::from_millis(50)),
    }
    script
}

/// Something that goes wrong with a call.
pub fn fault(dice: &mut Dice) -> Fault {
    let call = dice.pick(&[
        Call::Submit,
        Call::Submit,
        Call::Submit,
        Call::Submit,
        Call::Submit,
        Call::Query,
        Call::BulkQuery,
        Call::List,
        Call::List,
        Call::ResultUrl,
        Call::Result,
        Call::Presigned,
        Call::Cancel,
        Call::Cancel,
        Call::Models,
    ]);
    let often = if dice.chance(10) { 12 } else { 3 };
    let mut fault = Fault::on(call)
        .nth(1 + dice.below(3) as usize)
        .times(1 + dice.below(often) as usize);
    if dice.chance(25) {
        fault = fault.after(dice.between(Duration::from_millis(1), Duration::from_secs(40)));
    }
    match call {
        Call::Submit => submit_fault(fault, dice),
        Call::Result | Call::Presigned => match dice.below(5) {
            0 => fault.cut_after(dice.below(3000) as usize),
            1 => fault.half_answer(),
            2 if call == Call::Result => fault.redirect(dice.pick(&[Target::Bucket, Target::Here])),
            3 => fault.answer(500, "weather"),
            _ => fault.drop_connection(),
        },
        _ => match dice.below(12) {
            0 => fault.hang(),
            1 => fault.drop_connection(),
            2 => fault.half_answer(),
            3 => fault.html(200),
            4 => fault.html(502),
            5 => fault.answer_with_retry_after(429, "{}", "20"),
            6 if call == Call::Cancel => fault.error(400, "cancel failed: None"),
            7 if call == Call::Cancel => fault.lose_answer(),
            // Denied for a moment, never for as long as is believed.
            6 if matches!(call, Call::Query | Call::ResultUrl) => {
                fault.times(2).answer(500, UNKNOWN)
            }
            8 => fault.answer(405, r#"{"detail":"Method Not Allowed"}"#),
            9 => fault.answer(403, r#"{"detail":"Forbidden"}"#),
            10 => fault.pass(),
            _ => fault.answer(500, "weather"),
        },
    }
}

fn submit_fault(fault: Fault, dice: &mut Dice) -> Fault {
    match dice.below(22) {
        20 => fault.lose_answer_twice(Duration::ZERO),
        21 => fault.lose_answer_twice(dice.seconds(1, 2400)),
        0 | 1 => fault.lose_answer(),
        2..=3 => fault.lose_answer_and_list_after(dice.seconds(1, 2400)),
        4 => fault.lose_answer_and_list_after(dice.seconds(1, 55)),
        5 => fault.drop_connection(),
        6 => fault.hang(),
        7 => fault.done_but_hang(),
        8 => fault.half_answer(),
        9 => fault.cut_after(dice.below(60) as usize),
        10 => fault.without_task_id(),
        11 => fault.done_but(502, "bad gateway"),
        12 => fault.html(200),
        13 => fault.html(502),
        14 => fault.error(500, "Queue busy, please try again later"),
        15 => fault.times(1).error(500, "cannot identify image file"),
        16 => fault.answer_with_retry_after(429, "{}", "15"),
        17 => fault.answer(404, r#"{"detail":"Not Found"}"#),
        18 => fault.done_but(500, r#"{"message":"error: something odd!"}"#),
        // Longer than the patience with a cancel.
        _ => fault.times(1).after(dice.seconds(125, 300)).pass(),
    }
}

/// The upstream denies a task for a moment, never for as long as is believed.
pub fn denials() -> [Fault; 2] {
    [Call::BulkQuery, Call::Query].map(|call| Fault::on(call).times(2).answer(500, UNKNOWN))
}

/// Calls of which none is answered for a while.
pub fn blackout(dice: &mut Dice) -> Vec<Fault> {
    let calls: &[Call] = dice.pick(&[
        &[Call::Cancel, Call::Query, Call::BulkQuery][..],
        &[Call::List][..],
        &[Call::Cancel][..],
        &[Call::ResultUrl][..],
        &[Call::Query, Call::BulkQuery, Call::List][..],
    ]);
    let calls = calls.iter().map(|call| Fault::on(*call).always());
    calls.map(|fault| fault.answer(500, "weather")).collect()
}
