//! Bytes of what has begun and is not finished: request bodies, WebSocket messages.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::network;

/// What each may hold beside the budget, bytes. Whoever asks for a conference or logs in needs less, so that a budget that
/// strangers have used up stops nobody.
const FREE: usize = 4 * 1024;
/// A network holds at most one of so many parts of what it leaves for others: a fifth when it is alone, so that a school's
/// messages find room, and never so much that it alone could stop anybody elsewhere.
const PARTS: usize = 4;

/// A bounded number of bytes, of which no network has too many.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// What one has of a budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    network: IpAddr,
    held: usize,
}

impl Budget {
    /// This many bytes in all.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// A share of whoever is at `address`, which holds nothing.
    #[must_use]
    pub fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        Share {
            budget: Arc::clone(self),
            network: network(address),
            held: 0,
        }
    }
}

impl Share {
    /// Holds `bytes` from here on. `false`: there is no room for more, and the share holds what it held.
    pub fn set(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(FREE);
        if wanted == self.held {
            return true;
        }
        let done =
            self.budget
                .taken
                .lock()
                .replace(self.network, self.held, wanted, self.budget.most);
        if done {
            self.held = wanted;
        }
        done
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Taken {
    /// `before` bytes of a network become `after`, if they are fewer or there is room.
    fn replace(&mut self, network: IpAddr, before: usize, after: usize, most: usize) -> bool {
        let of_network = self.by_network.get(&network).copied().unwrap_or(0) - before;
        let all = self.all - before;
        if after > before {
            let own = of_network.saturating_add(after);
            let left = most.saturating_sub(all.saturating_add(after));
            if own > left / PARTS {
                return false;
            }
        }
        self.all = all + after;
        if of_network + after > 0 {
            self.by_network.insert(network, of_network + after);
            return true;
        }
        self.by_network.remove(&network);
        // A flood from many addresses must not be remembered by its table.
        if self.by_network.is_empty() && self.by_network.capacity() > 1_024 {
            self.by_network.shrink_to(0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(budget: &Arc<Budget>, last: u8) -> Share {
        budget.share(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn the_first_bytes_are_free_and_the_rest_is_shared_by_all() {
        let budget = Budget::new(5_000);
        let (mut one, mut other) = (at(&budget, 1), at(&budget, 1));
        assert!(one.set(FREE + 700) && !other.set(FREE + 700) && other.set(FREE));
        assert!(one.set(FREE + 100) && other.set(FREE + 900) && !one.set(FREE + 101));
        drop(other);
        assert!(one.set(FREE + 1_000) && !one.set(FREE + 1_001) && !one.set(usize::MAX));
        drop(one);
        let taken = budget.taken.lock();
        assert!(taken.all == 0 && taken.by_network.is_empty(), "{taken:?}");
    }

    #[test]
    fn a_network_that_has_spent_its_share_stops_nobody_elsewhere() {
        let budget = Budget::new(16 * 1024 * 1024);
        let message = 20 * 1024;
        let mut flood = Vec::new();
        for bytes in [256 * 1024, message, FREE + 1] {
            loop {
                let mut share = at(&budget, 1);
                if !share.set(bytes) {
                    break;
                }
                flood.push(share);
            }
        }
        // A school at its lesson's begin.
        let mut school: Vec<_> = (0..100).map(|_| at(&budget, 2)).collect();
        assert!(school.iter_mut().all(|share| share.set(message)));
        // Nor do a few of them stop anybody.
        for network in 3..9 {
            let mut share = at(&budget, network);
            while share.set(share.held + FREE + 1_024) {}
            flood.push(share);
        }
        let mut somebody = at(&budget, 10);
        assert!(somebody.set(256 * 1024));
    }
}
