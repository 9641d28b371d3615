//! Keeps a receiver from going up and down between two layers. What it has it keeps a little longer
//! than the estimate says; what it could not keep it is not given again at once, and later each time.

use std::time::{Duration, Instant};

use media::units::Bitrate;

/// What is held may cost this much of the estimate, which dips after each full queue.
const HOLD: f64 = 1.12;
/// What is more than is held may cost this much of it.
const RISE: f64 = 0.95;
/// No more than this share of what could not be kept is tried …
const BELOW: f64 = 0.95;
/// … for this long, which doubles with each time …
const FIRST_WAIT: Duration = Duration::from_secs(4);
const MAX_WAIT: Duration = Duration::from_secs(40);
/// … unless there turns out to be room for this much more.
const FAR_BEYOND: f64 = 1.5;
/// What falls again so soon is the same fall.
const SAME_FALL: Duration = Duration::from_secs(3);
/// A fall is a fall when more than this share is lost.
const FALL: f64 = 0.9;

/// What may be spent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// In all, while nothing rises above what is held.
    pub hold: Bitrate,
    /// In all, with something that does.
    pub rise: Bitrate,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steadiness {
    fall: Option<Fall>,
}

#[derive(Clone, Copy, Debug)]
struct Fall {
    /// What could not be kept.
    from: Bitrate,
    at: Instant,
    wait: Duration,
}

impl Steadiness {
    /// What may be spent of what is available.
    pub fn room(&self, available: Bitrate, now: Instant) -> Room {
        if available == Bitrate::MAX {
            return Room {
                hold: available,
                rise: available,
            };
        }
        let rise = available * RISE;
        let waits = self
            .fall
            .filter(|fall| now.saturating_duration_since(fall.at) < fall.wait)
            .filter(|fall| available < fall.from * FAR_BEYOND);
        Room {
            hold: available * HOLD,
            rise: waits.map_or(rise, |fall| rise.min(fall.from * BELOW)),
        }
    }

    /// What is forwarded has changed. `wanting`: for want of bandwidth it is not more.
    pub fn handle_change(&mut self, before: Bitrate, after: Bitrate, wanting: bool, now: Instant) {
        if !wanting || after >= before * FALL {
            return;
        }
        let (from, wait) = match self.fall {
            Some(fall) if now.saturating_duration_since(fall.at) < SAME_FALL => {
                (fall.from.max(before), fall.wait)
            }
            Some(fall) if now.saturating_duration_since(fall.at) < fall.wait * 4 => {
                (before, (fall.wait * 2).min(MAX_WAIT))
            }
            _ => (before, FIRST_WAIT),
        };
        self.fall = Some(Fall {
            from,
            at: now,
            wait,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KBPS: fn(u64) -> Bitrate = Bitrate::from_kbps;

    /// When a layer of 1,000 kbit/s is switched to while each time it overuses the path, within so many
    /// seconds.
    fn rises(seconds: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut steadiness = Steadiness::default();
        let mut rises = Vec::new();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            if steadiness.room(KBPS(1_200), now).rise >= KBPS(1_000) {
                rises.push(second);
                steadiness.handle_change(KBPS(1_000), KBPS(500), true, now);
            }
        }
        rises
    }

    #[test]
    fn what_cannot_be_kept_is_tried_ever_more_rarely() {
        assert_eq!(rises(150), [0, 4, 12, 28, 60, 100, 140]);
    }

    #[test]
    fn a_fall_in_several_steps_is_one_fall() {
        let start = Instant::now();
        let mut steadiness = Steadiness::default();
        let at = |ms| start + Duration::from_millis(ms);
        steadiness.handle_change(KBPS(1_700), KBPS(600), true, at(0));
        steadiness.handle_change(KBPS(600), KBPS(200), true, at(500));
        assert_eq!(
            steadiness.room(KBPS(900), at(4_000)).rise,
            KBPS(855),
            "up to what was kept once"
        );
        assert_eq!(steadiness.room(KBPS(2_000), at(4_000)).rise, KBPS(1_615));
        assert_eq!(steadiness.room(KBPS(2_000), at(4_500)).rise, KBPS(1_900));
    }

    #[test]
    fn a_path_that_has_become_far_wider_is_used_at_once() {
        let start = Instant::now();
        let mut steadiness = Steadiness::default();
        steadiness.handle_change(KBPS(600), KBPS(200), true, start);
        let soon = start + Duration::from_secs(1);
        assert_eq!(steadiness.room(KBPS(700), soon).rise, KBPS(570));
        assert_eq!(steadiness.room(KBPS(1_100), soon).rise, KBPS(1_045));
    }

    #[test]
    fn what_is_no_longer_asked_for_is_no_fall() {
        let now = Instant::now();
        let mut steadiness = Steadiness::default();
        steadiness.handle_change(KBPS(1_700), KBPS(200), false, now);
        assert_eq!(steadiness.room(KBPS(2_000), now).rise, KBPS(1_900));
    }
}
