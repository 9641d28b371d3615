//! Whether each room is one room: on one shard, all in sight of each other.

use std::collections::{BTreeMap, BTreeSet};

use std::time::{Duration, Instant};

use super::Record;

/// Whoever walked in later than this before the end may not be seen by all yet.
const SETTLED: Duration = Duration::from_secs(2);

/// What the participants of one room say of it.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The shards that served them at the end.
    shards: BTreeSet<String>,
    /// Whether each saw all the others that were in a room of this name.
    whole: bool,
}

/// The rooms by name, at the end.
pub(super) fn of(records: &[Record], end: Instant) -> BTreeMap<String, Room> {
    let mut present: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    let mut rooms: BTreeMap<String, Room> = BTreeMap::new();
    for record in records {
        rooms.entry(record.seat.room.clone()).or_default();
        let end = record.journal.end.unwrap_or(end);
        let settled = record
            .journal
            .entered
            .is_some_and(|entered| entered + SETTLED <= end);
        if settled && record.journal.seen_at_end.is_some() {
            present.entry(&record.seat.room).or_default().push(record);
        }
    }
    for (name, room) in &mut rooms {
        let present = present.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let names: BTreeSet<String> = present.iter().map(|r| r.seat.name()).collect();
        room.whole = present.iter().all(|record| sees(record, &names));
        room.shards = present
            .iter()
            .filter_map(|record| record.journal.shard.clone())
            .collect();
    }
    rooms
}

/// Whether a participant saw all others of `names`.
fn sees(record: &Record, names: &BTreeSet<String>) -> bool {
    let own = record.seat.name();
    let seen = record.journal.seen_at_end.as_deref().unwrap_or_default();
    names
        .iter()
        .filter(|name| **name != own)
        .all(|name| seen.contains(name))
}

/// Names of the rooms that are more than one.
pub(super) fn split(rooms: &BTreeMap<String, Room>) -> Vec<String> {
    rooms
        .iter()
        .filter(|(_, room)| !room.whole || room.shards.len() > 1)
        .map(|(name, _)| name.clone())
        .collect()
}

/// How many rooms each shard has; one that is split counts for each of its shards.
pub(super) fn by_shard(rooms: &BTreeMap<String, Room>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for shard in rooms.values().flat_map(|room| &room.shards) {
        *counts.entry(shard.clone()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::journal::Journal;
    use crate::plan::Plan;

    /// A room of two that say they were on these shards and saw these numbers of others.
    fn room(shards: [&str; 2], seen: [Option<usize>; 2]) -> BTreeMap<String, Room> {
        room_after(SETTLED, shards, seen)
    }

    /// The same, at so much time after they walked in.
    fn room_after(
        time: Duration,
        shards: [&str; 2],
        seen: [Option<usize>; 2],
    ) -> BTreeMap<String, Room> {
        let start = Instant::now();
        let plan = Plan::new("http://localhost".parse().unwrap());
        let records: Vec<Record> = plan
            .seats()
            .into_iter()
            .zip(shards.into_iter().zip(seen))
            .map(|(seat, (shard, seen))| {
                let mut journal = Journal::new(start);
                journal.entered = Some(start);
                journal.shard = Some(shard.to_owned());
                journal.seen_at_end = seen.map(|count| seat.others().take(count).collect());
                Record { seat, journal }
            })
            .collect();
        of(&records, start + time)
    }

    #[test]
    fn a_room_is_split_when_its_people_are_on_two_shards_or_do_not_see_each_other() {
        let both = [Some(1), Some(1)];
        assert!(split(&room(["a", "a"], both)).is_empty());
        assert_eq!(split(&room(["a", "b"], both)), ["load-1"]);
        assert_eq!(split(&room(["a", "a"], [Some(1), Some(0)])), ["load-1"]);
    }

    #[test]
    fn who_is_out_of_the_room_splits_nothing() {
        assert!(split(&room(["a", "b"], [Some(0), None])).is_empty());
    }

    #[test]
    fn who_has_just_walked_in_need_not_be_seen_yet() {
        let seen = [Some(1), Some(0)];
        assert!(split(&room_after(SETTLED / 2, ["a", "a"], seen)).is_empty());
        assert_eq!(split(&room_after(SETTLED, ["a", "a"], seen)), ["load-1"]);
    }

    #[test]
    fn rooms_are_counted_by_shard() {
        let counts = by_shard(&room(["a", "a"], [Some(1), Some(1)]));
        assert_eq!(counts, [("a".to_owned(), 1)].into());
    }
}
