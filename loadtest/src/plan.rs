//! What to run: rooms, people in them, and how each reaches the service.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Uri;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Address of the meeting page, `http` or `https`.
    pub url: Uri,
    /// Rooms that are opened.
    pub rooms: usize,
    /// Participants of each room.
    pub participants: usize,
    /// How many of each room send sound and picture; `None`: all.
    pub senders: Option<usize>,
    /// How long the meetings last, counted from the moment when the last participant starts.
    pub duration: Duration,
    /// Over how long the starts of the participants are spread; zero: all at one instant.
    pub ramp: Duration,
    /// First part of the rooms' names; a number follows.
    pub room_prefix: String,
    /// Where to connect, in place of the address that the URL's host has. Participants of a room
    /// take turns, and go on to the next when one does not answer.
    pub connect: Vec<SocketAddr>,
    /// Whether media flows; without, a participant only walks into the room.
    pub media: bool,
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
    /// Nobody would take part.
    #[error("--rooms and --participants must be at least 1")]
    Nobody,
    /// The prefix cannot be the name of a room.
    #[error("--room-prefix '{0}': use lower-case letters, digits, '-' and '_'")]
    Prefix(String),
}

/// One participant's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
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
    /// Where to connect, if not where the URL's host points: the first that answers, in this order.
    pub doors: Vec<SocketAddr>,
    /// How long after the start of the run it walks in.
    pub starts_after: Duration,
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
            rooms: 1,
            participants: 2,
            senders: None,
            duration: Duration::from_secs(15),
            ramp: Duration::ZERO,
            room_prefix: "load-".to_owned(),
            connect: Vec::new(),
            media: true,
            until_signal: false,
            progress_every: Duration::from_secs(5),
        }
    }

    /// Checks what no type of the command line does.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn check(&self) -> Result<(), PlanError> {
        let scheme = self.url.scheme_str();
        if !matches!(scheme, Some("http" | "https")) || self.url.host().is_none() {
            return Err(PlanError::Url(self.url.clone()));
        }
        if self.rooms == 0 || self.participants == 0 {
            return Err(PlanError::Nobody);
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if !self.room_prefix.chars().all(allowed) {
            return Err(PlanError::Prefix(self.room_prefix.clone()));
        }
        Ok(())
    }

    /// All places, room by room. Neighbours in a room connect through different front doors, and
    /// the rooms begin with different ones.
    pub fn seats(&self) -> Vec<Seat> {
        let total = self.rooms * self.participants;
        let senders = self.senders.unwrap_or(self.participants);
        (0..total)
            .map(|number| {
                let (room, index) = (number / self.participants, number % self.participants);
                let mut doors = self.connect.clone();
                let first = (room + index) % doors.len().max(1);
                doors.rotate_left(first);
                #[expect(clippy::cast_precision_loss, reason = "a share of the ramp")]
                let share = number as f64 / total as f64;
                Seat {
                    room: format!("{}{}", self.room_prefix, room + 1),
                    index,
                    of: self.participants,
                    senders: senders.min(self.participants),
                    media: self.media,
                    doors,
                    starts_after: self.ramp.mul_f64(share),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn plan() -> Plan {
        Plan::new("https://meet.example.org".parse().unwrap())
    }

    #[test]
    fn the_pair_of_a_room_comes_through_two_front_doors() {
        let doors = [1, 2].map(|n| SocketAddr::from(([192, 0, 2, n], 8443)));
        let plan = Plan {
            rooms: 2,
            connect: doors.to_vec(),
            ..plan()
        };
        let through: Vec<_> = plan.seats().iter().map(|s| s.doors[0]).collect();
        assert_eq!(through, [doors[0], doors[1], doors[1], doors[0]]);
        assert_eq!(plan.seats()[1].doors, [doors[1], doors[0]]);
    }

    #[test]
    fn a_ramp_spreads_the_starts_evenly() {
        let plan = Plan {
            rooms: 2,
            ramp: Duration::from_secs(8),
            ..plan()
        };
        let starts: Vec<_> = plan
            .seats()
            .iter()
            .map(|s| s.starts_after.as_secs())
            .collect();
        assert_eq!(starts, [0, 2, 4, 6]);
    }

    #[test]
    fn media_is_expected_of_the_other_senders_only() {
        let plan = Plan {
            participants: 3,
            senders: Some(2),
            ..plan()
        };
        let expected = |seat: &Seat| seat.expected_senders().collect::<Vec<_>>();
        let seats = plan.seats();
        assert_eq!(expected(&seats[0]), ["participant 2"]);
        assert_eq!(expected(&seats[2]), ["participant 1", "participant 2"]);
        assert!(!seats[2].sends());
        let silent = Plan {
            media: false,
            ..plan
        };
        assert!(
            silent
                .seats()
                .iter()
                .all(|s| expected(s).is_empty() && !s.sends())
        );
    }

    #[test]
    fn a_plan_that_cannot_be_run_says_which_flag_is_wrong() {
        let wrong = |change: fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.check().unwrap_err().to_string()
        };
        assert_eq!(plan().check(), Ok(()));
        assert!(wrong(|p| p.url = "ftp://x".parse().unwrap()).contains("--url"));
        assert!(wrong(|p| p.rooms = 0).contains("--rooms"));
        assert!(wrong(|p| p.room_prefix = "A b".into()).contains("--room-prefix"));
    }
}
