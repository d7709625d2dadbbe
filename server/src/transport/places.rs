//! How many connections there are, of everyone and of each address, and how many were turned away.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::network::NetworkLimits;

/// The connections that are open. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    total: u32,
    by_address: HashMap<IpAddr, u32>,
    turned: Turned,
}

/// Connections that were not served, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    /// Closed at once: too many of everyone.
    pub crowded: u64,
    /// Closed at once: too many of one address.
    pub crowded_address: u64,
    /// Not through with their handshakes in time, or not at all.
    pub no_handshake: u64,
    /// Told that they ping too often.
    pub too_many_pings: u64,
}

/// The place of one connection; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    address: Option<IpAddr>,
}

impl Places {
    /// Connections that are open now.
    pub fn open(&self) -> u32 {
        self.lock().total
    }

    /// Connections that were not served.
    pub fn turned(&self) -> Turned {
        self.lock().turned
    }

    /// A place for a connection of this address, none for an exempt one; the number of those turned away so far for the
    /// same cause when there is none.
    pub(super) fn take(
        &self,
        address: Option<IpAddr>,
        limits: &NetworkLimits,
    ) -> Result<Place, u64> {
        let mut taken = self.lock();
        if taken.total >= limits.connections {
            taken.turned.crowded += 1;
            return Err(taken.turned.crowded);
        }
        if let Some(address) = address {
            let own = taken.by_address.get(&address).copied().unwrap_or_default();
            if own >= limits.connections_per_address {
                taken.turned.crowded_address += 1;
                return Err(taken.turned.crowded_address);
            }
            taken.by_address.insert(address, own + 1);
        }
        taken.total += 1;
        Ok(Place {
            places: self.clone(),
            address,
        })
    }

    pub(super) fn note_no_handshake(&self) {
        self.lock().turned.no_handshake += 1;
    }

    pub(super) fn note_too_many_pings(&self) {
        self.lock().turned.too_many_pings += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What it is one of.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.total -= 1;
        if let Some(address) = self.address
            && let Some(own) = taken.by_address.get_mut(&address)
        {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_each_address_and_in_all() {
        let limits = NetworkLimits {
            connections: 5,
            connections_per_address: 2,
            ..NetworkLimits::default()
        };
        let places = Places::default();
        let address = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let mut held: Vec<_> = (0..2)
            .map(|_| places.take(address(1), &limits).unwrap())
            .collect();
        assert_eq!(places.take(address(1), &limits).unwrap_err(), 1);
        // An exempt one is bounded by the whole alone.
        held.extend((0..3).map(|_| places.take(None, &limits).unwrap()));
        assert_eq!(places.take(address(2), &limits).unwrap_err(), 1);
        assert_eq!(places.take(None, &limits).unwrap_err(), 2);
        assert_eq!(places.open(), 5);
        held.clear();
        assert_eq!(places.open(), 0);
        assert!(places.lock().by_address.is_empty());
        assert!(places.take(address(1), &limits).is_ok());
        let turned = Turned {
            crowded: 2,
            crowded_address: 1,
            ..Turned::default()
        };
        assert_eq!(places.turned(), turned);
    }
}
