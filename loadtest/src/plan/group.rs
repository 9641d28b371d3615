//! Rooms of one kind.

use std::fmt;
use std::time::Duration;

use super::{Arrival, RoomTimes};

/// Heights of the pictures that are sent, in pixels.
pub const HEIGHTS: [u16; 3] = [180, 360, 720];

/// Rooms of one kind, and the people in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Part of the rooms' names.
    pub name: String,
    /// Rooms that are opened; with waves, they say.
    pub rooms: usize,
    /// Participants of each room.
    pub participants: usize,
    /// How many of each room send sound and picture; `None`: all.
    pub senders: Option<usize>,
    /// Height of the pictures that each asks for: one of [`HEIGHTS`].
    pub height: u16,
    /// Whether media flows; without, a participant only walks into the room.
    pub media: bool,
    /// How people arrive.
    pub arrival: Arrival,
    /// How long the meetings last, counted from the moment when the last participant starts. Waves
    /// say it themselves.
    pub duration: Duration,
    /// How long a room lasts after its last one started; `None`: until the end of the run.
    pub stay: Option<Duration>,
    /// Whether people end a media session before they begin the next one, as stock clients do when
    /// they are moved to another bridge.
    pub break_before_make: bool,
}

impl Default for Group {
    /// A meeting of two for 15 s.
    fn default() -> Self {
        Self {
            name: String::new(),
            rooms: 1,
            participants: 2,
            senders: None,
            height: 720,
            media: true,
            arrival: Arrival::AtOnce,
            duration: Duration::from_secs(15),
            stay: None,
            break_before_make: false,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str("the rooms"),
            name => write!(f, "group '{name}'"),
        }
    }
}

impl Group {
    /// What is wrong with it, and what to do.
    pub(super) fn problem(&self) -> Option<String> {
        if !is_name(&self.name) {
            return Some("a name has lower-case letters, digits, '-' and '_' only".to_owned());
        }
        let waves = matches!(self.arrival, Arrival::Waves(_));
        if self.participants == 0 || (self.rooms == 0 && !waves) {
            return Some("rooms and participants must be at least 1".to_owned());
        }
        if !HEIGHTS.contains(&self.height) {
            return Some(format!("height is one of {HEIGHTS:?}, not {}", self.height));
        }
        match &self.arrival {
            Arrival::Steady(rate) | Arrival::Poisson(rate)
                if !(*rate >= 0.001 && *rate <= 10_000.0) =>
            {
                Some(format!(
                    "arrival: {rate} people each second are none: write 0.001 to 10000"
                ))
            }
            Arrival::Waves(points) => {
                let rises = points.windows(2).all(|pair| pair[0].at < pair[1].at);
                let begins = points.first().is_some_and(|point| point.at.is_zero());
                (points.len() < 2 || !rises || !begins).then(|| {
                    "arrival: waves have at least two points, the first at 0s and each later than the one before"
                        .to_owned()
                })
            }
            _ => None,
        }
    }

    pub(super) fn times(&self) -> Vec<RoomTimes> {
        let mut rooms = self.arrival.times(self.rooms, self.participants);
        if let Some(stay) = self.stay {
            for room in &mut rooms {
                let last = room.starts.iter().max().copied().unwrap_or_default();
                room.leaves = Some(room.leaves.unwrap_or(Duration::MAX).min(last + stay));
            }
        }
        rooms
    }

    /// When its last room is over.
    pub(super) fn ends(&self) -> Duration {
        if let Arrival::Waves(points) = &self.arrival {
            return points.last().map(|point| point.at).unwrap_or_default();
        }
        let rooms = self.times();
        let starts = rooms.iter().flat_map(|room| &room.starts);
        let last = starts.max().copied().unwrap_or_default();
        match (self.stay, &self.arrival) {
            (Some(stay), _) => last + stay,
            // The last one starts just before the ramp ends.
            (None, Arrival::Ramp(over)) => *over + self.duration,
            (None, _) => last + self.duration,
        }
    }

    /// Participants, one after the other.
    pub(super) fn most_in_all(&self) -> usize {
        match &self.arrival {
            Arrival::Waves(points) => points
                .iter()
                .zip(std::iter::once(0).chain(points.iter().map(|point| point.participants)))
                .map(|(point, before)| point.participants.saturating_sub(before))
                .fold(0, usize::saturating_add),
            _ => self.rooms.saturating_mul(self.participants),
        }
    }

    /// Participants at one time, at most.
    pub(super) fn most_at_once(&self) -> usize {
        match &self.arrival {
            Arrival::Waves(points) => {
                let most = points.iter().map(|point| point.participants).max();
                most.unwrap_or_default()
            }
            // Whoever leaves early makes room, but a burst of arrivals may come before.
            _ => self.most_in_all(),
        }
    }
}

/// Whether this can be part of a room's name.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::plan::Point;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_group_ends_after_its_last_participant_or_its_last_room() {
        let group = Group {
            rooms: 2,
            arrival: Arrival::Ramp(8 * SECOND),
            duration: 10 * SECOND,
            ..Group::default()
        };
        assert_eq!(group.ends(), 18 * SECOND);
        let group = Group {
            stay: Some(5 * SECOND),
            ..group
        };
        let leaves: Vec<_> = group.times().iter().map(|r| r.leaves.unwrap()).collect();
        assert_eq!(leaves, [7 * SECOND, 11 * SECOND]);
        assert_eq!(group.ends(), 11 * SECOND);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let problem = |arrival: Arrival| {
            let group = Group {
                arrival,
                ..Group::default()
            };
            group.problem().unwrap_or_default()
        };
        assert_eq!(problem(Arrival::Steady(1.0)), "");
        assert!(problem(Arrival::Poisson(0.0)).contains("each second"));
        assert!(problem(Arrival::Steady(f64::NAN)).contains("each second"));
        let point = |seconds| Point {
            at: seconds * SECOND,
            participants: 2,
        };
        assert_eq!(problem(Arrival::Waves(vec![point(0), point(1)])), "");
        for points in [vec![], vec![0], vec![1, 2], vec![0, 2, 2]] {
            let points = points.into_iter().map(point).collect();
            assert!(problem(Arrival::Waves(points)).contains("two points"));
        }
        let group = Group {
            height: 200,
            ..Group::default()
        };
        assert!(group.problem().unwrap().contains("[180, 360, 720]"));
    }

    #[test]
    fn waves_count_all_who_come_and_the_most_at_one_time() {
        let point = |seconds, participants| Point {
            at: seconds * SECOND,
            participants,
        };
        let group = Group {
            arrival: Arrival::Waves(vec![point(0, 10), point(1, 30), point(2, 10), point(3, 20)]),
            ..Group::default()
        };
        assert_eq!((group.most_in_all(), group.most_at_once()), (40, 30));
        assert_eq!(group.ends(), 3 * SECOND);
    }
}
