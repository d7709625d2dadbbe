//! Limits on trying passwords: a growing delay by username and by network address.
//!
//! Invariants: an attempt counts when it begins, not when it fails, so that many at once get no more tries than many in
//! turn; a refused attempt does not count, so that waiting always helps; memory is bounded, whatever is tried.
//!
//! Not here: what a wrong password is.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Tries of one name before it is slowed down.
pub const FREE_BY_NAME: u32 = 5;
/// Tries from one address before it is slowed down; more than a name's, for several people share an address.
pub const FREE_BY_ADDRESS: u32 = 20;
/// Longest delay of a name: short, for anyone can cause it for anyone.
pub const LONGEST_BY_NAME: Duration = Duration::from_secs(60);
/// Longest delay of an address.
pub const LONGEST_BY_ADDRESS: Duration = Duration::from_secs(15 * 60);
/// After so long without a try, tries are forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// Names and addresses that are remembered, each; beyond it the one tried longest ago is forgotten.
const REMEMBERED: usize = 4_096;

/// Tries by name and by address.
#[derive(Default)]
pub struct Throttle {
    tries: Mutex<Tries>,
}

#[derive(Default)]
struct Tries {
    names: HashMap<String, Record>,
    addresses: HashMap<IpAddr, Record>,
}

#[derive(Clone, Copy)]
struct Record {
    count: u32,
    last: Timestamp,
    /// The try before the last: where it stands again when the last one was right.
    before: Timestamp,
}

/// How one kind of record is slowed down.
#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    longest: Duration,
}

const BY_NAME: Rule = Rule {
    free: FREE_BY_NAME,
    longest: LONGEST_BY_NAME,
};
const BY_ADDRESS: Rule = Rule {
    free: FREE_BY_ADDRESS,
    longest: LONGEST_BY_ADDRESS,
};

impl Throttle {
    /// Begins a try of a name, counted as failed until [`Throttle::succeeded`].
    ///
    /// # Errors
    ///
    /// How long to wait before the next one.
    pub fn begin(
        &self,
        name: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let mut tries = self.lock();
        let address = place(address);
        let by_name = wait(tries.names.get(name), BY_NAME, now);
        let by_address = address.as_ref().map_or(Duration::ZERO, |address| {
            wait(tries.addresses.get(address), BY_ADDRESS, now)
        });
        let delay = by_name.max(by_address);
        if !delay.is_zero() {
            return Err(delay);
        }
        count(&mut tries.names, name.to_owned(), now);
        if let Some(address) = address {
            count(&mut tries.addresses, address, now);
        }
        Ok(())
    }

