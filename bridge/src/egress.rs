//! What an endpoint is sent: its streams, retransmissions, probes, and the feedback it gives.

pub mod congestion;
pub mod payloads;
pub mod reports;
pub mod stream;
pub mod write;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayString;
use media::cache::{CacheConfig, PacketCache, Resend};
use media::codec::Codec;
use media::probing::{Need, TICK};
use media::rtp::{AbsSendTime, Extension, ExtensionMap, HeaderFields, SeqNum, Timestamp};
use media::srtp::MAX_OVERHEAD;
use media::transport::Transport;
use media::units::{PayloadType, Ssrc};
use rand::Rng;
use rand::rngs::SmallRng;
use rustc_hash::FxHashMap;
use xmpp::bridge_channel::ReceiverAudioSubscription;

use crate::command::{MediaCapabilities, MediaKind};
use crate::conference::source::Source;
use crate::conference::{Conference, Pending};
use crate::ids::SourceKey;
use crate::message::SourceInfo;
use crate::packet::{Frame, PacketMeta};
use crate::projection::{Decision, Target};
use crate::send_batch::{MAX_DATAGRAM, SendBatch};
use crate::settings::WorkerSettings;
use crate::ssrc_slots::{Claim, SsrcSlots};
use crate::statistics::{Counters, DropReason, Drops};
use congestion::Congestion;
use payloads::Payloads;
use stream::OutStream;
use write::{MAX_PLAIN, Negotiated, Stamp};

/// Packets asked again that wait to be sent, at most.
const MAX_RESENDS: usize = 512;
/// Packets sent again lately that are remembered, so that crossing requests are answered once.
const REMEMBERED_RESENDS: usize = 64;
/// How often padding is looked at during a burst of probes.
const CLUSTER_TICK: Duration = Duration::from_millis(5);
/// Round trip before one is measured.
const DEFAULT_RTT: Duration = Duration::from_millis(100);
/// What is kept of a stream for a receiver without RTX.
const SEALED: CacheConfig = CacheConfig {
    packets: 256,
    bytes: 256 * 1_024,
    max_age: Duration::from_secs(1),
};
/// Streams of one receiver without SSRC rewriting.
const MAX_STREAMS: usize = 1_000;

/// No stream.
const NONE: u16 = 0;
/// No stream, and the receiver does not want one.
const UNWANTED: u16 = u16::MAX;

/// See the module.
#[derive(Debug)]
pub struct Egress {
    extensions: Arc<ExtensionMap>,
    payloads: Payloads,
    rewriting: bool,
    mid_demux: bool,
    streams: Vec<OutStream>,
    free: Vec<usize>,
    /// By slot of the source in the conference: one more than the stream's index.
    of_slot: Vec<u16>,
    by_ssrc: FxHashMap<Ssrc, usize>,
    video_slots: SsrcSlots<SourceKey>,
    audio_slots: SsrcSlots<SourceKey>,
    /// Stream of each SSRC slot.
    video_streams: Vec<usize>,
    audio_streams: Vec<usize>,
    subscription: ReceiverAudioSubscription,
    /// SSRC slots whose source is new, which the receiver is to be told of.
    pub changed_audio: Vec<usize>,
    /// Likewise for video.
    pub changed_video: Vec<usize>,
    /// Bandwidth.
    pub congestion: Congestion,
    resends: VecDeque<(usize, SeqNum)>,
    resent: VecDeque<(usize, SeqNum, Instant)>,
    padding: Option<(usize, Option<u32>)>,
    next_padding: Option<Instant>,
    /// Packets sent in all.
    pub packets: u64,
    rate: crate::ingress::rate::RateWindow,
    rng: SmallRng,
    epoch: Instant,
    padding_stream: PaddingStream,
}

/// Padding without a video stream to repeat goes out on the bridge's own video SSRC.
#[derive(Debug)]
struct PaddingStream {
    ssrc: Ssrc,
    next: u64,
}

/// Where packets of one receiver go.
pub struct Link<'a> {
    /// Encrypts.
    pub transport: &'a mut Transport,
    /// Takes them.
    pub batch: &'a mut SendBatch,
    /// What was dropped.
    pub drops: &'a mut Drops,
    /// What was sent.
    pub counters: &'a mut Counters,
    /// Now.
    pub now: Instant,
}

