//! A conference as one worker sees it: everyone's names and sources, and its own endpoints.
//!
//! Each worker with an endpoint of the conference has such a replica. Changes are made by the
//! worker that owns what changes, go to the conference's home worker, and from there to all others.

pub mod attention;
mod candidates;
pub mod demand;
mod directory;
pub mod holders;
pub mod home;
pub mod loudest;
pub mod packet_ring;
pub mod source;
pub mod speech_order;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use media::rtp::ExtensionMap;
use rustc_hash::FxHashMap;

use crate::ids::{ConferenceKey, EndpointId, EndpointKey, SourceKey, SourceName, WorkerId};
use crate::message::MemberInfo;
use crate::packet::{PacketPool, SharedPacket};
use crate::statistics::DropReason;
use attention::{Attention, Place};
pub use directory::Applied;
use home::Home;
use loudest::Loudest;
use source::Source;
use speech_order::{Rank, SpeechOrder};

/// Most endpoints that a conference may have on this bridge.
pub const MAX_MEMBERS: usize = 2_000;

/// See the module.
#[derive(Debug)]
pub struct Conference {
    key: ConferenceKey,
    home: WorkerId,
    members: FxHashMap<EndpointKey, Member>,
    /// The endpoints of a name, the latest life of it last.
    lives: FxHashMap<EndpointId, Vec<EndpointKey>>,
    order: SpeechOrder,
    /// Of whom somebody was told whether their packets arrive: those who come later are told too.
    told: BTreeSet<EndpointKey>,
    sources: Vec<Option<Source>>,
    free: Vec<usize>,
    by_key: FxHashMap<SourceKey, usize>,
    by_name: FxHashMap<SourceName, usize>,
    /// Slots of the video sources that show something, in the order of speech.
    shown: BTreeMap<Place, usize>,
    /// What this worker's receivers look at.
    pub attention: Attention,
    other_workers: Vec<WorkerId>,
    /// Endpoints of each of them.
    population: FxHashMap<WorkerId, usize>,
    speaker: Option<EndpointKey>,
    previous_speakers: Arc<[EndpointKey]>,
    /// Slots of this worker's endpoints.
    pub local: Vec<usize>,
    /// Media that came in since the last pass over the receivers.
    pub pending: Vec<Pending>,
    /// Which microphones are forwarded, if not all.
    pub loudest: Option<Loudest>,
    /// What only the home worker has.
    pub at_home: Option<Box<Home>>,
}

/// A packet that the receivers here have not been passed yet.
#[derive(Debug)]
pub struct Pending {
    /// Slot of its source.
    pub slot: usize,
    /// It.
    pub packet: SharedPacket,
    /// Nobody is sent it, for this reason, but all must leave its number out.
    pub left_out: Option<DropReason>,
}

/// An endpoint, as all know it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name and owner.
    pub info: MemberInfo,
    /// Whether packets of it arrive.
    pub active: bool,
    /// Its sources' slots.
    pub sources: Vec<usize>,
    rank: Rank,
}

impl Conference {
    /// Nobody is in it.
    pub fn new(key: ConferenceKey, home: WorkerId) -> Self {
        Self {
            key,
            home,
            members: FxHashMap::default(),
            lives: FxHashMap::default(),
            order: SpeechOrder::default(),
            told: BTreeSet::new(),
            sources: Vec::new(),
            free: Vec::new(),
            by_key: FxHashMap::default(),
            by_name: FxHashMap::default(),
            shown: BTreeMap::new(),
            attention: Attention::default(),
            other_workers: Vec::new(),
            population: FxHashMap::default(),
            speaker: None,
            previous_speakers: Arc::from([]),
            local: Vec::new(),
            pending: Vec::new(),
            loudest: None,
            at_home: None,
        }
    }

    /// Local id.
    pub fn key(&self) -> ConferenceKey {
        self.key
    }

    /// The worker that keeps the directory.
    pub fn home(&self) -> WorkerId {
        self.home
    }

    /// `None` when it has left.
    pub fn member(&self, endpoint: EndpointKey) -> Option<&Member> {
        self.members.get(&endpoint)
    }

    /// Endpoints of whom it was said before whether their packets arrive.
    pub fn told(&self) -> impl Iterator<Item = &Member> {
        self.told.iter().filter_map(|e| self.members.get(e))
    }

    /// How many there are.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The endpoint of this name, the latest life of it.
    pub fn member_by_id(&self, id: &str) -> Option<&Member> {
        self.members.get(self.lives.get(id)?.last()?)
    }

    /// Whether an endpoint is the latest life of its name: what clients know by name is about it.
    pub fn is_latest(&self, endpoint: EndpointKey) -> bool {
        let id = self.id_of(endpoint);
        let latest = id.and_then(|id| self.member_by_id(id.as_str()));
        latest.is_some_and(|m| m.info.endpoint == endpoint)
    }

