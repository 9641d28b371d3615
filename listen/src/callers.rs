//! Connections by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// What counts as one address: an IPv4 address (also when written as IPv6), or an IPv6 /64, which is what one household has.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

/// How many connections each address has.
#[derive(Debug)]
pub struct Callers {
    most: usize,
    by_network: Mutex<HashMap<IpAddr, usize>>,
}

/// One counted connection; it counts until this is dropped.
#[derive(Debug)]
pub struct Permit(Arc<Callers>, IpAddr);

impl Callers {
    /// At most this many for each address.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            by_network: Mutex::default(),
        })
    }

    /// Counts a connection of `address`, unless it has as many as it may.
    #[must_use]
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Permit> {
        let network = network(address);
        let mut by_network = self.by_network.lock();
        let count = by_network.get(&network).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        by_network.insert(network, count + 1);
        Some(Permit(Arc::clone(self), network))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut by_network = self.0.by_network.lock();
        match by_network.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                by_network.remove(&self.1);
                // A flood from many addresses must not be remembered by its table.
                if by_network.is_empty() && by_network.capacity() > 1_024 {
                    by_network.shrink_to(0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address_and_v4_in_v6_is_v4() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn an_address_is_counted_until_its_permits_are_dropped_and_nothing_is_kept() {
        let callers = Callers::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held = (callers.take(one), callers.take(one));
        assert!(held.0.is_some() && held.1.is_some() && callers.take(one).is_none());
        assert!(callers.take("192.0.2.2".parse().unwrap()).is_some());
        drop(held);
        assert!(callers.by_network.lock().is_empty());
    }
}
