//! The sender: what was sent when, joined with what feedback says.

use std::time::{Duration, Instant};

use crate::rtcp::{REFERENCE_TICKS, TICK, TransportCc};
use crate::rtp::{SeqNum, Unwrapper};

/// Packets remembered at first; doubles while feedback comes and they do not suffice.
const INITIAL: usize = 256;
/// Most packets remembered: more than a second at 20 Mbps.
const MAX: usize = 4_096;

/// What became of one sent packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketResult {
    /// Transport-wide sequence number.
    pub seq: SeqNum,
    /// When it was sent.
    pub sent: Instant,
    /// Bytes on the wire.
    pub len: usize,
    /// Arrival on the receiver's clock, since an arbitrary origin; `None` when lost.
    pub arrived: Option<Duration>,
    /// The probe cluster it was sent for.
    pub cluster: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: i64,
    at: Instant,
    len: u16,
    cluster: Option<u32>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    InFlight,
    Lost,
    Arrived,
}

/// Remembers the packets of one transport until feedback comes.
#[derive(Debug)]
pub struct SendHistory {
    next: i64,
    ring: Vec<Option<Sent>>,
    /// Everything before it has been reported on, or never will be.
    oldest_in_flight: i64,
    in_flight: usize,
    reference: Unwrapper<24>,
    has_feedback: bool,
}

impl Default for SendHistory {
    fn default() -> Self {
        Self {
            next: 1,
            ring: Vec::new(),
            oldest_in_flight: 1,
            in_flight: 0,
            reference: Unwrapper::new(),
            has_feedback: false,
        }
    }
}

impl SendHistory {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sequence number that the next packet will get.
    pub fn next(&self) -> SeqNum {
        SeqNum(self.next as u16)
    }

    /// Records a packet of `len` bytes as sent; returns the sequence number it must carry.
    pub fn handle_sent(&mut self, len: usize, cluster: Option<u32>, now: Instant) -> SeqNum {
        if self.ring.is_empty() {
            self.ring = vec![None; INITIAL];
        }
        let seq = self.next;
        let len = len.min(usize::from(u16::MAX)) as u16;
        self.next += 1;
        if let Some(old) = self.ring[self.index(seq)]
            && old.fate == Fate::InFlight
        {
            if self.has_feedback && self.ring.len() < MAX {
                self.grow();
            } else {
                self.forget_before(old.seq + 1);
            }
        }
        let index = self.index(seq);
        self.ring[index] = Some(Sent {
            seq,
            at: now,
            len,
            cluster,
            fate: Fate::InFlight,
        });
        self.in_flight += usize::from(len);
        SeqNum(seq as u16)
    }

    /// Joins feedback with what was sent; appends one result per packet that is newly reported on
    /// (and one for a packet that was reported lost and did arrive), in send order.
    pub fn handle_feedback(&mut self, feedback: &TransportCc<'_>, results: &mut Vec<PacketResult>) {
        self.has_feedback = true;
        let reference = self.reference.unwrap(feedback.reference as u32) * REFERENCE_TICKS;
        // What was sent last is the newest that feedback can be about.
        let behind = SeqNum((self.next - 1) as u16).since(feedback.base);
        let base = self.next - 1 - i64::from(behind);
        let mut last = None;
        for (arrival, offset) in feedback.arrivals().zip(0..) {
            let seq = base + offset;
            if seq >= self.next {
                break;
            }
            let Some(sent) = self.get_mut(seq) else {
                continue;
            };
            let fate = if arrival.time.is_some() {
                Fate::Arrived
            } else {
                Fate::Lost
            };
            if sent.fate == Fate::Arrived || sent.fate == fate {
                continue;
            }
            let was_in_flight = sent.fate == Fate::InFlight;
            sent.fate = fate;
            let sent = *sent;
            if was_in_flight {
                self.in_flight -= usize::from(sent.len);
            }
            let arrived = arrival.time.map(|time| {
                let ticks = (reference + i64::from(time)).max(0) as u64;
                Duration::from_micros(ticks * TICK.as_micros() as u64)
            });
            let seq = arrival.seq;
            let len = usize::from(sent.len);
            last = Some(sent.seq);
            results.push(PacketResult {
                seq,
                sent: sent.at,
                len,
                arrived,
                cluster: sent.cluster,
            });
        }
        if let Some(last) = last {
            self.forget_before(last);
        }
    }

    /// Bytes sent and not yet reported on.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Feedback on earlier packets was lost, or there is none: they are no longer in flight.
    fn forget_before(&mut self, seq: i64) {
        let first = self.oldest_in_flight.max(seq - self.ring.len() as i64);
        for earlier in first..seq {
            if let Some(sent) = self.get_mut(earlier)
                && sent.fate == Fate::InFlight
            {
                sent.fate = Fate::Lost;
                let len = usize::from(sent.len);
                self.in_flight -= len;
            }
        }
        self.oldest_in_flight = self.oldest_in_flight.max(seq);
    }

