//! What to run: groups of rooms, people in them, and how each reaches the service.

mod arrival;
mod group;

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;

pub use arrival::{Arrival, Point, RoomTimes};
pub use group::{Group, HEIGHTS};

/// So many participants with media at one time are no more than a core carries without being late
/// itself, as far as their rooms are small.
pub const PER_CORE: usize = 500;
/// So many without media.
pub const PER_CORE_NO_MEDIA: usize = 5_000;
/// Participants of a run, one after the other: what is noted of them stays in memory.
pub const MOST: usize = 100_000;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Address of the meeting page, `http` or `https`.
    pub url: Uri,
    /// The rooms.
    pub groups: Vec<Group>,
    /// First part of the rooms' names; the group's name and a number follow.
    pub room_prefix: String,
    /// Where to connect, in place of the address that the URL's host has. Participants of a room
    /// take turns, and go on to the next when one does not answer.
    pub connect: Vec<SocketAddr>,
    /// Go on until the user ends it, whatever the duration.
    pub until_signal: bool,
    /// Between two words about the progress.
    pub progress_every: Duration,
}

/// What is wrong with a plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The URL is none of a web page.
    #[error("--url {0}: write the meeting page's address, such as https://meet.example.org")]
    Url(Uri),
    /// The prefix cannot be the name of a room.
    #[error("--room-prefix '{0}': use lower-case letters, digits, '-' and '_'")]
    Prefix(String),
    /// A group of rooms is none.
    #[error("{group}: {problem}")]
    Group {
        /// Which.
        group: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// This machine would be the bottleneck.
    #[error(
        "{wanted} participants at one time are more than the {most} that {cores} processors carry here \
         ({} with media or {} without, each): ask for fewer, or share the rooms among several machines",
        PER_CORE,
        PER_CORE_NO_MEDIA
    )]
    TooMany {
        /// How many the plan has.
        wanted: usize,
        /// How many are possible.
        most: usize,
        /// With so many processors.
        cores: usize,
    },
    /// The report would not fit into memory.
    #[error("{0} participants are more than a run takes, {MOST}: ask for fewer")]
    TooManyInAll(usize),
}

/// One participant's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Which of the run, from 0.
    pub number: usize,
    /// Name of the room.
    pub room: String,
    /// Which participant of the room, from 0.
    pub index: usize,
    /// Participants of the room.
    pub of: usize,
    /// Those below this index send media.
    pub senders: usize,
    /// Whether media flows at all.
    pub media: bool,
    /// Height of the pictures that it asks for, in pixels.
    pub height: u16,
    /// Whether it ends a media session before it begins the next one, as stock clients do.
    pub break_before_make: bool,
    /// Where to connect, if not where the URL's host points: the first that answers, in this order.
    pub doors: Vec<SocketAddr>,
    /// How long after the start of the run it walks in.
    pub starts_after: Duration,
    /// How long after the start of the run it leaves; `None`: at the end.
    pub leaves_after: Option<Duration>,
}

impl Seat {
    /// Whether it sends sound and picture.
    pub fn sends(&self) -> bool {
        self.media && self.index < self.senders
    }

    /// The name that it shows to the others of the room.
    pub fn name(&self) -> String {
        person(self.index)
    }

    /// Names of the others.
    pub fn others(&self) -> impl Iterator<Item = String> {
        let own = self.index;
        (0..self.of).filter(move |other| *other != own).map(person)
    }

    /// Names of the others whose media is to arrive here.
    pub fn expected_senders(&self) -> impl Iterator<Item = String> {
        let own = self.index;
        let senders = if self.media { self.senders } else { 0 };
        (0..senders).filter(move |other| *other != own).map(person)
    }
}

fn person(index: usize) -> String {
    format!("participant {}", index + 1)
}

impl Plan {
    /// A meeting of two for 15 s at the page with this address.
    pub fn new(url: Uri) -> Self {
        Self {
            url,
            groups: vec![Group::default()],
            room_prefix: "load-".to_owned(),
            connect: Vec::new(),
            until_signal: false,
            progress_every: Duration::from_secs(1),
        }
    }

