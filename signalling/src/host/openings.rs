//! Rooms that are asked for and are not there, by network address: one address cannot have the focus open as many as the
//! whole shard may, however many sessions it has. The focus has the same rule for requests over HTTP.

use crate::addresses::Address;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};
use xmpp::BareJid;

/// Seconds' worth that may come at once.
const HOLDS: u32 = 4;
/// For how long a room that is asked for again is the same opening: a school's people all ask before it is there.
const SAME: Duration = Duration::from_secs(10);
/// Most addresses that are remembered.
const MOST: usize = 10_000;

/// What was asked for of late.
#[derive(Default)]
pub(crate) struct Openings {
    by_address: Mutex<HashMap<Address, Recent>>,
    /// Names are kept as numbers that nobody can guess.
    hasher: RandomState,
}

struct Recent {
    tokens: f64,
    filled: Instant,
    rooms: VecDeque<(u64, Instant)>,
}

impl Recent {
    fn handle_request(&mut self, room: u64, per_second: u32, now: Instant) -> bool {
        while self.rooms.front().is_some_and(|(_, at)| is_over(*at, now)) {
            self.rooms.pop_front();
        }
        if self.rooms.iter().any(|(known, _)| *known == room) {
            return true;
        }
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        let most = f64::from(HOLDS.saturating_mul(per_second));
        self.tokens = (self.tokens + passed * f64::from(per_second)).min(most);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        self.rooms.push_back((room, now));
        true
    }
}

fn is_over(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) >= SAME
}

impl Openings {
    /// Whether the focus may be asked for `room`, which is not there.
    pub(crate) fn handle_request(
        &self,
        address: Address,
        room: &BareJid,
        per_second: u32,
        now: Instant,
    ) -> bool {
        if address == Address::LOCAL {
            return true;
        }
        let mut by_address = self.by_address.lock();
        if by_address.len() >= MOST && !by_address.contains_key(&address) {
            by_address.retain(|_, recent| !is_over(recent.filled, now));
            if by_address.len() >= MOST {
                // The focus has a bound for all together.
                by_address.clear();
            }
        }
        let recent = by_address.entry(address).or_insert_with(|| Recent {
            tokens: f64::from(HOLDS.saturating_mul(per_second)),
            filled: now,
            rooms: VecDeque::new(),
        });
        recent.handle_request(self.hasher.hash_one(room), per_second, now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::net::Ipv4Addr;

    fn address(number: u32) -> Address {
        Address::of(Ipv4Addr::from(number).into())
    }

    fn room(number: u32) -> BareJid {
        BareJid::new(&format!("r{number}@muc.meet.shoal")).unwrap()
    }

    #[test]
    fn an_address_has_four_seconds_worth_at_once_and_then_its_rate_and_others_theirs() {
        let openings = Openings::default();
        let start = Instant::now();
        let granted = |from: u32, now| {
            (from..from + 1_000)
                .filter(|number| openings.handle_request(address(1), &room(*number), 5, now))
                .count()
        };
        assert_eq!(granted(0, start), 20);
        assert_eq!(granted(1_000, start + Duration::from_secs(1)), 5);
        assert!(openings.handle_request(address(2), &room(1), 5, start));
    }

    #[test]
    fn a_school_that_asks_for_one_room_asks_once() {
        let openings = Openings::default();
        let now = Instant::now();
        assert!((0..2_000).all(|_| openings.handle_request(address(1), &room(1), 1, now)));
        assert!(openings.handle_request(address(1), &room(2), 1, now));
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let openings = Openings::default();
        let now = Instant::now();
        for number in 0..3 * u32::try_from(MOST).unwrap() {
            openings.handle_request(address(number), &room(1), 1, now);
            assert!(openings.by_address.lock().len() <= MOST);
        }
    }
}
