//! Gaps in what came of a sender, and what caused them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Record, milliseconds};
use crate::journal::{Burst, GAP, Journal, Media, Track};

/// How long before a gap its cause may lie: media goes on for a while after an offer, and a socket
/// is missed before the media is.
const BEFORE: Duration = Duration::from_secs(2);

/// Why media was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Sender or receiver lost its session with the server and walked in anew.
    Reconnect,
    /// Sender or receiver was moved to another bridge or path.
    Reinvited,
    /// The machine that runs the load test was too busy to send or to receive: nobody else would
    /// have noticed anything.
    Tester,
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
        let name = journal.names.get(id).unwrap_or(id).clone();
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
    records: &[Record],
    expected: &BTreeSet<String>,
    start: Instant,
    end: Instant,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for ((from, media), track) in by_sender(&record.journal) {
        let end = expected.contains(&from).then_some(end);
        let sender = records
            .iter()
            .find(|other| other.seat.room == record.seat.room && other.seat.name() == from);
        let noticed = [Some(record), sender].map(|r| r.map(|record| &record.journal));
        for (at, until) in silences(&track.bursts, end) {
            gaps.push(Gap {
                from: from.clone(),
                media,
                at_ms: milliseconds(at.saturating_duration_since(start)),
                length_ms: milliseconds(until.saturating_duration_since(at)),
                cause: cause(noticed.into_iter().flatten(), at, until),
            });
        }
    }
    gaps.sort_by_key(|gap| gap.at_ms);
    gaps
}

/// The times longer than [`GAP`] that no burst covers, up to `end` where it is given.
fn silences(bursts: &[Burst], end: Option<Instant>) -> Vec<(Instant, Instant)> {
    let mut silences = Vec::new();
    let mut last: Option<Instant> = None;
    let next = bursts
        .iter()
        .map(|burst| (burst.from, burst.to))
        .chain(end.map(|end| (end, end)));
    for (from, to) in next {
        if let Some(last) = last
            && from.saturating_duration_since(last) > GAP
        {
            silences.push((last, from));
        }
        last = Some(last.map_or(to, |last| last.max(to)));
    }
    silences
}

fn cause<'a>(noticed: impl Iterator<Item = &'a Journal>, at: Instant, until: Instant) -> Cause {
    let near = |time: Instant| time + BEFORE >= at && time <= until;
    let mut found = Cause::Unknown;
    for journal in noticed {
        let walked_in_anew = journal.interruptions.iter().any(|interruption| {
            !interruption.resumed
                && interruption.from <= until
                && interruption.to.is_none_or(|to| to + BEFORE >= at)
        });
        if walked_in_anew {
            return Cause::Reconnect;
        }
        if journal.offers.iter().skip(1).any(|offer| near(*offer)) {
            found = Cause::Reinvited;
        }
        let stalled = |stall: &Burst| stall.from <= until && stall.to >= at;
        if found == Cause::Unknown && journal.stalls.iter().any(stalled) {
            found = Cause::Tester;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::journal::Interruption;
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
            let key = ((*id).to_owned(), Media::Audio);
            let journal = &mut records[0].journal;
            journal
                .names
                .insert((*id).to_owned(), "participant 2".to_owned());
            journal.tracks.entry(key).or_default().bursts.push(Burst {
                from: start + ms(*from),
                to: start + ms(*to),
            });
        }
        records
    }

    fn gaps(records: &[Record], start: Instant, end: u64) -> Vec<(u64, u64, Cause)> {
        let expected = records[0].seat.expected_senders().collect();
        of(&records[0], records, &expected, start, start + ms(end))
            .iter()
            .map(|gap| (gap.at_ms, gap.length_ms, gap.cause))
            .collect()
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
            offers.extend([start + ms(50), start + ms(900)]);
            let all = gaps(&records, start, 4_100);
            assert_eq!(all, [(1_000, 800, Cause::Reinvited)]);
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
        records[1].journal.offers = vec![start, start + ms(1_100)];
        assert_eq!(
            gaps(&records, start, 4_100),
            [(1_000, 300, Cause::Reinvited)]
        );
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
