//! What listeners say about those whom they turn away: a line for each kind and minute, however many there were, and a count.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Metric;
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

    /// Label of the metric.
    fn name(self) -> &'static str {
        match self {
            Self::CannotAccept => "cannot_accept",
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::Handshake => "handshake_timeout",
            Self::NoRequest => "request_timeout",
            Self::Unfinished => "body_timeout",
            Self::BudgetSpent => "budget_spent",
            Self::NotRead => "not_read",
        }
    }

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

/// Log and counts of the listeners for one purpose.
#[derive(Debug)]
pub struct Notices {
    purpose: &'static str,
    kept: Mutex<[Kept; Notice::ALL.len()]>,
}

/// Those of the process, each purpose once.
static ALL: Mutex<Vec<Arc<Notices>>> = Mutex::new(Vec::new());

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    told: Option<Instant>,
    since: u64,
    count: u64,
}

impl Kept {
    /// How many there were since the last line, if it is time for another.
    fn handle(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        self.count += 1;
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
    /// Of the process's listeners that are for `purpose`.
    #[must_use]
    pub fn of(purpose: &'static str) -> Arc<Self> {
        let mut all = ALL.lock();
        if let Some(known) = all.iter().find(|one| one.purpose == purpose) {
            return Arc::clone(known);
        }
        let new = Arc::new(Self {
            purpose,
            kept: Mutex::default(),
        });
        all.push(Arc::clone(&new));
        new
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

/// Whom all the process's listeners have turned away, for `/metrics`.
#[must_use]
pub fn refusals() -> Metric {
    let mut counts = Vec::new();
    for notices in ALL.lock().iter() {
        let kept = *notices.kept.lock();
        counts.extend(Notice::ALL.iter().zip(kept).map(|(notice, kept)| {
            let labels = [("listener", notices.purpose), ("reason", notice.name())];
            (
                labels.map(|(name, value)| (name, value.to_owned())).into(),
                kept.count,
            )
        }));
    }
    Metric::counters(
        "listener_refusals",
        "Connections and requests that listeners of the process refused or closed, by listener and reason",
        counts,
    )
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

    #[test]
    fn each_refusal_is_counted_by_listener_and_reason() {
        let notices = Notices::of("a test of counts");
        notices.tell(Notice::AddressFull, &"192.0.2.1");
        Notices::of("a test of counts").tell(Notice::AddressFull, &"192.0.2.1");
        let text = metrics::render("part", "", vec![refusals()]);
        for (reason, count) in [("address_full", 2), ("budget_spent", 0)] {
            let line = format!(
                "part_listener_refusals_total{{listener=\"a test of counts\",reason=\"{reason}\"}} {count}"
            );
            assert!(text.lines().any(|one| one == line), "{text}");
        }
    }
}
