//! `kubectl shoal rooms`: every room, its shard and its bridges.

use std::cmp::Reverse;
use std::fmt;

use clap::ValueEnum;
use kube::ResourceExt;
use serde::Serialize;

use super::seen::Seen;
use super::shards::{self, Meetings};
use super::table::Table;
use super::units::span;

/// Which rooms.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Options {
    /// Only those of this shard
    #[arg(long, value_name = "SHARD")]
    pub shard: Option<String>,
    /// Only those with people on this bridge
    #[arg(long, value_name = "BRIDGE")]
    pub bridge: Option<String>,
    /// Greatest first [default: by name]
    #[arg(long, value_name = "BY")]
    pub sort: Option<Sort>,
}

/// What is greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// Number of people
    Participants,
    /// How long the shard's focus has had it
    Age,
}

/// What is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rooms {
    rooms: Vec<Room>,
    /// Sentences of the shards that did not answer.
    silent: Vec<String>,
    /// The namespace, with the filters; for when there is no room.
    #[serde(skip)]
    place: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Room {
    name: String,
    cluster: String,
    shard: String,
    bridges: Vec<String>,
    participants: usize,
    /// Absent when the focus does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
}

impl Rooms {
    /// Puts together what was read and heard.
    pub(super) fn of(seen: &Seen, meetings: &Meetings, options: &Options) -> Self {
        let wanted = |room: &shards::Room<'_>| {
            let of_shard = options
                .shard
                .as_ref()
                .is_none_or(|shard| room.shard.name_any() == *shard);
            let on_bridge = |bridge: &String| room.bridges().any(|(name, _)| name == bridge);
            of_shard && options.bridge.as_ref().is_none_or(on_bridge)
        };
        let found = shards::rooms(seen, meetings).filter(wanted);
        let mut rooms: Vec<Room> = found
            .map(|room| Room {
                name: room.conference.name.clone(),
                cluster: room.shard.spec.cluster_ref.clone(),
                shard: room.shard.name_any(),
                bridges: room.bridges().map(|(name, _)| name.to_owned()).collect(),
                participants: room.conference.participants.len(),
                age_seconds: room.conference.seconds,
            })
            .collect();
        rooms.sort_by(|a, b| (&a.name, &a.shard).cmp(&(&b.name, &b.shard)));
        match options.sort {
            None => {}
            Some(Sort::Participants) => rooms.sort_by_key(|room| Reverse(room.participants)),
            Some(Sort::Age) => rooms.sort_by_key(|room| Reverse(room.age_seconds)),
        }
        let mut place = format!("in namespace {}", seen.namespace);
        if let Some(shard) = &options.shard {
            place = format!("on shard {shard} {place}");
        }
        if let Some(bridge) = &options.bridge {
            place = format!("on bridge {bridge} {place}");
        }
        Self {
            rooms,
            silent: shards::silent(seen, meetings),
            place,
        }
    }
}

impl fmt::Display for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sentence in &self.silent {
            writeln!(f, "{sentence}")?;
        }
        let mut table = Table::new(&["ROOM", "SHARD", "BRIDGES", "PARTICIPANTS", "AGE"]);
        for room in &self.rooms {
            let age = room.age_seconds.map(std::time::Duration::from_secs);
            table.row([
                room.name.clone(),
                room.shard.clone(),
                room.bridges.join(","),
                room.participants.to_string(),
                age.map(span).unwrap_or_default(),
            ]);
        }
        if !table.is_empty() {
            return write!(f, "{table}");
        }
        match self.silent.is_empty() {
            true => writeln!(f, "Nobody is in a meeting {}.", self.place),
            false => Ok(()),
        }
    }
}