    fn get_mut(&mut self, seq: i64) -> Option<&mut Sent> {
        if self.ring.is_empty() {
            return None;
        }
        let index = self.index(seq);
        self.ring[index].as_mut().filter(|sent| sent.seq == seq)
    }

    fn index(&self, seq: i64) -> usize {
        seq.rem_euclid(self.ring.len() as i64) as usize
    }

    fn grow(&mut self) {
        let larger = vec![None; self.ring.len() * 2];
        let old = std::mem::replace(&mut self.ring, larger);
        for sent in old.into_iter().flatten() {
            let index = self.index(sent.seq);
            self.ring[index] = Some(sent);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rtcp::{Compound, RtcpPacket};
    use crate::units::Ssrc;

    fn feed(
        history: &mut SendHistory,
        base: u16,
        reference: i64,
        times: &[Option<i32>],
    ) -> Vec<PacketResult> {
        let (mut out, mut results) = (Vec::new(), Vec::new());
        TransportCc::write(
            (Ssrc(1), Ssrc(2)),
            SeqNum(base),
            reference,
            0,
            times,
            &mut out,
        );
        let packet = Compound::new(&out).next().unwrap().unwrap();
        let RtcpPacket::TransportCc(feedback) = packet else {
            panic!()
        };
        history.handle_feedback(&feedback, &mut results);
        results
    }

    #[test]
    fn feedback_is_joined_with_what_was_sent() {
        let start = Instant::now();
        let mut history = SendHistory::new();
        assert_eq!(history.handle_sent(100, None, start), SeqNum(1));
        assert_eq!(history.next(), SeqNum(2));
        history.handle_sent(200, Some(7), start + Duration::from_millis(5));
        history.handle_sent(300, None, start);
        assert_eq!(history.in_flight(), 600);
        let results = feed(&mut history, 1, 10, &[Some(4), None]);
        assert_eq!(results.len(), 2);
        assert_eq!(results[0].arrived, Some(Duration::from_millis(641)));
        assert_eq!(
            (results[1].arrived, results[1].cluster, results[1].len),
            (None, Some(7), 200)
        );
        assert_eq!(history.in_flight(), 300);
    }

    #[test]
    fn a_packet_reported_lost_may_arrive_but_nothing_is_reported_twice() {
        let start = Instant::now();
        let mut history = SendHistory::new();
        history.handle_sent(100, None, start);
        history.handle_sent(100, None, start);
        assert_eq!(feed(&mut history, 1, 0, &[None, Some(1)]).len(), 2);
        let results = feed(&mut history, 1, 0, &[Some(9), Some(1)]);
        assert_eq!(results.len(), 1);
        assert!(results[0].arrived.is_some());
        assert_eq!(feed(&mut history, 1, 0, &[Some(9), Some(1)]), []);
        assert_eq!(history.in_flight(), 0);
    }

    #[test]
    fn lost_feedback_does_not_leave_bytes_in_flight() {
        let start = Instant::now();
        let mut history = SendHistory::new();
        for _ in 0..10 {
            history.handle_sent(100, None, start);
        }
        feed(&mut history, 9, 0, &[Some(1)]);
        assert_eq!(history.in_flight(), 100);
    }

    #[test]
    fn sequence_numbers_wrap_and_memory_is_bounded_without_feedback() {
        let start = Instant::now();
        let mut history = SendHistory::new();
        for _ in 0..70_000 {
            history.handle_sent(100, None, start);
        }
        assert_eq!(history.ring.len(), INITIAL);
        assert_eq!(history.in_flight(), INITIAL * 100);
        let last = (70_000_u32 % 65_536) as u16;
        assert_eq!(
            feed(&mut history, last - 1, 0, &[Some(1), Some(2), Some(3)]).len(),
            2
        );
        for _ in 0..70_000 {
            history.handle_sent(100, None, start);
        }
        assert_eq!(history.ring.len(), MAX);
        assert_eq!(feed(&mut history, last, 0, &[Some(1); 300]).len(), 0);
    }

    #[test]
    fn the_reference_time_wraps_without_a_jump() {
        let start = Instant::now();
        let mut history = SendHistory::new();
        history.handle_sent(100, None, start);
        history.handle_sent(100, None, start);
        let before = feed(&mut history, 1, 0x7f_ffff, &[Some(0)])[0]
            .arrived
            .unwrap();
        let after = feed(&mut history, 2, 0x80_0000, &[Some(0)])[0]
            .arrived
            .unwrap();
        assert_eq!(after - before, Duration::from_millis(64));
    }
}
