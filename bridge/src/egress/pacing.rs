//! Video leaves no faster than a little above the estimate, so that a keyframe does not fill the
//! queue of a narrow link, in which audio would wait behind it. Audio is never held back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::units::{Bitrate, Ssrc};

use crate::projection::Rewrite;

/// Factor on the estimate: what the link's own queue takes up keeps it busy.
const FACTOR: f64 = 1.25;
/// What may go at once.
const DEPTH: Duration = Duration::from_millis(15);
/// Whatever the estimate says, what waits has left after this time.
const MAX_WAIT: Duration = Duration::from_millis(300);
/// Packets that wait at most; what comes then pushes the first ones out.
const MAX_PACKETS: usize = 256;
/// How long until the next packet may go, at least: waking up costs.
const GRAIN: Duration = Duration::from_millis(2);

/// A packet that waits, by reference: its bytes are in the ring of its source.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// The stream's index and SSRC.
    pub stream: (usize, Ssrc),
    /// Slot of the source, encoding, and incoming number.
    pub origin: (usize, u8, i64),
    /// How it is written.
    pub rewrite: Rewrite,
    /// Length, about.
    pub len: usize,
    /// Since when it waits.
    pub since: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Pacer {
    rate: Option<Bitrate>,
    /// Bytes that may go now; negative when more went.
    level: f64,
    filled: Option<Instant>,
    waiting: VecDeque<Paced>,
    bytes: usize,
}

impl Pacer {
    /// The estimate; `None` while there is none: nothing is paced.
    pub fn set_estimate(&mut self, estimate: Option<Bitrate>) {
        self.rate = estimate.map(|estimate| estimate * FACTOR);
    }

    /// Whether a packet may go past those that wait: there are none, and there is room.
    pub fn admits(&mut self, now: Instant) -> bool {
        self.waiting.is_empty() && self.has_room(now)
    }

    /// Whether packets wait.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A packet waits.
    pub fn push(&mut self, packet: Paced) {
        self.bytes += packet.len;
        self.waiting.push_back(packet);
    }

    /// The next packet that may go.
    pub fn poll(&mut self, now: Instant) -> Option<Paced> {
        let first = self.waiting.front()?;
        let late = now.saturating_duration_since(first.since) >= MAX_WAIT;
        if !self.has_room(now) && !late && self.waiting.len() <= MAX_PACKETS {
            return None;
        }
        let packet = self.waiting.pop_front()?;
        self.bytes -= packet.len;
        Some(packet)
    }

    /// Something of so many bytes was sent, paced or not.
    pub fn handle_sent(&mut self, len: usize) {
        if self.rate.is_some() {
            self.level -= len as f64;
        }
    }

    /// When the next packet may go: later than now, which is when whoever asks has sent what may go.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        let debt = self
            .bytes_per_second()
            .map_or(0.0, |rate| -self.level / rate);
        let due = self.filled? + Duration::from_secs_f64(debt.clamp(0.0, 1.0));
        Some(due.max(now + GRAIN))
    }

    fn bytes_per_second(&self) -> Option<f64> {
        let least = self.bytes as f64 / MAX_WAIT.as_secs_f64();
        self.rate
            .map(|rate| (rate.as_f64() / 8.0).max(least).max(1.0))
    }

    fn has_room(&mut self, now: Instant) -> bool {
        let Some(rate) = self.bytes_per_second() else {
            return true;
        };
        let depth = rate * DEPTH.as_secs_f64();
        let passed = self
            .filled
            .replace(now)
            .map_or(DEPTH, |at| now.saturating_duration_since(at));
        // A debt beyond what waits may take is forgiven.
        let least = -rate * MAX_WAIT.as_secs_f64();
        self.level = (self.level.max(least) + rate * passed.as_secs_f64()).min(depth);
        self.level > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn packet(seq: i64, since: Instant) -> Paced {
        Paced {
            stream: (0, Ssrc(1)),
            origin: (0, 0, seq),
            rewrite: Rewrite {
                seq,
                timestamp: 0,
                marker: false,
                empty: false,
                picture: None,
                tl0: 0,
                key: 0,
            },
            len: 1_000,
            since,
        }
    }

    /// Milliseconds at which each of so many packets of a burst leaves.
    fn departures(estimate: Option<Bitrate>, packets: i64) -> Vec<u32> {
        let start = Instant::now();
        let mut pacer = Pacer::default();
        pacer.set_estimate(estimate);
        let mut sent = Vec::new();
        for seq in 0..packets {
            if pacer.admits(start) {
                pacer.handle_sent(1_000);
                sent.push(0);
            } else {
                pacer.push(packet(seq, start));
            }
        }
        for ms in 1..1_000 {
            while let Some(packet) = pacer.poll(start + MS * ms) {
                assert_eq!(packet.origin.2, sent.len() as i64, "in order");
                pacer.handle_sent(packet.len);
                sent.push(ms);
            }
        }
        sent
    }

    #[test]
    fn a_burst_leaves_a_quarter_faster_than_the_estimate() {
        let sent = departures(Some(Bitrate::from_kbps(1_600)), 40);
        assert_eq!(sent.len(), 40);
        assert!(sent.iter().filter(|ms| **ms == 0).count() <= 5);
        assert!((130..165).contains(&sent[39]), "{sent:?}");
    }

    #[test]
    fn without_an_estimate_nothing_waits() {
        assert_eq!(departures(None, 40), [0; 40]);
    }

    #[test]
    fn nothing_waits_much_longer_than_its_time_however_low_the_estimate() {
        let sent = departures(Some(Bitrate::from_kbps(30)), 40);
        assert_eq!(sent.len(), 40);
        assert!(sent[39] <= 300, "{sent:?}");
    }
}
