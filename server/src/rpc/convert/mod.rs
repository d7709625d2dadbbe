//! Between the contract's messages and the domain: the pieces that every service needs.
//!
//! Not here: rules. A value that does not read is FIELD_INVALID, naming the field; whether a value that reads is allowed
//! is for the service to say.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use crate::service::error::ServiceError;

pub mod audit;
pub mod batch;
pub mod key;
pub mod ledger;
pub mod system;
pub mod user;

/// A time as the contract says it.
pub fn time(time: Timestamp) -> prost_types::Timestamp {
    // The parts of a jiff timestamp have one sign; the contract's nanoseconds always count forwards.
    let nanoseconds = time.subsec_nanosecond();
    let (seconds, nanos) = if nanoseconds < 0 {
        (time.as_second() - 1, nanoseconds + 1_000_000_000)
    } else {
        (time.as_second(), nanoseconds)
    };
    prost_types::Timestamp { seconds, nanos }
}

/// A time of a request.
///
/// # Errors
///
/// FIELD_INVALID outside the years 0001 to 9999.
pub fn read_time(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, ServiceError> {
    let valid = (0..1_000_000_000).contains(&time.nanos);
    valid
        .then(|| Timestamp::new(time.seconds, time.nanos).ok())
        .flatten()
        .filter(|time| time.as_second() >= -62_135_596_800)
        .ok_or_else(|| ServiceError::field(field, format!("{field} is no time.")))
}

/// A span as the contract says it; longer ones than it can say become its longest.
pub fn duration(span: Duration) -> prost_types::Duration {
    /// 10,000 years, the bound of the type.
    const LONGEST: u64 = 315_576_000_000;
    let seconds = span.as_secs().min(LONGEST);
    prost_types::Duration {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or_default(),
    }
}

/// A span of a request, from 0.
///
/// # Errors
///
/// FIELD_INVALID when negative or none.
pub fn read_duration(field: &str, span: prost_types::Duration) -> Result<Duration, ServiceError> {
    let seconds = u64::try_from(span.seconds).ok();
    let nanos = u32::try_from(span.nanos).ok();
    seconds
        .zip(nanos.filter(|nanos| *nanos < 1_000_000_000))
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .ok_or_else(|| {
            ServiceError::field(field, format!("{field} must be a span of time, from 0."))
        })
}

/// An id of a request.
///
/// # Errors
///
/// FIELD_INVALID when it is no UUID.
pub fn id<T: FromStr>(field: &str, text: &str) -> Result<T, ServiceError> {
    text.parse().map_err(|_| {
        ServiceError::field(
            field,
            format!("{field} must be an id: a UUID, lowercase with hyphens."),
        )
    })
}

/// An id of a request that may be left empty.
///
/// # Errors
///
/// FIELD_INVALID when it is neither empty nor a UUID.
pub fn optional_id<T: FromStr>(field: &str, text: &str) -> Result<Option<T>, ServiceError> {
    if text.is_empty() {
        return Ok(None);
    }
    id(field, text).map(Some)
}

/// A count as the contract says it, which has 32 bits.
pub fn count(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// Bytes or a revision as the contract says it.
pub fn wide(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::domain::ids::UserId;

    use super::*;

    #[test]
    fn times_read_back_what_was_written_before_the_epoch_too() {
        for (second, nanosecond) in [(0, 0), (1_700_000_000, 123_456_000), (-5, -250_000_000)] {
            let moment = Timestamp::new(second, nanosecond).unwrap();
            let written = time(moment);
            assert!((0..1_000_000_000).contains(&written.nanos));
            assert_eq!(read_time("t", written).unwrap(), moment);
        }
    }

    #[test]
    fn what_is_no_time_span_or_id_is_refused_by_name() {
        let bad_time = |seconds, nanos| {
            read_time("create_time", prost_types::Timestamp { seconds, nanos }).unwrap_err()
        };
        for error in [
            bad_time(0, -1),
            bad_time(0, 1_000_000_000),
            bad_time(i64::MAX, 0),
            bad_time(i64::MIN, 0),
        ] {
            assert_eq!(error.field.as_deref(), Some("create_time"));
        }
        let span = |seconds, nanos| read_duration("d", prost_types::Duration { seconds, nanos });
        assert!(span(-1, 0).is_err() && span(0, -1).is_err() && span(0, 1_000_000_000).is_err());
        assert_eq!(span(2, 5).unwrap(), Duration::new(2, 5));
        assert_eq!(duration(Duration::MAX).seconds, 315_576_000_000);
        assert!(id::<UserId>("user_id", "wang").is_err());
        assert_eq!(optional_id::<UserId>("user_id", "").unwrap(), None);
    }
}
