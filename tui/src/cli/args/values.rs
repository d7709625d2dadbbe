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

pub(super) fn credit_change(text: &str) -> Result<CreditChange, String> {
    let wrong = || format!("{text}: +N gives, -N takes, =N sets");
    let number = |digits: &str| digits.parse::<i32>().map_err(|_| wrong());
    match text.chars().next() {
        Some('=') => Ok(CreditChange::To(number(&text[1..])?)).and_then(|change| match change {
            CreditChange::To(credits) if credits < 0 => Err(wrong()),
            change => Ok(change),
        }),
        Some('+' | '-') => match number(text)? {
            0 => Err(wrong()),
            delta => Ok(CreditChange::By(delta)),
        },
        _ => Err(wrong()),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text}: a label is given as KEY=VALUE"))
}

pub(super) fn uuid(text: &str) -> Result<String, String> {
    uuid::Uuid::parse_str(text)
        .map(|uuid| uuid.to_string())
        .map_err(|error| format!("{text}: {error}"))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
        .ok_or_else(|| format!("{text}: a time is given as 90s, 10m, 1h30m or 7d"))
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
