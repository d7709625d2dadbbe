//! When to kill.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::simulation::dice::Dice;
use crate::upstream::fake::FakeUpstream;
use crate::upstream::faults::Call;

/// A chosen moment that does not come in this time: the server is killed all the same.
const PATIENCE: Duration = Duration::from_millis(1_200);

/// What clients do and see that a kill can be aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A client is in the middle of an upload.
    Uploading,
    /// A client has said all of a change, and no reply has come.
    Asked,
    /// A change was replied to.
    Replied,
    /// A watcher was told something new.
    Seen,
    /// A client is in the middle of a download.
    Downloading,
}

/// Counts what clients do and see.
#[derive(Default)]
pub struct Sights(watch::Sender<BTreeMap<Sight, usize>>);

impl Sights {
    /// It was done or seen.
    pub fn note(&self, sight: Sight) {
        self.0
            .send_modify(|seen| *seen.entry(sight).or_default() += 1);
    }

    /// Waits until it is seen again, or for a little.
    pub async fn soon(&self, sight: Sight) {
        let _ = timeout(Duration::from_millis(50), self.more(sight, 1)).await;
    }

    async fn more(&self, sight: Sight, times: usize) {
        let mut seen = self.0.subscribe();
        let count = |seen: &BTreeMap<Sight, usize>| seen.get(&sight).copied().unwrap_or_default();
        let target = count(&seen.borrow_and_update()) + times;
        // It ends with an error only where nothing is noted any more.
        let _ = seen.wait_for(|seen| count(seen) >= target).await;
    }
}

/// A moment to kill at, counted from when the server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it listens.
    Starting,
    /// At no particular one.
    Any(Duration),
    /// So many submits were taken; the answer is on its way.
    Submitted(usize),
    /// So many calls of a kind have reached the upstream.
    Called(Call, usize),
    /// Clients have done or seen something so often.
    Client(Sight, usize),
}

impl Moment {
    /// One of them.
    pub fn roll(dice: &mut Dice) -> Self {
        let few = |dice: &mut Dice| 1 + dice.below(3) as usize;
        match dice.below(18) {
            0 => Self::Starting,
            1 | 2 => Self::Any(dice.between(Duration::ZERO, Duration::from_millis(400))),
            3..=5 => Self::Submitted(few(dice)),
            6 => Self::Called(Call::Submit, few(dice)),
            7 | 8 => Self::Called(Call::Result, few(dice)),
            9 => Self::Called(Call::List, 1),
            10 => Self::Called(Call::Cancel, 1 + dice.below(2) as usize),
            11 => Self::Called(Call::ResultUrl, few(dice)),
            12 => Self::Client(Sight::Uploading, few(dice)),
            13 | 14 => Self::Client(Sight::Replied, few(dice)),
            15 | 16 => Self::Client(Sight::Asked, few(dice)),
            _ => match dice.below(3) {
                0 => Self::Client(Sight::Downloading, 1),
                _ => Self::Client(Sight::Seen, few(dice) * 3),
            },
        }
    }

    /// Waits for it; false when it did not come.
    pub async fn comes(self, fake: &FakeUpstream, sights: &Sights) -> bool {
        let coming = async {
            match self {
                Self::Starting => {}
                Self::Any(delay) => sleep(delay).await,
                Self::Submitted(times) => {
                    let target = fake.book().accepted + times;
                    fake.until("submits", |book, _| book.accepted >= target)
                        .await;
                }
                Self::Called(call, times) => {
                    let target = fake.book().count(call) + times;
                    fake.until_called(call, target).await;
                }
                Self::Client(sight, times) => sights.more(sight, times).await,
            }
        };
        timeout(PATIENCE, coming).await.is_ok()
    }

    /// How long after it the kill comes: at once, or within what the work of that moment takes.
    pub fn delay(self, dice: &mut Dice) -> Duration {
        let most = match self {
            Self::Starting => 250,
            Self::Called(Call::Result, _) => 80,
            _ if dice.chance(40) => return Duration::ZERO,
            _ => 12,
        };
        Duration::from_micros(dice.below(most * 1_000))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("while it starts"),
            Self::Any(_) => f.write_str("at no particular moment"),
            Self::Submitted(_) => f.write_str("after a submit made a task"),
            Self::Called(Call::Submit, _) => f.write_str("when a submit has arrived"),
            Self::Called(Call::Result, _) => f.write_str("while a video comes"),
            Self::Called(call, _) => write!(f, "when {call:?} was called"),
            Self::Client(Sight::Uploading, _) => f.write_str("in an upload"),
            Self::Client(Sight::Asked, _) => f.write_str("between a change and its reply"),
            Self::Client(Sight::Replied, _) => f.write_str("after a reply"),
            Self::Client(Sight::Seen, _) => f.write_str("after a watcher was told"),
            Self::Client(Sight::Downloading, _) => f.write_str("in a download"),
        }
    }
}
