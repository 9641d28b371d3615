//! Who leads, by a Lease: pure. A replica takes the lease when nobody holds it, or when its holder was not heard of for as
//! long as the lease lasts, by the taker's own clock: clocks of different nodes are not compared.

use std::time::{Duration, Instant};

/// How long a lease lasts after its renewal.
pub const DURATION: Duration = Duration::from_secs(15);
/// How often its holder renews it.
pub const RENEWAL: Duration = Duration::from_secs(5);
/// After this long without a renewal its holder gives up, before another may take it.
pub const SURRENDER: Duration = Duration::from_secs(12);

/// What the lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Who holds it; empty when nobody does.
    pub holder: String,
    /// Changes with each renewal.
    pub renewed: String,
}

/// What a replica knows of the lease.
#[derive(Debug)]
pub struct Election {
    identity: String,
    last: Option<(Seen, Instant)>,
}

impl Election {
    /// Of a replica that has not looked yet.
    #[must_use]
    pub fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            last: None,
        }
    }

    /// Whether the lease is to be taken, having seen it; `None`: there is no lease object.
    pub fn handle_seen(&mut self, seen: Option<Seen>, now: Instant) -> bool {
        let Some(seen) = seen else {
            return true;
        };
        if seen.holder.is_empty() || seen.holder == self.identity {
            return true;
        }
        match &self.last {
            Some((known, since)) if *known == seen => now.duration_since(*since) >= DURATION,
            _ => {
                self.last = Some((seen, now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(holder: &str, renewed: &str) -> Option<Seen> {
        Some(Seen {
            holder: holder.into(),
            renewed: renewed.into(),
        })
    }

    #[test]
    fn a_lease_that_nobody_holds_is_taken_at_once() {
        let now = Instant::now();
        let mut election = Election::new("a");
        assert!(election.handle_seen(None, now));
        assert!(election.handle_seen(seen("", "1"), now));
        assert!(
            election.handle_seen(seen("a", "1"), now),
            "one's own, after a restart"
        );
    }

    #[test]
    fn a_holder_that_is_heard_of_keeps_it_and_a_silent_one_loses_it() {
        let start = Instant::now();
        let mut election = Election::new("b");
        for beat in 0..10_u32 {
            let renewed = beat.to_string();
            assert!(!election.handle_seen(seen("a", &renewed), start + RENEWAL * beat));
        }
        let last = start + RENEWAL * 9;
        assert!(!election.handle_seen(seen("a", "9"), last + DURATION - Duration::from_secs(1)));
        assert!(election.handle_seen(seen("a", "9"), last + DURATION));
    }
}
