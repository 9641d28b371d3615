//! What is measured: who sends what to whom.

use std::time::Duration;

/// One row of the table. Rooms are alike.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) rooms: usize,
    pub(crate) members: Members,
    pub(crate) media: Media,
    /// Packets a second of each sender.
    pub(crate) rate: u32,
    /// Packets of a sender that leave at once: a frame of video.
    pub(crate) burst: u32,
    /// Bytes of an RTP packet, before encryption.
    pub(crate) len: usize,
}

/// Who is in a room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Members {
    /// Some send, the others receive from all of them.
    Audience { senders: usize, receivers: usize },
    /// Each sends to all others.
    Everyone(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Audio,
    Video,
}

/// A member of a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) room: usize,
    /// Counted through all rooms.
    pub(crate) number: usize,
    pub(crate) sends: bool,
    pub(crate) receives: bool,
}

pub(crate) const SHAPES: [Shape; 7] = [
    video(
        "4 senders x 16 receivers, 100/s",
        1,
        Members::Audience {
            senders: 4,
            receivers: 16,
        },
        100,
        3,
    ),
    video("star of 10, 100/s", 1, Members::Everyone(10), 100, 3),
    video(
        "1 sender x 100 receivers, 100/s",
        1,
        Members::Audience {
            senders: 1,
            receivers: 100,
        },
        100,
        3,
    ),
    Shape {
        name: "audio, 3 senders x 100 receivers, 50/s",
        rooms: 1,
        members: Members::Audience {
            senders: 3,
            receivers: 100,
        },
        media: Media::Audio,
        rate: 50,
        burst: 1,
        len: 120,
    },
    video(
        "2 senders x 12 receivers, 300/s",
        1,
        Members::Audience {
            senders: 2,
            receivers: 12,
        },
        300,
        10,
    ),
    video(
        "30 rooms of 3, video, 100/s",
        30,
        Members::Everyone(3),
        100,
        3,
    ),
    Shape {
        name: "100 rooms of 3, audio, 50/s",
        rooms: 100,
        members: Members::Everyone(3),
        media: Media::Audio,
        rate: 50,
        burst: 1,
        len: 120,
    },
];

const fn video(name: &'static str, rooms: usize, members: Members, rate: u32, burst: u32) -> Shape {
    Shape {
        name,
        rooms,
        members,
        media: Media::Video,
        rate,
        burst,
        len: 1_100,
    }
}

impl Shape {
    /// The members, those who send first.
    pub(crate) fn seats(&self) -> Vec<Seat> {
        let mut seats = Vec::new();
        for room in 0..self.rooms {
            let seat = |sends, receives| Seat {
                room,
                number: 0,
                sends,
                receives,
            };
            match self.members {
                Members::Audience { senders, receivers } => {
                    seats.extend((0..senders).map(|_| seat(true, false)));
                    seats.extend((0..receivers).map(|_| seat(false, true)));
                }
                Members::Everyone(people) => seats.extend((0..people).map(|_| seat(true, true))),
            }
        }
        seats.sort_by_key(|seat| !seat.sends);
        for (number, seat) in seats.iter_mut().enumerate() {
            seat.number = number;
        }
        seats
    }

    /// Packets that all receivers together get in a second.
    pub(crate) fn forwarded_rate(&self) -> f64 {
        let pairs = match self.members {
            Members::Audience { senders, receivers } => senders * receivers,
            Members::Everyone(people) => people * (people - 1),
        };
        (self.rooms * pairs) as f64 * f64::from(self.rate)
    }

    /// Between two bursts of a sender.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(1) * self.burst / self.rate
    }
}
