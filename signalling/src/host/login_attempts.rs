//! Failed logins with a password, by network address: an address that guesses waits, however many connections it uses.

use crate::addresses::Address;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// For how long failures count.
const WINDOW: Duration = Duration::from_secs(60);
/// Most addresses that are remembered.
const MOST: usize = 10_000;

/// Who may not try: services come over TCP, so that what people do over the web does not keep them out where a proxy
/// hides addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guesser {
    pub(crate) address: Address,
    pub(crate) web: bool,
}

/// Failures of late.
#[derive(Default)]
pub(crate) struct LoginAttempts(Mutex<Failures>);

#[derive(Default)]
struct Failures {
    counts: HashMap<Guesser, u32>,
    /// Since when each of them counts, the oldest first.
    since: VecDeque<(Guesser, Instant)>,
}

impl Failures {
    /// Forgets what no longer counts, and the oldest when `least` more have to find place.
    fn forget(&mut self, least: usize, now: Instant) {
        while let Some((who, since)) = self.since.front() {
            let counts = now.saturating_duration_since(*since) < WINDOW;
            if counts && self.counts.len() + least <= MOST {
                return;
            }
            self.counts.remove(who);
            self.since.pop_front();
        }
    }
}

impl LoginAttempts {
    /// Whether so few attempts have failed that one more is looked at.
    pub(crate) fn may_try(&self, who: Guesser, most: u32, now: Instant) -> bool {
        let mut failures = self.0.lock();
        failures.forget(0, now);
        let count = failures.counts.get(&who).copied().unwrap_or(0);
        who.address == Address::LOCAL || count < most
    }

    /// An attempt has failed.
    pub(crate) fn handle_failure(&self, who: Guesser, now: Instant) {
        let mut failures = self.0.lock();
        failures.forget(0, now);
        if let Some(count) = failures.counts.get_mut(&who) {
            *count = count.saturating_add(1);
            return;
        }
        failures.forget(1, now);
        failures.counts.insert(who, 1);
        failures.since.push_back((who, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn guesser(number: u32) -> Guesser {
        Guesser {
            address: Address::of(Ipv4Addr::from(number).into()),
            web: true,
        }
    }

    #[test]
    fn an_address_that_guesses_waits_a_minute_and_others_do_not() {
        let attempts = LoginAttempts::default();
        let start = Instant::now();
        for _ in 0..3 {
            assert!(attempts.may_try(guesser(1), 3, start));
            attempts.handle_failure(guesser(1), start);
        }
        assert!(!attempts.may_try(guesser(1), 3, start + WINDOW / 2));
        assert!(attempts.may_try(guesser(2), 3, start));
        let over_tcp = Guesser {
            web: false,
            ..guesser(1)
        };
        assert!(attempts.may_try(over_tcp, 3, start));
        assert!(attempts.may_try(guesser(1), 3, start + WINDOW));
        attempts.handle_failure(guesser(1), start + WINDOW);
        assert!(attempts.may_try(guesser(1), 3, start + WINDOW));
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let attempts = LoginAttempts::default();
        let start = Instant::now();
        for number in 0..2 * u32::try_from(MOST).unwrap_or(0) {
            let now = start + Duration::from_micros(number.into());
            attempts.handle_failure(guesser(number), now);
        }
        let failures = attempts.0.lock();
        assert_eq!((failures.counts.len(), failures.since.len()), (MOST, MOST));
    }
}
