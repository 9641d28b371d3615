//! The sources that an endpoint announced, and which SSRC is what of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use media::rtp::{ExtensionMap, LayersAllocation};
use media::units::{Bitrate, Ssrc};
use rustc_hash::FxHashMap;

use super::stream::IncomingEncoding;
use crate::allocation::Layer;
use crate::command::{MediaKind, Semantics, SourceDescription, VideoType};
use crate::conference::demand;
use crate::conference::source::assumed_height;
use crate::ids::{EndpointKey, SourceKey, SourceName, WorkerId};
use crate::message::SourceInfo;

/// Most sources of one endpoint.
pub const MAX_SOURCES: usize = 20;
/// Most encodings of one source.
pub const MAX_ENCODINGS: usize = 8;

/// An encoding that stays out for so many frames of its source, and so long, is given up by its
/// sender: a picture without motion has none in any encoding.
const MISSED_FRAMES: u32 = 12;
const SILENCE: Duration = Duration::from_millis(300);

/// See the module.
#[derive(Debug, Default)]
pub struct IncomingSources {
    /// In the order in which they were announced.
    pub list: Vec<IncomingSource>,
    by_ssrc: FxHashMap<Ssrc, SsrcRole>,
    next_number: u32,
    /// What the client said on its bridge channel that a name shows. It says so at once, while the
    /// source itself comes through the focus.
    shown: Vec<(SourceName, VideoType)>,
}

/// What an SSRC is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SsrcRole {
    /// Index of the source.
    pub source: usize,
    /// Index of the encoding.
    pub encoding: u8,
    /// Retransmissions of it.
    pub rtx: bool,
}

/// What one announced SSRC group is, and how far it has come.
#[derive(Debug)]
pub struct IncomingSource {
    /// Identity.
    pub key: SourceKey,
    /// As announced.
    pub description: SourceDescription,
    /// What it shows.
    pub video_type: VideoType,
    /// Its slot in this worker's replica of the conference.
    pub slot: usize,
    /// Its SSRCs, lowest encoding first.
    pub encodings: Vec<IncomingEncoding>,
    /// Lines wanted by each worker.
    pub demand: Vec<(WorkerId, i32)>,
    /// Lines last asked of the sender.
    pub asked: Option<i32>,
    /// Silent packets in a row.
    pub silence: u32,
    /// Frames that came, of all encodings together.
    pub frames: u32,
    /// Layers were given up, or are back: receivers are to be told at once.
    changed: bool,
    told: Vec<(Layer, Instant)>,
}

impl IncomingSource {
    /// Lines wanted by anyone.
    pub fn wanted(&self) -> i32 {
        self.demand
            .iter()
            .fold(0, |sum, (_, lines)| demand::larger(sum, *lines))
    }

    /// A worker says what its receivers want.
    pub fn set_demand(&mut self, worker: WorkerId, lines: i32) {
        self.demand.retain(|(w, _)| *w != worker);
        if lines != 0 {
            self.demand.push((worker, lines));
        }
    }