    /// Endpoints in the order of speech activity.
    pub fn speech_order(&self) -> impl Iterator<Item = EndpointKey> + '_ {
        self.order.iter()
    }

    /// Workers besides `own` that have endpoints here.
    pub fn other_workers(&self) -> &[WorkerId] {
        &self.other_workers
    }

    /// Who speaks.
    pub fn speaker(&self) -> Option<EndpointKey> {
        self.speaker
    }

    /// Who spoke before, latest first.
    pub fn previous_speakers(&self) -> &[EndpointKey] {
        &self.previous_speakers
    }

    /// `None` where the slot is free.
    pub fn source(&self, slot: usize) -> Option<&Source> {
        self.sources.get(slot)?.as_ref()
    }

    /// `None` where the slot is free.
    pub fn source_mut(&mut self, slot: usize) -> Option<&mut Source> {
        self.sources.get_mut(slot)?.as_mut()
    }

    /// Where a source is.
    pub fn slot_of(&self, key: SourceKey) -> Option<usize> {
        self.by_key.get(&key).copied()
    }

    /// Where the source of this name is.
    pub fn slot_of_name(&self, name: &SourceName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// All sources with their slots.
    pub fn sources(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.sources
            .iter()
            .enumerate()
            .filter_map(|(slot, s)| Some((slot, s.as_ref()?)))
    }

    /// Slots that there may be, for tables by slot.
    pub fn slots(&self) -> usize {
        self.sources.len()
    }

    /// Lets packets go that are too old to be asked for.
    pub fn expire_packets(&mut self, now: Instant, pool: &mut PacketPool) {
        self.sources
            .iter_mut()
            .flatten()
            .for_each(|source| source.expire(now, pool));
    }

    /// The name of an endpoint.
    pub fn id_of(&self, endpoint: EndpointKey) -> Option<&EndpointId> {
        self.members.get(&endpoint).map(|m| &m.info.id)
    }

    /// Header extension ids of a source's sender.
    pub fn extensions_of(&self, slot: usize) -> Option<&Arc<ExtensionMap>> {
        self.source(slot).map(|s| &s.info.extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{MediaKind, VideoType};
    use crate::message::{DirectoryChange, SourceInfo};
    use media::units::Ssrc;

    const OWN: WorkerId = WorkerId(0);

    fn joined(endpoint: u64, worker: u16) -> DirectoryChange {
        DirectoryChange::Joined(MemberInfo {
            endpoint: EndpointKey(endpoint),
            id: format!("e{endpoint}").as_str().into(),
            worker: WorkerId(worker),
            visitor: false,
        })
    }

    fn sources(endpoint: u64, numbers: &[u32]) -> DirectoryChange {
        let infos = numbers.iter().map(|number| SourceInfo {
            key: SourceKey {
                owner: EndpointKey(endpoint),
                number: *number,
            },
            name: format!("e{endpoint}-v{number}").as_str().into(),
            kind: MediaKind::Video,
            video_type: VideoType::Camera,
            ssrc: Ssrc(*number),
            rtx: None,
            encodings: 1,
            extensions: Arc::default(),
        });
        DirectoryChange::Sources(EndpointKey(endpoint), infos.collect())
    }

    fn names(conference: &Conference) -> Vec<String> {
        let mut names: Vec<_> = conference
            .sources()
            .map(|(_, s)| s.info.name.to_string())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn sources_are_replaced_as_a_whole_and_their_slots_used_again() {
        let mut conference = Conference::new(ConferenceKey(1), OWN);
        conference.apply(OWN, &joined(1, 0));
        conference.apply(OWN, &sources(1, &[0, 1]));
        let kept = conference.slot_of_name(&"e1-v1".into());
        let gone = conference.apply(OWN, &sources(1, &[1, 2]));
        assert_eq!(names(&conference), ["e1-v1", "e1-v2"]);
        assert_eq!(gone.gone.len(), 1);
        assert_eq!(conference.slot_of_name(&"e1-v1".into()), kept);
        let gone = conference.apply(OWN, &DirectoryChange::Left(EndpointKey(1)));
        assert_eq!((gone.gone.len(), names(&conference).len()), (2, 0));
        conference.apply(OWN, &joined(2, 0));
        conference.apply(OWN, &sources(2, &[0, 1, 2]));
        assert_eq!(conference.slots(), 3);
    }

    #[test]
    fn the_latest_speaker_comes_first_in_order() {
        let mut conference = Conference::new(ConferenceKey(1), OWN);
        for endpoint in 1..=3 {
            conference.apply(OWN, &joined(endpoint, 0));
        }
        for endpoint in [2, 3] {
            let speaker = DirectoryChange::Speaker(Some(EndpointKey(endpoint)), Arc::from([]));
            conference.apply(OWN, &speaker);
        }
        let order: Vec<_> = conference.speech_order().collect();
        assert_eq!(order, [3, 2, 1].map(EndpointKey));
    }

    #[test]
    fn a_late_worker_learns_all_from_a_snapshot() {
        let mut conference = Conference::new(ConferenceKey(1), OWN);
        for (endpoint, worker) in [(1, 0), (2, 1), (3, 1), (4, 0)] {
            conference.apply(OWN, &joined(endpoint, worker));
            conference.apply(OWN, &sources(endpoint, &[0]));
        }
        conference.apply(OWN, &DirectoryChange::Active(EndpointKey(2), false));
        conference.apply(
            OWN,
            &DirectoryChange::Speaker(Some(EndpointKey(3)), Arc::from([])),
        );
        let mut late = Conference::new(ConferenceKey(1), OWN);
        for change in conference.snapshot() {
            late.apply(WorkerId(2), &change);
        }
        assert_eq!(names(&late), names(&conference));
        assert!(late.speech_order().eq(conference.speech_order()));
        assert!(!late.member(EndpointKey(2)).is_some_and(|m| m.active));
        assert_eq!(late.other_workers().len(), 2);
        assert_eq!(conference.other_workers(), [WorkerId(1)]);
    }
}
