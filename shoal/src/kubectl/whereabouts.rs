//! `kubectl shoal where ROOM`: the shard, the pods, the bridges, and whether the room is split.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::bail;
use kube::ResourceExt;
use serde::Serialize;
use xmpp::room_name;

use super::answers::{BridgeStats, Heard};
use super::bridges::{Bridge, bridges};
use super::seen::{self, Seen};
use super::shards::{self, Meetings, Room};
use super::table::Table;
use super::units::{counted, span};

/// Names that are offered when a room is not found.
const OFFERED: usize = 5;

/// What is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Where {
    /// A room is in more than one shard of a cluster: its people do not meet.
    split: bool,
    places: Vec<Place>,
    /// Sentences of the shards that did not answer.
    silent: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    room: String,
    cluster: String,
    shard: String,
    signalling: Part,
    focus: Part,
    participants: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// The focus finds no bridge for it.
    no_bridge: bool,
    bridges: Vec<OnBridge>,
}

#[derive(Debug, Serialize)]
struct Part {
    pod: String,
    node: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnBridge {
    name: String,
    /// People of the room on it.
    participants: u64,
    /// Absent when it belongs to no pool of this namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    bridge: Option<Bridge>,
}

/// The rooms that are meant, or an error that says which there are.
pub(super) fn find<'a>(
    seen: &'a Seen,
    meetings: &'a Meetings,
    room: &str,
) -> anyhow::Result<Vec<Room<'a>>> {
    let all: Vec<Room<'_>> = shards::rooms(seen, meetings).collect();
    let count = all.len();
    let written = room_name::canonical(room.trim());
    let close: Vec<String> = all
        .iter()
        .map(|one| one.conference.short_name().to_owned())
        .filter(|name| name.contains(&written) || written.contains(name))
        .take(OFFERED)
        .collect();
    let found: Vec<Room<'_>> = all
        .into_iter()
        .filter(|one| one.conference.is_meant_by(room))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut told = vec![format!(
        "no shard in namespace {} has room {room}, of {}",
        seen.namespace,
        counted(count as u64, "room")
    )];
    if !close.is_empty() {
        told.push(format!("rooms with a name like it: {}", close.join(", ")));
    }
    told.extend(shards::silent(seen, meetings));
    bail!(told.join("; "))
}

/// Names of the bridges that a room is on: those that are to be asked before [`Where::of`].
pub(super) fn bridges_of(seen: &Seen, meetings: &Meetings, room: &str) -> BTreeSet<String> {
    let meant = shards::rooms(seen, meetings).filter(|one| one.conference.is_meant_by(room));
    let mut names = BTreeSet::new();
    for room in meant {
        names.extend(room.bridges().map(|(name, _)| name.to_owned()));
    }
    names
}

impl Where {
    /// Puts together what was read and heard of a room.
    pub(super) fn of(
        seen: &Seen,
        meetings: &Meetings,
        heard: &BTreeMap<String, Heard<BridgeStats>>,
        room: &str,
    ) -> anyhow::Result<Self> {
        let found = find(seen, meetings, room)?;
        let bridges = bridges(seen, heard);
        let places: Vec<Place> = found
            .iter()
            .map(|room| place(seen, &bridges, room))
            .collect();
        let split = places.iter().enumerate().any(|(n, one)| {
            let mut later = places[n + 1..].iter();
            later.any(|other| other.room == one.room && other.cluster == one.cluster)
        });
        Ok(Self {
            split,
            places,
            silent: shards::silent(seen, meetings),
        })
    }
}

fn place(seen: &Seen, bridges: &[Bridge], room: &Room<'_>) -> Place {
    let shard = room.shard.name_any();
    let part = |pod: String| Part {
        node: seen.pod(&pod).map(seen::node).unwrap_or_default(),
        pod,
    };
    let on_bridge = |(name, participants): (&str, u64)| OnBridge {
        participants,
        name: name.to_owned(),
        bridge: bridges.iter().find(|bridge| bridge.name == name).cloned(),
    };
    Place {
        room: room.conference.name.clone(),
        cluster: room.shard.spec.cluster_ref.clone(),
        signalling: part(shards::signalling_pod(&shard)),
        focus: part(shards::focus_pod(&shard)),
        shard,
        participants: room.conference.participants.len(),
        age_seconds: room.conference.seconds,
        no_bridge: room.conference.bridge_unavailable,
        bridges: room.bridges().map(on_bridge).collect(),
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.split {
            let shards: Vec<&str> = self
                .places
                .iter()
                .map(|place| place.shard.as_str())
                .collect();
            writeln!(
                f,
                "SPLIT: shards {} both have it, and their people do not see each other. \
                 See docs/troubleshooting/room-split-or-wrong-shard.md.\n",
                shards.join(" and ")
            )?;
        }
        for sentence in &self.silent {
            writeln!(f, "{sentence}")?;
        }
        for (n, place) in self.places.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{place}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = self.age_seconds.map(std::time::Duration::from_secs);
        let since = age
            .map(|age| format!(", for {}", span(age)))
            .unwrap_or_default();
        writeln!(
            f,
            "{} is on shard {} of cluster {}{since}, with {}.",
            self.room,
            self.shard,
            self.cluster,
            counted(self.participants as u64, "participant"),
        )?;
        let mut parts = Table::new(&["PART", "POD", "NODE", "STATE", "PARTICIPANTS", "ADDRESS"]);
        for (name, part) in [("signalling", &self.signalling), ("focus", &self.focus)] {
            let (pod, node) = (part.pod.clone(), part.node.clone());
            parts.row([
                name.into(),
                pod,
                node,
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
        for one in &self.bridges {
            let bridge = one.bridge.as_ref();
            parts.row([
                "bridge".into(),
                one.name.clone(),
                bridge.map(|bridge| bridge.node.clone()).unwrap_or_default(),
                bridge
                    .map(|bridge| bridge.state.word().to_owned())
                    .unwrap_or_default(),
                one.participants.to_string(),
                bridge
                    .map(|bridge| bridge.addresses.join(","))
                    .unwrap_or_default(),
            ]);
        }
        write!(f, "{parts}")?;
        match (self.bridges.is_empty(), self.no_bridge) {
            (true, true) => writeln!(
                f,
                "Its focus finds no bridge for it: `kubectl shoal status` says which bridges there are."
            ),
            (true, false) => writeln!(
                f,
                "No bridge is in use: a bridge is taken when a second participant comes."
            ),
            (false, _) => Ok(()),
        }
    }
}