    /// The sender says which layers it sends.
    pub fn set_allocated(&mut self, allocation: &LayersAllocation) {
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            let of_encoding = allocation
                .layers
                .iter()
                .filter(|l| usize::from(l.stream) == index);
            let allocated = of_encoding.fold(0, |mask, l| mask | 1_u8 << (l.spatial_id & 7));
            self.changed |= allocated != encoding.allocated;
            encoding.allocated = allocated;
        }
    }

    /// Whether layers were given up, or are back, since this was asked last: by what the sender says,
    /// or because an encoding has stayed out for several frames of the others.
    pub fn poll_changed(&mut self, now: Instant) -> bool {
        let mut changed = std::mem::take(&mut self.changed);
        for index in 0..self.encodings.len() {
            let silent = self.is_silent(index, now);
            let first = self
                .told
                .iter()
                .find(|(l, _)| usize::from(l.index.encoding) == index);
            changed |= silent && first.is_some_and(|(l, _)| l.bitrate > Bitrate::ZERO);
        }
        changed
    }

    fn is_silent(&self, index: usize, now: Instant) -> bool {
        let encoding = &self.encodings[index];
        let missed = self.frames.wrapping_sub(encoding.last_frame);
        encoding.last_packet.is_some_and(|last| {
            missed >= MISSED_FRAMES && now.saturating_duration_since(last) >= SILENCE
        })
    }

    /// Its layers, as measured.
    pub fn layers(&mut self, now: Instant) -> Vec<Layer> {
        let mut layers = Vec::new();
        let silent = (0..self.encodings.len())
            .filter(|index| self.is_silent(*index, now))
            .fold(0_u32, |mask, index| mask | 1 << index);
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            let silent = silent & 1 << index != 0;
            let index = index as u8;
            let before = layers.len();
            let analysis = &encoding.analysis;
            let height = |spatial: u8| {
                analysis
                    .height(spatial)
                    .unwrap_or_else(|| assumed_height(index.max(spatial)))
            };
            encoding.rates.layers(index, height, now, &mut layers);
            for layer in &mut layers[before..] {
                if silent || encoding.allocated >> layer.index.spatial & 1 == 0 {
                    layer.bitrate = Bitrate::ZERO;
                }
            }
            if layers.len() == before {
                // Never heard of: it may come.
                layers.push(Layer {
                    index: crate::allocation::LayerIndex {
                        encoding: index,
                        spatial: 0,
                        temporal: 2,
                    },
                    height: assumed_height(index),
                    frame_rate: 30.0,
                    bitrate: Bitrate::ZERO,
                });
            }
        }
        layers
    }

    /// Its layers, if they differ from what was told last by enough to matter.
    pub fn layers_to_tell(&mut self, now: Instant) -> Option<Arc<[Layer]>> {
        if self.description.kind == MediaKind::Audio
            || self.encodings.iter().all(|e| e.last_packet.is_none())
        {
            return None;
        }
        let layers = self.layers(now);
        let alike = |old: &Layer, new: &Layer| {
            let (a, b) = (old.bitrate.as_bps(), new.bitrate.as_bps());
            old.index == new.index
                && old.height == new.height
                && old.frame_rate == new.frame_rate
                && (a == 0) == (b == 0)
                && a.abs_diff(b) * 5 <= a
        };
        let same = self.told.len() == layers.len()
            && self
                .told
                .iter()
                .zip(&layers)
                .all(|((old, _), new)| alike(old, new));
        if same {
            return None;
        }
        self.told = layers.iter().map(|l| (*l, now)).collect();
        Some(layers.into())
    }

    fn info(&self, extensions: &Arc<ExtensionMap>) -> SourceInfo {
        let ssrc = self.encodings.first().map_or(Ssrc(0), |e| e.ssrc);
        SourceInfo {
            key: self.key,
            name: self.description.name.clone(),
            kind: self.description.kind,
            video_type: self.video_type,
            ssrc,
            rtx: rtx_of(&self.description, ssrc),
            encodings: self.encodings.len() as u8,
            extensions: extensions.clone(),
        }
    }
}

/// The SSRC that an `FID` group says repeats another.
fn rtx_of(description: &SourceDescription, ssrc: Ssrc) -> Option<Ssrc> {
    let groups = description
        .groups
        .iter()
        .filter(|g| g.semantics == Semantics::Fid);
    groups
        .filter_map(|g| g.ssrcs.get(..2))
        .find(|pair| pair[0] == ssrc)
        .map(|pair| pair[1])
}

/// SSRCs of a source's encodings: its `SIM` group, or the one that others repair. SSRCs are listed
/// in any order (RFC 5576 section 4.1): only groups say what they are to each other.
fn encodings_of(description: &SourceDescription) -> Vec<Ssrc> {
    let groups = &description.groups;
    let sim = groups.iter().find(|g| g.semantics == Semantics::Sim);
    let mut repairs = groups.iter().filter(|g| g.semantics != Semantics::Sim);
    let repair = |ssrc: &Ssrc| {
        let mut groups = repairs.clone();
        groups.any(|g| g.ssrcs.iter().skip(1).any(|s| s == ssrc))
    };
    let mut ssrcs = match sim {
        Some(group) => group.ssrcs.clone(),
        None => {
            let alone = description.ssrcs.iter().find(|ssrc| !repair(ssrc));
            let repaired = repairs.next().and_then(|g| g.ssrcs.first());
            repaired.or(alone).copied().into_iter().collect()
        }
    };
    ssrcs.truncate(MAX_ENCODINGS);
    ssrcs
}

