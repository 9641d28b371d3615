//! How much a receiver can take: what was sent, what its feedback says, and when to probe.

use std::time::{Duration, Instant};

use media::bwe::{Config, Estimator};
use media::probing::{Need, Padding, Prober};
use media::rtcp::TransportCc;
use media::rtp::SeqNum;
use media::twcc::{PacketResult, SendHistory};
use media::units::Bitrate;

use crate::settings::WorkerSettings;

/// See the module.
#[derive(Debug)]
pub struct Congestion {
    history: SendHistory,
    estimator: Estimator,
    prober: Prober,
    results: Vec<PacketResult>,
    transport_cc: bool,
    trusted: bool,
    trust: bool,
    heard: bool,
    probed: bool,
    /// What is assumed of those who give no feedback.
    assumed: Bitrate,
    first_sent: Option<Instant>,
    /// So much was sent without any feedback that there will be none.
    silent: bool,
}

/// What a receiver without feedback can take, at least: nobody can find out.
const ASSUMED: Bitrate = Bitrate::from_kbps(2_500);
/// Room for a voice and the least picture …
const FLOOR: Bitrate = Bitrate::from_kbps(180);
/// … unless more than this share of it is lost, or it takes so long.
const FLOOR_LOSS: f64 = 0.08;
const FLOOR_RTT: Duration = Duration::from_millis(800);
/// A receiver that gave no feedback for so long gives none.
const NO_FEEDBACK: Duration = Duration::from_secs(2);

impl Congestion {
    /// Before anything is known.
    pub fn new(settings: &WorkerSettings) -> Self {
        let config = Config {
            initial: settings.initial_bandwidth,
            min: settings.min_bandwidth,
            max: settings.max_bandwidth,
        };
        Self {
            history: SendHistory::new(),
            estimator: Estimator::new(config),
            prober: Prober::new(),
            results: Vec::new(),
            transport_cc: false,
            trusted: false,
            trust: settings.trust_bandwidth_estimate,
            heard: false,
            probed: false,
            assumed: settings.initial_bandwidth.max(ASSUMED),
            first_sent: None,
            silent: false,
        }
    }

    /// What was negotiated. Of a receiver without retransmissions nobody knows whether it gives the
    /// feedback that it could: its estimate counts once it did.
    pub fn negotiate(&mut self, transport_cc: bool, remb: bool, rtx: bool) {
        self.transport_cc = transport_cc;
        self.trusted = self.trust && (transport_cc || remb);
        self.probed = rtx;
    }

    /// Sequence number that the next packet must carry, if any.
    pub fn next(&self) -> Option<u16> {
        self.transport_cc.then(|| self.history.next().0)
    }

    /// A packet of so many bytes was sent; `cluster` if it is a probe.
    pub fn handle_sent(&mut self, len: usize, cluster: Option<u32>, now: Instant) -> SeqNum {
        if !self.trusted {
            return if self.transport_cc {
                self.history.handle_sent(len, None, now)
            } else {
                SeqNum(0)
            };
        }
        self.first_sent.get_or_insert(now);
        let running = self.prober.handle_sent(len);
        self.estimator.handle_sent(len, now);
        if self.transport_cc {
            self.history.handle_sent(len, cluster.or(running), now)
        } else {
            SeqNum(0)
        }
    }

    /// Transport-wide feedback came.
    pub fn handle_feedback(&mut self, feedback: &TransportCc<'_>, now: Instant) {
        self.heard = true;
        self.results.clear();
        self.history.handle_feedback(feedback, &mut self.results);
        self.estimator.handle_feedback(&self.results, now);
    }

    /// REMB came.
    pub fn handle_remb(&mut self, bitrate: Bitrate, now: Instant) {
        if !self.transport_cc {
            self.heard = true;
            self.estimator.handle_remb(bitrate, now);
        }
    }

    /// A round trip was measured.
    pub fn handle_rtt(&mut self, rtt: Duration) {
        self.estimator.handle_rtt(rtt);
    }

    /// A report block came: loss in 1/256.
    pub fn handle_report(&mut self, fraction_lost: u8, now: Instant) {
        self.estimator.handle_receiver_report(fraction_lost, now);
    }

    /// Moves time on: at least each 100 ms. `wanted` is the rate that there is use for.
    pub fn handle_timeout(&mut self, wanted: Bitrate, now: Instant) {
        self.estimator.handle_timeout(now);
        self.silent = !self.heard
            && self
                .first_sent
                .is_some_and(|at| now.saturating_duration_since(at) > NO_FEEDBACK);
        if self.trusted
            && self.transport_cc
            && let Some(cluster) = self.estimator.poll_probe(wanted, now)
        {
            self.prober.handle_cluster(cluster, now);
        }
    }

