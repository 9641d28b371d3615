//! Statistics of one received stream and the report block made of them (RFC 3550 §6.4.1, §A.1,
//! §A.3, §A.8).

use std::time::{Duration, Instant};

use super::{SeqNum, Timestamp, Unwrapper};
use crate::rtcp::ReportBlock;
use crate::units::Ssrc;

/// An NTP timestamp: 32.32 fixed-point seconds since 1900 (RFC 3550 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From a time since the Unix epoch.
    pub fn from_unix(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs().wrapping_add(2_208_988_800);
        let fraction = (u64::from(since_epoch.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// The middle 32 bits: 16.16 seconds, as LSR and DLSR have them.
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// This time and some more.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        let units = (time.as_nanos() << 32) / 1_000_000_000;
        Self(self.0.wrapping_add(units as u64))
    }
}

/// The last sender report of a source: its time, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReportTime {
    /// NTP time of the report, middle 32 bits.
    pub lsr: u32,
    /// When it was received.
    pub received: Instant,
}

/// Round trip measured by a report block about a stream that we send (RFC 3550 §6.4.1): `now` less
/// the time of our report less the time the receiver held it. `None` when the block has no report
/// of ours, or the times contradict.
pub fn round_trip_time(block: &ReportBlock, now: NtpTime) -> Option<Duration> {
    if block.last_sender_report == 0 {
        return None;
    }
    let units = now
        .middle()
        .wrapping_sub(block.last_sender_report)
        .wrapping_sub(block.delay_since_last_sender_report);
    // More than half the range is a negative round trip: clocks or reports that do not match.
    (units < 1 << 31).then(|| Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16))
}

/// Reception statistics of one SSRC.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    seq: Unwrapper<16>,
    first: i64,
    received: u64,
    bytes: u64,
    expected_before: u64,
    received_before: u64,
    jitter: f64,
    transit: Option<(Instant, Timestamp)>,
    sender_report: Option<SenderReportTime>,
}

impl Reception {
    /// For a stream with this RTP clock rate in Hz.
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate: clock_rate.max(1),
            seq: Unwrapper::new(),
            first: 0,
            received: 0,
            bytes: 0,
            expected_before: 0,
            received_before: 0,
            jitter: 0.0,
            transit: None,
            sender_report: None,
        }
    }

    /// Takes in a received packet of `len` bytes.
    pub fn handle_packet(&mut self, seq: SeqNum, timestamp: Timestamp, len: usize, now: Instant) {
        // A jump this large is a restarted sender (RFC 3550 §A.1): count from there.
        let restarted = self.seq.newest().is_some_and(|newest| {
            let steps = self.seq.peek(u32::from(seq.0)) - newest;
            !(-MAX_MISORDER..MAX_DROPOUT).contains(&steps)
        });
        if restarted || self.seq.newest().is_none() {
            let (jitter, bytes) = (self.jitter, self.bytes);
            *self = Self {
                jitter,
                bytes,
                sender_report: self.sender_report,
                ..Self::new(self.clock_rate)
            };
            self.first = i64::from(seq.0);
        }
        self.seq.unwrap(u32::from(seq.0));
        self.received += 1;
        self.bytes += len as u64;
        // RFC 3550 §A.8; packets of one frame share a timestamp and say nothing of the network's
        // jitter beyond the sender's pacing, so only a changed timestamp counts.
        match self.transit {
            Some((arrival, last)) if last != timestamp => {
                let arrived = now.saturating_duration_since(arrival).as_secs_f64();
                let sent = f64::from(timestamp.since(last)) / f64::from(self.clock_rate);
                let difference = ((arrived - sent) * f64::from(self.clock_rate)).abs();
                // A gap of minutes in the timestamps is a change of source, not jitter.
                if difference < 10.0 * f64::from(self.clock_rate) {
                    self.jitter += (difference - self.jitter) / 16.0;
                }
                self.transit = Some((now, timestamp));
            }
            Some(_) => {}
            None => self.transit = Some((now, timestamp)),
        }
    }

    /// Takes in the time of the source's sender report.
    pub fn handle_sender_report(&mut self, ntp: NtpTime, now: Instant) {
        self.sender_report = Some(SenderReportTime {
            lsr: ntp.middle(),
            received: now,
        });
    }

    /// Makes the report block and starts the next interval; `None` before the first packet.
    pub fn poll_report(&mut self, ssrc: Ssrc, now: Instant) -> Option<ReportBlock> {
        let highest = self.seq.newest()?;
        let expected = self.expected();
        let expected_interval = expected.saturating_sub(self.expected_before);
        let received_interval = self.received - self.received_before;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction_lost = (lost_interval * 256)
            .checked_div(expected_interval)
            .unwrap_or(0)
            .min(255) as u8;
        self.expected_before = expected;
        self.received_before = self.received;
        let (last_sender_report, delay_since_last_sender_report) =
            self.sender_report.map_or((0, 0), |report| {
                let delay = now.saturating_duration_since(report.received).as_nanos();
                (
                    report.lsr,
                    ((delay << 16) / 1_000_000_000).min(u128::from(u32::MAX)) as u32,
                )
            });
        Some(ReportBlock {
            ssrc,
            fraction_lost,
            cumulative_lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_seq: highest as u32,
            jitter: self.jitter as u32,
            last_sender_report,
            delay_since_last_sender_report,
        })
    }

    /// Packets received, duplicates included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes received.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Packets expected less packets received; negative when there were duplicates.
    pub fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    /// Interarrival jitter.
    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / f64::from(self.clock_rate))
    }

    fn expected(&self) -> u64 {
        self.seq
            .newest()
            .map_or(0, |highest| (highest - self.first + 1).max(0) as u64)
    }
}

