//! How many uploads run at a time, of one user and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;
use crate::service::error::{Reason, ServiceError};

/// Most uploads of one user at a time.
pub const UPLOADS_PER_USER: u32 = 4;
/// Most uploads of everyone at a time: each may keep a file handle and a chunk or two.
const UPLOADS: u32 = 32;

/// The running uploads. Clones share the count.
#[derive(Clone, Default)]
pub(super) struct UploadSlots {
    running: Arc<Mutex<HashMap<UserId, u32>>>,
}

/// One running upload; dropping it ends it.
pub(super) struct UploadSlot {
    slots: UploadSlots,
    user: UserId,
}

impl UploadSlots {
    /// # Errors
    ///
    /// TOO_MANY_UPLOADS.
    pub(super) fn take(&self, user: UserId) -> Result<UploadSlot, ServiceError> {
        let mut running = self.lock();
        let own = running.get(&user).copied().unwrap_or_default();
        let limit = if own >= UPLOADS_PER_USER {
            UPLOADS_PER_USER
        } else if running.values().sum::<u32>() >= UPLOADS {
            UPLOADS
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
        let slots = UploadSlots::default();
        let user = |number| UserId(Uuid::from_u128(number));
        let held: Vec<_> = (0..UPLOADS_PER_USER)
            .map(|_| slots.take(user(0)).ok())
            .collect();
        let refused = slots.take(user(0)).err().expect("a fifth upload");
        assert_eq!(refused.reason, Reason::TooManyUploads);
        assert!(refused.metadata.contains(&("limit", "4".to_owned())));
        let others: Vec<_> = (4..UPLOADS)
            .map(|number| slots.take(user(u128::from(number))).ok())
            .collect();
        assert!(others.iter().all(Option::is_some));
        assert!(slots.take(user(1)).is_err());
        drop(held);
        assert!(slots.take(user(0)).is_ok());
    }
}
