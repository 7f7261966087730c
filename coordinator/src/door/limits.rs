//! How much may come from one address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};

/// The limits of the door. The defaults let two thousand agents of one address join in well under
/// half a minute, and let no address take more than about a third of a core for handshakes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoorLimits {
    /// New connections a second from one address (one /64 for IPv6), sustained.
    pub connections_per_second: NonZeroU32,
    /// New connections from one address at once.
    pub burst: NonZeroU32,
    /// Handshakes in flight, from all addresses.
    pub handshakes: usize,
    /// Open connections from one address that showed no certificate, or none yet.
    pub anonymous_per_address: usize,
}

impl Default for DoorLimits {
    fn default() -> Self {
        let positive = |n| NonZeroU32::new(n).expect("not zero");
        Self {
            connections_per_second: positive(300),
            burst: positive(600),
            handshakes: 64,
            anonymous_per_address: 256,
        }
    }
}

type Limiter = RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>;
type Places = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Counts what each address does.
pub struct Gate {
    rate: Limiter,
    anonymous: Places,
    most: usize,
    /// Connections let in or not, for forgetting addresses every so often.
    seen: AtomicU32,
}

/// One connection's place among the anonymous ones of its address; given back when dropped.
pub struct Pass {
    address: IpAddr,
    anonymous: Places,
}

impl Gate {
    pub fn new(limits: &DoorLimits) -> Self {
        let quota = Quota::per_second(limits.connections_per_second).allow_burst(limits.burst);
        Self {
            rate: RateLimiter::dashmap(quota),
            anonymous: Arc::default(),
            most: limits.anonymous_per_address,
            seen: AtomicU32::new(0),
        }
    }

    /// Lets a connection in, or not.
    pub fn admit(&self, from: SocketAddr) -> Option<Pass> {
        let address = source(from.ip());
        // An address costs memory until its quota is whole again; every so often those go.
        if self.seen.fetch_add(1, Ordering::Relaxed) % 4096 == 4095 {
            self.rate.retain_recent();
        }
        self.rate.check_key(&address).ok()?;
        let mut anonymous = self.anonymous.lock().unwrap_or_else(PoisonError::into_inner);
        let count = anonymous.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Pass { address, anonymous: self.anonymous.clone() })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut anonymous = self.anonymous.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = anonymous.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                anonymous.remove(&self.address);
            }
        }
    }
}

/// Whom an address counts for: one host has all the addresses of its /64 (RFC 4291 §2.5.4).
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::from([s[0], s[1], s[2], s[3], 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(burst: u32, anonymous_per_address: usize) -> DoorLimits {
        let one = NonZeroU32::new(1).expect("not zero");
        let burst = NonZeroU32::new(burst).expect("not zero");
        DoorLimits {
            connections_per_second: one,
            burst,
            anonymous_per_address,
            ..DoorLimits::default()
        }
    }

    fn at(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().expect("an address"), 1)
    }

    #[test]
    fn one_address_does_not_use_up_the_other_ones_quota() {
        let gate = Gate::new(&limits(2, 100));
        let passes: Vec<_> = (0..5).filter_map(|_| gate.admit(at("192.0.2.1"))).collect();
        assert_eq!(passes.len(), 2);
        assert!(gate.admit(at("192.0.2.2")).is_some());
    }

    #[test]
    fn all_of_a_64_is_one_source() {
        let gate = Gate::new(&limits(1, 100));
        assert!(gate.admit(at("2001:db8::1")).is_some());
        assert!(gate.admit(at("2001:db8::2")).is_none());
        assert!(gate.admit(at("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn a_place_is_given_back() {
        let gate = Gate::new(&limits(100, 1));
        let first = gate.admit(at("192.0.2.1"));
        assert!(first.is_some() && gate.admit(at("192.0.2.1")).is_none());
        drop(first);
        assert!(gate.admit(at("192.0.2.1")).is_some());
    }
}
