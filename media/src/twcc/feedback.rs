//! The receiver: arrival times in, feedback packets out.

use std::time::{Duration, Instant};

use crate::rtcp::{REFERENCE_TICKS, TICK, TransportCc};
use crate::rtp::{SeqNum, Unwrapper};
use crate::units::Ssrc;

/// Arrivals that are remembered; at 20 Mbps about 400 ms.
const WINDOW: usize = 1_024;
/// Most packets that one feedback reports on, so that it fits a datagram.
const MAX_REPORTED: usize = 400;
/// Between two feedbacks of a slow stream.
const MAX_INTERVAL: Duration = Duration::from_millis(100);
/// Between two feedbacks of a fast stream.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// A stream is fast when this many packets came within [`MIN_INTERVAL`].
const FAST: usize = 20;

/// Collects arrivals of one transport.
#[derive(Debug)]
pub struct FeedbackGenerator {
    origin: Option<Instant>,
    seq: Unwrapper<16>,
    /// First sequence number of the next feedback.
    base: i64,
    /// Ticks since `origin`, by sequence number.
    times: Box<[Option<i64>; WINDOW]>,
    media: Ssrc,
    feedback_count: u8,
    pending: usize,
    last: Option<Instant>,
    scratch: Vec<Option<i32>>,
}

impl Default for FeedbackGenerator {
    fn default() -> Self {
        Self {
            origin: None,
            seq: Unwrapper::new(),
            base: 0,
            times: Box::new([None; WINDOW]),
            media: Ssrc(0),
            feedback_count: 0,
            pending: 0,
            last: None,
            scratch: Vec::with_capacity(MAX_REPORTED),
        }
    }
}

impl FeedbackGenerator {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a packet that carries the transport-wide sequence number.
    pub fn handle_packet(&mut self, seq: SeqNum, media: Ssrc, now: Instant) {
        let origin = *self.origin.get_or_insert(now);
        self.last.get_or_insert(now);
        let newest = self.seq.newest();
        let seq = self.seq.unwrap(u32::from(seq.0));
        self.media = media;
        match newest {
            Some(newest) if seq >= newest + WINDOW as i64 => {
                self.times.fill(None);
                self.base = seq;
                self.pending = 0;
            }
            // Too late to be told from the packet a window later.
            Some(newest) if seq <= newest - WINDOW as i64 => return,
            Some(newest) => {
                for skipped in newest + 1..seq {
                    self.times[index(skipped)] = None;
                }
                self.base = self.base.max(seq - WINDOW as i64 + 1);
                if seq <= newest && self.times[index(seq)].is_some() {
                    return;
                }
            }
            None => self.base = seq,
        }
        // A late packet was reported as lost: report from it on again.
        self.base = self.base.min(seq);
        let ticks = now.saturating_duration_since(origin).as_micros() / TICK.as_micros();
        self.times[index(seq)] = Some(ticks as i64);
        self.pending += 1;
    }

    /// Appends one RTCP feedback packet when it is time; returns whether it did. Poll until it did
    /// not: a long window takes several packets.
    pub fn poll(&mut self, sender: Ssrc, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return false;
        }
        let Some(newest) = self.seq.newest() else {
            return false;
        };
        let first = (self.base..=newest).find_map(|seq| self.times[index(seq)]);
        let reference = first.unwrap_or(0).div_euclid(REFERENCE_TICKS);
        let start = reference * REFERENCE_TICKS;
        let last_reported = newest.min(self.base + MAX_REPORTED as i64 - 1);
        self.scratch.clear();
        let times = &self.times;
        let relative = |seq: i64| times[index(seq)].map(|ticks| (ticks - start) as i32);
        self.scratch
            .extend((self.base..=last_reported).map(relative));
        let base = SeqNum(self.base as u16);
        let ids = (sender, self.media);
        let taken = TransportCc::write(
            ids,
            base,
            reference,
            self.feedback_count,
            &self.scratch,
            out,
        );
        self.feedback_count = self.feedback_count.wrapping_add(1);
        let arrived = self.scratch[..taken].iter().flatten().count();
        self.pending = self.pending.saturating_sub(arrived);
        self.base += taken as i64;
        if self.base > newest {
            self.pending = 0;
            self.last = Some(now);
        }
        true
    }

    /// When to poll next; `None` when nothing is waiting.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.pending == 0 {
            return None;
        }
        let interval = if self.pending >= FAST {
            MIN_INTERVAL
        } else {
            MAX_INTERVAL
        };
        self.last.map(|last| last + interval)
    }
}

