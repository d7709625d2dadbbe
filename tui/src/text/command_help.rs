//! Owns which words the help needs, and what can be wrong with a command line: the parser's facts, no language's words.

use crate::cli::args::admin::{OutcomeArgument, RoleArgument};
use crate::cli::args::keys::ScopeArgument;
use crate::cli::args::screen::{ColorArgument, LanguageArgument, ThemeArgument, WidthArgument};
use crate::cli::args::values::ValueFlaw;
use crate::cli::args::{KindArgument, StateArgument};

/// Why a command line makes no sense. Texts are as they were typed, or as the help writes them.
pub(crate) enum UsageProblem {
    /// An option nobody knows, and one it may have meant.
    UnknownArgument(String, Option<String>),
    /// A command nobody knows, and those it may have meant.
    UnknownCommand(String, Vec<String>),
    /// What must be given.
    Missing(Vec<String>),
    /// A command must be chosen of these.
    NoCommand(Vec<String>),
    /// An option lacks its value, one of these if not empty.
    NoValue(String, Vec<String>),
    /// An option's value is not one: option, value, what would be one, and why.
    Value {
        option: String,
        value: String,
        valid: Vec<String>,
        flaw: Option<ValueFlaw>,
        words: String,
    },
    /// Two that do not go together.
    Conflict(String, Vec<String>),
    /// Given more than once.
    Repeated(String),
    /// Given a value that it does not take.
    NoSuchValue(String, String),
    /// Not text at all.
    NotText,
    /// In the parser's own words.
    Other(String),
}

/// The help of one language in place of the one that is written at the arguments.
pub(crate) struct HelpTexts {
    /// What a command does, by its names from below the program.
    pub(crate) about: fn(&[&str]) -> Option<&'static str>,
    /// What an argument of a command means, by its id.
    pub(crate) argument: fn(&[&str], &str) -> Option<&'static str>,
    pub(crate) language: fn(&LanguageArgument) -> &'static str,
    pub(crate) color: fn(&ColorArgument) -> &'static str,
    pub(crate) theme: fn(&ThemeArgument) -> &'static str,
    pub(crate) width: fn(&WidthArgument) -> &'static str,
    pub(crate) state: fn(&StateArgument) -> &'static str,
    pub(crate) kind: fn(&KindArgument) -> &'static str,
    pub(crate) role: fn(&RoleArgument) -> &'static str,
    pub(crate) outcome: fn(&OutcomeArgument) -> &'static str,
    pub(crate) scope: fn(&ScopeArgument) -> &'static str,
}
