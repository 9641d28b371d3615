//! How often a sender may be asked for keyframes.

use std::time::{Duration, Instant};

/// Least time between two requests for one encoding.
const SPACING: Duration = Duration::from_millis(200);

/// The requests for one encoding of one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyframeRequests {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe: it is asked for as soon as the spacing allows.
    pub fn handle_request(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| now.max(last + SPACING));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
    }

    /// A keyframe came: what was not asked for yet need not be.
    pub fn handle_keyframe(&mut self) {
        self.due = None;
    }

    /// When a request is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether to ask now.
    pub fn poll(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.due = None;
        self.last = Some(now);
        true
    }
}

/// Most requests of a receiver for one source …
const ALLOWED: u8 = 3;
/// … in this time.
const PERIOD: Duration = Duration::from_secs(10);

/// The requests that one receiver makes for one source, by RTCP: a client with trouble of its own
/// must not make the sender's picture worse for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceiverRequests {
    since: Option<Instant>,
    count: u8,
}

impl ReceiverRequests {
    /// Whether one more is passed on.
    pub fn allow(&mut self, now: Instant) -> bool {
        if self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= PERIOD)
        {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= ALLOWED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wishes_are_one_request_each_200_ms() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        let mut sent = 0;
        for ms in 0..1_000 {
            let now = start + Duration::from_millis(ms);
            requests.handle_request(now);
            sent += u32::from(requests.poll(now));
        }
        assert_eq!(sent, 5);
    }

    #[test]
    fn a_wish_that_came_too_early_is_kept_until_a_keyframe_fulfils_it() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        requests.handle_request(start);
        assert!(requests.poll(start));
        requests.handle_request(start + Duration::from_millis(50));
        assert_eq!(requests.poll_timeout(), Some(start + SPACING));
        requests.handle_keyframe();
        assert_eq!(requests.poll_timeout(), None);
    }

    #[test]
    fn a_receiver_is_heard_three_times_in_ten_seconds() {
        let start = Instant::now();
        let mut requests = ReceiverRequests::default();
        let allowed = (0..25)
            .filter(|s| requests.allow(start + Duration::from_secs(*s)))
            .count();
        assert_eq!(allowed, 9);
    }
}
