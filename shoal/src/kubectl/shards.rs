//! What shards have: the meetings of their focuses, found by room.

use std::collections::BTreeMap;

use kube::ResourceExt;
use operator::build::names;
use operator::crd::JitsiShard;

use super::answers::{Conference, Heard, Silence};
use super::seen::Seen;

/// Meetings of every shard, by the shard's name.
pub(super) type Meetings = BTreeMap<String, Heard<Vec<Conference>>>;

/// A meeting and where it is.
pub(super) struct Room<'a> {
    /// As the API server has it.
    pub shard: &'a JitsiShard,
    /// What its focus says.
    pub conference: &'a Conference,
}

impl Room<'_> {
    /// Bridges that people of the room are on.
    pub(super) fn bridges(&self) -> impl Iterator<Item = (&str, u64)> {
        let bridges = self.conference.bridges.iter();
        bridges.map(|(name, people)| (name.as_str(), *people))
    }
}

/// All rooms of the shards in `seen`, by shard and name.
pub(super) fn rooms<'a>(seen: &'a Seen, meetings: &'a Meetings) -> impl Iterator<Item = Room<'a>> {
    seen.shards.iter().flat_map(|shard| {
        let heard = meetings.get(&shard.name_any());
        let conferences = heard.and_then(|heard| heard.as_ref().ok());
        conferences
            .into_iter()
            .flatten()
            .map(move |conference| Room { shard, conference })
    })
}

/// Sentences of the shards whose rooms are not known. What all of them have in common is said once.
pub(super) fn silent(seen: &Seen, meetings: &Meetings) -> Vec<String> {
    let mut told = Vec::new();
    for shard in &seen.shards {
        let name = shard.name_any();
        let sentence = match meetings.get(&name) {
            Some(Ok(_)) => continue,
            Some(Err(silence @ Silence::Forbidden { .. })) => silence.to_string(),
            Some(Err(silence)) => format!("rooms of shard {name} are not known: {silence}"),
            None => format!(
                "rooms of shard {name} are not known: pod {} does not run",
                focus_pod(&name)
            ),
        };
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

pub(super) fn focus_pod(shard: &str) -> String {
    format!("{}-0", names::focus(shard))
}

/// The pod of a shard's signalling server.
pub(super) fn signalling_pod(shard: &str) -> String {
    format!("{}-0", names::signalling(shard))
}
