//! What a probe cluster showed: the rate at which its packets arrived.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::probing::ProbeCluster;
use crate::twcc::PacketResult;
use crate::units::Bitrate;

/// Clusters that are awaited at once.
const MAX_CLUSTERS: usize = 4;
/// The share of a cluster's bytes that must arrive.
const ENOUGH: f64 = 0.8;
const MIN_PACKETS: u32 = 4;
/// An interval beyond this is no burst.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// When less than this share of the sending rate arrives, the path is full: stay just below.
const SATURATED: f64 = 0.9;
const BELOW: f64 = 0.95;
/// An arrival rate this much above the sending rate is an artefact of a queue that was released.
const MAX_RATIO: f64 = 2.0;

#[derive(Debug)]
struct Awaited {
    cluster: ProbeCluster,
    first_sent: Option<Instant>,
    last_sent: Option<Instant>,
    last_sent_len: usize,
    first_arrival: Duration,
    first_arrival_len: usize,
    last_arrival: Duration,
    bytes: usize,
    packets: u32,
}

/// The clusters in flight.
#[derive(Debug, Default)]
pub(super) struct ProbeResults {
    awaited: ArrayVec<Awaited, MAX_CLUSTERS>,
}

impl ProbeResults {
    /// Awaits a cluster that is about to be sent.
    pub(super) fn handle_cluster(&mut self, cluster: ProbeCluster) {
        if self.awaited.is_full() {
            self.awaited.remove(0);
        }
        self.awaited.push(Awaited {
            cluster,
            first_sent: None,
            last_sent: None,
            last_sent_len: 0,
            first_arrival: Duration::MAX,
            first_arrival_len: 0,
            last_arrival: Duration::ZERO,
            bytes: 0,
            packets: 0,
        });
    }

    /// Takes in a packet; the rate that its cluster shows, once enough of it arrived.
    pub(super) fn handle_packet(&mut self, result: &PacketResult) -> Option<Bitrate> {
        let (id, arrived) = (result.cluster?, result.arrived?);
        let awaited = self
            .awaited
            .iter_mut()
            .find(|awaited| awaited.cluster.id == id)?;
        awaited.first_sent = Some(
            awaited
                .first_sent
                .map_or(result.sent, |t| t.min(result.sent)),
        );
        if awaited.last_sent.is_none_or(|last| result.sent >= last) {
            awaited.last_sent = Some(result.sent);
            awaited.last_sent_len = result.len;
        }
        if arrived < awaited.first_arrival {
            awaited.first_arrival = arrived;
            awaited.first_arrival_len = result.len;
        }
        awaited.last_arrival = awaited.last_arrival.max(arrived);
        awaited.bytes += result.len;
        awaited.packets += 1;
        awaited.rate()
    }
}

impl Awaited {
    fn rate(&self) -> Option<Bitrate> {
        let needed = self.cluster.rate.bytes_in(self.cluster.duration) as f64 * ENOUGH;
        if self.packets < MIN_PACKETS || (self.bytes as f64) < needed {
            return None;
        }
        let sending = self.last_sent?.saturating_duration_since(self.first_sent?);
        let arriving = self.last_arrival.checked_sub(self.first_arrival)?;
        let valid = Duration::from_micros(1)..=MAX_INTERVAL;
        if !valid.contains(&sending) || !valid.contains(&arriving) {
            return None;
        }
        // The last packet sent says nothing of the time after it, nor the first one of that before.
        let send_rate = Bitrate::of((self.bytes - self.last_sent_len) as u64, sending);
        let receive_rate = Bitrate::of((self.bytes - self.first_arrival_len) as u64, arriving);
        if receive_rate > send_rate * MAX_RATIO {
            return None;
        }
        let saturated = receive_rate < send_rate * SATURATED;
        Some(if saturated {
            receive_rate * BELOW
        } else {
            receive_rate.min(send_rate)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rtp::SeqNum;

    fn probe(arrival_us: u64) -> Option<Bitrate> {
        let start = Instant::now();
        let mut results = ProbeResults::default();
        let (rate, duration) = (Bitrate::from_kbps(4_000), Duration::from_millis(20));
        results.handle_cluster(ProbeCluster {
            id: 3,
            rate,
            duration,
        });
        (0..10)
            .filter_map(|i| {
                results.handle_packet(&PacketResult {
                    seq: SeqNum(i as u16),
                    sent: start + Duration::from_millis(2) * i,
                    len: 1_000,
                    arrived: Some(Duration::from_micros(arrival_us) * i + Duration::from_secs(9)),
                    cluster: Some(3),
                })
            })
            .last()
    }

    #[test]
    fn a_probe_that_gets_through_shows_its_own_rate() {
        assert_eq!(probe(2_000), Some(Bitrate::from_kbps(4_000)));
    }

    #[test]
    fn a_probe_that_is_held_up_shows_just_below_the_capacity() {
        assert_eq!(probe(8_000), Some(Bitrate::from_kbps(950)));
    }

    #[test]
    fn a_released_queue_shows_nothing() {
        assert_eq!(probe(200), None);
    }
}