impl IncomingSources {
    /// What an SSRC is.
    pub fn role(&self, ssrc: Ssrc) -> Option<SsrcRole> {
        self.by_ssrc.get(&ssrc).copied()
    }

    /// Index of the source of this identity.
    pub fn position(&self, key: SourceKey) -> Option<usize> {
        self.list.iter().position(|s| s.key == key)
    }

    /// Replaces all sources. One whose name and SSRCs stay keeps its state and identity; one whose
    /// SSRCs change keeps its identity.
    pub fn replace(&mut self, owner: EndpointKey, descriptions: Vec<SourceDescription>) {
        let mut before = std::mem::take(&mut self.list);
        for description in descriptions.into_iter().take(MAX_SOURCES) {
            let ssrcs = encodings_of(&description);
            if ssrcs.is_empty()
                || self
                    .list
                    .iter()
                    .any(|s| s.description.name == description.name)
            {
                continue;
            }
            let mut said = self.shown.iter();
            let shown = said
                .find(|(name, _)| *name == description.name)
                .map(|(_, shows)| *shows);
            let known = before.iter().position(|s| {
                s.description.name == description.name && s.description.kind == description.kind
            });
            let mut source = match known {
                Some(index) => before.swap_remove(index),
                None => {
                    self.next_number += 1;
                    IncomingSource {
                        key: SourceKey {
                            owner,
                            number: self.next_number,
                        },
                        video_type: shown.or(description.video_type).unwrap_or_default(),
                        description: description.clone(),
                        slot: usize::MAX,
                        encodings: Vec::new(),
                        demand: Vec::new(),
                        asked: None,
                        silence: 0,
                        frames: 0,
                        changed: false,
                        told: Vec::new(),
                    }
                }
            };
            let same = source
                .encodings
                .iter()
                .map(|e| e.ssrc)
                .eq(ssrcs.iter().copied());
            if !same {
                let new = |ssrc: &Ssrc| IncomingEncoding::new(*ssrc, description.kind, None);
                source.encodings = ssrcs.iter().map(new).collect();
                source.told.clear();
            }
            source.description = description;
            self.list.push(source);
        }
        self.by_ssrc.clear();
        for (index, source) in self.list.iter().enumerate() {
            for (encoding, stream) in source.encodings.iter().enumerate() {
                let role = SsrcRole {
                    source: index,
                    encoding: encoding as u8,
                    rtx: false,
                };
                self.by_ssrc.insert(stream.ssrc, role);
                if let Some(rtx) = rtx_of(&source.description, stream.ssrc) {
                    self.by_ssrc.insert(rtx, SsrcRole { rtx: true, ..role });
                }
            }
        }
    }

    /// The client says what a video source shows, which may not have been signalled yet. Returns the
    /// source's identity if it is known to show something else so far.
    pub fn set_video_type(&mut self, name: &str, shows: VideoType) -> Option<SourceKey> {
        self.shown.retain(|(n, _)| n.as_str() != name);
        if self.shown.len() >= MAX_SOURCES {
            self.shown.remove(0);
        }
        self.shown.push((SourceName::from(name), shows));
        let mut list = self.list.iter_mut();
        let source = list.find(|s| {
            s.description.kind == MediaKind::Video && s.description.name.as_str() == name
        })?;
        let changed = std::mem::replace(&mut source.video_type, shows) != shows;
        changed.then_some(source.key)
    }

