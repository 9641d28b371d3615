//! What an endpoint is sent: its streams, retransmissions, probes, and the feedback it gives.

pub mod assignment;
pub mod congestion;
pub mod pacing;
pub mod payloads;
pub mod probes;
pub mod repair;
pub mod reports;
pub mod reserve;
pub mod stream;
pub mod write;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::cache::{CacheConfig, PacketCache};
use media::rtp::{AbsSendTime, Extension, ExtensionMap, SeqNum};
use media::srtp::MAX_OVERHEAD;
use media::transport::Transport;
use media::units::{Bitrate, Ssrc};
use rand::rngs::SmallRng;
use rustc_hash::FxHashMap;
use xmpp::bridge_channel::ReceiverAudioSubscription;

use crate::command::{MediaCapabilities, MediaKind};
use crate::conference::source::Source;
use crate::conference::{Conference, Pending};
use crate::ids::SourceKey;
use crate::packet::{Frame, PacketMeta, SharedPacket};
use crate::projection::{Decision, Rewrite, Target};
use crate::send_batch::{MAX_DATAGRAM, SendBatch};
use crate::settings::WorkerSettings;
use crate::ssrc_slots::SsrcSlots;
use crate::statistics::{Counters, DropReason, Drops};
pub use assignment::Mapping;
use congestion::Congestion;
use pacing::{Paced, Pacer};
use payloads::Payloads;
use probes::PaddingStream;
use repair::RepairBudget;
use reserve::Reserve;
use stream::OutStream;
use write::{MAX_PLAIN, Negotiated, Stamp};

/// What is kept of a stream for a receiver without RTX.
const SEALED: CacheConfig = CacheConfig {
    packets: 256,
    bytes: 256 * 1_024,
    max_age: Duration::from_secs(1),
};
/// IP and UDP headers, which the path carries too.
const HEADERS: usize = 28;
/// Streams of one receiver without SSRC rewriting.
const MAX_STREAMS: usize = 1_000;

/// What is probed for is this much more than there is use for.
const BEYOND: f64 = 1.1;

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
    pacer: Pacer,
    reserve: Reserve,
    repair_budget: RepairBudget,
    resends: VecDeque<(usize, SeqNum)>,
    resent: VecDeque<(usize, SeqNum, Instant)>,
    padding: Option<(usize, Option<u32>)>,
    next_padding: Option<Instant>,
    /// Packets sent in all.
    pub packets: u64,
    /// When the last was.
    pub sent_at: Option<Instant>,
    rate: crate::ingress::rate::RateWindow,
    rng: SmallRng,
    epoch: Instant,
    padding_stream: PaddingStream,
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
    /// The time of the input that is dealt with.
    pub now: Instant,
}

