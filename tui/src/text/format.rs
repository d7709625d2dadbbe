//! Owns how numbers, sizes and times are written; the same in every language.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What is needed to say when something is.
pub(crate) struct Clock<'a> {
    pub(crate) now: Timestamp,
    pub(crate) time_zone: &'a TimeZone,
}

impl Clock<'_> {
    /// How long ago something was, in its largest unit.
    pub(crate) fn ago(&self, then: Timestamp) -> String {
        span(self.seconds_since(then))
    }

    /// How long ago in seconds, never below 0.
    pub(crate) fn seconds_since(&self, then: Timestamp) -> i64 {
        self.now.duration_since(then).as_secs().max(0)
    }

    /// How long until then in seconds, never below 0.
    pub(crate) fn seconds_until(&self, then: Timestamp) -> i64 {
        then.duration_since(self.now).as_secs().max(0)
    }

    /// The time of day, with the date when it is another day.
    pub(crate) fn at(&self, then: Timestamp) -> String {
        clock_time(self.now, then, self.time_zone)
    }

    /// The date.
    pub(crate) fn day(&self, then: Timestamp) -> String {
        let then = then.to_zoned(self.time_zone.clone());
        then.strftime("%Y-%m-%d").to_string()
    }

    /// Date and time to the minute, whatever year it is.
    pub(crate) fn on(&self, then: Timestamp) -> String {
        let then = then.to_zoned(self.time_zone.clone());
        then.strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// Date and time to the second.
    pub(crate) fn exactly_at(&self, then: Timestamp) -> String {
        let then = then.to_zoned(self.time_zone.clone());
        then.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

/// Hours and minutes, and the date when it is not today.
pub(crate) fn clock_time(now: Timestamp, then: Timestamp, time_zone: &TimeZone) -> String {
    let today = now.to_zoned(time_zone.clone());
    let then = then.to_zoned(time_zone.clone());
    let time = format!("{:02}:{:02}", then.hour(), then.minute());
    if then.date() == today.date() {
        time
    } else {
        format!("{:02}-{:02} {time}", then.month(), then.day())
    }
}

/// A span in seconds in its largest unit, for columns: `45s`, `12m`, `3h`, `6d`.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..0 => "0s".to_owned(),
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..36_000 if seconds % 3_600 >= 360 => {
            // Below ten hours a tenth still matters.
            format!("{}.{}h", seconds / 3_600, seconds % 3_600 / 360)
        }
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A span in seconds to the second: `0m12`, `1m40`, `1h02m`.
pub(crate) fn span_seconds(seconds: i64) -> String {
    let seconds = seconds.max(0);
    if seconds < 3_600 {
        format!("{}m{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60)
    }
}

/// Playing time: `0:48`, `9:07`, `1:02:03`; below ten seconds with a tenth.
pub(crate) fn play_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("0:0{}.{}", seconds, time.subsec_millis() / 100),
        10..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            seconds / 3_600,
            seconds % 3_600 / 60,
            seconds % 60
        ),
    }
}

/// A size in bytes: `512 B`, `1.8 MiB`, `31 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut unit = 0;
    // Tenths of the unit, rounded up so that what is over a limit never looks like the limit.
    let mut divisor: u64 = 1024;
    while unit + 1 < UNITS.len() && size >= divisor * 1000 {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = (u128::from(size) * 10).div_ceil(u128::from(divisor));
    if tenths < 100 || (tenths < 1000 && tenths % 10 != 0) {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths.div_ceil(10), UNITS[unit])
    }
}

/// Bytes in a second.
pub(crate) fn rate(done_bytes: u64, seconds: i64) -> String {
    let per_second = done_bytes / seconds.max(1).unsigned_abs();
    format!("{}/s", bytes(per_second))
}

/// A number with its thousands set apart.
pub(crate) fn count(number: impl Into<i64>) -> String {
    let number: i64 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    if number < 0 {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!(count(9_979), "9,979");
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(
            [5, 59, 60, 3_599, 3_600, 4_320, 40_000, 200_000].map(span),
            ["5s", "59s", "1m", "59m", "1h", "1.2h", "11h", "2d"]
        );
        assert_eq!(
            [12, 100, 3_720].map(span_seconds),
            ["0m12", "1m40", "1h02m"]
        );
        assert_eq!(play_time(Duration::from_millis(8_440)), "0:08.4");
        assert_eq!(play_time(Duration::from_secs(48)), "0:48");
    }

    #[test]
    fn sizes_never_look_smaller_than_they_are() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(20 << 20), "20 MiB");
        assert_eq!(bytes((20 << 20) + 1), "20.1 MiB");
        assert_eq!(bytes(1_887_436), "1.8 MiB");
        assert_eq!(bytes(123 << 20), "123 MiB");
        assert_eq!(bytes(u64::MAX), "16384 PiB");
    }
}
