//! Which way an endpoint's bridge channel is open, and how much it may say.

use std::time::{Duration, Instant};

/// Messages that a client may send at once …
const BURST: u32 = 200;
/// … and per second in the long run.
const PER_SECOND: u32 = 50;
/// Longest message that is read, in bytes: what pages and stock clients signal for the data channel.
pub const MAX_TEXT: usize = 262_144;
/// A message counts for one more with each of so many bytes.
const BYTES_OF_ONE: usize = 8 * 1_024;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct ChannelState {
    /// A WebSocket is open: it wins.
    pub websocket: bool,
    /// A data channel is open.
    pub data: bool,
    tokens: u32,
    filled: Instant,
}

impl ChannelState {
    /// Closed.
    pub fn new(now: Instant) -> Self {
        Self {
            websocket: false,
            data: false,
            tokens: BURST,
            filled: now,
        }
    }

    /// Whether anything can be said to the client.
    pub fn is_open(&self) -> bool {
        self.websocket || self.data
    }

    /// Whether a message of this length is read.
    pub fn admits(&mut self, len: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let earned = (passed.as_millis() as u64).saturating_mul(u64::from(PER_SECOND)) / 1_000;
        if earned > 0 {
            self.tokens = BURST.min(
                self.tokens
                    .saturating_add(earned.min(u64::from(BURST)) as u32),
            );
            self.filled += Duration::from_millis(earned * 1_000 / u64::from(PER_SECOND));
        }
        if len > MAX_TEXT {
            return false;
        }
        let cost = 1 + (len / BYTES_OF_ONE) as u32;
        let rest = self.tokens.checked_sub(cost);
        self.tokens = rest.unwrap_or(self.tokens);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_allowed_rate() {
        let start = Instant::now();
        let mut state = ChannelState::new(start);
        let admitted = (0..10_000)
            .filter(|ms| state.admits(10, start + Duration::from_millis(*ms)))
            .count();
        assert!((690..=705).contains(&admitted), "{admitted}");
        assert!(!ChannelState::new(start).admits(MAX_TEXT + 1, start));
        let mut state = ChannelState::new(start);
        let admitted = (0..100).filter(|_| state.admits(MAX_TEXT, start)).count();
        assert_eq!(admitted, 6, "long ones count for more");
    }
}