    /// What others are told of them.
    pub fn infos(&self, extensions: &Arc<ExtensionMap>) -> Arc<[SourceInfo]> {
        self.list.iter().map(|s| s.info(extensions)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::SsrcGroup;

    fn simulcast(name: &str, first: u32) -> SourceDescription {
        let ssrcs: Vec<_> = (first..first + 6).map(Ssrc).collect();
        let group = |semantics, indices: &[usize]| SsrcGroup {
            semantics,
            ssrcs: indices.iter().map(|i| ssrcs[*i]).collect(),
        };
        SourceDescription {
            name: name.into(),
            kind: MediaKind::Video,
            groups: vec![
                group(Semantics::Sim, &[0, 2, 4]),
                group(Semantics::Fid, &[0, 1]),
                group(Semantics::Fid, &[2, 3]),
                group(Semantics::Fid, &[4, 5]),
            ],
            ssrcs: ssrcs.clone(),
            video_type: None,
        }
    }

    #[test]
    fn every_ssrc_of_a_simulcast_source_has_its_role() {
        let mut sources = IncomingSources::default();
        sources.replace(EndpointKey(1), vec![simulcast("a-v0", 10)]);
        let role = |ssrc| sources.role(Ssrc(ssrc)).map(|r| (r.encoding, r.rtx));
        assert_eq!(role(10), Some((0, false)));
        assert_eq!(role(13), Some((1, true)));
        assert_eq!(role(14), Some((2, false)));
        assert_eq!(role(16), None);
        let infos = sources.infos(&Arc::default());
        assert_eq!(
            (infos[0].ssrc, infos[0].rtx, infos[0].encodings),
            (Ssrc(10), Some(Ssrc(11)), 3)
        );
    }

    /// A source whose encodings each send 30 frames a second for so long.
    fn filming(
        encodings: &[usize],
        from: Instant,
        ms: u64,
        source: &mut IncomingSource,
    ) -> Instant {
        let mut now = from;
        while now < from + Duration::from_millis(ms) {
            for index in encodings {
                source.frames += 1;
                let frames = source.frames;
                let encoding = &mut source.encodings[*index];
                encoding.last_packet = Some(now);
                encoding.last_frame = frames;
                let frame = crate::packet::Frame::Opaque { keyframe: false };
                encoding.rates.count(&frame, 1_000, now);
            }
            now += Duration::from_micros(33_333);
        }
        now
    }

    fn sent(source: &mut IncomingSource, now: Instant) -> Vec<bool> {
        let layers = source.layers(now);
        layers.iter().map(|l| l.bitrate > Bitrate::ZERO).collect()
    }

    #[test]
    fn an_encoding_that_stays_out_while_others_go_on_is_given_up() {
        let mut sources = IncomingSources::default();
        sources.replace(EndpointKey(1), vec![simulcast("a-v0", 10)]);
        let source = &mut sources.list[0];
        let now = filming(&[0, 1, 2], Instant::now(), 2_000, source);
        source.layers_to_tell(now);
        assert!(!source.poll_changed(now));
        let now = filming(&[0, 1], now, 150, source);
        assert!(!source.poll_changed(now), "a frame may be late");
        let now = filming(&[0, 1], now, 200, source);
        assert!(source.poll_changed(now));
        assert_eq!(sent(source, now), [true, true, false]);
        assert!(source.layers_to_tell(now).is_some());
        assert!(!source.poll_changed(now));
    }

    #[test]
    fn a_picture_without_motion_is_not_given_up() {
        let mut sources = IncomingSources::default();
        sources.replace(EndpointKey(1), vec![simulcast("a-v0", 10)]);
        let source = &mut sources.list[0];
        let now = filming(&[0, 1, 2], Instant::now(), 2_000, source);
        source.layers_to_tell(now);
        assert!(!source.poll_changed(now + Duration::from_millis(900)));
    }

    #[test]
    fn what_the_sender_says_of_its_layers_counts_at_once() {
        let mut sources = IncomingSources::default();
        sources.replace(EndpointKey(1), vec![simulcast("a-v0", 10)]);
        let source = &mut sources.list[0];
        let now = filming(&[0, 1, 2], Instant::now(), 2_000, source);
        source.layers_to_tell(now);
        // Two streams of one spatial layer each, of one temporal layer at 100 and 200 kbit/s.
        let value = [0b0001_0001, 0, 100, 0x80 | 72, 1];
        let allocation = LayersAllocation::parse(&value).expect("a value");
        source.set_allocated(&allocation);
        assert!(source.poll_changed(now));
        assert_eq!(sent(source, now), [true, true, false]);
    }

    #[test]
    fn groups_and_not_the_order_of_ssrcs_say_what_is_the_picture() {
        use Semantics::{FecFr, Fid, Sim};
        struct Case(
            &'static [u32],
            &'static [(Semantics, &'static [u32])],
            &'static [u32],
            Option<u32>,
        );
        let table = [
            Case(&[11, 10], &[(Fid, &[10, 11])], &[10], Some(11)),
            Case(
                &[12, 11, 10],
                &[(FecFr, &[10, 12]), (Fid, &[10, 11])],
                &[10],
                Some(11),
            ),
            Case(&[12, 10], &[(FecFr, &[10, 12])], &[10], None),
            Case(
                &[21, 31, 11, 30, 20, 10],
                &[
                    (Fid, &[30, 31]),
                    (Fid, &[20, 21]),
                    (Fid, &[10, 11]),
                    (Sim, &[10, 20, 30]),
                ],
                &[10, 20, 30],
                Some(11),
            ),
            Case(&[10], &[], &[10], None),
        ];
        for Case(ssrcs, groups, encodings, rtx) in table {
            let group = |(semantics, ssrcs): &(Semantics, &[u32])| SsrcGroup {
                semantics: *semantics,
                ssrcs: ssrcs.iter().copied().map(Ssrc).collect(),
            };
            let description = SourceDescription {
                name: "a-v0".into(),
                kind: MediaKind::Video,
                ssrcs: ssrcs.iter().copied().map(Ssrc).collect(),
                groups: groups.iter().map(group).collect(),
                video_type: None,
            };
            let mut sources = IncomingSources::default();
            sources.replace(EndpointKey(1), vec![description]);
            let found: Vec<_> = sources.list[0].encodings.iter().map(|e| e.ssrc.0).collect();
            assert_eq!(found, encodings, "{ssrcs:?} {groups:?}");
            let info = &sources.infos(&Arc::default())[0];
            assert_eq!((info.ssrc.0, info.rtx.map(|r| r.0)), (encodings[0], rtx));
        }
    }

