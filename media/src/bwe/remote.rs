//! Estimation at the receiver, for senders without transport-wide feedback: from the departure time
//! that each packet carries, to be told them as REMB (draft-alvestrand-rmcat-remb).

use std::time::{Duration, Instant};

use super::estimator::{Config, Estimator};
use crate::rtp::{AbsSendTime, SeqNum};
use crate::twcc::PacketResult;
use crate::units::Bitrate;

/// After which the departure time begins anew.
const PERIOD: Duration = Duration::from_secs(64);

/// Estimates the bandwidth of one path from its far end.
#[derive(Debug)]
pub struct RemoteEstimator {
    estimator: Estimator,
    /// Departure of the newest packet as it said it, and on our own clock.
    newest: Option<(Duration, Instant)>,
    start: Option<Instant>,
}

impl RemoteEstimator {
    /// Before any packet.
    pub fn new(config: Config) -> Self {
        Self {
            estimator: Estimator::new(config),
            newest: None,
            start: None,
        }
    }

    /// Takes in a packet of so many bytes on the wire.
    pub fn handle_packet(&mut self, departed: AbsSendTime, len: usize, now: Instant) {
        let start = *self.start.get_or_insert(now);
        let departed = departed.as_duration();
        let sent = match self.newest {
            None => now,
            Some((before, at)) => {
                let ahead =
                    (departed + PERIOD).saturating_sub(before).as_nanos() % PERIOD.as_nanos();
                let ahead = Duration::from_nanos(ahead as u64);
                if ahead < PERIOD / 2 {
                    at + ahead
                } else {
                    at.checked_sub(PERIOD.saturating_sub(ahead)).unwrap_or(at)
                }
            }
        };
        if self.newest.is_none_or(|(_, at)| sent >= at) {
            self.newest = Some((departed, sent));
        }
        let result = PacketResult {
            seq: SeqNum(0),
            sent,
            arrived: Some(now.saturating_duration_since(start)),
            len,
            cluster: None,
        };
        self.estimator.handle_arrival(&result, now);
    }

    /// What the path carries, by what has arrived so far.
    pub fn estimate(&self) -> Bitrate {
        self.estimator.estimate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The estimate after so many seconds of packets at this rate through a link of that one, which
    /// queues without end.
    fn estimate(sending: u64, carrying: u64, seconds: u64) -> u64 {
        let start = Instant::now();
        let mut remote = RemoteEstimator::new(Config {
            initial: Bitrate::from_kbps(1_000),
            ..Config::default()
        });
        let mut free = Duration::ZERO;
        let interval = Bitrate::from_kbps(sending).time_for(1_000);
        let mut sent = Duration::ZERO;
        while sent < Duration::from_secs(seconds) {
            free = free.max(sent) + Bitrate::from_kbps(carrying).time_for(1_000);
            // The sender's clock has its own origin, and goes round.
            let stamp = AbsSendTime::from_time(sent + Duration::from_secs(50));
            remote.handle_packet(stamp, 1_000, start + free);
            sent += interval;
        }
        remote.estimate().as_kbps()
    }

    #[test]
    fn a_path_that_is_overused_is_told_what_it_carries() {
        let told = estimate(900, 600, 20);
        assert!((450..=620).contains(&told), "{told}");
    }

    #[test]
    fn a_path_with_room_is_told_of_growth_also_when_the_stamp_goes_round() {
        let told = estimate(900, 5_000, 30);
        assert!((1_200..=1_400).contains(&told), "{told}");
    }
}
