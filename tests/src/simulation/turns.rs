//! Whose turn it was: of those who had something ready all the time, nobody is served twice while another is not.
//!
//! The claims of two who wait all along never differ by more than one, in any span, exactly if between two claims of
//! the one there is always a claim of the other.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// The turns of users, or of the batches of one user.
pub struct Turns<K> {
    /// The look at which each had something ready first, and has had since.
    ready_since: BTreeMap<K, u64>,
    last_claim: BTreeMap<K, u64>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            ready_since: BTreeMap::new(),
            last_claim: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Copy + Debug> Turns<K> {
    /// Something of `who` is claimed, at this look.
    ///
    /// # Errors
    /// In words, who was passed over.
    pub fn claimed(&mut self, who: K, look: u64) -> Result<(), String> {
        if let Some(before) = self.last_claim.insert(who, look) {
            for (other, since) in &self.ready_since {
                let served = self.last_claim.get(other).copied().unwrap_or_default();
                if *other != who && *since <= before && served < before {
                    return Err(format!("{who:?} was served twice while {other:?} waited"));
                }
            }
        }
        Ok(())
    }

    /// Who has something ready, as of this look.
    pub fn ready(&mut self, who: impl IntoIterator<Item = K>, look: u64) {
        let mut now = BTreeMap::new();
        for who in who {
            let since = self.ready_since.get(&who).copied().unwrap_or(look);
            now.insert(who, since);
        }
        self.ready_since = now;
    }
}
