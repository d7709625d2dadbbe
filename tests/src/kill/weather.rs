//! What goes wrong upstream in a life that ends by a kill. Some of it hangs for good; the kill ends that too.

use std::time::Duration;

use crate::simulation::dice::Dice;
use crate::upstream::fake::FakeUpstream;
use crate::upstream::faults::{Call, Fault};
use crate::upstream::tasks::{Script, Status};

/// Longest time for which a task is in no list, in the upstream's seconds: less than what a list must be old to prove
/// anything, so that one item never has two tasks at once.
const HIDDEN: u64 = 45;

/// Tasks that run long where no cancel is heard.
pub const LONG_TASKS: usize = 3;

/// A run that outlasts every wish to end it.
const LONG: Duration = Duration::from_secs(900);

/// Tasks with a script; the others run as configured.
const SCRIPTED: usize = 48;

/// What lasts for all lives of a round that end by a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Climate {
    /// Nothing does.
    Changing,
    /// No cancel is heard, and the first tasks run long: wishes are granted without a word, and their tasks run on.
    Deaf,
}

impl Climate {
    /// One of them.
    pub fn roll(dice: &mut Dice) -> Self {
        match dice.chance(25) {
            true => Self::Deaf,
            false => Self::Changing,
        }
    }
}

/// Scripts the faults of one life.
pub fn break_out(fake: &FakeUpstream, climate: Climate, dice: &mut Dice) {
    if climate == Climate::Deaf {
        let deaf = Fault::on(Call::Cancel).always();
        fake.fault(deaf.error(500, "unknown cancel error"));
    }
    if climate == Climate::Changing && dice.chance(20) {
        // It takes tasks and says nothing of them.
        for call in [Call::List, Call::Query, Call::BulkQuery, Call::Cancel] {
            fake.fault(Fault::on(call).always().html(502));
        }
    }
    for _ in 0..2 + dice.below(6) {
        fake.fault(fault(dice));
    }
}

fn fault(dice: &mut Dice) -> Fault {
    let call = dice.pick(&[
        Call::Submit,
        Call::Submit,
        Call::Submit,
        Call::Query,
        Call::BulkQuery,
        Call::List,
        Call::ResultUrl,
        Call::Result,
        Call::Result,
        Call::Cancel,
    ]);
    let fault = Fault::on(call).nth(1 + dice.below(4) as usize);
    match call {
        Call::Submit => submit(fault, dice),
        Call::Result => match dice.below(3) {
            0 => fault.cut_after(dice.below(40_000) as usize),
            _ => fault.trickle(dice.between(Duration::from_millis(1), Duration::from_millis(12))),
        },
        Call::Cancel => match dice.below(4) {
            0 => fault.error(500, "unknown cancel error"),
            1 => fault.drop_connection(),
            2 => fault.lose_answer(),
            _ => fault.hang(),
        },
        _ => match dice.below(5) {
            0 => fault.drop_connection(),
            1 => fault.html(502),
            2 => fault.half_answer(),
            3 => fault.error(500, "weather"),
            _ => fault.hang(),
        },
    }
}

fn submit(fault: Fault, dice: &mut Dice) -> Fault {
    match dice.below(9) {
        0 => fault.lose_answer(),
        1 | 2 => fault.lose_answer_and_list_after(dice.seconds(1, HIDDEN)),
        3 => fault.half_answer(),
        4 => fault.without_task_id(),
        5 => fault.drop_connection(),
        6 => fault.done_but_hang(),
        7 => fault.done_but(502, "<html>Bad Gateway</html>"),
        _ => fault.error(500, "Queue busy, please try again later"),
    }
}

/// It clears: nothing goes wrong any more, and what would run long is done.
pub fn clear(fake: &FakeUpstream) {
    fake.clear_faults();
    for task in fake.tasks() {
        if task.status.is_active() {
            fake.set_state(&task.id, Status::Succeed, None);
        }
    }
}

/// Scripts the tasks of a round: most succeed, each after a time of its own.
pub fn script_tasks(fake: &FakeUpstream, climate: Climate, dice: &mut Dice) {
    for number in 0..SCRIPTED {
        if climate == Climate::Deaf && number < LONG_TASKS {
            fake.script_next(Script {
                run: Some(LONG),
                ..Script::default()
            });
            continue;
        }
        let mut script = Script {
            run: Some(dice.seconds(2, 25)),
            ..Script::default()
        };
        match dice.below(20) {
            0 | 1 => script.fail = Some("PING timeout: 51.87 s".to_owned()),
            2 => script.fail = Some("worker failed".to_owned()),
            3 => script.fail = Some("CUDA error: out of memory".to_owned()),
            4 => script.bounce_after = Some(Duration::from_secs(3)),
            5 => script.run = Some(Duration::from_secs(120)),
            _ => {}
        }
        fake.script_next(script);
    }
}
