//! DTLS handshakes have a share of a worker's time that media does not feel.
//!
//! Their datagrams cost a thousand times what a packet of media does. So many are dealt with in a
//! second, the rest waits, and addresses take turns: a crowd from one does not keep another's
//! people out. What waits is bounded; a handshake repeats what is dropped.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use ::media::demux::{PacketKind, demux};
use rustc_hash::FxHashMap;

use super::Worker;
use crate::ids::EndpointKey;
use crate::statistics::DropReason;

/// Datagrams of handshakes in a second; a handshake has two that cost. At a third of a millisecond
/// each it is a tenth of a core.
const PER_SECOND: u32 = 300;
/// So many at once after a pause.
const BURST: u32 = 16;
/// Datagrams that wait, of all …
const MAX_WAITING: usize = 1_024;
const MAX_OF_ADDRESS: usize = 256;
/// … and of one endpoint: a flight in fragments.
const MAX_OF_ENDPOINT: usize = 4;

/// A datagram that waits for its turn.
pub(super) struct Waiting {
    endpoint: EndpointKey,
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Handshakes {
    spent: u32,
    /// Since when `spent` counts.
    since: Option<Instant>,
    waiting: FxHashMap<IpAddr, VecDeque<Waiting>>,
    /// The addresses of `waiting`, the next in front.
    turns: VecDeque<IpAddr>,
    len: usize,
}

impl Handshakes {
    /// Whether a datagram that has just come is dealt with at once.
    fn admit(&mut self, now: Instant) -> bool {
        self.len == 0 && self.spend(now)
    }

    fn spend(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let earned = passed.as_micros() as u64 * u64::from(PER_SECOND) / 1_000_000;
        if earned > 0 {
            self.spent = self
                .spent
                .saturating_sub(earned.min(u64::from(u32::MAX)) as u32);
            self.since =
                Some(since + Duration::from_micros(earned * 1_000_000 / u64::from(PER_SECOND)));
        }
        let affordable = self.spent < BURST;
        self.spent += u32::from(affordable);
        affordable
    }

    /// `false`: more wait than may. What an endpoint repeats meanwhile waits already.
    fn keep(&mut self, waiting: Waiting) -> bool {
        let address = neighbourhood(waiting.from.ip());
        let queue = self.waiting.entry(address).or_default();
        let mut of_endpoint = 0;
        for other in queue.iter().filter(|w| w.endpoint == waiting.endpoint) {
            if first_record(&other.payload) == first_record(&waiting.payload) {
                return true;
            }
            of_endpoint += 1;
        }
        let room =
            self.len < MAX_WAITING && queue.len() < MAX_OF_ADDRESS && of_endpoint < MAX_OF_ENDPOINT;
        if room {
            if queue.is_empty() {
                self.turns.push_back(address);
            }
            queue.push_back(waiting);
            self.len += 1;
        } else if queue.is_empty() {
            self.waiting.remove(&address);
        }
        room
    }

    /// The next whose turn it is, if there is time for it.
    fn next(&mut self, now: Instant) -> Option<Waiting> {
        if self.len == 0 || !self.spend(now) {
            return None;
        }
        let address = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&address)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.len -= 1;
        waiting
    }

    /// When the next has its turn.
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.len > 0)?;
        let owed = self.spent.saturating_sub(BURST - 1);
        // A microsecond more than the division's remainder.
        let micros = u64::from(owed) * 1_000_000 / u64::from(PER_SECOND) + 1;
        Some(since + Duration::from_micros(micros))
    }
}

/// What is in a datagram's first record: its header is another one each time.
fn first_record(datagram: &[u8]) -> Option<&[u8]> {
    let (header, rest) = datagram.split_first_chunk::<13>()?;
    rest.get(..usize::from(u16::from_be_bytes([header[11], header[12]])))
}

/// Who counts as one: an IPv4 address, or a network of IPv6, of which one person has many.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

