//! A bound on the estimate from loss, which tells loss that more bandwidth would cause from loss
//! that the path has anyway (a bad radio link).
//!
//! Of a few candidate bandwidths the one is taken under which the recent observations are
//! likeliest: below its bandwidth a path loses packets at its inherent rate, above it also what it
//! cannot carry.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::twcc::PacketResult;
use crate::units::Bitrate;

const OBSERVATIONS: usize = 20;
const MIN_OBSERVATIONS: usize = 3;
const OBSERVATION: Duration = Duration::from_millis(250);
/// Weight of an observation against the one after it.
const AGEING: f64 = 0.9;
const FACTORS: [f64; 3] = [1.02, 1.0, 0.95];
/// Candidate from the arriving rate.
const BACKOFF: f64 = 0.85;
const MIN_INHERENT: f64 = 0.001;
const INITIAL_INHERENT: f64 = 0.01;
/// Inherent loss is believed up to this, and more so the lower the bandwidth.
const MAX_INHERENT: f64 = 0.05;
const INHERENT_BALANCE_KBPS: f64 = 100.0;
const NEWTON_STEP: f64 = 0.75;
/// The preference for higher bandwidths among likely ones.
const BIAS: f64 = 0.0002;
const LOG_BIAS: f64 = 0.02;
/// Without loss to speak of, growth goes on; with it, only up to this much of what arrives.
const RAMP_UP: f64 = 1.5;

#[derive(Clone, Copy, Debug)]
struct Observation {
    packets: f64,
    lost: f64,
    /// In kbps.
    rate: f64,
}

#[derive(Debug)]
struct Partial {
    started: Instant,
    last: Instant,
    packets: u32,
    lost: u32,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct LossBound {
    observations: VecDeque<Observation>,
    partial: Option<Partial>,
    /// In kbps; none until loss has ever limited.
    bandwidth: Option<f64>,
    inherent: f64,
    min: f64,
}

impl LossBound {
    pub(super) fn new(min: Bitrate) -> Self {
        Self {
            observations: VecDeque::with_capacity(OBSERVATIONS + 1),
            partial: None,
            bandwidth: None,
            inherent: INITIAL_INHERENT,
            min: min.as_f64() / 1e3,
        }
    }

    /// The bound; `None` while loss does not limit.
    pub(super) fn bound(&self) -> Option<Bitrate> {
        self.bandwidth.map(|kbps| Bitrate::from_f64(kbps * 1e3))
    }

    /// The share of packets lost lately.
    pub(super) fn loss(&self) -> f64 {
        let (lost, packets) = self.weighted().fold((0.0, 0.0), |(lost, packets), (w, o)| {
            (lost + w * o.lost, packets + w * o.packets)
        });
        if packets > 0.0 { lost / packets } else { 0.0 }
    }

    /// Takes in a probe that got through: the path carries at least this.
    pub(super) fn handle_probe(&mut self, rate: Bitrate) {
        let kbps = rate.as_f64() / 1e3;
        self.bandwidth = self
            .bandwidth
            .filter(|&bandwidth| bandwidth >= kbps)
            .or_else(|| self.bandwidth.map(|_| kbps));
    }

    /// Takes in the fate of packets. `delay_based` is the estimate without regard to loss.
    pub(super) fn handle_feedback(
        &mut self,
        results: &[PacketResult],
        acknowledged: Option<Bitrate>,
        delay_based: Bitrate,
    ) {
        let mut observed = false;
        for result in results {
            observed |= self.observe(result);
        }
        if !observed || self.observations.len() < MIN_OBSERVATIONS {
            return;
        }
        let acknowledged = acknowledged.map(|rate| rate.as_f64() / 1e3);
        let delay_based = delay_based.as_f64() / 1e3;
        let current = self.bandwidth.unwrap_or(delay_based);
        // Growth of a bound that limits stays within reach of what is known to arrive.
        let reach = match (self.bandwidth, acknowledged) {
            (Some(bandwidth), Some(acknowledged)) => (acknowledged * RAMP_UP).max(bandwidth),
            _ => f64::INFINITY,
        };
        let candidates = FACTORS
            .into_iter()
            .map(|factor| current * factor)
            .chain(acknowledged.map(|rate| rate * BACKOFF))
            .chain([delay_based])
            .map(|kbps| kbps.min(reach).max(self.min));
        let best = candidates
            .map(|kbps| {
                let inherent = self.fit(kbps);
                (self.likelihood(kbps, inherent), kbps, inherent)
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, bandwidth, inherent)) = best else {
            return;
        };
        self.inherent = inherent;
        let bandwidth = bandwidth.min(self.instant_bound());
        // A bound at or above the delay-based estimate is none.
        self.bandwidth = (bandwidth < delay_based).then_some(bandwidth.max(self.min));
    }

