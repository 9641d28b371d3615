//! How fast conferences may begin: whoever can reach the HTTP port can ask for rooms.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use xmpp::BareJid;

/// Conferences that one person begins in a second.
const PERSON_PER_SECOND: u32 = 1;
/// Seconds' worth that may come at once: of all, of an address, of a person.
const ALL_HOLD: f64 = 2.0;
const ADDRESS_HOLDS: f64 = 4.0;
const PERSON_HOLDS: f64 = 20.0;
/// Askers that are remembered.
const MOST_ASKERS: usize = 10_000;

/// Who asks for a conference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Asking {
    /// Somebody over HTTP, by network; nobody told where those without one are.
    Address(Option<IpAddr>),
    /// Somebody who is logged in.
    Person(BareJid),
}

/// Buckets for all together and for everybody apart, so that nobody uses up what is for all.
#[derive(Debug)]
pub(super) struct Admission {
    all: Bucket,
    per_address: u32,
    askers: HashMap<Asking, Bucket>,
}

/// A bucket that fills at a steady rate and holds what may come at once.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    most: f64,
    tokens: f64,
    filled: Option<Instant>,
}

impl Bucket {
    fn full(per_second: u32, seconds: f64) -> Self {
        let per_second = f64::from(per_second);
        Self {
            per_second,
            most: seconds * per_second,
            tokens: seconds * per_second,
            filled: None,
        }
    }

    fn fill(&mut self, now: Instant) {
        let since = self
            .filled
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.filled = Some(now);
        self.tokens = (self.tokens + since * self.per_second).min(self.most);
    }

    fn has_one(&self) -> bool {
        self.tokens >= 1.0
    }
}

impl Admission {
    /// Full buckets.
    pub(super) fn new(per_second: u32, per_second_and_address: u32) -> Self {
        Self {
            all: Bucket::full(per_second, ALL_HOLD),
            per_address: per_second_and_address,
            askers: HashMap::new(),
        }
    }

    /// Whether one more may begin now.
    pub(super) fn handle_request(&mut self, asking: Asking, now: Instant) -> bool {
        if self.askers.len() >= MOST_ASKERS && !self.askers.contains_key(&asking) {
            self.forget(now);
        }
        let (per_second, hold) = match asking {
            Asking::Address(_) => (self.per_address, ADDRESS_HOLDS),
            Asking::Person(_) => (PERSON_PER_SECOND, PERSON_HOLDS),
        };
        let own = self
            .askers
            .entry(asking)
            .or_insert_with(|| Bucket::full(per_second, hold));
        own.fill(now);
        self.all.fill(now);
        let granted = own.has_one() && self.all.has_one();
        if granted {
            own.tokens -= 1.0;
            self.all.tokens -= 1.0;
        }
        granted
    }

    /// Forgets whose buckets are full again; where that is nobody, everybody: the bucket for all still holds.
    fn forget(&mut self, now: Instant) {
        let longest = Duration::from_secs_f64(ADDRESS_HOLDS.max(PERSON_HOLDS));
        self.askers.retain(|_, bucket| {
            bucket
                .filled
                .is_some_and(|at| now.saturating_duration_since(at) < longest)
        });
        if self.askers.len() >= MOST_ASKERS {
            self.askers.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn address(number: u32) -> Asking {
        Asking::Address(Some(IpAddr::V4(number.into())))
    }

    fn granted(admission: &mut Admission, asking: &Asking, now: Instant) -> usize {
        (0..1_000)
            .filter(|_| admission.handle_request(asking.clone(), now))
            .count()
    }

    #[test]
    fn two_seconds_worth_may_come_at_once_and_then_the_rate_holds() {
        let now = Instant::now();
        let mut admission = Admission::new(10, 1_000);
        let anybody = address(1);
        assert_eq!(granted(&mut admission, &anybody, now), 20);
        let half = now + Duration::from_millis(500);
        assert_eq!(granted(&mut admission, &anybody, half), 5);
        let later = now + Duration::from_secs(60);
        assert_eq!(granted(&mut admission, &anybody, later), 20);
    }

    #[test]
    fn a_stranger_who_asks_without_end_leaves_enough_for_the_others() {
        let mut now = Instant::now();
        let mut admission = Admission::new(200, 50);
        let stranger = address(66);
        assert_eq!(granted(&mut admission, &stranger, now), 200);
        for second in 0..10 {
            now += Duration::from_secs(1);
            assert!(granted(&mut admission, &stranger, now) <= 50);
            assert!(admission.handle_request(address(second), now), "{second}");
            let person = Asking::Person(BareJid::new("a@meet.shoal").unwrap());
            assert!(admission.handle_request(person, now), "{second}");
        }
    }

    #[test]
    fn one_person_opens_some_rooms_at_once_and_then_one_a_second() {
        let now = Instant::now();
        let mut admission = Admission::new(200, 50);
        let person = Asking::Person(BareJid::new("a@meet.shoal").unwrap());
        assert_eq!(granted(&mut admission, &person, now), 20);
        let later = now + Duration::from_secs(3);
        assert_eq!(granted(&mut admission, &person, later), 3);
    }

    #[test]
    fn who_is_remembered_is_bounded() {
        let now = Instant::now();
        let mut admission = Admission::new(u32::MAX, 50);
        for number in 0..30_000 {
            admission.handle_request(address(number), now);
            assert!(admission.askers.len() <= MOST_ASKERS);
        }
    }
}
