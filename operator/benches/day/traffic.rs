//! Who meets when: made from a seed, and the same for every policy.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Seconds in a day.
pub(crate) const DAY: u32 = 86_400;
/// The pool runs for this long before anything is counted.
pub(crate) const WARM_UP: u32 = 3 * 3_600;
/// Bytes per second that a participant sends: video in three layers, and audio.
const SENT: u64 = 180_000;
/// Bytes per second of the picture that a participant looks at, and of each small one beside it.
const STAGE: u64 = 200_000;
const THUMBNAIL: u64 = 20_000;
const THUMBNAILS: u64 = 15;
/// A mean meeting, for the rate at which they begin.
const MEAN_SIZE: f64 = 11.3;
const MEAN_SECONDS: f64 = 2_700.0;
/// Share of meetings that begin at the full or half hour, within two minutes.
const ON_THE_HOUR: f64 = 0.5;

/// What is offered to the bridges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub name: &'static str,
    /// Participants at noon and in the evening.
    pub noon: f64,
    pub evening: f64,
    pub crowd: Option<Crowd>,
}

/// Classes that all begin within two minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// Seconds of the day.
    pub at: u32,
    pub participants: u32,
}

/// Seconds in which a crowd arrives.
const ARRIVAL: u32 = 120;
/// Participants of a class.
const CLASS: u32 = 25;

/// Somebody comes or goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Seconds since the start, warm-up included.
    pub at: u32,
    pub conference: u32,
    pub participant: u32,
    pub joins: bool,
}

/// All comings and goings, by time.
pub(crate) struct Traffic {
    pub shape: Shape,
    pub events: Vec<Event>,
    pub conferences: u32,
    pub participants: u32,
    pub seconds: u32,
}

/// Bytes per second, in and out, of a conference of so many.
pub(crate) fn bytes(participants: u32) -> u64 {
    let n = u64::from(participants);
    let seen = n.saturating_sub(1);
    let received = STAGE * seen.min(1) + THUMBNAIL * seen.saturating_sub(1).min(THUMBNAILS);
    n * (SENT + received)
}

impl Shape {
    /// Participants at a second of the day: few at night, many from eleven to one.
    fn participants(&self, second: u32) -> f64 {
        let hour = f64::from(second) / 3_600.0;
        let smooth = |from: f64, to: f64| {
            let x = ((hour - from) / (to - from)).clamp(0.0, 1.0);
            x * x * (3.0 - 2.0 * x)
        };
        let busy = smooth(6.0, 11.5) * (1.0 - smooth(12.5, 18.0));
        self.evening + (self.noon - self.evening) * busy
    }
}

impl Traffic {
    /// Hours of the day begin at [`WARM_UP`]; what comes before is the same as the night.
    pub(crate) fn new(shape: Shape, seed: u64, seconds: u32) -> Self {
        let mut traffic = Self {
            shape,
            events: Vec::new(),
            conferences: 0,
            participants: 0,
            seconds: WARM_UP + seconds,
        };
        let random = &mut StdRng::seed_from_u64(seed);
        for second in 0..traffic.seconds {
            let wanted = shape.participants(second.saturating_sub(WARM_UP));
            let mut meetings = wanted / (MEAN_SIZE * MEAN_SECONDS);
            while random.random::<f64>() < meetings {
                meetings -= 1.0;
                traffic.meeting(second, random);
            }
        }
        if let Some(crowd) = shape.crowd {
            for _ in 0..crowd.participants / CLASS {
                let begins = WARM_UP + crowd.at + random.random_range(0..ARRIVAL);
                traffic.conference(begins, 2_700, CLASS, 30, random);
            }
        }
        traffic.events.retain(|event| event.at < traffic.seconds);
        // Who goes, goes first: there is no more at any time than there has to be.
        traffic
            .events
            .sort_by_key(|event| (event.at, event.joins, event.participant));
        traffic
    }

    fn meeting(&mut self, second: u32, random: &mut StdRng) {
        let begins = if random.random::<f64>() < ON_THE_HOUR {
            let next = second.next_multiple_of(1_800);
            next + random.random_range(0..120)
        } else {
            second
        };
        let size = match random.random_range(0..10) {
            0..4 => random.random_range(2..=4),
            4..7 => random.random_range(5..=12),
            _ => random.random_range(15..=35),
        };
        let lasts = 600.0 - 2_100.0 * (1.0 - random.random::<f64>()).ln();
        self.conference(begins, lasts.min(10_800.0) as u32, size, 60, random);
    }

    fn conference(&mut self, begins: u32, lasts: u32, size: u32, spread: u32, random: &mut StdRng) {
        let conference = self.conferences;
        self.conferences += 1;
        for _ in 0..size {
            let participant = self.participants;
            self.participants += 1;
            let joins = begins + random.random_range(0..spread);
            let leaves = begins + lasts.max(spread) + random.random_range(0..spread);
            for (at, joins) in [(joins, true), (leaves, false)] {
                self.events.push(Event {
                    at,
                    conference,
                    participant,
                    joins,
                });
            }
        }
    }

    /// Bytes per second that everybody together would cause, by second.
    pub(crate) fn load(&self) -> Vec<u64> {
        let mut sizes = vec![0_u32; self.conferences as usize];
        let mut sum = 0;
        let mut events = self.events.iter().peekable();
        (0..self.seconds)
            .map(|second| {
                while let Some(event) = events.next_if(|event| event.at == second) {
                    let size = &mut sizes[event.conference as usize];
                    sum -= bytes(*size);
                    *size = if event.joins { *size + 1 } else { *size - 1 };
                    sum += bytes(*size);
                }
                sum
            })
            .collect()
    }
}