    /// Checks it, for a machine with so many processors.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn check(&self, cores: usize) -> Result<(), PlanError> {
        let scheme = self.url.scheme_str();
        if !matches!(scheme, Some("http" | "https")) || self.url.host().is_none() {
            return Err(PlanError::Url(self.url.clone()));
        }
        if !group::is_name(&self.room_prefix) {
            return Err(PlanError::Prefix(self.room_prefix.clone()));
        }
        for (index, group) in self.groups.iter().enumerate() {
            let twice = self.groups[..index].iter().any(|it| it.name == group.name);
            let problem = if twice {
                Some("two groups have this name: give each its own".to_owned())
            } else {
                group.problem()
            };
            if let Some(problem) = problem {
                let group = group.to_string();
                return Err(PlanError::Group { group, problem });
            }
        }
        self.check_size(cores)
    }

    fn check_size(&self, cores: usize) -> Result<(), PlanError> {
        let sum = |counts: &mut dyn Iterator<Item = usize>| counts.fold(0, usize::saturating_add);
        let all = sum(&mut self.groups.iter().map(Group::most_in_all));
        if all > MOST {
            return Err(PlanError::TooManyInAll(all));
        }
        let at_once = |media| {
            let groups = self.groups.iter().filter(|group| group.media == media);
            sum(&mut groups.map(Group::most_at_once))
        };
        let (media, quiet) = (at_once(true), at_once(false));
        if media * (PER_CORE_NO_MEDIA / PER_CORE) + quiet > PER_CORE_NO_MEDIA * cores {
            let each = if media > 0 {
                PER_CORE
            } else {
                PER_CORE_NO_MEDIA
            };
            return Err(PlanError::TooMany {
                wanted: media + quiet,
                most: each * cores,
                cores,
            });
        }
        Ok(())
    }

    /// How long it lasts, unless the user ends it.
    pub fn duration(&self) -> Duration {
        let ends = self.groups.iter().map(Group::ends);
        ends.max().unwrap_or_default()
    }

    /// All places, room by room. Neighbours in a room connect through different front doors, and
    /// the rooms begin with different ones.
    pub fn seats(&self) -> Vec<Seat> {
        let mut seats = Vec::new();
        for group in &self.groups {
            let senders = group.senders.unwrap_or(group.participants);
            let separator = if group.name.is_empty() { "" } else { "-" };
            for (room, times) in group.times().into_iter().enumerate() {
                for (index, starts_after) in times.starts.into_iter().enumerate() {
                    let mut doors = self.connect.clone();
                    let first = (room + index) % doors.len().max(1);
                    doors.rotate_left(first);
                    seats.push(Seat {
                        number: seats.len(),
                        room: format!("{}{}{separator}{}", self.room_prefix, group.name, room + 1),
                        index,
                        of: group.participants,
                        senders: senders.min(group.participants),
                        media: group.media,
                        height: group.height,
                        break_before_make: group.break_before_make,
                        doors,
                        starts_after,
                        leaves_after: times.leaves,
                    });
                }
            }
        }
        seats
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn plan(group: Group) -> Plan {
        Plan {
            groups: vec![group],
            ..Plan::new("https://meet.example.org".parse().unwrap())
        }
    }

    #[test]
    fn the_pair_of_a_room_comes_through_two_front_doors() {
        let doors = [1, 2].map(|n| SocketAddr::from(([192, 0, 2, n], 8443)));
        let plan = Plan {
            connect: doors.to_vec(),
            ..plan(Group {
                rooms: 2,
                ..Group::default()
            })
        };
        let through: Vec<_> = plan.seats().iter().map(|s| s.doors[0]).collect();
        assert_eq!(through, [doors[0], doors[1], doors[1], doors[0]]);
        assert_eq!(plan.seats()[1].doors, [doors[1], doors[0]]);
    }

    #[test]
    fn media_is_expected_of_the_other_senders_only() {
        let group = Group {
            participants: 3,
            senders: Some(2),
            ..Group::default()
        };
        let expected = |seat: &Seat| seat.expected_senders().collect::<Vec<_>>();
        let seats = plan(group.clone()).seats();
        assert_eq!(expected(&seats[0]), ["participant 2"]);
        assert_eq!(expected(&seats[2]), ["participant 1", "participant 2"]);
        assert!(!seats[2].sends());
        let silent = Group {
            media: false,
            ..group
        };
        let seats = plan(silent).seats();
        assert!(seats.iter().all(|s| expected(s).is_empty() && !s.sends()));
    }

    #[test]
    fn rooms_of_a_group_carry_its_name() {
        let mut plan = plan(Group::default());
        assert_eq!(plan.seats()[0].room, "load-1");
        plan.groups.push(Group {
            name: "talks".to_owned(),
            ..Group::default()
        });
        let seats = plan.seats();
        assert_eq!(
            (seats[2].room.as_str(), seats[2].number),
            ("load-talks-1", 2)
        );
    }

    #[test]
    fn a_plan_that_cannot_be_run_says_what_is_wrong() {
        let wrong = |change: fn(&mut Plan)| {
            let mut plan = plan(Group::default());
            change(&mut plan);
            plan.check(1).unwrap_err().to_string()
        };
        assert_eq!(plan(Group::default()).check(1), Ok(()));
        assert!(wrong(|p| p.url = "ftp://x".parse().unwrap()).contains("--url"));
        assert!(wrong(|p| p.room_prefix = "A b".into()).contains("--room-prefix"));
        assert!(wrong(|p| p.groups[0].rooms = 0).contains("rooms"));
        assert!(wrong(|p| p.groups.push(Group::default())).contains("two groups"));
    }

    #[test]
    fn more_than_this_machine_carries_is_refused_with_the_number_that_it_does() {
        let of = |rooms, media| {
            plan(Group {
                rooms,
                media,
                ..Group::default()
            })
        };
        assert_eq!(of(PER_CORE, true).check(2), Ok(()));
        let error = of(PER_CORE, true).check(1).unwrap_err().to_string();
        assert!(
            error.starts_with("1000 participants at one time are more than the 500"),
            "{error}"
        );
        assert_eq!(of(PER_CORE_NO_MEDIA, false).check(2), Ok(()));
        assert!(of(PER_CORE_NO_MEDIA, false).check(1).is_err());
        let error = of(MOST, false).check(1_000).unwrap_err();
        assert_eq!(error, PlanError::TooManyInAll(2 * MOST));
    }
}
