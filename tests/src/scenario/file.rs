//! The form of a scenario's file. A key that is not known here is an error.

mod upstream;
mod values;

use serde::Deserialize;

use upstream::{FaultSays, Upstream};
use values::Span;
pub(super) use values::{Bounds, CallName, Calls};

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What it is about, in a sentence. For readers.
    pub title: String,
    /// What the upstream does.
    #[serde(default)]
    pub upstream: Upstream,
    /// What happens.
    pub story: Story,
    /// What must come out.
    pub expect: Expect,
}

/// What happens, in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    /// What the user begins with.
    pub credits: i32,
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A batch of so many pictures; once a story.
    UserSubmits(u32),
    /// Items by their numbers from 1.
    UserCancels(Vec<u32>),
    UserRetries(Vec<u32>),
    /// A new token of that upstream account becomes the one to use.
    AdminPutsInATokenOf(String),
    /// From now on the upstream refuses the account's token that is in use.
    TokenExpires(Expires),
    Upstream(Turn),
    /// One fault more.
    UpstreamBegins(FaultSays),
    /// Somebody deletes the task of this item upstream.
    TaskVanishes(u32),
    /// Somebody ends the task of this item upstream.
    SomebodyElseCancelsTheTaskOf(u32),
    /// Tasks of somebody else on an upstream account.
    SomebodyElseSubmits(Foreign),
    WaitUntil(Until),
    TimePasses(Span),
    /// What was called so far.
    CallsSoFar(Calls),
    /// What the screen shows of an item.
    Screen(ScreenSays),
    /// What the list of batches shows.
    List(ListSays),
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Expires {
    #[serde(rename = "now")]
    Now,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Turn {
    #[serde(rename = "goes down")]
    Down,
    #[serde(rename = "comes back")]
    Back,
    #[serde(rename = "behaves again")]
    Behaves,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Foreign {
    pub account: String,
    pub tasks: u32,
    pub run: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Until {
    pub items: Vec<u32>,
    /// A stage or state in small letters, `unresolved`, `ended`, or `waits: REASON`.
    pub are: String,
}

/// What the screen must show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScreenSays {
    pub item: u32,
    pub english: Vec<String>,
    pub chinese: Vec<String>,
    /// What it must not show, in neither language.
    #[serde(default)]
    pub never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSays {
    pub english: Vec<String>,
    pub chinese: Vec<String>,
}

/// What must come out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Each item's final state, and why it failed: `FAILED WORKER_LOST`.
    pub items: Vec<String>,
    /// Of each item: number and outcome of its attempts, and why they failed. Where chance decides how often a submit
    /// was refused before, the number is like `15..25`.
    pub attempts: Vec<Vec<String>>,
    /// The ledger, oldest first: `CHARGE -1 item 2`.
    pub credits: Vec<String>,
    pub balance: i32,
    /// The upstream's tasks, oldest first: account and final status.
    pub tasks: Vec<String>,
    /// Every kind of call; what is not named was not called.
    pub calls: Calls,
    /// The status of each answer to a cancel, in order, where the story is about them.
    pub cancel_answers: Option<Vec<u16>>,
    /// The latest end of the last item, from the start.
    pub ends_within: Span,
    /// What the screen shows at the end.
    #[serde(default)]
    pub screen: Vec<ScreenSays>,
}

impl Scenario {
    /// Reads a file and refuses one that leaves something open.
    pub fn read(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if scenario.title.trim().is_empty() {
            return Err("the title is empty".to_owned());
        }
        scenario.check_words()?;
        let of_steps = scenario.story.steps.iter().filter_map(|step| match step {
            Step::CallsSoFar(calls) => Some(calls),
            _ => None,
        });
        for calls in of_steps.chain([&scenario.expect.calls]) {
            if !calls.contains_key(&CallName::Submit) {
                return Err("calls must say how often `submit` is called".to_owned());
            }
        }
        Ok(scenario)
    }

    /// Both languages are asked for, wherever one is.
    fn check_words(&self) -> Result<(), String> {
        let of_steps = self.story.steps.iter().filter_map(|step| match step {
            Step::Screen(says) => Some((&says.english, &says.chinese)),
            Step::List(says) => Some((&says.english, &says.chinese)),
            _ => None,
        });
        let at_end = self.expect.screen.iter();
        let at_end = at_end.map(|says| (&says.english, &says.chinese));
        let mut asked = 0;
        for (english, chinese) in of_steps.chain(at_end) {
            asked += 1;
            if english.is_empty() || english.len() != chinese.len() {
                return Err(format!(
                    "words must be given in both languages, as many in each: {english:?} {chinese:?}"
                ));
            }
        }
        if asked == 0 {
            return Err("the file must say what the operator reads: a `screen` or a `list`".into());
        }
        Ok(())
    }
}
