//! Users as they are since the last commit: every call asks for one, and most of them for the same.
//!
//! Invariant: whoever asks after a change was answered gets what it made. Each commit forgets all that was known, before it
//! is told or answered; what was read before a commit is not kept after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;
use crate::domain::user::User;

/// Most users that are known at a time; beyond it all are forgotten and read once more.
const KNOWN: usize = 1_024;

/// See the module's page.
#[derive(Default)]
pub(super) struct KnownUsers(Mutex<Since>);

/// Between two commits.
#[derive(Default)]
struct Since {
    commit: u64,
    users: HashMap<UserId, User>,
}

/// Between which commits a user was asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    commit: u64,
}

impl KnownUsers {
    /// A user who is known; else when it was asked, for [`KnownUsers::keep`].
    pub fn get(&self, id: UserId) -> Result<User, Asked> {
        let since = self.lock();
        since.users.get(&id).cloned().ok_or(Asked {
            commit: since.commit,
        })
    }

    /// Takes in a user who was read after that question.
    pub fn keep(&self, asked: Asked, user: &User) {
        let mut since = self.lock();
        if since.commit != asked.commit {
            return;
        }
        if since.users.len() >= KNOWN {
            since.users.clear();
        }
        since.users.insert(user.id, user.clone());
    }

    /// Something was committed, or may have been.
    pub fn forget(&self) {
        let mut since = self.lock();
        since.commit += 1;
        since.users.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Since> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::feed::Feed;
    use crate::store::conformance::world::World;
    use crate::store::redb::RedbStore;

    fn user() -> User {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH, 1);
        let store = RedbStore::in_memory(clock.clone()).expect("memory");
        let feed: Feed = store.feed().clone();
        World::new(std::sync::Arc::new(store), feed, clock).new_user("wang")
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let (known, user) = (KnownUsers::default(), user());
        let Err(before) = known.get(user.id) else {
            panic!("nobody is known yet");
        };
        known.forget();
        known.keep(before, &user);
        let Err(after) = known.get(user.id) else {
            panic!("read before the commit, kept after it");
        };
        known.keep(after, &user);
        assert!(known.get(user.id).is_ok());
        known.forget();
        assert!(known.get(user.id).is_err());
    }
}
