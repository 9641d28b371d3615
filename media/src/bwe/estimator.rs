//! The estimator: joins the parts.

use std::time::{Duration, Instant};

use crate::twcc::PacketResult;
use crate::units::Bitrate;

/// Bounds of the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Before any feedback.
    pub initial: Bitrate,
    /// Never below.
    pub min: Bitrate,
    /// Never above.
    pub max: Bitrate,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            initial: Bitrate::from_kbps(2_500),
            min: Bitrate::from_kbps(30),
            max: Bitrate::from_kbps(20_000),
        }
    }
}

/// Estimates the bandwidth of one path.
#[derive(Debug)]
pub struct Estimator {
    config: Config,
}

impl Estimator {
    /// Before any feedback.
    pub fn new(config: Config, _now: Instant) -> Self {
        Self { config }
    }

    /// Takes in a sent packet, probes included: tells whether the sender fills its estimate.
    pub fn handle_sent(&mut self, _len: usize, _now: Instant) {
        todo!()
    }

    /// Takes in what [`crate::twcc::SendHistory`] made of a feedback packet.
    pub fn handle_feedback(&mut self, _results: &[PacketResult], _now: Instant) {
        todo!()
    }

    /// Takes in a REMB. It bounds the estimate only while there is no transport-wide feedback.
    pub fn handle_remb(&mut self, _bitrate: Bitrate, _now: Instant) {
        todo!()
    }

    /// Takes in the round trip to the receiver.
    pub fn handle_rtt(&mut self, _rtt: Duration) {
        todo!()
    }

    /// Takes in loss from a receiver report (fraction in 1/256), for receivers without
    /// transport-wide feedback.
    pub fn handle_receiver_report(&mut self, _fraction_lost: u8, _packets: u64, _now: Instant) {
        todo!()
    }

    /// Lets time act: no feedback for long lowers the estimate. Call at least every 100 ms.
    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    /// The estimate.
    pub fn estimate(&self) -> Bitrate {
        self.config.initial
    }

    /// The rate that arrives, when there is feedback.
    pub fn acknowledged(&self) -> Option<Bitrate> {
        None
    }

    /// True while the sender stays well below the estimate (application limited).
    pub fn is_application_limited(&self) -> bool {
        false
    }

    /// A cluster of packets to send at a higher rate, to learn whether it gets through.
    pub fn poll_probe(&mut self, _now: Instant) -> Option<crate::probing::ProbeCluster> {
        None
    }

    /// The smoothed round trip.
    pub fn rtt(&self) -> Option<Duration> {
        None
    }

    /// Loss over the latest feedback, 0 to 1.
    pub fn loss(&self) -> f64 {
        0.0
    }
}
