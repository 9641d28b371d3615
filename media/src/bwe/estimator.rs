//! The estimator: joins the parts.

use std::time::{Duration, Instant};

use super::acknowledged::Acknowledged;
use super::aimd::Aimd;
use super::application_limit::ApplicationLimit;
use super::inter_arrival::InterArrival;
use super::loss::LossBound;
use super::probe_control::ProbeControl;
use super::probe_result::ProbeResults;
use super::report_loss::ReportLoss;
use super::trendline::{Trendline, Usage};
use crate::probing::ProbeCluster;
use crate::twcc::PacketResult;
use crate::units::Bitrate;

/// Before the round trip is known.
const DEFAULT_RTT: Duration = Duration::from_millis(200);
/// Feedback that stays out this long, while packets are sent, means that nothing gets through.
const SILENCE: Duration = Duration::from_secs(1);
const SILENCE_STEP: Duration = Duration::from_millis(500);
const SILENCE_DECREASE: f64 = 0.7;
/// A gap in the arrivals this long (muted, suspended) starts the delay detector anew.
const STREAM_GAP: Duration = Duration::from_secs(2);
/// Weight of a new round trip.
const RTT_SMOOTHING: f64 = 0.125;

/// Bounds of the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Before any feedback.
    pub initial: Bitrate,
    /// Never below.
    pub min: Bitrate,
    /// Never above; at least [`Config::min`].
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
    groups: InterArrival,
    trendline: Trendline,
    acknowledged: Acknowledged,
    aimd: Aimd,
    loss: LossBound,
    limit: ApplicationLimit,
    probes: ProbeControl,
    probe_results: ProbeResults,
    fallback: ReportLoss,
    estimate: Bitrate,
    rtt: Option<Duration>,
    last_feedback: Option<Instant>,
    last_silence: Option<Instant>,
    /// First packet sent since the last feedback.
    unanswered: Option<Instant>,
    last_sent: Option<Instant>,
    /// For ordering results by arrival without allocating each time.
    arrivals: Vec<(Duration, usize)>,
}

impl Estimator {
    /// Before any feedback.
    pub fn new(mut config: Config) -> Self {
        config.max = config.max.max(config.min);
        let initial = config.initial.clamp(config.min, config.max);
        Self {
            config,
            groups: InterArrival::default(),
            trendline: Trendline::default(),
            acknowledged: Acknowledged::default(),
            aimd: Aimd::new(initial, config.min, config.max),
            loss: LossBound::new(config.min),
            limit: ApplicationLimit::default(),
            probes: ProbeControl::new(initial, config.max),
            probe_results: ProbeResults::default(),
            fallback: ReportLoss::new(initial),
            estimate: initial,
            rtt: None,
            last_feedback: None,
            last_silence: None,
            unanswered: None,
            last_sent: None,
            arrivals: Vec::new(),
        }
    }

    /// Takes in a sent packet, probes and retransmissions included, with its bytes on the wire.
    pub fn handle_sent(&mut self, len: usize, now: Instant) {
        self.unanswered.get_or_insert(now);
        self.last_sent = Some(now);
        let was_limited = self.limit.is_limited();
        self.limit.handle_sent(len, self.estimate, now);
        if was_limited && !self.limit.is_limited() {
            self.acknowledged.handle_limit_end();
        }
    }

    /// Takes in one packet at the far end of the path, where only what arrives is known.
    pub(super) fn handle_arrival(&mut self, result: &PacketResult, now: Instant) {
        self.last_feedback = Some(now);
        if let Some(arrived) = result.arrived {
            self.acknowledged.handle_packet(arrived, result.len, false);
        }
        self.handle_delays(std::slice::from_ref(result), now);
        self.update(now);
    }

    /// Takes in what [`crate::twcc::SendHistory`] made of a feedback packet.
    pub fn handle_feedback(&mut self, results: &[PacketResult], now: Instant) {
        if results.is_empty() {
            return;
        }
        self.last_feedback = Some(now);
        self.last_silence = None;
        self.unanswered = None;
        self.handle_feedback_rtt(results, now);

        self.arrivals.clear();
        let arrived = results.iter().filter_map(|r| Some((r.arrived?, r.len)));
        self.arrivals.extend(arrived);
        self.arrivals.sort_unstable_by_key(|&(at, _)| at);
        for &(at, len) in &self.arrivals {
            self.acknowledged
                .handle_packet(at, len, self.limit.is_limited());
        }

        let acknowledged = self.handle_delays(results, now);
        self.loss
            .handle_feedback(results, acknowledged, self.aimd.rate());
        self.update(now);
    }

    /// Lets the delays of packets act on the rate; what arrives.
    fn handle_delays(&mut self, results: &[PacketResult], now: Instant) -> Option<Bitrate> {
        let mut usage = None;
        let mut shown = None;
        for result in results {
            if let Some(arrived) = result.arrived
                && let Some(delta) = self.groups.handle_packet(result.sent, arrived)
            {
                if delta.sent > STREAM_GAP.as_secs_f64() {
                    self.trendline = Trendline::default();
                    continue;
                }
                self.trendline.handle_delta(delta);
                // Overuse that shows in the middle of a feedback is not undone by its end.
                if usage != Some(Usage::Over) {
                    usage = Some(self.trendline.usage());
                }
            }
            shown = self.probe_results.handle_packet(result).or(shown);
        }
        let usage = usage.unwrap_or(self.trendline.usage());
        let acknowledged = match usage {
            Usage::Over => self.acknowledged.rate_when_full(),
            _ => self.acknowledged.rate(),
        };
        let rtt = self.rtt.unwrap_or(DEFAULT_RTT);
        match shown {
            Some(shown) if usage != Usage::Over => {
                self.probes.handle_result(shown);
                // A probe that shows less than what media achieves shows its own shortness.
                if shown > self.aimd.rate() {
                    self.aimd.set_rate(shown, now);
                    self.loss.handle_probe(shown);
                }
            }
            _ => self.aimd.handle_usage(usage, acknowledged, rtt, now),
        }
        acknowledged
    }

