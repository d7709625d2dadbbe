//! Owns [`Live`]: how fresh what a stream brought is.

use jiff::{SignedDuration, Timestamp};

use super::refusal::Refusal;

/// Without a word for so long a stream counts as stale: two and a half of the contract's heartbeats of 15 s.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(38);

/// What is known of a stream.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// Whether a snapshot was ever complete.
    pub(crate) complete: bool,
    open: bool,
    heard: Option<Timestamp>,
    lost: Option<Lost>,
}

/// A stream that broke off.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) since: Timestamp,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) refusal: Refusal,
}

/// How fresh what is shown is.
#[derive(Debug)]
pub(crate) enum Freshness<'a> {
    Connecting,
    Live,
    /// Nothing was heard since.
    Stale(Timestamp),
    Lost(&'a Lost),
}

impl Live {
    /// When something was heard last.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        self.heard
    }

    pub(crate) fn opened(&mut self, now: Timestamp) {
        self.open = true;
        self.heard = Some(now);
    }

    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.heard = Some(now);
        self.lost = None;
    }

    pub(crate) fn completed(&mut self, now: Timestamp) {
        self.heard(now);
        self.complete = true;
    }

    pub(crate) fn lost(&mut self, now: Timestamp, refusal: Refusal, retry_at: Option<Timestamp>) {
        self.open = false;
        let since = self.lost.as_ref().map_or(now, |lost| lost.since);
        self.lost = Some(Lost {
            since,
            retry_at,
            refusal,
        });
    }

    pub(crate) fn freshness(&self, now: Timestamp) -> Freshness<'_> {
        match (&self.lost, self.heard) {
            (Some(lost), _) => Freshness::Lost(lost),
            (None, Some(heard)) if self.open && self.complete => {
                if now.duration_since(heard) > STALE_AFTER {
                    Freshness::Stale(heard)
                } else {
                    Freshness::Live
                }
            }
            _ => Freshness::Connecting,
        }
    }
}
