//! The receiver's side of loss repair: which packets of one stream to ask for, and when
//! (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::rtp::SeqNum;

/// Most packets that are missed at once; beyond it a key frame is the cheaper repair.
pub const MAX_MISSING: usize = 100;

/// How often one packet is asked for.
const MAX_REQUESTS: u8 = 10;
/// A packet that was merely overtaken comes within this time.
const REORDERING: Duration = Duration::from_millis(10);
/// Repeats are at least this far apart, however short the round trip.
const MIN_REPEAT: Duration = Duration::from_millis(20);
/// A hole older than this is past every jitter buffer.
const MAX_AGE: Duration = Duration::from_secs(2);
/// A packet this far behind is of a restarted sender, not a late one.
const MAX_LATE: i16 = 3_000;

/// What a received packet was to the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Newer than all before.
    New,
    /// One that was missing.
    Repaired,
    /// Seen before, or given up on.
    Duplicate,
    /// So far from the others that tracking starts anew from here: ask for a key frame.
    Reset,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    seq: SeqNum,
    since: Instant,
    due: Instant,
    requests: u8,
}

/// Tracks the holes of one SSRC.
#[derive(Clone, Debug)]
pub struct NackGenerator {
    rtt: Duration,
    newest: Option<SeqNum>,
    /// Ascending by sequence number.
    missing: ArrayVec<Missing, MAX_MISSING>,
    given_up: u64,
}

impl Default for NackGenerator {
    fn default() -> Self {
        Self {
            rtt: Duration::from_millis(100),
            newest: None,
            missing: ArrayVec::new(),
            given_up: 0,
        }
    }
}

impl NackGenerator {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a packet, by original sequence number for one that came by RTX.
    pub fn handle_packet(&mut self, seq: SeqNum, now: Instant) -> Received {
        let Some(newest) = self.newest else {
            self.newest = Some(seq);
            return Received::New;
        };
        let steps = seq.since(newest);
        if steps > MAX_MISSING as i16 || steps < -MAX_LATE {
            self.given_up += self.missing.len() as u64;
            self.missing.clear();
            self.newest = Some(seq);
            return Received::Reset;
        }
        if steps <= 0 {
            return match self.missing.iter().position(|missing| missing.seq == seq) {
                Some(index) => {
                    self.missing.remove(index);
                    Received::Repaired
                }
                None => Received::Duplicate,
            };
        }
        let holes = steps as usize - 1;
        let overflow = (self.missing.len() + holes).saturating_sub(MAX_MISSING);
        self.missing.drain(..overflow);
        self.given_up += overflow as u64;
        for step in 1..steps as u16 {
            let due = now + REORDERING;
            self.missing.push(Missing {
                seq: newest.plus(step),
                since: now,
                due,
                requests: 0,
            });
        }
        self.newest = Some(seq);
        Received::New
    }

    /// Takes in the round trip to the sender, which paces repeats.
    pub fn handle_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Forgets the holes before `seq`: a key frame starts there, and nothing refers behind it.
    pub fn handle_keyframe(&mut self, seq: SeqNum) {
        self.missing
            .retain(|missing| missing.seq.is_newer_than(seq));
    }

    /// Appends what to ask for now, in ascending order, for [`crate::rtcp::Nack::write`].
    pub fn poll(&mut self, now: Instant, requests: &mut Vec<SeqNum>) {
        let repeat = (self.rtt + self.rtt / 4).max(MIN_REPEAT);
        let before = self.missing.len();
        self.missing.retain(|missing| {
            if missing.due > now {
                return true;
            }
            if missing.requests == MAX_REQUESTS || now - missing.since > MAX_AGE {
                return false;
            }
            missing.requests += 1;
            missing.due = now + repeat;
            requests.push(missing.seq);
            true
        });
        self.given_up += (before - self.missing.len()) as u64;
    }

    /// When to poll next; `None` when nothing is missing.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.due).min()
    }

    /// How many packets are missing.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// How many packets were given up on since the start.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn poll(generator: &mut NackGenerator, now: Instant) -> Vec<u16> {
        let mut out = Vec::new();
        generator.poll(now, &mut out);
        out.into_iter().map(|seq| seq.0).collect()
    }

    #[test]
    fn holes_are_asked_for_once_reordering_is_ruled_out_and_again_after_a_round_trip() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        generator.handle_rtt(80 * MS);
        generator.handle_packet(SeqNum(65_534), start);
        assert_eq!(generator.poll_timeout(), None);
        assert_eq!(generator.handle_packet(SeqNum(2), start), Received::New);
        assert_eq!(poll(&mut generator, start), []);
        assert_eq!(generator.poll_timeout(), Some(start + REORDERING));
        let first = start + REORDERING;
        assert_eq!(poll(&mut generator, first), [65_535, 0, 1]);
        assert_eq!(poll(&mut generator, first + 50 * MS), []);
        assert_eq!(
            generator.handle_packet(SeqNum(0), first + 60 * MS),
            Received::Repaired
        );
        assert_eq!(poll(&mut generator, first + 100 * MS), [65_535, 1]);
    }

    #[test]
    fn a_packet_that_was_overtaken_is_not_asked_for() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        for seq in [1, 3, 2] {
            generator.handle_packet(SeqNum(seq), start);
        }
        assert_eq!(generator.poll_timeout(), None);
        assert_eq!(
            generator.handle_packet(SeqNum(2), start),
            Received::Duplicate
        );
    }

    #[test]
    fn after_ten_requests_a_packet_is_given_up() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        generator.handle_rtt(MS);
        generator.handle_packet(SeqNum(1), start);
        generator.handle_packet(SeqNum(3), start);
        let asked = (0..100).filter(|i| !poll(&mut generator, start + MS * 20 * *i).is_empty());
        assert_eq!(asked.count(), 10);
        assert_eq!((generator.missing(), generator.given_up()), (0, 1));
    }

    #[test]
    fn at_most_a_hundred_are_missed() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        generator.handle_packet(SeqNum(0), start);
        generator.handle_packet(SeqNum(81), start);
        assert_eq!(generator.missing(), 80);
        generator.handle_packet(SeqNum(141), start);
        assert_eq!(generator.missing(), 100);
        assert_eq!(poll(&mut generator, start + REORDERING)[0], 40);
    }

    #[test]
    fn a_large_jump_either_way_starts_anew() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        generator.handle_packet(SeqNum(0), start);
        generator.handle_packet(SeqNum(2), start);
        assert_eq!(generator.handle_packet(SeqNum(103), start), Received::Reset);
        assert_eq!(generator.missing(), 0);
        assert_eq!(
            generator.handle_packet(SeqNum(50_000), start),
            Received::Reset
        );
        assert_eq!(
            generator.handle_packet(SeqNum(50_001), start),
            Received::New
        );
    }

    #[test]
    fn a_key_frame_makes_older_holes_moot() {
        let start = Instant::now();
        let mut generator = NackGenerator::new();
        for seq in [1, 3, 5, 7] {
            generator.handle_packet(SeqNum(seq), start);
        }
        generator.handle_keyframe(SeqNum(5));
        assert_eq!(poll(&mut generator, start + REORDERING), [6]);
    }
}