impl Worker {
    /// Whether the datagram was set aside: it is of a handshake, and there is no time for it now.
    pub(super) fn set_aside(
        &mut self,
        index: usize,
        buf: &[u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) -> bool {
        let endpoint = self.endpoints.get(index).filter(|e| !e.connected);
        let Some(endpoint) = endpoint.filter(|_| demux(buf) == Some(PacketKind::Dtls)) else {
            return false;
        };
        if self.handshakes.admit(now) {
            return false;
        }
        let waiting = Waiting {
            endpoint: endpoint.key,
            from,
            to,
            payload: buf.to_vec(),
        };
        if !self.handshakes.keep(waiting) {
            self.drops.count(DropReason::HandshakesWaiting);
        }
        true
    }

    /// Deals with those whose turn it is.
    pub(super) fn run_handshakes(&mut self, now: Instant) {
        while let Some(mut waiting) = self.handshakes.next(now) {
            if let Some(index) = self.by_key.get(&waiting.endpoint).copied() {
                let (from, to) = (waiting.from, waiting.to);
                self.deliver(index, false, &mut waiting.payload, from, to, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn waiting(address: u8, endpoint: u64) -> Waiting {
        Waiting {
            endpoint: EndpointKey(endpoint),
            from: ([198, 51, 100, address], 4_000).into(),
            to: ([192, 0, 2, 1], 10_000).into(),
            payload: record(0, &[]),
        }
    }

    fn record(sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, sequence, 0];
        record.push(body.len() as u8);
        record.extend(body);
        record
    }

    /// 10,000 handshakes at 400 a second, of two datagrams each.
    #[test]
    fn a_flood_is_dealt_with_at_the_rate_that_media_does_not_feel() {
        let start = Instant::now();
        let mut handshakes = Handshakes::default();
        let mut done = 0;
        for at in 0..25_000 {
            let now = start + Duration::from_millis(at);
            if at % 5 < 4 {
                if handshakes.admit(now) {
                    done += 1;
                } else {
                    handshakes.keep(waiting((at % 200) as u8, at));
                }
            }
            while handshakes.next(now).is_some() {
                done += 1;
            }
            assert!(handshakes.len <= MAX_WAITING);
        }
        let budget = 25 * PER_SECOND + BURST;
        assert!((budget - 20..=budget).contains(&done), "{done} of {budget}");
    }

    #[test]
    fn a_crowd_from_one_address_does_not_keep_another_out() {
        let now = Instant::now();
        let mut handshakes = Handshakes::default();
        while handshakes.admit(now) {}
        for endpoint in 0..5_000 {
            handshakes.keep(waiting(1, endpoint));
        }
        assert_eq!(handshakes.len, MAX_OF_ADDRESS);
        assert!(handshakes.keep(waiting(2, 9_999)));
        let mut served = Vec::new();
        for _ in 0..2 {
            let now = handshakes.due().unwrap();
            served.push(handshakes.next(now).unwrap().endpoint.0);
        }
        assert!(served.contains(&9_999), "{served:?}");
    }

    #[test]
    fn one_endpoint_has_no_more_waiting_than_a_flight_and_each_part_once() {
        let now = Instant::now();
        let mut handshakes = Handshakes::default();
        while handshakes.admit(now) {}
        let mut keep = |sequence, part| {
            handshakes.keep(Waiting {
                payload: record(sequence, &[part]),
                ..waiting(1, 1)
            })
        };
        let kept = (0..100).filter(|n| keep(*n, *n)).count();
        assert_eq!(kept, MAX_OF_ENDPOINT);
        assert!(keep(200, 0), "waits already");
        assert_eq!(handshakes.len, MAX_OF_ENDPOINT);
    }

    #[test]
    fn whoever_comes_alone_does_not_wait() {
        let mut now = Instant::now();
        let mut handshakes = Handshakes::default();
        for _ in 0..1_000 {
            assert!(handshakes.admit(now));
            assert_eq!(handshakes.due(), None);
            now += Duration::from_millis(10);
        }
    }
}