const MAX_DROPOUT: i64 = 3_000;
const MAX_MISORDER: i64 = 1_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn loss_is_reported_per_interval_and_in_sum() {
        let start = Instant::now();
        let mut reception = Reception::new(48_000);
        for i in 0..100_u16 {
            if i % 4 != 3 {
                let seq = SeqNum(65_500).plus(i);
                reception.handle_packet(
                    seq,
                    Timestamp(u32::from(i) * 960),
                    100,
                    start + MS * u32::from(i) * 20,
                );
            }
        }
        let report = reception.poll_report(Ssrc(1), start).unwrap();
        // The last one, lost, is not yet expected: 24 of 99.
        assert_eq!(report.cumulative_lost, 24);
        assert_eq!(report.fraction_lost, (24 * 256 / 99) as u8);
        assert_eq!(report.highest_seq, 65_500 + 98);
        for i in 100..150_u16 {
            let seq = SeqNum(65_500).plus(i);
            reception.handle_packet(
                seq,
                Timestamp(u32::from(i) * 960),
                100,
                start + MS * u32::from(i) * 20,
            );
        }
        let report = reception.poll_report(Ssrc(1), start).unwrap();
        assert_eq!(report.fraction_lost, (256 / 51) as u8);
        assert_eq!(report.cumulative_lost, 25);
    }

    #[test]
    fn jitter_follows_uneven_arrival() {
        let start = Instant::now();
        let mut even = Reception::new(48_000);
        let mut uneven = Reception::new(48_000);
        for i in 0..200_u32 {
            let timestamp = Timestamp(i * 960);
            even.handle_packet(SeqNum(i as u16), timestamp, 100, start + MS * i * 20);
            let late = if i % 2 == 0 { 10 } else { 0 };
            uneven.handle_packet(
                SeqNum(i as u16),
                timestamp,
                100,
                start + MS * (i * 20 + late),
            );
        }
        assert!(even.jitter() < MS);
        assert!(
            (9 * MS..=10 * MS).contains(&uneven.jitter()),
            "{:?}",
            uneven.jitter()
        );
    }

    #[test]
    fn a_restarted_sender_is_not_a_loss_of_thousands() {
        let start = Instant::now();
        let mut reception = Reception::new(90_000);
        reception.handle_packet(SeqNum(10), Timestamp(0), 100, start);
        reception.handle_packet(SeqNum(30_000), Timestamp(0), 100, start);
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn the_round_trip_is_what_is_left_of_the_report_times() {
        let sent = NtpTime::from_unix(Duration::from_secs(1_000));
        let start = Instant::now();
        let mut reception = Reception::new(90_000);
        reception.handle_packet(SeqNum(1), Timestamp(0), 100, start);
        reception.handle_sender_report(sent, start);
        let block = reception.poll_report(Ssrc(1), start + MS * 500).unwrap();
        let rtt = round_trip_time(&block, sent.plus(MS * 580)).unwrap();
        assert!((79 * MS..=81 * MS).contains(&rtt), "{rtt:?}");
        assert_eq!(round_trip_time(&block, sent.plus(MS * 400)), None);
    }
}
