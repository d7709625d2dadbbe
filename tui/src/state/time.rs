//! Owns the way from the contract's times to ours.

use jiff::Timestamp;

/// The contract's time as ours; what is out of range becomes the epoch.
pub(crate) fn moment(time: &prost_types::Timestamp) -> Timestamp {
    Timestamp::new(time.seconds, time.nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The contract's span in seconds, never below 0.
pub(crate) fn seconds(span: &prost_types::Duration) -> i64 {
    span.seconds.max(0)
}
