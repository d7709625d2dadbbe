//! The one clock and the one source of randomness; both are handed in, so that everything above runs whole in
//! virtual time and replays by seed.
//!
//! Invariants: wall time = a start + tokio's elapsed time, so paused time moves it too; it never goes backwards. In
//! production it is re-anchored to the system's clock, forwards at once, backwards by standing still.
//!
//! A whole server in a process of its own cannot be given virtual time. Where its waits would take a test too long, the
//! clock itself is hastened: every span of every rule keeps its length in the clock's own time, and passes sooner. Only
//! builds for development can do that.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::ids::{BatchId, EntryId, InstanceId, ItemId, KeyId, UserId};

/// A difference between the two clocks that is mended: smaller ones are noise of the readings.
const DRIFT: Duration = Duration::from_millis(50);

/// Wall time, randomness and ids. Clones share one state.
#[derive(Clone)]
pub struct Clock {
    shared: Arc<Mutex<Shared>>,
    /// Its seconds in one of tokio's.
    speed: u32,
}

/// The variable that hastens the clock of a build for development: `<time>*<speed>`, a time (RFC 3339) at which the
/// clock and the system's agreed, and how many of its seconds pass in one of the system's since then.
pub const TEST_CLOCK: &str = "VBATCH_TEST_CLOCK";

/// The fastest that a clock can be told to be.
const TOP_SPEED: u32 = 1_000;

/// Why the clock cannot be hastened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TestClockError {
    /// This build serves people: with a hastened clock it could pay the upstream twice.
    #[error("{TEST_CLOCK} is for tests, in builds for development alone; unset it")]
    Release,
    /// Not `<time>*<speed>`.
    #[error("{TEST_CLOCK} is not <time>*<speed> with a speed of 1 to {TOP_SPEED}")]
    Unreadable,
}

struct Shared {
    anchor: Timestamp,
    anchored_at: Instant,
    newest: Timestamp,
    speed: u32,
    follows_system: bool,
    random: StdRng,
    last_id: u128,
}

impl Clock {
    /// The system's time and entropy.
    pub fn system() -> Self {
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        Self::starting(Timestamp::now(), StdRng::from_seed(seed), true)
    }

    /// Virtual time from `start`, moved by tokio's, and randomness from `seed`: the same calls give the same values.
    pub fn simulated(start: Timestamp, seed: u64) -> Self {
        Self::starting(start, StdRng::seed_from_u64(seed), false)
    }

    /// The system's clock, or where [`TEST_CLOCK`] says so one that runs ahead of it.
    ///
    /// # Errors
    /// When the variable cannot be read, and in every release build that has it.
    pub fn of_program(test_clock: Option<&str>) -> Result<Self, TestClockError> {
        let Some(told) = test_clock else {
            return Ok(Self::system());
        };
        if !cfg!(debug_assertions) {
            return Err(TestClockError::Release);
        }
        let (origin, speed) = told.split_once('*').ok_or(TestClockError::Unreadable)?;
        let origin: Timestamp = origin.parse().map_err(|_| TestClockError::Unreadable)?;
        let speed: u32 = speed.parse().map_err(|_| TestClockError::Unreadable)?;
        if !(1..=TOP_SPEED).contains(&speed) {
            return Err(TestClockError::Unreadable);
        }
        let passed = Timestamp::now().duration_since(origin);
        let start = origin.saturating_add(passed.saturating_mul(speed as i32));
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let start = start.unwrap_or(Timestamp::MAX);
        let mut clock = Self::starting(start, StdRng::from_seed(seed), false);
        clock.speed = speed;
        clock.lock().speed = speed;
        Ok(clock)
    }

    /// Waits until so much of its time has passed.
    pub fn sleep(&self, span: Duration) -> tokio::time::Sleep {
        tokio::time::sleep(span / self.speed)
    }

