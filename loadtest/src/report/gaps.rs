//! Gaps in what came of a sender, and what caused them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Record, milliseconds};
use crate::journal::{Burst, GAP, Journal, Media, Stall, Track};

/// How long before a gap its cause may lie: media goes on for a while after an offer, and a socket
/// is missed before the media is.
const BEFORE: Duration = Duration::from_secs(2);

/// Why media was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Sender or receiver lost its session with the server and walked in anew.
    Reconnect,
    /// The focus moved sender or receiver to another bridge, and said so.
    Moved,
    /// Sender or receiver was offered another media session for another reason.
    Reinvited,
    /// The machine that runs the load test was too busy to send or to receive: nobody else would
    /// have noticed anything.
    Tester,
    /// Packets were sent and lost on the way.
    Loss,
    /// None of these.
    Unknown,
}

/// A silence of a sender that was longer than [`GAP`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The sender's name.
    pub from: String,
    /// Kind.
    pub media: Media,
    /// The last packet before it.
    pub at_ms: u64,
    /// Until the next packet, or the end of the run.
    pub length_ms: u64,
    /// Why.
    pub cause: Cause,
}

/// What came, by the sender's name instead of its endpoint id: a person that walks in anew has
/// another one.
pub(super) fn by_sender(journal: &Journal) -> BTreeMap<(String, Media), Track> {
    let mut merged: BTreeMap<(String, Media), Track> = BTreeMap::new();
    for ((id, media), track) in &journal.tracks {
        let name = match journal.names.get(&**id) {
            Some(name) => name.clone(),
            None => id.to_string(),
        };
        let into = merged.entry((name, *media)).or_default();
        into.packets += track.packets;
        into.bursts.extend(&track.bursts);
    }
    for track in merged.values_mut() {
        track.bursts.sort_by_key(|burst| burst.from);
    }
    merged
}

/// All gaps of what came from `expected`. Of other senders, who may leave when they like, only
/// those that ended.
pub(super) fn of(
    record: &Record,
    room: &[&Record],
    expected: &BTreeSet<String>,
    start: Instant,
    end: Instant,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let in_room: BTreeMap<String, &Journal> = room
        .iter()
        .map(|other| (other.seat.name(), &other.journal))
        .collect();
    for ((from, media), track) in by_sender(&record.journal) {
        let sender = in_room.get(&from).copied();
        let ends = [Some(&record.journal), sender].map(|it| it.and_then(|journal| journal.end));
        let end = ends.into_iter().flatten().fold(end, Instant::min);
        let until = expected.contains(&from).then_some(end);
        for silence in silences(&track.bursts, until) {
            // What began after either of them left is no gap.
            if silence.from >= end {
                continue;
            }
            let noticed = [Some(&record.journal), sender].into_iter().flatten();
            gaps.push(Gap {
                from: from.clone(),
                media,
                at_ms: milliseconds(silence.from.saturating_duration_since(start)),
                length_ms: milliseconds(silence.to.saturating_duration_since(silence.from)),
                cause: cause(noticed, &silence),
            });
        }
    }
    gaps.sort_by_key(|gap| gap.at_ms);
    gaps
}

/// A time without packets, and how many were lost in it.
struct Silence {
    from: Instant,
    to: Instant,
    lost: u32,
}

/// The times longer than [`GAP`] that no burst covers, up to `end` where it is given.
fn silences(bursts: &[Burst], end: Option<Instant>) -> Vec<Silence> {
    let mut silences = Vec::new();
    let mut last: Option<Instant> = None;
    let next = bursts
        .iter()
        .map(|burst| (burst.from, burst.to, burst.lost_before))
        .chain(end.map(|end| (end, end, 0)));
    for (from, to, lost) in next {
        if let Some(last) = last
            && from.saturating_duration_since(last) > GAP
        {
            silences.push(Silence {
                from: last,
                to: from,
                lost,
            });
        }
        last = Some(last.map_or(to, |last| last.max(to)));
    }
    silences
}

fn cause<'a>(noticed: impl Iterator<Item = &'a Journal>, silence: &Silence) -> Cause {
    let (at, until) = (silence.from, silence.to);
    let mut moved = None;
    let mut stalled = Duration::ZERO;
    for journal in noticed {
        let walked_in_anew = journal.interruptions.iter().any(|interruption| {
            !interruption.resumed
                && interruption.from <= until
                && interruption.to.is_none_or(|to| to + BEFORE >= at)
        });
        if walked_in_anew {
            return Cause::Reconnect;
        }
        let later = journal.offers.iter().skip(1);
        for offer in later.filter(|offer| offer.at + BEFORE >= at && offer.at <= until) {
            moved = moved.max(Some(if offer.moving {
                Cause::Moved
            } else {
                Cause::Reinvited
            }));
        }
        let stalls = journal.stalls.iter();
        stalled += stalls.map(|it| overlap(it, silence)).sum::<Duration>();
    }
    let busy = !stalled.is_zero() && stalled + GAP >= until.saturating_duration_since(at);
    match moved {
        Some(cause) => cause,
        None if busy => Cause::Tester,
        None if silence.lost > 0 => Cause::Loss,
        None => Cause::Unknown,
    }
}

