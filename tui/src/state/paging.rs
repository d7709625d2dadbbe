//! Owns [`Paging`]: fetching a long list page by page, as far as it is wanted.
//!
//! Invariant: at most one page of a list is on its way at a time, and an answer to an older question changes nothing.

use jiff::{SignedDuration, Timestamp};

/// After a page did not come it is asked for again no sooner.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(3);

/// Entries of a page: the contract's most.
pub(crate) const PAGE_SIZE: i32 = 200;

/// How far a list was fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paging {
    stage: Stage,
    last_number: u64,
}

#[derive(Clone, Debug, Default)]
enum Stage {
    /// Nothing is to be fetched: all is there, or nothing is known yet.
    #[default]
    Whole,
    /// More can be fetched from here, not before that time.
    Open {
        token: String,
        not_before: Timestamp,
    },
    /// A page is on its way.
    Asked { token: String },
}

impl Paging {
    /// Of another list in the place of this one: its numbers go on, so that no answer to this one's questions is its own.
    pub(crate) fn of_another(&self) -> Self {
        Self {
            stage: Stage::Whole,
            last_number: self.last_number + 1,
        }
    }

    /// Everything is to be fetched from the first page on.
    pub(crate) fn restart(&mut self) {
        // The answer to an older question is not waited for any more.
        self.last_number += 1;
        self.stage = Stage::Open {
            token: String::new(),
            not_before: Timestamp::MIN,
        };
    }

    /// Goes on where another reading of the same list stood; its questions are not waited for any more.
    pub(crate) fn go_on_from(&mut self, before: Self) {
        self.last_number += 1;
        self.stage = before.stage;
    }

    /// Whether a page is on its way.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked { .. })
    }

    /// Everything is there.
    pub(crate) fn finish(&mut self) {
        self.last_number += 1;
        self.stage = Stage::Whole;
    }

    /// Whether everything is there, as far as is known.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.stage, Stage::Whole)
    }

    /// The next page's number and token, when none is on its way.
    pub(crate) fn want(&mut self, now: Timestamp) -> Option<(u64, String)> {
        let Stage::Open { token, not_before } = &self.stage else {
            return None;
        };
        if *not_before > now {
            return None;
        }
        let token = token.clone();
        self.last_number += 1;
        self.stage = Stage::Asked {
            token: token.clone(),
        };
        Some((self.last_number, token))
    }

    /// Whether this is the answer that is waited for.
    pub(crate) fn expects(&self, number: u64) -> bool {
        number == self.last_number && matches!(self.stage, Stage::Asked { .. })
    }

    /// A page has come; an empty token says that it was the last.
    pub(crate) fn arrived(&mut self, next_token: String, now: Timestamp) {
        self.stage = if next_token.is_empty() {
            Stage::Whole
        } else {
            Stage::Open {
                token: next_token,
                not_before: now,
            }
        };
    }

    /// A page did not come. A token that is not known any more begins anew.
    pub(crate) fn failed(&mut self, token_is_void: bool, now: Timestamp) {
        if let Stage::Asked { token } = &mut self.stage {
            let token = if token_is_void {
                String::new()
            } else {
                std::mem::take(token)
            };
            self.stage = Stage::Open {
                token,
                not_before: now.checked_add(AGAIN_AFTER).unwrap_or(now),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_one_after_the_other() {
        let now = Timestamp::UNIX_EPOCH;
        let mut paging = Paging::default();
        assert_eq!(paging.want(now), None);
        paging.restart();
        let (first, token) = paging.want(now).unwrap_or_default();
        assert_eq!(token, "");
        assert_eq!(paging.want(now), None, "one at a time");
        paging.failed(false, now);
        assert_eq!(paging.want(now), None, "not at once");
        let later = now + AGAIN_AFTER;
        let (second, _) = paging.want(later).unwrap_or_default();
        assert!(!paging.expects(first) && paging.expects(second));
        paging.arrived("next".to_owned(), later);
        assert_eq!(paging.want(later).map(|it| it.1), Some("next".to_owned()));
        paging.arrived(String::new(), later);
        assert!(paging.is_whole());
    }
}