    /// A try that was begun was right: its name is free again, and its address has one try less.
    pub fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        let mut tries = self.lock();
        tries.names.remove(name);
        // Not wholly forgotten: else one known password would free an address for guessing others.
        if let Some(record) = place(address).and_then(|place| tries.addresses.get_mut(&place)) {
            record.count = record.count.saturating_sub(1);
            record.last = record.before;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place on the network that is slowed down: none for this machine itself, for behind it are all who come through a
/// tunnel.
fn place(address: Option<IpAddr>) -> Option<IpAddr> {
    address
        .filter(|address| !address.to_canonical().is_loopback())
        .map(network)
}

/// What is taken for one place on the network: one subscriber has a whole /64 of IPv6.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What is left of the delay: after the free tries 1 s, 2 s, 4 s … up to the longest.
fn wait(record: Option<&Record>, rule: Rule, now: Timestamp) -> Duration {
    let Some(record) = record.filter(|record| !is_forgotten(record, now)) else {
        return Duration::ZERO;
    };
    let Some(doublings) = record.count.checked_sub(rule.free) else {
        return Duration::ZERO;
    };
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    let delay = Duration::from_secs(seconds).min(rule.longest);
    let passed = now.duration_since(record.last).unsigned_abs();
    delay.saturating_sub(passed)
}

fn count<K: Hash + Eq + Clone>(records: &mut HashMap<K, Record>, key: K, now: Timestamp) {
    if records.len() >= REMEMBERED && !records.contains_key(&key) {
        records.retain(|_, record| !is_forgotten(record, now));
        if records.len() >= REMEMBERED
            && let Some(oldest) = records
                .iter()
                .min_by_key(|(_, record)| record.last)
                .map(|(key, _)| key.clone())
        {
            records.remove(&oldest);
        }
    }
    let record = records.entry(key).or_insert(Record {
        count: 0,
        last: now,
        before: now,
    });
    if is_forgotten(record, now) {
        record.count = 0;
    }
    record.count = record.count.saturating_add(1);
    record.before = std::mem::replace(&mut record.last, now);
}

fn is_forgotten(record: &Record, now: Timestamp) -> bool {
    now.duration_since(record.last).unsigned_abs() >= FORGOTTEN_AFTER
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_name_is_slowed_down_more_and_more_and_never_for_long() {
        let throttle = Throttle::default();
        for _ in 0..FREE_BY_NAME {
            assert_eq!(throttle.begin("wang", None, at(0)), Ok(()));
        }
        let mut now = 0;
        for delay in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let wait = throttle.begin("wang", None, at(now)).unwrap_err();
            assert_eq!(wait, Duration::from_secs(delay));
            // A refused try does not lengthen the delay.
            assert_eq!(throttle.begin("wang", None, at(now)), Err(wait));
            assert_eq!(throttle.begin("li", None, at(now)), Ok(()));
            throttle.succeeded("li", None);
            now += i64::try_from(delay).unwrap();
            assert_eq!(throttle.begin("wang", None, at(now)), Ok(()));
        }
        throttle.succeeded("wang", None);
        assert_eq!(throttle.begin("wang", None, at(now)), Ok(()));
    }

    #[test]
    fn an_address_is_slowed_down_over_all_names_and_success_does_not_free_it() {
        let throttle = Throttle::default();
        for number in 0..FREE_BY_ADDRESS {
            let name = format!("user{number}");
            assert_eq!(throttle.begin(&name, address(1), at(0)), Ok(()));
        }
        assert!(throttle.begin("wang", address(1), at(0)).is_err());
        assert_eq!(throttle.begin("wang", address(2), at(0)), Ok(()));
        throttle.succeeded("user0", address(1));
        assert_eq!(throttle.begin("mine", address(1), at(0)), Ok(()));
        assert!(throttle.begin("other", address(1), at(0)).is_err());
    }

    #[test]
    fn a_right_password_makes_nobody_wait_longer() {
        let throttle = Throttle::default();
        for number in 0..FREE_BY_ADDRESS + 3 {
            let _ = throttle.begin(&format!("user{number}"), address(1), at(0));
        }
        // 20 tries: 1 s. Each that is right leaves the delay as it was, however many come.
        for second in 1..100 {
            assert_eq!(throttle.begin("wang", address(1), at(second)), Ok(()));
            throttle.succeeded("wang", address(1));
        }
        let forgotten = 3_600;
        for number in 0..FREE_BY_ADDRESS {
            let name = format!("later{number}");
            assert_eq!(throttle.begin(&name, address(1), at(forgotten)), Ok(()));
        }
    }

    #[test]
    fn who_comes_through_a_tunnel_is_slowed_down_by_name_alone() {
        let throttle = Throttle::default();
        let here = "127.0.0.1".parse().ok();
        for number in 0..FREE_BY_ADDRESS * 2 {
            let name = format!("user{number}");
            assert_eq!(throttle.begin(&name, here, at(0)), Ok(()));
        }
        for _ in 0..FREE_BY_NAME {
            let _ = throttle.begin("wang", here, at(0));
        }
        assert!(throttle.begin("wang", here, at(0)).is_err());
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_address() {
        let throttle = Throttle::default();
        for host in 0..FREE_BY_ADDRESS {
            let address: IpAddr = format!("2001:db8::{host:x}").parse().unwrap();
            let name = format!("user{host}");
            assert_eq!(throttle.begin(&name, Some(address), at(0)), Ok(()));
        }
        let neighbour = "2001:db8::ffff".parse().ok();
        let other = "2001:db8:0:1::1".parse().ok();
        assert!(throttle.begin("wang", neighbour, at(0)).is_err());
        assert_eq!(throttle.begin("wang", other, at(0)), Ok(()));
    }

    #[test]
    fn tries_are_forgotten_after_an_hour_and_memory_is_bounded() {
        let throttle = Throttle::default();
        for _ in 0..FREE_BY_NAME {
            assert_eq!(throttle.begin("wang", None, at(0)), Ok(()));
        }
        for number in 0..REMEMBERED + 64 {
            let name = format!("user{number}");
            assert_eq!(throttle.begin(&name, None, at(1)), Ok(()));
        }
        assert_eq!(throttle.lock().names.len(), REMEMBERED);
        for _ in 0..=FREE_BY_NAME {
            let _ = throttle.begin("li", None, at(2));
        }
        assert!(throttle.begin("li", None, at(2)).is_err());
        assert_eq!(throttle.begin("li", None, at(2 + 3_600)), Ok(()));
    }
}
