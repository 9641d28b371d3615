//! Which outgoing stream carries which source, and how the receiver is told.

use arrayvec::ArrayString;
use media::units::Ssrc;
use rand::Rng;

use super::stream::OutStream;
use super::{Egress, MAX_STREAMS, NONE, UNWANTED};
use crate::allocation::LayerIndex;
use crate::command::MediaKind;
use crate::ids::SourceKey;
use crate::message::SourceInfo;
use crate::projection::Target;
use crate::ssrc_slots::Claim;

impl Egress {
    /// The stream that carries the source in this slot.
    pub(super) fn stream_of(&self, slot: usize) -> Option<usize> {
        match self.of_slot.get(slot).copied() {
            None | Some(NONE | UNWANTED) => None,
            Some(entry) => Some(usize::from(entry) - 1),
        }
    }

    pub(super) fn set_stream_of(&mut self, slot: usize, entry: u16) {
        if self.of_slot.len() <= slot {
            self.of_slot.resize(slot + 1, NONE);
        }
        self.of_slot[slot] = entry;
    }

    /// The source in a slot of the conference is gone.
    pub fn source_gone(&mut self, slot: usize) {
        if let Some(index) = self.stream_of(slot)
            && let Some((key, _)) = self.streams[index].source
        {
            self.vacate(slot, key);
        }
        self.set_stream_of(slot, NONE);
    }

    pub(super) fn vacate(&mut self, slot: usize, key: SourceKey) {
        if let Some(index) = self.stream_of(slot) {
            let stream = &mut self.streams[index];
            stream.source = None;
            stream.projection.set_target(None);
            if self.rewriting {
                self.video_slots.release(key);
                self.audio_slots.release(key);
            } else {
                self.by_ssrc.remove(&stream.ssrc);
                if let Some(rtx) = stream.rtx {
                    self.by_ssrc.remove(&rtx);
                }
                self.free.push(index);
            }
        }
        self.set_stream_of(slot, NONE);
    }

    /// Gives a source a stream, if it has none. `None` when there is no room.
    pub(super) fn open(&mut self, slot: usize, info: &SourceInfo) -> Option<usize> {
        if let Some(index) = self.stream_of(slot) {
            return Some(index);
        }
        let index = if self.rewriting {
            self.open_slot(slot, info)?
        } else {
            let first_seq = self.rng.random();
            let stream = OutStream::new(info.kind, info.ssrc, info.rtx, first_seq);
            self.add_stream(stream)?
        };
        let stream = &mut self.streams[index];
        stream.source = Some((info.key, slot));
        stream.forget_asked();
        self.set_stream_of(slot, index as u16 + 1);
        Some(index)
    }

    pub(super) fn open_slot(&mut self, slot: usize, info: &SourceInfo) -> Option<usize> {
        let (slots, streams, changed, letter) = match info.kind {
            MediaKind::Audio => (
                &mut self.audio_slots,
                &mut self.audio_streams,
                &mut self.changed_audio,
                'a',
            ),
            MediaKind::Video => (
                &mut self.video_slots,
                &mut self.video_streams,
                &mut self.changed_video,
                'v',
            ),
        };
        if info.kind == MediaKind::Audio {
            // Whoever was silent longest makes room.
            for (ssrc_slot, index) in streams.iter().enumerate() {
                let heard = self.streams[*index].sent_at;
                let at = heard.map_or(0, |at| {
                    at.saturating_duration_since(self.epoch).as_millis() as u64
                });
                slots.note_use(ssrc_slot, at);
            }
        }
        let keep_round = info.kind == MediaKind::Video;
        let ssrc_slot = match slots.claim(info.key, keep_round, &mut self.rng) {
            Claim::Kept(ssrc_slot) => ssrc_slot,
            Claim::Changed(ssrc_slot) => {
                if !changed.contains(&ssrc_slot) {
                    changed.push(ssrc_slot);
                }
                ssrc_slot
            }
            Claim::Full => return None,
        };
        if let Some(index) = streams.get(ssrc_slot).copied() {
            // Whoever was in it before is no longer.
            if let Some((_, before)) = self.streams[index].source.take()
                && before != slot
            {
                self.set_stream_of(before, NONE);
            }
            self.streams[index].projection.set_target(None);
            return Some(index);
        }
        let ssrcs = slots.ssrcs(ssrc_slot)?;
        let rtx = (info.kind == MediaKind::Video).then_some(ssrcs.rtx);
        let mut stream = OutStream::new(info.kind, ssrcs.primary, rtx, self.rng.random());
        if self.mid_demux {
            let mut mid = ArrayString::new();
            let written = std::fmt::Write::write_fmt(&mut mid, format_args!("{letter}{ssrc_slot}"));
            stream.mid = written.ok().map(|()| mid);
        }
        let index = self.add_stream(stream)?;
        match info.kind {
            MediaKind::Audio => self.audio_streams.push(index),
            MediaKind::Video => self.video_streams.push(index),
        }
        Some(index)
    }

