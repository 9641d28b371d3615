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
}

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
        }
    }

    /// What was negotiated: an estimate is of use only with retransmissions, by which it is probed.
    pub fn negotiate(&mut self, transport_cc: bool, remb: bool, rtx: bool) {
        self.transport_cc = transport_cc;
        self.trusted = self.trust && rtx && (transport_cc || remb);
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
        if self.trusted
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
        self.prober.poll(need, self.estimator.estimate(), now)
    }

    /// Whether a burst of probes is under way.
    pub fn is_in_cluster(&self) -> bool {
        self.prober.is_in_cluster()
    }

    /// Whether padding may ever be due.
    pub fn may_probe(&self) -> bool {
        self.trusted && self.transport_cc
    }

    /// What limits allocation.
    pub fn available(&self) -> Bitrate {
        if self.trusted {
            self.estimator.estimate()
        } else {
            Bitrate::MAX
        }
    }

    /// The estimate, once feedback came.
    pub fn estimate(&self) -> Option<Bitrate> {
        (self.trusted && self.heard).then(|| self.estimator.estimate())
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
