//! The rate for receivers that send no transport-wide feedback: REMB, and loss from receiver
//! reports (draft-ietf-rmcat-gcc-02 §6).

use std::time::{Duration, Instant};

use crate::units::Bitrate;

const HIGH_LOSS: f64 = 0.10;
const LOW_LOSS: f64 = 0.02;
const GROWTH: f64 = 1.08;
const GROWTH_INTERVAL: Duration = Duration::from_secs(1);
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);
/// A REMB that was not repeated for this long no longer counts.
const REMB_AGE: Duration = Duration::from_secs(10);

/// The fallback estimate.
#[derive(Debug)]
pub(super) struct ReportLoss {
    rate: Bitrate,
    remb: Option<(Bitrate, Instant)>,
    last_change: Option<Instant>,
    loss: f64,
}

impl ReportLoss {
    pub(super) fn new(initial: Bitrate) -> Self {
        Self {
            rate: initial,
            remb: None,
            last_change: None,
            loss: 0.0,
        }
    }

    pub(super) fn handle_remb(&mut self, bitrate: Bitrate, now: Instant) {
        self.remb = Some((bitrate, now));
        // While no loss was seen, what the receiver estimates is the best there is.
        if self.last_change.is_none() || self.loss < LOW_LOSS {
            self.rate = bitrate;
        }
    }

    pub(super) fn handle_report(&mut self, loss: f64, rtt: Duration, now: Instant) {
        self.loss = loss;
        let since = self
            .last_change
            .map(|last| now.saturating_duration_since(last));
        let factor = if loss > HIGH_LOSS {
            if since.is_some_and(|since| since < DECREASE_INTERVAL + rtt) {
                return;
            }
            1.0 - loss / 2.0
        } else if loss < LOW_LOSS {
            if since.is_some_and(|since| since < GROWTH_INTERVAL) {
                return;
            }
            GROWTH
        } else {
            return;
        };
        self.rate = self.rate * factor;
        self.last_change = Some(now);
    }

    /// The rate; `None` when neither REMB nor a report came.
    pub(super) fn rate(&self, now: Instant) -> Option<Bitrate> {
        let remb = self
            .remb
            .filter(|&(_, at)| now.saturating_duration_since(at) < REMB_AGE)
            .map(|(bitrate, _)| bitrate);
        match (remb, self.last_change) {
            (Some(remb), _) => Some(self.rate.min(remb)),
            (None, Some(_)) => Some(self.rate),
            (None, None) => None,
        }
    }

    pub(super) fn set_bounds(&mut self, min: Bitrate, max: Bitrate) {
        self.rate = self.rate.clamp(min, max);
    }

    pub(super) fn loss(&self) -> f64 {
        self.loss
    }
}