    fn starting(start: Timestamp, random: StdRng, follows_system: bool) -> Self {
        Self {
            speed: 1,
            shared: Arc::new(Mutex::new(Shared {
                anchor: start,
                anchored_at: Instant::now(),
                newest: start,
                speed: 1,
                follows_system,
                random,
                last_id: 0,
            })),
        }
    }

    /// Now, to the microsecond, never before an earlier answer.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// 64 random bits.
    pub fn random(&self) -> u64 {
        self.lock().random.next_u64()
    }

    /// Fills `bytes` with randomness good enough for keys and passwords (in production).
    pub fn fill(&self, bytes: &mut [u8]) {
        self.lock().random.fill_bytes(bytes);
    }

    /// A new UUIDv7, larger than every one before it.
    pub fn uuid(&self) -> Uuid {
        self.lock().uuid()
    }

    /// A new batch id.
    pub fn batch_id(&self) -> BatchId {
        BatchId(self.uuid())
    }

    /// A new item id.
    pub fn item_id(&self) -> ItemId {
        ItemId(self.uuid())
    }

    /// A new user id.
    pub fn user_id(&self) -> UserId {
        UserId(self.uuid())
    }

    /// A new ledger entry id.
    pub fn entry_id(&self) -> EntryId {
        EntryId(self.uuid())
    }

    /// A new API key id.
    pub fn key_id(&self) -> KeyId {
        KeyId(self.uuid())
    }

    /// A new instance id.
    pub fn instance_id(&self) -> InstanceId {
        InstanceId(self.uuid())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        // A panic elsewhere while the lock was held leaves nothing half done that matters here.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn now(&mut self) -> Timestamp {
        let elapsed = self.anchored_at.elapsed() * self.speed;
        let mut time = self
            .anchor
            .saturating_add(elapsed)
            .unwrap_or(Timestamp::MAX);
        if self.follows_system {
            let system = Timestamp::now();
            if system.duration_since(time).unsigned_abs() > DRIFT {
                self.anchor = system;
                self.anchored_at = Instant::now();
                time = system;
            }
        }
        self.newest = self.newest.max(to_microseconds(time));
        self.newest
    }

    fn uuid(&mut self) -> Uuid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        let mut bytes = [0; 10];
        self.random.fill_bytes(&mut bytes);
        let fresh = uuid::Builder::from_unix_timestamp_millis(millis, &bytes)
            .into_uuid()
            .as_u128();
        // Within one millisecond the random part decides; an id that would sort before the last one follows it
        // instead. 62 random bits are far from overflowing into the version.
        self.last_id = fresh.max(self.last_id + 1);
        Uuid::from_u128(self.last_id)
    }
}

/// Stored times have microseconds.
fn to_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn virtual_time_moves_the_clock_and_a_seed_repeats_it() {
        let run = || async {
            let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 7);
            tokio::time::sleep(Duration::from_secs(90)).await;
            (clock.now(), clock.uuid(), clock.random())
        };
        let first = run().await;
        assert_eq!(first.0, Timestamp::from_second(90).unwrap());
        assert_eq!(first, run().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hastened_clock_keeps_its_origin_and_its_spans() {
        let origin = Timestamp::now();
        let clock = Clock::of_program(Some(&format!("{origin}*100"))).unwrap();
        let start = clock.now();
        assert!(start >= origin);
        clock.sleep(Duration::from_secs(60)).await;
        let passed = clock.now().duration_since(start).unsigned_abs();
        // Tokio's timers have milliseconds, a tenth of a second here.
        assert!(
            passed.abs_diff(Duration::from_secs(60)) <= Duration::from_millis(100),
            "{passed:?}"
        );

        for told in ["", "100", "yesterday*100", "2026-01-01T00:00:00Z*0"] {
            let refused = Clock::of_program(Some(told)).err();
            assert_eq!(refused, Some(TestClockError::Unreadable), "{told}");
        }
    }

    #[test]
    fn ids_rise_within_one_millisecond() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let _guard = runtime.enter();
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 1);
        let ids: Vec<_> = (0..1000).map(|_| clock.uuid()).collect();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