fn index(seq: i64) -> usize {
    seq.rem_euclid(WINDOW as i64) as usize
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rtcp::{Compound, RtcpPacket};

    const MS: Duration = Duration::from_millis(1);

    fn read(bytes: &[u8]) -> Vec<(u16, Option<i32>)> {
        let packet = Compound::new(bytes).next().unwrap().unwrap();
        let RtcpPacket::TransportCc(feedback) = packet else {
            panic!()
        };
        feedback
            .arrivals()
            .map(|arrival| (arrival.seq.0, arrival.time))
            .collect()
    }

    #[test]
    fn a_slow_stream_is_reported_every_hundred_milliseconds() {
        let start = Instant::now();
        let mut generator = FeedbackGenerator::new();
        assert_eq!(generator.poll_timeout(), None);
        for i in 0..5 {
            if i != 3 {
                generator.handle_packet(
                    SeqNum(65_534).plus(i),
                    Ssrc(9),
                    start + MS * u32::from(i) * 20,
                );
            }
        }
        let mut out = Vec::new();
        assert!(!generator.poll(Ssrc(1), start + 99 * MS, &mut out));
        assert!(generator.poll(Ssrc(1), start + 100 * MS, &mut out));
        assert_eq!(
            read(&out),
            [
                (65_534, Some(0)),
                (65_535, Some(80)),
                (0, Some(160)),
                (1, None),
                (2, Some(320))
            ]
        );
        assert!(!generator.poll(Ssrc(1), start + 300 * MS, &mut out));
        assert_eq!(generator.poll_timeout(), None);
    }

    #[test]
    fn a_fast_stream_is_reported_twice_as_often() {
        let start = Instant::now();
        let mut generator = FeedbackGenerator::new();
        for i in 0..25 {
            generator.handle_packet(SeqNum(i), Ssrc(9), start + MS * u32::from(i) * 2);
        }
        assert_eq!(generator.poll_timeout(), Some(start + 50 * MS));
    }

    #[test]
    fn a_late_packet_is_reported_after_all() {
        let start = Instant::now();
        let mut generator = FeedbackGenerator::new();
        generator.handle_packet(SeqNum(1), Ssrc(9), start);
        generator.handle_packet(SeqNum(3), Ssrc(9), start);
        let mut out = Vec::new();
        assert!(generator.poll(Ssrc(1), start + 100 * MS, &mut out));
        assert_eq!(read(&out)[1], (2, None));
        generator.handle_packet(SeqNum(2), Ssrc(9), start + 150 * MS);
        out.clear();
        assert!(generator.poll(Ssrc(1), start + 250 * MS, &mut out));
        assert_eq!(read(&out)[0].0, 2);
        assert!(read(&out)[0].1.is_some());
    }

    #[test]
    fn a_long_window_takes_several_packets_and_misses_nothing() {
        let start = Instant::now();
        let mut generator = FeedbackGenerator::new();
        for i in 0..1_000 {
            generator.handle_packet(SeqNum(i), Ssrc(9), start);
        }
        let mut all = Vec::new();
        let mut out = Vec::new();
        while generator.poll(Ssrc(1), start + 100 * MS, &mut out) {
            assert!(out.len() < 1_200);
            all.extend(read(&out).into_iter().map(|(seq, _)| seq));
            out.clear();
        }
        assert_eq!(all, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn jumps_and_long_silence_are_survived() {
        let start = Instant::now();
        let mut generator = FeedbackGenerator::new();
        let mut now = start;
        let mut out = Vec::new();
        for seq in [0, 1, 40_000, 39_000, 38_000, 40_001, 10, 65_000, 3] {
            now += Duration::from_secs(20);
            generator.handle_packet(SeqNum(seq), Ssrc(9), now);
            generator.handle_packet(SeqNum(seq).plus(1), Ssrc(9), now + Duration::from_secs(15));
            out.clear();
            let mut polls = 0;
            while generator.poll(Ssrc(1), now + Duration::from_secs(16), &mut out) {
                polls += 1;
                assert!(polls < 10);
            }
        }
    }
}