/// How a receiver is set up.
#[derive(Clone, Copy, Debug)]
pub struct EgressConfig {
    /// It takes SSRC rewriting.
    pub rewriting: bool,
    /// It tells streams apart by mid.
    pub mid_demux: bool,
    /// SSRC of padding.
    pub padding_ssrc: Ssrc,
    /// Feeds random SSRCs and first sequence numbers.
    pub seed: u64,
}

impl Egress {
    /// Nothing is negotiated yet.
    pub fn new(config: EgressConfig, settings: &WorkerSettings, now: Instant) -> Self {
        use rand::SeedableRng;
        Self {
            extensions: Arc::default(),
            payloads: Payloads::default(),
            rewriting: config.rewriting,
            mid_demux: config.mid_demux && config.rewriting,
            streams: Vec::new(),
            free: Vec::new(),
            of_slot: Vec::new(),
            by_ssrc: FxHashMap::default(),
            video_slots: SsrcSlots::new(settings.ssrc_slots),
            audio_slots: SsrcSlots::new(settings.ssrc_slots),
            video_streams: Vec::new(),
            audio_streams: Vec::new(),
            subscription: ReceiverAudioSubscription::default(),
            changed_audio: Vec::new(),
            changed_video: Vec::new(),
            congestion: Congestion::new(settings),
            resends: VecDeque::new(),
            resent: VecDeque::new(),
            padding: None,
            next_padding: None,
            packets: 0,
            rate: crate::ingress::rate::RateWindow::new(now),
            rng: SmallRng::seed_from_u64(config.seed),
            epoch: now,
            padding_stream: PaddingStream {
                ssrc: config.padding_ssrc,
                next: 1,
            },
        }
    }

    /// Takes in payload types and header extensions.
    pub fn set_capabilities(&mut self, media: &MediaCapabilities, extensions: &Arc<ExtensionMap>) {
        self.extensions = extensions.clone();
        self.payloads = Payloads::new(&media.payload_types);
        let transport_cc = self.extensions.id(Extension::TransportCc).is_some()
            && media.payload_types.iter().any(|p| p.feedback.transport_cc);
        let remb = media.payload_types.iter().any(|p| p.feedback.remb);
        self.congestion
            .negotiate(transport_cc, remb, self.payloads.has_rtx());
    }

    /// Whether SSRCs are rewritten.
    pub fn rewriting(&self) -> bool {
        self.rewriting
    }

    /// Bitrate sent over the last second.
    pub fn bitrate(&mut self, now: Instant) -> media::units::Bitrate {
        self.rate.rate(now)
    }

    /// What the receiver wants to hear.
    pub fn set_subscription(
        &mut self,
        subscription: ReceiverAudioSubscription,
        conference: &Conference,
    ) {
        self.subscription = subscription;
        for entry in &mut self.of_slot {
            if *entry == UNWANTED {
                *entry = NONE;
            }
        }
        for (slot, source) in conference.sources() {
            let unwanted = source.info.kind == MediaKind::Audio
                && !self.subscription.wants(source.info.name.as_str(), false);
            if unwanted {
                self.vacate(slot, source.info.key);
            }
        }
    }

    /// The stream that carries the source in this slot.
    fn stream_of(&self, slot: usize) -> Option<usize> {
        match self.of_slot.get(slot).copied() {
            None | Some(NONE | UNWANTED) => None,
            Some(entry) => Some(usize::from(entry) - 1),
        }
    }

