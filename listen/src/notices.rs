//! What listeners say about those whom they turn away: a line for each kind and minute, however many there were.

use std::fmt::Display;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Time between two lines of one kind.
const EVERY: Duration = Duration::from_secs(60);

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The system refuses to accept.
    CannotAccept,
    /// There are as many connections as the process's descriptors allow.
    Full,
    /// One address has too many connections.
    AddressFull,
    /// No TLS handshake in time, or one that failed.
    Handshake,
    /// No request in time.
    NoRequest,
    /// A body or a message that was not finished in time.
    Unfinished,
    /// Too many bytes of bodies and messages that are not finished.
    BudgetSpent,
    /// A peer that does not read.
    NotRead,
}

impl Notice {
    const ALL: [Self; 8] = [
        Self::CannotAccept,
        Self::Full,
        Self::AddressFull,
        Self::Handshake,
        Self::NoRequest,
        Self::Unfinished,
        Self::BudgetSpent,
        Self::NotRead,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::CannotAccept => {
                "connections cannot be accepted; if it is for want of file descriptors, raise the limit on open files"
            }
            Self::Full => {
                "refused connections: there are as many as the limit on open files allows; raise it (ulimit -n, LimitNOFILE)"
            }
            Self::AddressFull => {
                "refused connections: one address has too many; behind a proxy set `trust_forwarded_for`"
            }
            Self::Handshake => "closed connections without a TLS handshake in time",
            Self::NoRequest => "closed connections that sent no complete request in time",
            Self::Unfinished => {
                "closed connections that began a message and did not finish it in time"
            }
            Self::BudgetSpent => "refused messages: too many bytes of unfinished ones are held",
            Self::NotRead => "closed connections whose peers do not read",
        }
    }
}

/// The log of one listener.
#[derive(Debug)]
pub struct Notices {
    purpose: &'static str,
    kept: Mutex<[Kept; Notice::ALL.len()]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    told: Option<Instant>,
    since: u64,
}

impl Kept {
    /// How many there were since the last line, if it is time for another.
    fn handle(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        let due = self
            .told
            .is_none_or(|told| now.saturating_duration_since(told) >= EVERY);
        due.then(|| {
            self.told = Some(now);
            std::mem::take(&mut self.since)
        })
    }
}

impl Notices {
    /// Of the listener that is for `purpose`.
    #[must_use]
    pub fn new(purpose: &'static str) -> Self {
        Self {
            purpose,
            kept: Mutex::default(),
        }
    }

    /// Something happened once; `detail` is about this one.
    pub fn tell(&self, notice: Notice, detail: &dyn Display) {
        let index = Notice::ALL.iter().position(|one| *one == notice);
        let Some(count) = index.and_then(|index| self.kept.lock()[index].handle(Instant::now()))
        else {
            return;
        };
        tracing::warn!(
            listener = self.purpose,
            count,
            last = %detail,
            "{} (told once a minute)",
            notice.text()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_once_a_minute() {
        let now = Instant::now();
        let mut kept = Kept::default();
        assert_eq!(kept.handle(now), Some(1));
        for second in 1..60 {
            assert_eq!(kept.handle(now + Duration::from_secs(second)), None);
        }
        assert_eq!(kept.handle(now + Duration::from_secs(60)), Some(60));
        assert_eq!(kept.handle(now + Duration::from_secs(61)), None);
    }
}
