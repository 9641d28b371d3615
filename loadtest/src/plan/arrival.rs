//! When people walk in.

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// How the people of a group of rooms arrive, room by room.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// All at one instant.
    AtOnce,
    /// Spread evenly over this time.
    Ramp(Duration),
    /// So many each second.
    Steady(f64),
    /// So many each second on average, each by itself; the same times at each run.
    Poisson(f64),
    /// Rooms open and close so that the number of people follows these points, with straight lines
    /// between them. The first is at zero, and the last is the end.
    Waves(Vec<Point>),
}

/// How many people are there at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Since the start.
    pub at: Duration,
    /// People.
    pub participants: usize,
}

/// When people enter and leave, in seconds from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomTimes {
    /// When each of its people walks in.
    pub starts: Vec<Duration>,
    /// When all of them leave; `None`: at the end of the run.
    pub leaves: Option<Duration>,
}

impl Arrival {
    /// The times of so many rooms of so many people; with waves, of as many rooms as they open.
    pub fn times(&self, rooms: usize, participants: usize) -> Vec<RoomTimes> {
        let total = rooms * participants;
        #[expect(clippy::cast_precision_loss, reason = "a share of the people")]
        let part = |number: usize| number as f64;
        let starts: Vec<Duration> = match self {
            Self::Waves(points) => return waves(points, participants),
            Self::AtOnce => vec![Duration::ZERO; total],
            Self::Ramp(over) => (0..total)
                .map(|number| over.mul_f64(part(number) / part(total)))
                .collect(),
            Self::Steady(rate) => (0..total)
                .map(|number| Duration::from_secs_f64(part(number) / rate))
                .collect(),
            Self::Poisson(rate) => {
                let mut rng = SmallRng::seed_from_u64(0);
                let mut at = 0.0;
                let mut next = || {
                    // The time between two events of a Poisson process is exponential.
                    at -= (1.0 - rng.random::<f64>()).ln() / rate;
                    Duration::from_secs_f64(at)
                };
                (0..total).map(|_| next()).collect()
            }
        };
        starts
            .chunks(participants)
            .map(|starts| RoomTimes {
                starts: starts.to_vec(),
                leaves: None,
            })
            .collect()
    }
}

/// The oldest room closes first.
fn waves(points: &[Point], participants: usize) -> Vec<RoomTimes> {
    let mut rooms: Vec<RoomTimes> = Vec::new();
    let mut open: VecDeque<usize> = VecDeque::new();
    let wanted = |point: &Point| (point.participants + participants / 2) / participants;
    let opens = |open: &mut VecDeque<usize>, rooms: &mut Vec<RoomTimes>, at: Duration| {
        open.push_back(rooms.len());
        rooms.push(RoomTimes {
            starts: vec![at; participants],
            leaves: None,
        });
    };
    if let Some(first) = points.first() {
        (0..wanted(first)).for_each(|_| opens(&mut open, &mut rooms, first.at));
    }
    for pair in points.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let change = wanted(to).abs_diff(wanted(from));
        let time = to.at.saturating_sub(from.at);
        for step in 0..change {
            #[expect(clippy::cast_precision_loss, reason = "a share of the time")]
            let share = (step as f64 + 0.5) / change as f64;
            let at = from.at + time.mul_f64(share);
            if wanted(to) > wanted(from) {
                opens(&mut open, &mut rooms, at);
            } else if let Some(oldest) = open.pop_front() {
                rooms[oldest].leaves = Some(at);
            }
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(arrival: &Arrival, rooms: usize) -> Vec<u64> {
        let times = arrival.times(rooms, 2);
        let starts = times.iter().flat_map(|room| &room.starts);
        starts.map(Duration::as_secs).collect()
    }

    #[test]
    fn people_arrive_at_once_evenly_or_at_a_rate() {
        assert_eq!(starts(&Arrival::AtOnce, 2), [0, 0, 0, 0]);
        let over = Duration::from_secs(8);
        assert_eq!(starts(&Arrival::Ramp(over), 2), [0, 2, 4, 6]);
        assert_eq!(starts(&Arrival::Steady(0.2), 2), [0, 5, 10, 15]);
    }

    #[test]
    fn a_poisson_process_keeps_its_rate_and_repeats_itself() {
        let arrival = Arrival::Poisson(10.0);
        let times = arrival.times(1_000, 2);
        assert_eq!(times, arrival.times(1_000, 2));
        let all: Vec<Duration> = times.into_iter().flat_map(|room| room.starts).collect();
        assert!(all.is_sorted());
        let last = all[1_999].as_secs_f64();
        assert!((180.0..220.0).contains(&last), "{last}");
        let gaps: Vec<f64> = all
            .windows(2)
            .map(|p| (p[1] - p[0]).as_secs_f64())
            .collect();
        let short = gaps.iter().filter(|gap| **gap < 0.05).count();
        // 1 - e^-0.5 of them are shorter than half of the mean.
        assert!((700..880).contains(&short), "{short}");
    }

    #[test]
    fn waves_open_rooms_and_close_the_oldest() {
        let point = |at, participants| Point {
            at: Duration::from_secs(at),
            participants,
        };
        let points = vec![point(0, 2), point(40, 6), point(60, 6), point(100, 2)];
        let rooms = Arrival::Waves(points).times(0, 2);
        let seconds: Vec<_> = rooms
            .iter()
            .map(|room| (room.starts[1].as_secs(), room.leaves.map(|at| at.as_secs())))
            .collect();
        assert_eq!(seconds, [(0, Some(70)), (10, Some(90)), (30, None)]);
    }
}
