//! What goes to a receiver besides video, which the estimate has to carry too.

use std::time::Instant;

use media::units::Bitrate;

use crate::ingress::rate::RateWindow;

/// What is left, per 100 ms, of room that audio does not take at the moment: whoever falls silent
/// speaks again.
const AUDIO_DECAY: f64 = 0.99;
/// Weight of the last 100 ms of repair: a burst of losses is no reason for a lower layer.
const REPAIR_WEIGHT: f64 = 0.03;

/// See the module.
#[derive(Debug)]
pub struct Reserve {
    audio: RateWindow,
    repair: RateWindow,
    audio_rate: Bitrate,
    repair_rate: Bitrate,
}

impl Reserve {
    /// Nothing was sent.
    pub fn new(now: Instant) -> Self {
        Self {
            audio: RateWindow::new(now),
            repair: RateWindow::new(now),
            audio_rate: Bitrate::ZERO,
            repair_rate: Bitrate::ZERO,
        }
    }

    /// So many bytes of audio were sent.
    pub fn handle_audio(&mut self, len: usize, now: Instant) {
        self.audio.count(len, now);
    }

    /// So many bytes were sent again.
    pub fn handle_repair(&mut self, len: usize, now: Instant) {
        self.repair.count(len, now);
    }

    /// Moves time on by 100 ms.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.audio_rate = (self.audio_rate * AUDIO_DECAY).max(self.audio.rate(now));
        self.repair_rate =
            self.repair_rate * (1.0 - REPAIR_WEIGHT) + self.repair.rate(now) * REPAIR_WEIGHT;
    }

    /// The rate to leave free.
    pub fn rate(&self) -> Bitrate {
        self.audio_rate + self.repair_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn audio_keeps_its_room_and_a_burst_of_repair_takes_little() {
        let mut now = Instant::now();
        let mut reserve = Reserve::new(now);
        let mut run = |audio: usize, repair: usize, steps: usize| {
            for _ in 0..steps {
                now += Duration::from_millis(100);
                reserve.handle_audio(audio, now);
                reserve.handle_repair(repair, now);
                reserve.handle_timeout(now);
            }
            reserve.rate().as_kbps()
        };
        let speaking = run(750, 0, 20);
        assert!((55..=65).contains(&speaking), "{speaking}");
        let silent = run(0, 0, 20);
        assert!(silent >= 45, "{silent}");
        let burst = run(0, 10_000, 3);
        assert!(burst < 130, "{burst}");
        let lossy = run(0, 2_500, 100);
        assert!((180..=250).contains(&lossy), "{lossy}");
    }
}