    /// What to send on top of media now.
    pub fn poll_padding(&mut self, need: Need, now: Instant) -> Padding {
        if !self.trusted {
            return Padding::default();
        }
        if !self.heard {
            // Nothing that it gets fits the estimate of before any feedback, and there is no feedback of nothing: the least
            // there is begins.
            let begins = self.first_sent.is_none() && need.ideal > Bitrate::ZERO;
            return Padding {
                bytes: usize::from(begins),
                cluster: None,
            };
        }
        let need = Need {
            // Where feedback tells of each packet, bursts find out what the path carries.
            wanting: need.wanting && !self.transport_cc,
            ..need
        };
        self.prober.poll(need, self.estimator.estimate(), now)
    }

    /// Padding of so many bytes was sent.
    pub fn handle_padding_sent(&mut self, len: usize) {
        self.prober.handle_padding_sent(len);
    }

    /// Whether a burst of probes is under way.
    pub fn is_in_cluster(&self) -> bool {
        self.prober.is_in_cluster()
    }

    /// Whether padding may ever be due.
    pub fn may_probe(&self) -> bool {
        self.trusted && (self.heard || self.first_sent.is_none())
    }

    /// What limits allocation.
    pub fn available(&self) -> Bitrate {
        match self.trusted {
            true if self.heard => self.floored(),
            true if self.probed && self.silent => self.assumed,
            true if self.probed => self.estimator.estimate(),
            _ => Bitrate::MAX,
        }
    }

    /// The estimate, once feedback came.
    pub fn estimate(&self) -> Option<Bitrate> {
        (self.trusted && self.heard).then(|| self.floored())
    }

    /// Beside a flow that fills every queue, delay says that even the least is too much. It is not, as
    /// long as it arrives, and in time.
    fn floored(&self) -> Bitrate {
        let arrives = self.estimator.loss() < FLOOR_LOSS
            && self.estimator.rtt().is_none_or(|rtt| rtt < FLOOR_RTT);
        let floor = if arrives { FLOOR } else { Bitrate::ZERO };
        self.estimator.estimate().max(floor)
    }

    /// The round trip.
    pub fn rtt(&self) -> Option<Duration> {
        self.estimator.rtt()
    }

    /// Loss, 0..=1.
    pub fn loss(&self) -> f64 {
        self.estimator.loss()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use media::dtls::Certificate;

    use super::*;

    fn congestion(transport_cc: bool, rtx: bool) -> Congestion {
        let settings = WorkerSettings::new(Certificate::generate().unwrap(), vec![]);
        let mut congestion = Congestion::new(&settings);
        congestion.negotiate(transport_cc, true, rtx);
        congestion
    }

    #[test]
    fn whoever_gives_no_feedback_is_assumed_to_take_what_most_can() {
        let start = Instant::now();
        let mut congestion = congestion(true, true);
        assert_eq!(congestion.available(), Bitrate::from_kbps(400));
        for ms in (0..2_500).step_by(100) {
            let now = start + Duration::from_millis(ms);
            congestion.handle_sent(100, None, now);
            congestion.handle_timeout(Bitrate::ZERO, now);
        }
        assert_eq!(congestion.available(), ASSUMED);
    }

    #[test]
    fn a_receiver_for_whom_nothing_is_small_enough_is_sent_something_to_answer() {
        let now = Instant::now();
        let need = Need {
            target: Bitrate::ZERO,
            ideal: Bitrate::from_kbps(900),
            wanting: true,
        };
        for transport_cc in [true, false] {
            let mut congestion = congestion(transport_cc, true);
            assert!(congestion.may_probe());
            let idle = Need {
                ideal: Bitrate::ZERO,
                ..need
            };
            assert_eq!(congestion.poll_padding(idle, now), Padding::default());
            assert!(congestion.poll_padding(need, now).bytes > 0);
            // Once: who does not answer that gives no feedback.
            congestion.handle_sent(255, None, now);
            assert!(!congestion.may_probe());
            assert_eq!(congestion.poll_padding(need, now), Padding::default());
        }
    }

    #[test]
    fn an_estimate_without_retransmissions_counts_once_there_is_feedback() {
        let now = Instant::now();
        let mut congestion = congestion(false, false);
        assert_eq!(congestion.available(), Bitrate::MAX);
        congestion.handle_remb(Bitrate::from_kbps(700), now);
        assert_eq!(congestion.available(), Bitrate::from_kbps(700));
    }

    #[test]
    fn room_for_a_voice_and_the_least_picture_stays_as_long_as_it_arrives() {
        let now = Instant::now();
        let mut congestion = congestion(false, true);
        congestion.handle_remb(Bitrate::from_kbps(60), now);
        assert_eq!(congestion.available(), FLOOR);
        congestion.handle_report(40, now);
        assert!(
            congestion.available() < Bitrate::from_kbps(61),
            "a sixth of it is lost"
        );
    }
}