fn overlap(stall: &Stall, silence: &Silence) -> Duration {
    let end = stall.to.min(silence.to);
    end.saturating_duration_since(stall.from.max(silence.from))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::journal::{Interruption, Offer};
    use crate::plan::Plan;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A room of two; the second one sends to the first in these bursts.
    fn meeting(start: Instant, bursts: &[(&str, u64, u64)]) -> Vec<Record> {
        let plan = Plan::new("http://localhost".parse().unwrap());
        let mut records: Vec<_> = plan
            .seats()
            .into_iter()
            .map(|seat| Record {
                seat,
                journal: Journal::new(start),
            })
            .collect();
        for (id, from, to) in bursts {
            let key = ((*id).into(), Media::Audio);
            let journal = &mut records[0].journal;
            journal
                .names
                .insert((*id).to_owned(), "participant 2".to_owned());
            journal.tracks.entry(key).or_default().bursts.push(Burst {
                from: start + ms(*from),
                to: start + ms(*to),
                lost_before: 0,
            });
        }
        records
    }

    fn gaps(records: &[Record], start: Instant, end: u64) -> Vec<(u64, u64, Cause)> {
        let expected = records[0].seat.expected_senders().collect();
        let room: Vec<_> = records.iter().collect();
        of(&records[0], &room, &expected, start, start + ms(end))
            .iter()
            .map(|gap| (gap.at_ms, gap.length_ms, gap.cause))
            .collect()
    }

    fn offer(at: Instant, moving: bool) -> Offer {
        Offer::new(at, moving)
    }

    #[test]
    fn a_sender_that_walks_in_anew_under_another_id_leaves_one_gap() {
        let start = Instant::now();
        let mut records = meeting(start, &[("aa", 100, 1_000), ("bb", 2_500, 4_000)]);
        records[1].journal.interruptions.push(Interruption {
            from: start + ms(900),
            to: Some(start + ms(2_300)),
            resumed: false,
            shard_after: None,
            reason: String::new(),
        });
        let all = gaps(&records, start, 4_100);
        assert_eq!(all, [(1_000, 1_500, Cause::Reconnect)]);
    }

    #[test]
    fn a_second_offer_of_either_side_explains_a_gap() {
        let start = Instant::now();
        for side in [0, 1] {
            let mut records = meeting(start, &[("aa", 100, 1_000), ("aa", 1_800, 4_000)]);
            let offers = &mut records[side].journal.offers;
            offers.extend([offer(start + ms(50), false), offer(start + ms(900), false)]);
            let all = gaps(&records, start, 4_100);
            assert_eq!(all, [(1_000, 800, Cause::Reinvited)]);
            records[side].journal.offers[1].moving = true;
            let all = gaps(&records, start, 4_100);
            assert_eq!(all, [(1_000, 800, Cause::Moved)]);
        }
    }

    #[test]
    fn a_gap_of_a_machine_that_stood_still_is_no_gap_of_the_service() {
        let start = Instant::now();
        let mut records = meeting(start, &[("aa", 100, 1_000), ("aa", 1_300, 4_000)]);
        records[1]
            .journal
            .handle_wake(start + ms(1_020), start + ms(1_290));
        assert_eq!(gaps(&records, start, 4_100), [(1_000, 300, Cause::Tester)]);
        let offers = [start, start + ms(1_100)].map(|at| offer(at, false));
        records[1].journal.offers = offers.to_vec();
        assert_eq!(
            gaps(&records, start, 4_100),
            [(1_000, 300, Cause::Reinvited)]
        );
    }

    #[test]
    fn a_short_stall_does_not_explain_a_long_gap() {
        let start = Instant::now();
        let mut records = meeting(start, &[("aa", 100, 1_000), ("aa", 3_000, 4_000)]);
        let stall = (start + ms(1_020), start + ms(1_290));
        records[1].journal.handle_wake(stall.0, stall.1);
        assert_eq!(
            gaps(&records, start, 4_100),
            [(1_000, 2_000, Cause::Unknown)]
        );
    }

    #[test]
    fn a_gap_in_which_packets_were_lost_is_one_of_the_network() {
        let start = Instant::now();
        let mut records = meeting(start, &[("aa", 100, 1_000), ("aa", 1_300, 4_000)]);
        let tracks = &mut records[0].journal.tracks;
        tracks.values_mut().next().unwrap().bursts[1].lost_before = 14;
        assert_eq!(gaps(&records, start, 4_100), [(1_000, 300, Cause::Loss)]);
    }

    #[test]
    fn whoever_has_left_leaves_no_gap() {
        let start = Instant::now();
        let mut records = meeting(start, &[("aa", 100, 1_000)]);
        records[1].journal.end = Some(start + ms(1_100));
        assert_eq!(gaps(&records, start, 4_100), []);
    }

    #[test]
    fn a_silence_at_the_end_is_a_gap_and_one_before_the_first_packet_is_none() {
        let start = Instant::now();
        let records = meeting(start, &[("aa", 3_000, 4_000)]);
        assert_eq!(gaps(&records, start, 4_200), []);
        let all = gaps(&records, start, 10_000);
        assert_eq!(all, [(4_000, 6_000, Cause::Unknown)]);
    }

    #[test]
    fn bursts_of_two_ids_that_overlap_leave_no_gap() {
        let start = Instant::now();
        let records = meeting(
            start,
            &[("aa", 100, 3_000), ("bb", 500, 600), ("bb", 3_100, 4_000)],
        );
        assert_eq!(gaps(&records, start, 4_100), []);
    }
}
