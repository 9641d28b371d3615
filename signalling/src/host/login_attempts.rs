//! Failed logins with a password, by network address: an address that guesses waits, however many connections it uses.

use crate::addresses::Address;
use parking_lot::Mutex;
use std::collections::HashMap;
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
pub(crate) struct LoginAttempts(Mutex<HashMap<Guesser, Failures>>);

struct Failures {
    count: u32,
    since: Instant,
}

impl Failures {
    fn count_at(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < WINDOW
    }
}

impl LoginAttempts {
    /// Whether so few attempts have failed that one more is looked at.
    pub(crate) fn may_try(&self, who: Guesser, most: u32, now: Instant) -> bool {
        let attempts = self.0.lock();
        let failures = attempts.get(&who).filter(|it| it.count_at(now));
        who.address == Address::LOCAL || failures.is_none_or(|it| it.count < most)
    }

    /// An attempt has failed.
    pub(crate) fn handle_failure(&self, who: Guesser, now: Instant) {
        let mut attempts = self.0.lock();
        if attempts.len() >= MOST && !attempts.contains_key(&who) {
            attempts.retain(|_, it| it.count_at(now));
            if attempts.len() >= MOST {
                let oldest = attempts.iter().min_by_key(|(_, it)| it.since);
                let oldest = oldest.map(|(who, _)| *who);
                oldest.and_then(|who| attempts.remove(&who));
            }
        }
        let failures = attempts.entry(who).or_insert(Failures {
            count: 0,
            since: now,
        });
        if !failures.count_at(now) {
            *failures = Failures {
                count: 0,
                since: now,
            };
        }
        failures.count = failures.count.saturating_add(1);
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
        assert_eq!(attempts.0.lock().len(), MOST);
    }
}