    /// Takes in a REMB. It counts only while there is no transport-wide feedback.
    pub fn handle_remb(&mut self, bitrate: Bitrate, now: Instant) {
        self.fallback.handle_remb(bitrate, now);
        self.update(now);
    }

    /// Takes in the round trip to the receiver, as its reports tell it.
    pub fn handle_rtt(&mut self, rtt: Duration) {
        self.rtt = Some(match self.rtt {
            Some(smoothed) => smoothed.mul_f64(1.0 - RTT_SMOOTHING) + rtt.mul_f64(RTT_SMOOTHING),
            None => rtt,
        });
    }

    /// Takes in the loss that a receiver report tells, in 1/256. It counts only while there is no
    /// transport-wide feedback.
    pub fn handle_receiver_report(&mut self, fraction_lost: u8, now: Instant) {
        let rtt = self.rtt.unwrap_or(DEFAULT_RTT);
        self.fallback
            .handle_report(f64::from(fraction_lost) / 256.0, rtt, now);
        self.fallback.set_bounds(self.config.min, self.config.max);
        self.update(now);
    }

    /// Lets time act: no feedback for long, while packets are sent, lowers the estimate. Call it
    /// every 100 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        let (Some(_), Some(since), Some(last_sent)) =
            (self.last_feedback, self.unanswered, self.last_sent)
        else {
            return;
        };
        let patience = SILENCE.max(self.rtt.unwrap_or(DEFAULT_RTT) * 3);
        let silent = last_sent.saturating_duration_since(since) > patience;
        let stepped = self
            .last_silence
            .is_some_and(|last| now.saturating_duration_since(last) < SILENCE_STEP);
        if silent && !stepped {
            self.last_silence = Some(now);
            self.aimd.set_rate(self.estimate * SILENCE_DECREASE, now);
            self.update(now);
        }
    }

    /// A cluster of packets to send at a higher rate, to learn whether it gets through; give it to
    /// [`crate::probing::Prober`]. `wanted` is the rate that there is use for. None before the
    /// first feedback, nor while queues grow: a burst would do harm, and teach nothing.
    pub fn poll_probe(&mut self, wanted: Bitrate, now: Instant) -> Option<ProbeCluster> {
        if self.last_feedback.is_none() || self.trendline.usage() == Usage::Over {
            return None;
        }
        let cluster = self.probes.poll(wanted, self.estimate, now)?;
        self.probe_results.handle_cluster(cluster);
        Some(cluster)
    }

    /// What the path is believed to carry just now.
    pub fn estimate(&self) -> Bitrate {
        self.estimate
    }

    /// False while the estimate is only the configured start: nothing was heard of the receiver.
    pub fn is_informed(&self) -> bool {
        self.last_feedback.is_some() || self.estimate != self.config.initial
    }

    /// The rate that arrives, when there is transport-wide feedback.
    pub fn acknowledged(&self) -> Option<Bitrate> {
        self.acknowledged.rate()
    }

    /// True while the sender stays well below the estimate.
    pub fn is_application_limited(&self) -> bool {
        self.limit.is_limited()
    }

    /// The smoothed round trip.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Loss over the latest seconds, 0 to 1.
    pub fn loss(&self) -> f64 {
        if self.last_feedback.is_some() {
            self.loss.loss()
        } else {
            self.fallback.loss()
        }
    }

    /// The time from a packet to the feedback on it is the round trip and the wait for the
    /// feedback; the last packet waited least.
    fn handle_feedback_rtt(&mut self, results: &[PacketResult], now: Instant) {
        let arrived = results.iter().filter(|result| result.arrived.is_some());
        let Some(shortest) = arrived.map(|r| now.saturating_duration_since(r.sent)).min() else {
            return;
        };
        // What reports tell is exact; this only sets a start and a ceiling.
        if self.rtt.is_none_or(|rtt| rtt > shortest) {
            self.rtt = Some(shortest);
        }
    }

    fn update(&mut self, now: Instant) {
        let estimate = if self.last_feedback.is_some() {
            let delay_based = self.aimd.rate();
            self.loss
                .bound()
                .map_or(delay_based, |bound| bound.min(delay_based))
        } else {
            self.fallback.rate(now).unwrap_or(self.estimate)
        };
        let before = self.estimate;
        self.estimate = estimate.clamp(self.config.min, self.config.max);
        self.probes.handle_estimate(before, self.estimate, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KBPS: fn(u64) -> Bitrate = Bitrate::from_kbps;

    #[test]
    fn it_starts_at_the_configured_rate() {
        let estimator = Estimator::new(Config::default());
        assert_eq!(estimator.estimate(), KBPS(2_500));
        assert!(!estimator.is_informed());
    }

    #[test]
    fn remb_and_reports_stand_in_for_feedback() {
        let start = Instant::now();
        let mut estimator = Estimator::new(Config::default());
        estimator.handle_remb(KBPS(700), start);
        assert_eq!(estimator.estimate(), KBPS(700));
        estimator.handle_receiver_report(64, start + Duration::from_secs(1));
        assert_eq!(estimator.estimate(), Bitrate::from_bps(612_500));
        assert!((estimator.loss() - 0.25).abs() < 1e-9);
        for i in 2..10 {
            estimator.handle_receiver_report(0, start + Duration::from_secs(i));
        }
        assert_eq!(estimator.estimate(), KBPS(700));
        estimator.handle_remb(KBPS(1), start);
        assert_eq!(estimator.estimate(), KBPS(30));
    }
}
