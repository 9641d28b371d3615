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

/// Requests of a receiver for one source that are passed on at once …
const ALLOWED: u8 = 3;
/// … and then one in this time.
const REFILL: Duration = Duration::from_secs(1);

/// The requests that one receiver makes for one source, by RTCP: a client with trouble of its own
/// must not make the sender's picture worse for all. What comes too early is put off: without NACK it
/// is the receiver's only way to a picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceiverRequests {
    since: Option<Instant>,
    count: u8,
    put_off: bool,
}

impl ReceiverRequests {
    /// The receiver asks. Whether it is passed on now.
    pub fn handle_request(&mut self, now: Instant) -> bool {
        self.put_off = true;
        self.poll(now)
    }

    /// A keyframe is on its way: what was put off is fulfilled.
    pub fn handle_keyframe(&mut self) {
        self.put_off = false;
    }

    /// Whether one that was put off is passed on now.
    pub fn poll(&mut self, now: Instant) -> bool {
        if !self.put_off {
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let refilled = (passed.as_millis() / REFILL.as_millis()) as u32;
        if refilled > 0 {
            self.count = self
                .count
                .saturating_sub(refilled.min(u32::from(ALLOWED)) as u8);
            self.since = Some(since + REFILL * refilled);
        }
        if self.count >= ALLOWED {
            return false;
        }
        self.count += 1;
        self.put_off = false;
        true
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
    fn a_receivers_requests_are_put_off_to_one_a_second_and_not_forgotten() {
        let start = Instant::now();
        let mut requests = ReceiverRequests::default();
        let mut passed_on = Vec::new();
        for ms in (0..6_000).step_by(100) {
            let now = start + Duration::from_millis(ms);
            let asks = ms < 3_500 && ms % 300 == 0;
            if (asks && requests.handle_request(now)) || requests.poll(now) {
                passed_on.push(ms);
            }
        }
        assert_eq!(passed_on, [0, 300, 600, 1_000, 2_000, 3_000, 4_000]);
    }

    #[test]
    fn a_keyframe_fulfils_what_was_put_off() {
        let start = Instant::now();
        let mut requests = ReceiverRequests::default();
        let asked = (0..4).filter(|_| requests.handle_request(start)).count();
        assert_eq!(asked, 3);
        requests.handle_keyframe();
        assert!(!requests.poll(start + Duration::from_secs(5)));
    }
}
