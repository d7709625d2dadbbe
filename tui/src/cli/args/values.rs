//! Owns the values a command line takes that are more than text: times, labels, ids, changes of credits.

use std::time::Duration;

/// How credits should change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditChange {
    /// Give (above 0) or take (below 0).
    By(i32),
    /// Set, from 0.
    To(i32),
}

/// Why a value is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFlaw {
    /// Of a change of credits.
    #[error("+N gives, -N takes, =N sets")]
    Credits,
    /// Of a label.
    #[error("a label is given as KEY=VALUE")]
    Label,
    /// Of a request id.
    #[error("a UUID is needed, as uuidgen makes it")]
    Uuid,
    /// Of a time.
    #[error("a time is given as 90s, 10m, 1h30m or 7d")]
    Duration,
}

pub(super) fn credit_change(text: &str) -> Result<CreditChange, ValueFlaw> {
    let number = |digits: &str| digits.parse::<i32>().map_err(|_| ValueFlaw::Credits);
    let change = match text.chars().next() {
        Some('=') => CreditChange::To(number(&text[1..])?),
        Some('+' | '-') => CreditChange::By(number(text)?),
        _ => return Err(ValueFlaw::Credits),
    };
    match change {
        CreditChange::By(0) | CreditChange::To(..0) => Err(ValueFlaw::Credits),
        change => Ok(change),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), ValueFlaw> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or(ValueFlaw::Label)
}

pub(super) fn uuid(text: &str) -> Result<String, ValueFlaw> {
    uuid::Uuid::parse_str(text)
        .map(|uuid| uuid.to_string())
        .map_err(|_| ValueFlaw::Uuid)
}

pub(super) fn duration(text: &str) -> Result<Duration, ValueFlaw> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    // Days are taken as 24 h: no clock change is meant.
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok());
    if let Some(days) = days {
        return Ok(Duration::from_secs(u64::from(days) * 86_400));
    }
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or(ValueFlaw::Duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_credits_are_read() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("10m", 600),
            ("1h30m", 5_400),
            ("7d", 604_800),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(credit_change("+20"), Ok(CreditChange::By(20)));
        assert_eq!(credit_change("-5"), Ok(CreditChange::By(-5)));
        assert_eq!(credit_change("=100"), Ok(CreditChange::To(100)));
    }
}