    pub(super) fn add_stream(&mut self, stream: OutStream) -> Option<usize> {
        let (ssrc, rtx) = (stream.ssrc, stream.rtx);
        let index = match self.free.pop() {
            Some(index) => {
                self.streams[index] = stream;
                index
            }
            None if self.streams.len() < MAX_STREAMS => {
                self.streams.push(stream);
                self.streams.len() - 1
            }
            None => return None,
        };
        self.by_ssrc.insert(ssrc, index);
        if let Some(rtx) = rtx {
            self.by_ssrc.insert(rtx, index);
        }
        Some(index)
    }

    /// A new allocation: sources named from here on are wanted more than those before.
    pub fn begin_allocation(&mut self) {
        self.video_slots.next_round();
    }

    /// What the receiver has of the source in a slot.
    pub fn held(&self, slot: usize, source: SourceKey) -> Option<LayerIndex> {
        let target = self.streams[self.stream_of(slot)?].projection.target()?;
        (target.source == source).then_some(target.layer)
    }

    /// What is to be forwarded of a video source. Returns whether it will be.
    pub fn set_target(&mut self, slot: usize, info: &SourceInfo, target: Option<Target>) -> bool {
        match target {
            Some(target) => {
                if self.rewriting {
                    // Wanted in this round, whether it has a slot already or not.
                    self.video_slots.touch(info.key);
                }
                let Some(index) = self.open(slot, info) else {
                    return false;
                };
                let stream = &mut self.streams[index];
                stream.projection.set_target(Some(target));
                if stream.shows.replace(info.video_type) != Some(info.video_type) {
                    self.mark_changed(info.key);
                }
                true
            }
            None => {
                if let Some(index) = self.stream_of(slot) {
                    self.streams[index].projection.set_target(None);
                }
                false
            }
        }
    }

    /// Source, SSRCs and mid of every slot (or of those named).
    pub fn mappings(&self, kind: MediaKind, only: Option<&[usize]>) -> Vec<Mapping> {
        let (slots, streams) = match kind {
            MediaKind::Audio => (&self.audio_slots, &self.audio_streams),
            MediaKind::Video => (&self.video_slots, &self.video_streams),
        };
        let mappings = slots
            .iter()
            .filter(|(slot, ..)| only.is_none_or(|o| o.contains(slot)));
        let mapping =
            |(slot, source, ssrcs): (usize, SourceKey, crate::ssrc_slots::SlotSsrcs)| Mapping {
                source,
                ssrc: ssrcs.primary,
                rtx: ssrcs.rtx,
                mid: streams
                    .get(slot)
                    .and_then(|i| self.streams[*i].mid)
                    .map(|m| m.to_string()),
            };
        mappings.map(mapping).collect()
    }

    /// Something of a source in a slot changed that the receiver is to be told.
    pub fn mark_changed(&mut self, source: SourceKey) {
        if let Some(slot) = self.video_slots.of_source(source)
            && !self.changed_video.contains(&slot)
        {
            self.changed_video.push(slot);
        }
    }
}

/// What a source map says of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The source in it.
    pub source: SourceKey,
    /// Under which the receiver sees it.
    pub ssrc: Ssrc,
    /// Its retransmissions' SSRC.
    pub rtx: Ssrc,
    /// `None` where the receiver tells streams apart by SSRC.
    pub mid: Option<String>,
}
