//! Values that a file writes: kinds of calls, how often, how long.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::upstream::faults::Call;

/// Calls by kind.
pub(in crate::scenario) type Calls = BTreeMap<CallName, Bounds>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum CallName {
    Submit,
    Query,
    BulkQuery,
    List,
    ResultUrl,
    Result,
    Presigned,
    Cancel,
    Models,
    Other,
}

/// How often something may be: `3`, `"2..5"` (both included) or `"2.."`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) struct Bounds {
    least: usize,
    most: usize,
}

/// A span of time: `500ms`, `20s`, `10m`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) struct Span(pub Duration);

impl CallName {
    /// What is called.
    pub fn call(self) -> Call {
        match self {
            Self::Submit => Call::Submit,
            Self::Query => Call::Query,
            Self::BulkQuery => Call::BulkQuery,
            Self::List => Call::List,
            Self::ResultUrl => Call::ResultUrl,
            Self::Result => Call::Result,
            Self::Presigned => Call::Presigned,
            Self::Cancel => Call::Cancel,
            Self::Models => Call::Models,
            Self::Other => Call::Other,
        }
    }

    /// The name of what was called.
    pub fn of(call: Call) -> Self {
        match call {
            Call::Submit => Self::Submit,
            Call::Query => Self::Query,
            Call::BulkQuery => Self::BulkQuery,
            Call::List => Self::List,
            Call::ResultUrl => Self::ResultUrl,
            Call::Result => Self::Result,
            Call::Presigned => Self::Presigned,
            Call::Cancel => Self::Cancel,
            Call::Models => Self::Models,
            Call::InputUrl | Call::Resume | Call::Delete | Call::Other => Self::Other,
        }
    }
}

impl Bounds {
    /// Never.
    pub const NEVER: Self = Self { least: 0, most: 0 };

    /// Whether so often is allowed.
    pub fn allow(self, times: usize) -> bool {
        (self.least..=self.most).contains(&times)
    }

    /// A number, or two with dots between.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Self {
                least: number,
                most: number,
            });
        }
        let (least, most) = text.split_once("..")?;
        let least = least.trim().parse().ok()?;
        let most = match most.trim() {
            "" => usize::MAX,
            most => most.parse().ok()?,
        };
        (least <= most).then_some(Self { least, most })
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, usize::MAX) => write!(f, "{least} or more"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Exactly(usize),
            Between(String),
        }
        match Said::deserialize(deserializer)? {
            Said::Exactly(times) => Ok(Self {
                least: times,
                most: times,
            }),
            Said::Between(text) => Self::parse(&text)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is not like \"2..5\""))),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        match number.parse::<u64>() {
            Ok(number) if milliseconds > 0 => {
                Ok(Self(Duration::from_millis(number * milliseconds)))
            }
            _ => Err(D::Error::custom(format!("`{text}` is not like \"20s\""))),
        }
    }
}