    fn set_stream_of(&mut self, slot: usize, entry: u16) {
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

    fn vacate(&mut self, slot: usize, key: SourceKey) {
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
    fn open(&mut self, slot: usize, info: &SourceInfo) -> Option<usize> {
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

    fn open_slot(&mut self, slot: usize, info: &SourceInfo) -> Option<usize> {
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

    fn add_stream(&mut self, stream: OutStream) -> Option<usize> {
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
                self.streams[index].projection.set_target(Some(target));
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

    /// Forwards one packet if this receiver wants it. Nothing is done when the batch is full:
    /// check [`SendBatch::has_room`] first.
    pub fn forward(&mut self, source: &Source, pending: &Pending, link: &mut Link<'_>) {
        let (slot, packet) = (pending.slot, &pending.packet);
        let replaced;
        let meta = match pending.left_out {
            None => packet.meta(),
            Some(reason) => {
                replaced = PacketMeta {
                    frame: Frame::Nothing(reason),
                    ..*packet.meta()
                };
                &replaced
            }
        };
        let index = match self.of_slot.get(slot).copied().unwrap_or(NONE) {
            UNWANTED => return,
            NONE if meta.frame == Frame::Audio => {
                let wanted = self.subscription.wants(source.info.name.as_str(), false);
                match wanted.then(|| self.open(slot, &source.info)).flatten() {
                    Some(index) => {
                        let layer = crate::allocation::LayerIndex::default();
                        let target = Target {
                            source: source.info.key,
                            layer,
                        };
                        self.streams[index].projection.set_target(Some(target));
                        index
                    }
                    None => {
                        if !wanted {
                            self.set_stream_of(slot, UNWANTED);
                        }
                        link.drops.count(DropReason::NoSlot);
                        return;
                    }
                }
            }
            NONE => return,
            entry => usize::from(entry) - 1,
        };
        let stream = &mut self.streams[index];
        let rewrite = match stream.projection.decide(meta) {
            Decision::Forward(rewrite) => rewrite,
            Decision::Drop(reason) => {
                link.drops.count(reason);
                return;
            }
        };
        let mid = stream.mid;
        let ssrc = stream.ssrc;
        let stamps = self.payloads.has_rtx();
        let stamp = self.stamp(mid.as_deref(), stamps, link.now);
        let Some(out) = link.batch.slot() else { return };
        let room = out.len() - MAX_OVERHEAD;
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let incoming = &source.info.extensions;
        let written =
            negotiated.write_media(packet, incoming, ssrc, &rewrite, &stamp, &mut out[..room]);
        let len = match written {
            Ok(len) => len,
            Err(reason) => {
                link.drops.count(reason);
                return;
            }
        };
        let Ok(protected) = link.transport.protect_rtp_at(out, len, rewrite.seq as u64) else {
            link.drops.count(DropReason::Transport);
            return;
        };
        let stream = &mut self.streams[index];
        if !stamps && stream.kind == MediaKind::Video {
            let sealed = stream
                .sealed
                .get_or_insert_with(|| Box::new(PacketCache::new(SEALED)));
            sealed.insert(SeqNum(rewrite.seq as u16), &out[..protected], link.now);
        }
        stream.packets = stream.packets.wrapping_add(1);
        stream.bytes = stream
            .bytes
            .wrapping_add(packet.rtp().payload().len() as u32);
        stream.sent_at = Some(link.now);
        link.counters.media_packets_forwarded += 1;
        self.sent(protected, None, stamps, link);
    }

    fn stamp<'a>(&self, mid: Option<&'a str>, stamps: bool, now: Instant) -> Stamp<'a> {
        // Without RTX nothing can be probed, so that no estimate is made and no stamps are needed.
        if !stamps {
            return Stamp {
                mid,
                ..Stamp::default()
            };
        }
        Stamp {
            transport_cc: self.congestion.next(),
            abs_send_time: Some(AbsSendTime::from_time(
                now.saturating_duration_since(self.epoch),
            )),
            mid,
        }
    }

    fn sent(&mut self, len: usize, cluster: Option<u32>, stamps: bool, link: &mut Link<'_>) {
        let Some((from, to)) = link.transport.route() else {
            return;
        };
        link.batch.commit(from, to, len);
        self.packets += 1;
        self.rate.count(len, link.now);
        if stamps {
            self.congestion.handle_sent(len, cluster, link.now);
        }
    }

    /// The receiver misses packets of one of its streams.
    pub fn handle_nack(&mut self, ssrc: Ssrc, missing: impl Iterator<Item = SeqNum>) {
        let Some(index) = self.by_ssrc.get(&ssrc).copied() else {
            return;
        };
        for seq in missing {
            if self.resends.len() < MAX_RESENDS && !self.resends.contains(&(index, seq)) {
                self.resends.push_back((index, seq));
            }
        }
    }

    /// The receiver asks for a keyframe. Returns of what, if it may.
    pub fn handle_keyframe_request(&mut self, ssrc: Ssrc, now: Instant) -> Option<(SourceKey, u8)> {
        let stream = &mut self.streams[self.by_ssrc.get(&ssrc).copied()?];
        let target = stream
            .projection
            .target()
            .filter(|_| stream.kind == MediaKind::Video)?;
        let encoding = stream
            .projection
            .current_encoding()
            .unwrap_or(target.layer.encoding);
        stream
            .requests
            .allow(now)
            .then_some((target.source, encoding))
    }

    /// A report block about one of its streams. Returns the round trip if it tells.
    pub fn handle_report(
        &mut self,
        block: &media::rtcp::ReportBlock,
        now: Instant,
    ) -> Option<Duration> {
        let stream = &self.streams[self.by_ssrc.get(&block.ssrc).copied()?];
        self.congestion.handle_report(block.fraction_lost, now);
        let (lsr, delay) = (
            block.last_sender_report,
            block.delay_since_last_sender_report,
        );
        let rtt = stream.round_trip(lsr, delay, now)?;
        self.congestion.handle_rtt(rtt);
        Some(rtt)
    }

    /// Sources and encodings of which keyframes are wanted now.
    pub fn poll_keyframes_wanted(&mut self, now: Instant, wanted: &mut Vec<(SourceKey, u8)>) {
        for stream in self
            .streams
            .iter_mut()
            .filter(|s| s.kind == MediaKind::Video)
        {
            wanted.extend(stream.poll_keyframe_wanted(now));
        }
    }

    /// Appends sender reports.
    pub fn write_reports(&mut self, conference: &Conference, now: Instant, out: &mut Vec<u8>) {
        reports::write(&mut self.streams, conference, now, out);
    }

    /// Sends again what was asked for. `false` when the batch is full.
    pub fn send_again(&mut self, conference: &Conference, link: &mut Link<'_>) -> bool {
        while let Some((index, seq)) = self.resends.front().copied() {
            if !link.batch.has_room() {
                return false;
            }
            self.resends.pop_front();
            if !self.payloads.has_rtx() {
                link.counters.retransmissions_sent +=
                    u64::from(self.send_sealed_again(index, seq, link));
                continue;
            }
            let patience = self.congestion.rtt().unwrap_or(DEFAULT_RTT);
            let crossed = self.resent.iter().any(|(i, s, at)| {
                (*i, *s) == (index, seq) && link.now.saturating_duration_since(*at) < patience
            });
            if crossed {
                continue;
            }
            if self.send_one_again(index, seq, None, conference, link) {
                link.counters.retransmissions_sent += 1;
                if self.resent.len() == REMEMBERED_RESENDS {
                    self.resent.pop_front();
                }
                self.resent.push_back((index, seq, link.now));
            }
        }
        true
    }

    fn send_one_again(
        &mut self,
        index: usize,
        seq: SeqNum,
        cluster: Option<u32>,
        conference: &Conference,
        link: &mut Link<'_>,
    ) -> bool {
        let stream = &self.streams[index];
        let found = || {
            let (_, slot) = stream.source?;
            let (_, encoding, number) = stream.projection.origin(seq.0)?;
            let source = conference.source(slot)?;
            let packet = source.packet(encoding, number)?;
            Some((source, packet, stream.projection.again(packet.meta())?))
        };
        let Some((source, packet, rewrite)) = found() else {
            return false;
        };
        let (ssrc, rtx, mid, mut rtx_next) = (stream.ssrc, stream.rtx, stream.mid, stream.rtx_next);
        let Some(rtx) = rtx else { return false };
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let incoming = &source.info.extensions;
        let Some(out) = link.batch.slot() else {
            return false;
        };
        let room = out.len() - MAX_OVERHEAD;
        let mut plain = [0; MAX_PLAIN];
        let bare = Stamp {
            mid: mid.as_deref(),
            ..Stamp::default()
        };
        let written = negotiated.write_media(packet, incoming, ssrc, &rewrite, &bare, &mut plain);
        let Ok(len) = written else { return false };
        let stamp = self.stamp(mid.as_deref(), true, link.now);
        let codec = packet.meta().codec;
        let again = negotiated.write_rtx(
            codec,
            &plain[..len],
            rtx,
            &mut rtx_next,
            &stamp,
            &mut out[..room],
        );
        let Ok(len) = again else { return false };
        let Ok(protected) = link.transport.protect_rtp(out, len) else {
            return false;
        };
        self.streams[index].rtx_next = rtx_next;
        self.sent(protected, cluster, true, link);
        true
    }

    /// Sends the very same datagram again.
    fn send_sealed_again(&mut self, index: usize, seq: SeqNum, link: &mut Link<'_>) -> bool {
        let rtt = self.congestion.rtt().unwrap_or(DEFAULT_RTT);
        let Some(sealed) = &mut self.streams[index].sealed else {
            return false;
        };
        let Resend::Packet(packet) = sealed.resend(seq, rtt, link.now) else {
            return false;
        };
        let Some((from, to)) = link.transport.route() else {
            return false;
        };
        link.batch.push(from, to, packet)
    }

    /// When to look whether padding is due.
    pub fn padding_timeout(&self) -> Option<Instant> {
        self.next_padding
    }

    /// Looks whether padding is due.
    pub fn handle_padding(&mut self, need: Need, connected: bool, now: Instant) {
        if !connected || !self.congestion.may_probe() {
            self.next_padding = None;
            return;
        }
        if self.next_padding.is_some_and(|due| now < due) {
            return;
        }
        let padding = self.congestion.poll_padding(need, now);
        if padding.bytes > 0 {
            self.padding = Some((padding.bytes, padding.cluster));
        }
        self.next_padding = Some(
            now + if self.congestion.is_in_cluster() {
                CLUSTER_TICK
            } else if padding.bytes > 0 || need.wanting {
                TICK
            } else {
                7 * TICK
            },
        );
    }

    /// Whether something waits besides media.
    pub fn has_extra(&self) -> bool {
        self.padding.is_some() || !self.resends.is_empty()
    }

    /// Sends the padding that is due: packets of video again, or else empty ones. `false` when the
    /// batch is full.
    pub fn send_padding(&mut self, conference: &Conference, link: &mut Link<'_>) -> bool {
        let Some((mut left, cluster)) = self.padding else {
            return true;
        };
        let recent = self.streams.iter().position(|s| {
            s.kind == MediaKind::Video
                && s.rtx.is_some()
                && s.sent_at.is_some_and(|at| {
                    link.now.saturating_duration_since(at) < Duration::from_millis(500)
                })
        });
        let mut back = 0;
        while left > 0 {
            if !link.batch.has_room() {
                self.padding = Some((left, cluster));
                return false;
            }
            let before = link.batch.bytes().len();
            let newest = recent.and_then(|i| self.streams[i].projection.newest_seq());
            let sent = match (recent, newest) {
                (Some(index), Some(newest)) if back < 16 => {
                    let seq = SeqNum((newest as u16).wrapping_sub(back));
                    back += 1;
                    self.send_one_again(index, seq, cluster, conference, link)
                        || self.send_empty(cluster, link)
                }
                _ => self.send_empty(cluster, link),
            };
            if !sent {
                break;
            }
            link.counters.probing_packets_sent += 1;
            left = left.saturating_sub(link.batch.bytes().len() - before);
        }
        self.padding = None;
        true
    }

    fn send_empty(&mut self, cluster: Option<u32>, link: &mut Link<'_>) -> bool {
        let unknown = PayloadType::from_header_byte(100);
        let payload = [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264]
            .into_iter()
            .find_map(|codec| self.payloads.of(codec, unknown));
        let Some(payload_type) = payload.and_then(|p| p.rtx) else {
            return false;
        };
        let seq = self.padding_stream.next;
        let fields = HeaderFields {
            marker: false,
            payload_type,
            sequence_number: SeqNum(seq as u16),
            timestamp: Timestamp(0),
            ssrc: self.padding_stream.ssrc,
        };
        let stamp = self.stamp(None, true, link.now);
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let Some(out) = link.batch.slot() else {
            return false;
        };
        let room = out.len() - MAX_OVERHEAD;
        let Ok(len) = negotiated.write_padding(&fields, &stamp, &mut out[..room]) else {
            return false;
        };
        let Ok(protected) = link.transport.protect_rtp_at(out, len, seq) else {
            return false;
        };
        self.padding_stream.next += 1;
        self.sent(protected, cluster, true, link);
        true
    }
}

/// What a source map says of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The source in it.
    pub source: SourceKey,
    /// Its SSRC.
    pub ssrc: Ssrc,
    /// Its retransmissions' SSRC.
    pub rtx: Ssrc,
    /// Its mid.
    pub mid: Option<String>,
}

const _: () = assert!(MAX_PLAIN >= MAX_DATAGRAM - MAX_OVERHEAD);
