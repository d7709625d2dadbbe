//! How many transfers that hold something of the server run at a time, of one user and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::ids::UserId;
use crate::service::error::{Reason, ServiceError};

/// Most uploads of one user at a time.
pub const UPLOADS_PER_USER: u32 = 4;

/// Most of one kind of transfer at a time.
#[derive(Clone, Copy)]
pub(super) struct Most {
    per_user: u32,
    in_all: u32,
    reason: Reason,
    what: &'static str,
}

/// Each upload may keep a file handle and a chunk or two.
pub(super) const UPLOADS: Most = Most {
    per_user: UPLOADS_PER_USER,
    in_all: 32,
    reason: Reason::TooManyUploads,
    what: "uploads",
};

/// Each export keeps a thread, of which the process has 512 for everything that blocks.
pub(super) const EXPORTS: Most = Most {
    per_user: 4,
    in_all: 32,
    reason: Reason::TooManyStreams,
    what: "exports",
};

/// The running transfers of one kind. Clones share the count.
#[derive(Clone)]
pub(super) struct Slots {
    most: Most,
    running: Arc<Mutex<HashMap<UserId, u32>>>,
}

/// One running transfer; dropping it ends it.
pub(super) struct Slot {
    slots: Slots,
    user: UserId,
}

impl Slots {
    pub(super) fn of(most: Most) -> Self {
        Self {
            most,
            running: Arc::default(),
        }
    }

    /// # Errors
    ///
    /// The reason of its kind.
    pub(super) fn take(&self, user: UserId) -> Result<Slot, ServiceError> {
        let mut running = self.lock();
        let own = running.get(&user).copied().unwrap_or_default();
        let limit = if own >= self.most.per_user {
            self.most.per_user
        } else if running.values().sum::<u32>() >= self.most.in_all {
            self.most.in_all
        } else {
            running.insert(user, own + 1);
            return Ok(Slot {
                slots: self.clone(),
                user,
            });
        };
        let what = self.most.what;
        Err(ServiceError::new(
            self.most.reason,
            format!("{limit} {what} are running already. Wait until one has ended."),
        )
        .with("limit", limit)
        .retry_after(Duration::from_secs(5)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.slots.lock();
        if let Some(count) = running.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn transfers_are_bounded_for_each_user_and_in_all() {
        for most in [UPLOADS, EXPORTS] {
            let slots = Slots::of(most);
            let user = |number| UserId(Uuid::from_u128(number));
            let held: Vec<_> = (0..most.per_user)
                .map(|_| slots.take(user(0)).ok())
                .collect();
            let refused = slots.take(user(0)).err().expect("one too many");
            assert_eq!(refused.reason, most.reason);
            assert!(refused.metadata.contains(&("limit", "4".to_owned())));
            let others: Vec<_> = (most.per_user..most.in_all)
                .map(|number| slots.take(user(u128::from(number))).ok())
                .collect();
            assert!(others.iter().all(Option::is_some));
            assert!(slots.take(user(1)).is_err());
            drop(held);
            assert!(slots.take(user(0)).is_ok());
        }
    }
}