    /// Adds a packet; true when it completes an observation.
    fn observe(&mut self, result: &PacketResult) -> bool {
        let partial = self.partial.get_or_insert(Partial {
            started: result.sent,
            last: result.sent,
            packets: 0,
            lost: 0,
            bytes: 0,
        });
        partial.packets += 1;
        partial.lost += u32::from(result.arrived.is_none());
        partial.bytes += result.len;
        partial.last = partial.last.max(result.sent);
        let duration = partial.last.saturating_duration_since(partial.started);
        if duration < OBSERVATION {
            return false;
        }
        self.observations.push_back(Observation {
            packets: f64::from(partial.packets),
            lost: f64::from(partial.lost),
            rate: Bitrate::of(partial.bytes as u64, duration).as_f64() / 1e3,
        });
        if self.observations.len() > OBSERVATIONS {
            self.observations.pop_front();
        }
        self.partial = None;
        true
    }

    fn weighted(&self) -> impl Iterator<Item = (f64, &Observation)> {
        self.observations
            .iter()
            .rev()
            .scan(1.0 / AGEING, |weight, observation| {
                *weight *= AGEING;
                Some((*weight, observation))
            })
    }

    /// One step of Newton's method towards the likeliest inherent loss for a bandwidth.
    fn fit(&self, bandwidth: f64) -> f64 {
        let (mut first, mut second) = (0.0, 0.0);
        for (weight, observation) in self.weighted() {
            let p = loss_probability(bandwidth, self.inherent, observation.rate);
            let received = observation.packets - observation.lost;
            first += weight * (observation.lost / p - received / (1.0 - p));
            second -= weight * (observation.lost / p.powi(2) + received / (1.0 - p).powi(2));
        }
        let step = if second < 0.0 {
            NEWTON_STEP * first / second
        } else {
            0.0
        };
        let max = (MAX_INHERENT + INHERENT_BALANCE_KBPS / bandwidth.max(1.0)).min(1.0);
        (self.inherent - step).clamp(MIN_INHERENT, max)
    }

    fn likelihood(&self, bandwidth: f64, inherent: f64) -> f64 {
        let bias = BIAS * bandwidth + LOG_BIAS * bandwidth.ln_1p();
        self.weighted()
            .map(|(weight, observation)| {
                let p = loss_probability(bandwidth, inherent, observation.rate);
                let received = observation.packets - observation.lost;
                weight
                    * (observation.lost * p.ln()
                        + received * (1.0 - p).ln()
                        + bias * observation.packets)
            })
            .sum()
    }

    /// Loss beyond what is believed to be inherent bounds the bandwidth at once.
    fn instant_bound(&self) -> f64 {
        let excess = self.loss() - MAX_INHERENT;
        if excess > 0.0 {
            INHERENT_BALANCE_KBPS / excess
        } else {
            f64::INFINITY
        }
    }
}

fn loss_probability(bandwidth: f64, inherent: f64, rate: f64) -> f64 {
    let mut p = inherent;
    if rate > bandwidth {
        p += (1.0 - inherent) * (rate - bandwidth) / rate;
    }
    p.clamp(1e-6, 1.0 - 1e-6)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::rtp::SeqNum;

    /// Sends at `kbps` for some seconds; each packet is lost with the probability.
    fn run(bound: &mut LossBound, at: &mut Instant, kbps: f64, loss: f64, seconds: u32) {
        let mut random = SmallRng::seed_from_u64(8);
        let gap = Duration::from_secs_f64(9.6 / kbps);
        for _ in 0..seconds * 10 {
            let end = *at + Duration::from_millis(100);
            let mut results = Vec::new();
            while *at < end {
                *at += gap;
                results.push(PacketResult {
                    seq: SeqNum(0),
                    sent: *at,
                    len: 1_200,
                    arrived: (!random.random_bool(loss)).then_some(Duration::ZERO),
                    cluster: None,
                });
            }
            let acknowledged = Bitrate::from_f64(kbps * 1e3 * (1.0 - loss));
            let delay_based = Bitrate::from_f64(kbps * 1.1e3);
            bound.handle_feedback(&results, Some(acknowledged), delay_based);
        }
    }

    #[test]
    fn without_loss_there_is_no_bound() {
        let mut bound = LossBound::new(Bitrate::from_kbps(30));
        run(&mut bound, &mut Instant::now(), 1_000.0, 0.0, 5);
        assert_eq!(bound.bound(), None);
        assert_eq!(bound.loss(), 0.0);
    }

    #[test]
    fn a_little_inherent_loss_does_not_bound() {
        let mut bound = LossBound::new(Bitrate::from_kbps(30));
        run(&mut bound, &mut Instant::now(), 1_000.0, 0.02, 20);
        assert!(
            bound.bound().is_none_or(|b| b.as_kbps() > 900),
            "{:?}",
            bound.bound()
        );
    }

    #[test]
    fn heavy_loss_bounds_and_its_end_frees_again() {
        let mut bound = LossBound::new(Bitrate::from_kbps(30));
        let mut at = Instant::now();
        run(&mut bound, &mut at, 2_000.0, 0.4, 5);
        assert!(
            bound.bound().unwrap().as_kbps() < 1_200,
            "{:?}",
            bound.bound()
        );
        run(&mut bound, &mut at, 600.0, 0.0, 20);
        assert!(
            bound.bound().is_none_or(|b| b.as_kbps() >= 600),
            "{:?}",
            bound.bound()
        );
    }
}