/// How a receiver is set up.
#[derive(Clone, Copy, Debug)]
pub struct EgressConfig {
    /// It takes SSRC rewriting.
    pub rewriting: bool,
    /// It tells streams apart by mid.
    pub mid_demux: bool,
    /// The bridge's own, for padding while no video is sent.
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
            pacer: Pacer::default(),
            reserve: Reserve::new(now),
            repair_budget: RepairBudget::default(),
            resends: VecDeque::new(),
            resent: VecDeque::new(),
            padding: None,
            next_padding: None,
            packets: 0,
            sent_at: None,
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
    pub fn bitrate(&mut self, now: Instant) -> Bitrate {
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

    /// Forwards one packet if this receiver wants it. Nothing is done when the batch is full:
    /// check [`SendBatch::has_room`] first.
    pub fn forward(&mut self, source: &Source, pending: &Pending, link: &mut Link<'_>) {
        let (slot, packet) = (pending.slot, &pending.packet);
        link.counters.media_packets_offered += 1;
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
            UNWANTED => return link.drops.count(DropReason::Unwanted),
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
            NONE => return link.drops.count(DropReason::Unwanted),
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
        if meta.starts_keyframe() {
            stream.requests.handle_keyframe();
        }
        if stream.kind == MediaKind::Video && !self.pacer.admits(link.now) {
            self.pacer.push(Paced {
                stream: (index, stream.ssrc),
                origin: (slot, meta.encoding, meta.seq),
                rewrite,
                len: packet.len() + HEADERS,
                since: link.now,
            });
            return;
        }
        self.send(index, source, packet, &rewrite, link);
    }

    /// When the next packet that waits may go.
    pub fn pacing_timeout(&self, now: Instant) -> Option<Instant> {
        self.pacer.poll_timeout(now)
    }

    /// Sends what has waited long enough. `false` when the batch is full.
    pub fn send_paced(&mut self, conference: &Conference, link: &mut Link<'_>) -> bool {
        loop {
            if !link.batch.has_room() {
                return false;
            }
            let Some(paced) = self.pacer.poll(link.now) else {
                return true;
            };
            let (index, ssrc) = paced.stream;
            let (slot, encoding, number) = paced.origin;
            let source = conference.source(slot);
            let packet = source.and_then(|source| source.packet(encoding, number));
            match source.zip(packet) {
                // A source that is gone has left its stream to another one.
                Some((source, packet)) if self.streams[index].ssrc == ssrc => {
                    self.send(index, source, packet, &paced.rewrite, link);
                }
                _ => link.drops.count(DropReason::NoSlot),
            }
        }
    }

    fn send(
        &mut self,
        index: usize,
        source: &Source,
        packet: &SharedPacket,
        rewrite: &Rewrite,
        link: &mut Link<'_>,
    ) {
        let stream = &self.streams[index];
        let (ssrc, mid, kind) = (stream.ssrc, stream.mid, stream.kind);
        let stamp = self.stamp(mid.as_deref(), link.now);
        let Some(out) = link.batch.slot() else { return };
        let room = out.len() - MAX_OVERHEAD;
        let negotiated = Negotiated {
            extensions: &self.extensions,
            payloads: &self.payloads,
        };
        let incoming = &source.info.extensions;
        let written =
            negotiated.write_media(packet, incoming, ssrc, rewrite, &stamp, &mut out[..room]);
        let len = match written {
            Ok(len) => len,
            Err(reason) => {
                link.drops.count(reason);
                return;
            }
        };
        let Ok(protected) = link.transport.protect_rtp_at(out, len, rewrite.seq as u64) else {
            link.drops.count(DropReason::NotProtected);
            return;
        };
        let stream = &mut self.streams[index];
        if kind == MediaKind::Video && !self.payloads.has_rtx() {
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
        if kind == MediaKind::Audio {
            self.reserve.handle_audio(protected + HEADERS, link.now);
        }
        self.sent(protected, None, link);
    }

    fn stamp<'a>(&self, mid: Option<&'a str>, now: Instant) -> Stamp<'a> {
        Stamp {
            transport_cc: self.congestion.next(),
            abs_send_time: Some(AbsSendTime::from_time(
                now.saturating_duration_since(self.epoch),
            )),
            mid,
        }
    }

    fn sent(&mut self, len: usize, cluster: Option<u32>, link: &mut Link<'_>) {
        let Some((from, to)) = link.transport.route() else {
            return;
        };
        link.batch.commit(from, to, len);
        self.packets += 1;
        self.sent_at = Some(link.now);
        self.rate.count(len, link.now);
        self.pacer.handle_sent(len + HEADERS);
        self.congestion
            .handle_sent(len + HEADERS, cluster, link.now);
    }

    /// Moves time on: at least each 100 ms. `ideal` is the rate of the layers that there is use for.
    pub fn handle_control(&mut self, ideal: Bitrate, now: Instant) {
        self.reserve.handle_timeout(now);
        // Past what it needs, so that nothing stays just out of reach.
        let wanted = (ideal + self.reserve.rate()) * BEYOND;
        self.congestion.handle_timeout(wanted, now);
        self.pacer.set_estimate(self.congestion.estimate());
        let sent = self.rate.rate(now);
        self.repair_budget
            .set_rate(self.congestion.estimate().unwrap_or(sent), now);
    }

    /// What video may take: the estimate less what else goes to the receiver.
    pub fn available(&self) -> Bitrate {
        match self.congestion.available() {
            Bitrate::MAX => Bitrate::MAX,
            estimate => estimate - self.reserve.rate(),
        }
    }

    /// The receiver asks for a keyframe. Returns of what, if it may.
    pub fn handle_keyframe_request(&mut self, ssrc: Ssrc, now: Instant) -> Option<(SourceKey, u8)> {
        let stream = &mut self.streams[self.by_ssrc.get(&ssrc).copied()?];
        if stream.kind != MediaKind::Video || !stream.requests.handle_request(now) {
            return None;
        }
        stream.shown()
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
            if stream.requests.poll(now) {
                wanted.extend(stream.shown());
            }
        }
    }

    /// Appends sender reports.
    pub fn write_reports(&mut self, conference: &Conference, now: Instant, out: &mut Vec<u8>) {
        reports::write(&mut self.streams, conference, now, out);
    }
}

const _: () = assert!(MAX_PLAIN >= MAX_DATAGRAM - MAX_OVERHEAD);
