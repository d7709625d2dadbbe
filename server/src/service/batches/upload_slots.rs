//! How many uploads run at a time, of one user and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Limits;
use crate::domain::ids::UserId;
use crate::service::error::{Reason, ServiceError};

/// The running uploads. Clones share the count.
#[derive(Clone)]
pub(super) struct UploadSlots {
    of_everyone: u32,
    of_a_user: u32,
    running: Arc<Mutex<HashMap<UserId, u32>>>,
}

/// One running upload; dropping it ends it.
pub(super) struct UploadSlot {
    slots: UploadSlots,
    user: UserId,
}

impl UploadSlots {
    /// None runs yet.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            of_everyone: limits.uploads,
            of_a_user: limits.uploads_per_user,
            running: Arc::default(),
        }
    }

    /// # Errors
    ///
    /// TOO_MANY_UPLOADS.
    pub(super) fn take(&self, user: UserId) -> Result<UploadSlot, ServiceError> {
        let mut running = self.lock();
        let own = running.get(&user).copied().unwrap_or_default();
        let limit = if own >= self.of_a_user {
            self.of_a_user
        } else if running.values().sum::<u32>() >= self.of_everyone {
            self.of_everyone
        } else {
            running.insert(user, own + 1);
            return Ok(UploadSlot {
                slots: self.clone(),
                user,
            });
        };
        Err(ServiceError::new(
            Reason::TooManyUploads,
            format!("{limit} uploads are running already. Wait until one has ended."),
        )
        .with("limit", limit)
        .retry_after(std::time::Duration::from_secs(5)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UploadSlot {
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
    fn uploads_are_bounded_for_each_user_and_in_all() {
        let limits = Limits {
            uploads: 7,
            uploads_per_user: 4,
            ..Limits::default()
        };
        let slots = UploadSlots::new(&limits);
        let user = |number| UserId(Uuid::from_u128(number));
        let held: Vec<_> = (0..4).map(|_| slots.take(user(0)).ok()).collect();
        let refused = slots.take(user(0)).err().expect("a fifth upload");
        assert_eq!(refused.reason, Reason::TooManyUploads);
        assert!(refused.metadata.contains(&("limit", "4".to_owned())));
        let others: Vec<_> = (4..7_u32)
            .map(|number| slots.take(user(u128::from(number))).ok())
            .collect();
        assert!(others.iter().all(Option::is_some));
        assert!(slots.take(user(1)).is_err());
        drop(held);
        assert!(slots.take(user(0)).is_ok());
    }
}
