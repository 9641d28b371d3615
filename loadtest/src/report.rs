//! What a run showed: the journals of all participants, judged.

mod gaps;
mod rooms;
mod statistics;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use gaps::{Cause, Gap};
pub use statistics::Spread;
pub use timeline::{Sample, Timeline};

use crate::journal::{CUT, Journal, Media};
use crate::plan::Seat;

/// One participant's place and what it noticed.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place.
    pub seat: Seat,
    /// What it noticed.
    pub journal: Journal,
}

/// The whole run. Times are in milliseconds; `at_ms` counts from the start of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether all joined, all heard and saw every sender of their room, nobody was cut off and no
    /// room was split.
    pub ok: bool,
    /// Sums over all participants.
    pub totals: Totals,
    /// How it went, from its start to its end.
    pub timeline: Vec<Sample>,
    /// Each participant.
    pub participants: Vec<ParticipantReport>,
}

/// Sums over all participants.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// Participants that were to join.
    pub participants: usize,
    /// Those that did.
    pub joined: usize,
    /// From walking in to being in the room.
    pub join_ms: Spread,
    /// From walking in to the first packet of another one.
    pub first_media_ms: Spread,
    /// Participants that missed a sender of their room.
    pub missing_media: usize,
    /// Lengths of the gaps in media.
    pub gap_ms: Spread,
    /// How often something was missing for longer than allowed, by what was going on.
    pub gaps_by_cause: BTreeMap<Cause, usize>,
    /// Their lengths by cause.
    pub gap_ms_by_cause: BTreeMap<Cause, Spread>,
    /// Lengths of the times without signalling.
    pub interruption_ms: Spread,
    /// Interruptions after which the session went on.
    pub resumed: usize,
    /// Participants of whose requests some were answered by another shard.
    pub strayed: usize,
    /// Participants that were cut off.
    pub cut: usize,
    /// Participants that were cut off or walked into their room more than once.
    pub interrupted: usize,
    /// How many meetings took place.
    pub rooms: usize,
    /// Names of the rooms whose participants ended on different shards or did not see each other.
    pub rooms_split: Vec<String>,
    /// Rooms by the shard that they ended on, where shards say their names.
    pub rooms_by_shard: BTreeMap<String, usize>,
}

/// What somebody noticed from the first to the last moment.
#[derive(Clone, Debug, Serialize)]
pub struct ParticipantReport {
    /// Local part of the meeting's address.
    pub room: String,
    /// Name within the room.
    pub name: String,
    /// Endpoint id, the last one.
    pub id: Option<String>,
    /// Front door that it went to first, where one was given.
    pub connect: Option<SocketAddr>,
    /// Shard that served it at the end, where it says.
    pub shard: Option<String>,
    /// From walking in to being in the room; without media, to seeing all others there.
    pub joined_ms: Option<u64>,
    /// From walking in to the first packet of another one.
    pub first_media_ms: Option<u64>,
    /// Packets by the sender's name and kind.
    pub received: BTreeMap<String, BTreeMap<Media, u64>>,
    /// Senders and kinds of which nothing came.
    pub missing: Vec<Missing>,
    /// Gaps in what came.
    pub gaps: Vec<Gap>,
    /// Times without signalling.
    pub interruptions: Vec<InterruptionReport>,
    /// Offers of media sessions after the first: each moved the participant to another bridge or
    /// path.
    pub reinvited: usize,
    /// Those of them that the focus announced as a move.
    pub moves: Vec<MoveReport>,
    /// How often it walked into the room again.
    pub rejoined: usize,
    /// Why the meeting was lost for good.
    pub lost: Option<String>,
    /// When that was.
    pub lost_at_ms: Option<u64>,
    /// Answers to requests beside the WebSocket that came of another shard than the WebSocket's.
    pub strays: usize,
    /// Whether the meeting was lost for good, or some sender's media was away for more than 5 s,
    /// other than because this machine was too busy.
    pub cut: bool,
    /// Whether it was cut off or walked into its room more than once.
    pub interrupted: bool,
}

/// A sender of which nothing came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The sender's name.
    pub from: String,
    /// Kind.
    pub media: Media,
}

/// A move to another bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoveReport {
    /// When the other session was offered.
    pub at_ms: u64,
    /// The longest time without a packet of some sender that it caused.
    pub silence_ms: u64,
}

/// A time without signalling.
#[derive(Clone, Debug, Serialize)]
pub struct InterruptionReport {
    /// When it began.
    pub at_ms: u64,
    /// How long it lasted; of one that did not end, until the end of the run.
    pub length_ms: u64,
    /// Whether the session went on, so that the others noticed nothing.
    pub resumed: bool,
    /// The shard that answered afterwards, where it says.
    pub shard_after: Option<String>,
    /// Why the socket was lost.
    pub reason: String,
}

impl Report {
    /// Judges the records of a run that began and ended then.
    pub fn of(records: &[Record], timeline: Vec<Sample>, start: Instant, end: Instant) -> Self {
        let mut rooms: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
        for record in records {
            rooms.entry(&record.seat.room).or_default().push(record);
        }
        let participants: Vec<_> = records
            .iter()
            .map(|record| participant(record, &rooms[record.seat.room.as_str()], start, end))
            .collect();
        let totals = totals(records, &participants, end);
        let ok = totals.joined == totals.participants
            && totals.missing_media == 0
            && totals.cut == 0
            && totals.rooms_split.is_empty();
        Self {
            ok,
            totals,
            timeline,
            participants,
        }
    }

