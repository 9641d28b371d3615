//! What each network address uses, so that one of them cannot use up the server.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use xmpp::BareJid;

/// The unit that limits apply to: an IPv4 address, an IPv6 /64, or nothing for connections inside the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address(Option<IpAddr>);

impl Address {
    /// A connection inside the process; no limit applies.
    pub(crate) const LOCAL: Self = Self(None);

    /// A peer whose address nobody told: all of them share one.
    pub(crate) const UNKNOWN: Self = Self(Some(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)));

    pub(crate) fn of(address: IpAddr) -> Self {
        Self(Some(listen::network(address)))
    }

    /// What it counts for where everybody counts for some address.
    pub(crate) fn network(self) -> IpAddr {
        self.0
            .unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }

    /// Whether it is this machine.
    pub(crate) fn is_local(self) -> bool {
        match self.0 {
            None => true,
            Some(IpAddr::V4(address)) => address.is_loopback(),
            // ::1 has become the /64 it is in.
            Some(IpAddr::V6(address)) => address.is_unspecified(),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => formatter.write_str("this process"),
            Some(address) => address.fmt(formatter),
        }
    }
}

/// Counts by address.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<HashMap<Address, Use>>);

#[derive(Default)]
struct Use {
    connections: usize,
    sessions: usize,
    /// Bytes of long answers that nobody has read yet.
    unread: usize,
    rooms: HashMap<BareJid, usize>,
}

impl Use {
    fn is_empty(&self) -> bool {
        self.connections == 0 && self.sessions == 0 && self.unread == 0 && self.rooms.is_empty()
    }
}

impl Addresses {
    /// Counts a connection unless `limit` is reached; it counts until the permit is dropped.
    pub(crate) fn connect(self: &Arc<Self>, address: Address, limit: usize) -> Option<Permit> {
        self.admit(address, limit, |used| &mut used.connections)?;
        Some(Permit(Arc::clone(self), address))
    }

    /// Counts a session unless `limit` is reached.
    pub(crate) fn open_session(&self, address: Address, limit: usize) -> Option<()> {
        self.admit(address, limit, |used| &mut used.sessions)
    }

    /// A session of the address has ended.
    pub(crate) fn close_session(&self, address: Address) {
        self.change(address, |used| {
            used.sessions = used.sessions.saturating_sub(1)
        });
    }

    /// Counts bytes that wait for the address, unless as many as `limit` wait; they count until what comes back is dropped.
    pub(crate) fn keep(
        self: &Arc<Self>,
        address: Address,
        bytes: usize,
        limit: usize,
    ) -> Option<Kept> {
        let fits = address == Address::LOCAL || {
            let mut uses = self.0.lock();
            let used = uses.get(&address).map_or(0, |used| used.unread);
            let fits = used.saturating_add(bytes) <= limit;
            if fits {
                uses.entry(address).or_default().unread += bytes;
            }
            fits
        };
        fits.then(|| Kept(Arc::clone(self), address, bytes))
    }

    /// Rooms in which the address has occupants, and how many it has in `room`.
    pub(crate) fn occupancy(&self, address: Address, room: &BareJid) -> (usize, usize) {
        let uses = self.0.lock();
        uses.get(&address).map_or((0, 0), |used| {
            (used.rooms.len(), used.rooms.get(room).copied().unwrap_or(0))
        })
    }

    /// An occupant of the address has entered.
    pub(crate) fn enter(&self, address: Address, room: &BareJid) {
        self.change(address, |used| {
            *used.rooms.entry(room.clone()).or_default() += 1
        });
    }

    /// An occupant of the address has left.
    pub(crate) fn leave(&self, address: Address, room: &BareJid) {
        self.change(address, |used| {
            if let Some(count) = used.rooms.get_mut(room) {
                *count -= 1;
                if *count == 0 {
                    used.rooms.remove(room);
                }
            }
        });
    }

    fn admit(
        &self,
        address: Address,
        limit: usize,
        count: impl Fn(&mut Use) -> &mut usize,
    ) -> Option<()> {
        if address == Address::LOCAL {
            return Some(());
        }
        let mut uses = self.0.lock();
        let count = count(uses.entry(address).or_default());
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(())
    }

    fn change(&self, address: Address, change: impl FnOnce(&mut Use)) {
        if address == Address::LOCAL {
            return;
        }
        let mut uses = self.0.lock();
        let used = uses.entry(address).or_default();
        change(used);
        if used.is_empty() {
            uses.remove(&address);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// Bytes that wait and are counted.
pub(crate) struct Kept(Arc<Addresses>, Address, usize);

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Kept({} of {})", self.2, self.1)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.change(self.1, |used| {
            used.unread = used.unread.saturating_sub(self.2)
        });
    }
}

/// One counted connection.
pub(crate) struct Permit(Arc<Addresses>, Address);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.change(self.1, |used| {
            used.connections = used.connections.saturating_sub(1)
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_address_and_v4_in_v6_is_v4() {
        let of = |text: &str| Address::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert!(of("::1").is_local() && of("127.0.0.1").is_local() && !of("192.0.2.1").is_local());
    }

    #[test]
    fn connections_are_counted_until_dropped_and_nothing_is_kept() {
        let addresses = Arc::new(Addresses::default());
        let address = Address::of("192.0.2.1".parse().unwrap());
        let first = addresses.connect(address, 1);
        assert!(first.is_some() && addresses.connect(address, 1).is_none());
        drop(first);
        assert_eq!(addresses.len(), 0);
        assert!(addresses.connect(Address::LOCAL, 0).is_some());
        let kept = addresses.keep(address, 60, 100);
        assert!(kept.is_some() && addresses.keep(address, 60, 100).is_none());
        drop(kept);
        assert_eq!(addresses.len(), 0);
        assert!(addresses.keep(Address::LOCAL, 60, 0).is_some());
    }
}