    #[test]
    fn what_a_name_shows_may_be_said_before_its_source_is_signalled() {
        let mut sources = IncomingSources::default();
        assert_eq!(sources.set_video_type("a-v1", VideoType::Desktop), None);
        sources.replace(
            EndpointKey(1),
            vec![simulcast("a-v0", 10), simulcast("a-v1", 20)],
        );
        let shown: Vec<_> = sources.list.iter().map(|s| s.video_type).collect();
        assert_eq!(shown, [VideoType::Camera, VideoType::Desktop]);
        let key = sources.list[1].key;
        assert_eq!(sources.set_video_type("a-v1", VideoType::Desktop), None);
        assert_eq!(sources.set_video_type("a-v1", VideoType::None), Some(key));
        for number in 0..1_000 {
            sources.set_video_type(&format!("a-v{number}"), VideoType::Desktop);
        }
        assert_eq!(sources.shown.len(), MAX_SOURCES);
    }

    #[test]
    fn a_source_keeps_its_identity_while_its_name_stays() {
        let mut sources = IncomingSources::default();
        let owner = EndpointKey(1);
        sources.replace(owner, vec![simulcast("a-v0", 10), simulcast("a-v1", 20)]);
        let keys: Vec<_> = sources.list.iter().map(|s| s.key).collect();
        sources.replace(owner, vec![simulcast("a-v1", 30), simulcast("a-v2", 40)]);
        assert_eq!(sources.list[0].key, keys[1]);
        assert!(!keys.contains(&sources.list[1].key));
        assert!(sources.role(Ssrc(20)).is_none() && sources.role(Ssrc(30)).is_some());
    }

    #[test]
    fn what_a_client_announces_is_bounded() {
        let mut sources = IncomingSources::default();
        let many = (0..100)
            .map(|i| simulcast(&format!("a-v{i}"), i * 10 + 1))
            .collect();
        sources.replace(EndpointKey(1), many);
        assert_eq!(sources.list.len(), MAX_SOURCES);
    }
}