    /// The report as a page for people: one file, with plots.
    pub fn to_html(&self) -> String {
        crate::html::page(self)
    }

    /// The report as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("maps with string keys always serialise")
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn participant(
    record: &Record,
    room: &[&Record],
    start: Instant,
    end: Instant,
) -> ParticipantReport {
    let Record { seat, journal } = record;
    let since = |from: Instant, to: Instant| milliseconds(to.saturating_duration_since(from));
    let end = journal.end.unwrap_or(end);
    let came: BTreeSet<String> = room.iter().map(|other| other.seat.name()).collect();
    // Whoever had no turn before the run was ended sends nothing.
    let expected: BTreeSet<String> = seat
        .expected_senders()
        .filter(|name| came.contains(name))
        .collect();
    let received = gaps::by_sender(journal);
    let missing = expected
        .iter()
        .flat_map(|from| [Media::Audio, Media::Video].map(|media| (from.clone(), media)))
        .filter(|key| !received.contains_key(key))
        .map(|(from, media)| Missing { from, media })
        .collect();
    let gaps = gaps::of(record, room, &expected, start, end);
    let mut packets: BTreeMap<String, BTreeMap<Media, u64>> = BTreeMap::new();
    for ((from, media), track) in &received {
        packets
            .entry(from.clone())
            .or_default()
            .insert(*media, track.packets);
    }
    let cut = is_cut(journal, &gaps, end);
    let rejoined = journal.joins.saturating_sub(1);
    let reinvited = journal.offers.len().saturating_sub(1);
    ParticipantReport {
        room: seat.room.clone(),
        name: seat.name(),
        id: journal.id.clone(),
        connect: seat.doors.first().copied(),
        shard: journal.shard.clone(),
        joined_ms: journal.joined.map(|at| since(journal.started, at)),
        first_media_ms: journal.first_media.map(|at| since(journal.started, at)),
        received: packets,
        missing,
        interruptions: journal
            .interruptions
            .iter()
            .map(|interruption| InterruptionReport {
                at_ms: since(start, interruption.from),
                length_ms: since(interruption.from, interruption.to.unwrap_or(end)),
                resumed: interruption.resumed,
                shard_after: interruption.shard_after.clone(),
                reason: interruption.reason.clone(),
            })
            .collect(),
        reinvited,
        moves: moves(journal, start),
        rejoined,
        lost: journal.lost.as_ref().map(|(_, reason)| reason.clone()),
        lost_at_ms: journal.lost.as_ref().map(|(at, _)| since(start, *at)),
        strays: journal.strays,
        cut,
        interrupted: cut || rejoined > 0,
        gaps,
    }
}

fn moves(journal: &Journal, start: Instant) -> Vec<MoveReport> {
    let later = journal.offers.iter().skip(1);
    later
        .filter(|offer| offer.moving)
        .map(|offer| MoveReport {
            at_ms: milliseconds(offer.at.saturating_duration_since(start)),
            silence_ms: milliseconds(offer.silence),
        })
        .collect()
}

/// Out for good, out at the end, without signalling for long at the end, or without a sender's
/// media for long.
fn is_cut(journal: &Journal, gaps: &[Gap], end: Instant) -> bool {
    let out = journal.joined.is_some() && journal.seen_at_end.is_none();
    let unreachable = journal.interruptions.last().is_some_and(|interruption| {
        interruption.to.is_none() && end.saturating_duration_since(interruption.from) > CUT
    });
    let away = gaps
        .iter()
        .any(|gap| gap.length_ms > milliseconds(CUT) && gap.cause != Cause::Tester);
    journal.lost.is_some() || out || unreachable || away
}

fn totals(records: &[Record], participants: &[ParticipantReport], end: Instant) -> Totals {
    let all_gaps = || participants.iter().flat_map(|p| &p.gaps);
    let interruptions = || participants.iter().flat_map(|p| &p.interruptions);
    let mut lengths: BTreeMap<Cause, Vec<u64>> = BTreeMap::new();
    for gap in all_gaps() {
        lengths.entry(gap.cause).or_default().push(gap.length_ms);
    }
    let gap_ms_by_cause: BTreeMap<Cause, Spread> = lengths
        .into_iter()
        .map(|(cause, lengths)| (cause, Spread::of(lengths)))
        .collect();
    let rooms = rooms::of(records, end);
    Totals {
        participants: participants.len(),
        joined: participants
            .iter()
            .filter(|p| p.joined_ms.is_some())
            .count(),
        join_ms: Spread::of(participants.iter().filter_map(|p| p.joined_ms)),
        first_media_ms: Spread::of(participants.iter().filter_map(|p| p.first_media_ms)),
        missing_media: participants
            .iter()
            .filter(|p| !p.missing.is_empty())
            .count(),
        gap_ms: Spread::of(all_gaps().map(|gap| gap.length_ms)),
        gaps_by_cause: gap_ms_by_cause
            .iter()
            .map(|(cause, spread)| (*cause, spread.count))
            .collect(),
        gap_ms_by_cause,
        interruption_ms: Spread::of(interruptions().map(|i| i.length_ms)),
        resumed: interruptions().filter(|i| i.resumed).count(),
        strayed: participants.iter().filter(|p| p.strays > 0).count(),
        cut: participants.iter().filter(|p| p.cut).count(),
        interrupted: participants.iter().filter(|p| p.interrupted).count(),
        rooms: rooms.len(),
        rooms_split: rooms::split(&rooms),
        rooms_by_shard: rooms::by_shard(&rooms),
    }
}
