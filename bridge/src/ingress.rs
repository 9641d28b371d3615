//! What an endpoint sends: from decrypted RTP to packets that can be forwarded, and the feedback
//! that its streams get.

pub mod analysis;
pub mod keyframes;
pub mod layers;
pub mod rate;
pub mod sources;
pub mod stream;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::bwe::{Config, RemoteEstimator};
use media::codec::Codec;
use media::rtcp::{Fir, Nack, Pli, ReceiverReport, Remb, ReportBlock, SenderInfo};
use media::rtp::{
    AbsSendTime, AudioLevel, Extension, ExtensionMap, LayersAllocation, RtpLayout, RtpPacket,
    SeqNum,
};
use media::twcc::FeedbackGenerator;
use media::units::{Bitrate, Ssrc};
use media::{nack, rtx};

use crate::command::{ForceMute, MediaCapabilities, MediaKind, PayloadType};
use crate::packet::{Frame, PacketMeta};
use crate::statistics::{Counters, DropReason};
use rate::RateWindow;
use sources::IncomingSources;

/// Interval of receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Most report blocks in one receiver report (RFC 3550 section 6.4.1).
const MAX_BLOCKS: usize = 31;
/// What a packet takes on a receiver's path besides its own bytes: SRTP's tag, UDP and IP headers.
const ON_THE_WIRE: usize = 16 + 28;
/// Of senders that take REMB.
const REMOTE: Config = Config {
    initial: Bitrate::from_kbps(2_500),
    min: Bitrate::from_kbps(60),
    max: Bitrate::from_kbps(20_000),
};
/// A rate that has fallen to less than this share of what was told is told at once.
const WORTH_TELLING: f64 = 0.97;
/// Rates are told no more often than this.
const RATE_INTERVAL: Duration = Duration::from_millis(200);
/// Level of RFC 6464 that means silence.
const SILENCE: u8 = 127;

/// What an endpoint sends, and what it was negotiated to send.
#[derive(Debug)]
pub struct Ingress {
    extensions: Arc<ExtensionMap>,
    payloads: Box<[Option<PayloadType>; 128]>,
    transport_cc: bool,
    remb: bool,
    /// What it has announced, with the state of each SSRC.
    pub sources: IncomingSources,
    force_mute: ForceMute,
    visitor: bool,
    silence_limit: Option<u32>,
    twcc: FeedbackGenerator,
    /// What it can send, where that is for the bridge to find out.
    remote: Option<Box<RemoteEstimator>>,
    told_rate: Option<(Bitrate, Instant)>,
    rate: RateWindow,
    packets: u64,
    last_report: Option<Instant>,
    feedback: FeedbackSsrcs,
    missing: Vec<SeqNum>,
}

/// The SSRCs from which the bridge sends feedback.
#[derive(Clone, Copy, Debug)]
pub struct FeedbackSsrcs {
    /// On audio.
    pub audio: Ssrc,
    /// On video and the whole transport.
    pub video: Ssrc,
}

/// A packet that shall be forwarded: `buf[range]`.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Where it is in the buffer.
    pub range: Range<usize>,
    /// Where its parts are.
    pub layout: RtpLayout,
    /// What is known of it.
    pub meta: PacketMeta,
    /// Slot of its source in the conference.
    pub slot: usize,
    /// Which of the endpoint's sources.
    pub source: usize,
}

impl Ingress {
    /// Nothing is known yet.
    pub fn new(
        feedback: FeedbackSsrcs,
        visitor: bool,
        silence_limit: Option<u32>,
        now: Instant,
    ) -> Self {
        Self {
            extensions: Arc::default(),
            payloads: Box::new([None; 128]),
            transport_cc: false,
            remb: false,
            sources: IncomingSources::default(),
            force_mute: ForceMute::default(),
            visitor,
            silence_limit,
            twcc: FeedbackGenerator::new(),
            remote: None,
            told_rate: None,
            rate: RateWindow::new(now),
            packets: 0,
            last_report: None,
            feedback,
            missing: Vec::new(),
        }
    }

    /// Takes in payload types and header extensions, which hold for both directions.
    pub fn set_capabilities(&mut self, media: &MediaCapabilities) {
        let mut extensions = ExtensionMap::new();
        for extension in &media.extensions {
            // A reserved id is the peer's mistake: the extension is not used then.
            let _ = extensions.insert(extension.extension, extension.id);
        }
        self.extensions = Arc::new(extensions);
        *self.payloads = [None; 128];
        for payload in &media.payload_types {
            if let Some(entry) = self.payloads.get_mut(usize::from(payload.id)) {
                *entry = Some(*payload);
            }
        }
        let any = |f: fn(&PayloadType) -> bool| media.payload_types.iter().any(f);
        self.transport_cc = any(|p| p.feedback.transport_cc);
        self.remb = any(|p| p.feedback.remb);
    }

    /// Header extension ids.
    pub fn extensions(&self) -> &Arc<ExtensionMap> {
        &self.extensions
    }

    /// Media that is dropped from here on, whoever sends it.
    pub fn set_force_mute(&mut self, force_mute: ForceMute) {
        self.force_mute = force_mute;
    }

    /// Bitrate over the last second.
    pub fn bitrate(&mut self, now: Instant) -> Bitrate {
        self.rate.rate(now)
    }

    /// RTP packets received in all.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Takes in a decrypted RTP packet.
    ///
    /// # Errors
    /// The reason why it is not forwarded.
    pub fn handle_rtp(&mut self, buf: &mut [u8], now: Instant) -> Result<Accepted, DropReason> {
        let layout = RtpLayout::parse(buf).map_err(|_| DropReason::Malformed)?;
        let packet = RtpPacket::with_layout(buf, layout).ok_or(DropReason::Malformed)?;
        let wire_len = buf.len();
        self.packets += 1;
        self.rate.count(wire_len, now);

        let mut level = None;
        let mut descriptor = None;
        let mut allocated = None;
        for (id, value) in packet.extensions() {
            match self.extensions.extension(id) {
                Some(Extension::AudioLevel) => level = AudioLevel::parse(value),
                Some(Extension::DependencyDescriptor) => descriptor = Some(value),
                Some(Extension::VideoLayersAllocation) => {
                    allocated = LayersAllocation::parse(value)
                }
                Some(Extension::AbsSendTime) if self.remb && !self.transport_cc => {
                    if let Some(departed) = AbsSendTime::parse(value) {
                        let remote = self
                            .remote
                            .get_or_insert_with(|| Box::new(RemoteEstimator::new(REMOTE)));
                        remote.handle_packet(departed, wire_len + ON_THE_WIRE, now);
                    }
                }
                Some(Extension::TransportCc) if self.transport_cc => {
                    if let &[high, low] = value {
                        let seq = SeqNum(u16::from_be_bytes([high, low]));
                        self.twcc.handle_packet(seq, packet.ssrc(), now);
                    }
                }
                _ => {}
            }
        }
        if self.visitor {
            return Err(DropReason::Visitor);
        }
        let role = self
            .sources
            .role(packet.ssrc())
            .ok_or(DropReason::UnknownSsrc)?;
        let source = &mut self.sources.list[role.source];
        let (kind, muted) = match source.description.kind {
            MediaKind::Audio => (MediaKind::Audio, self.force_mute.audio),
            MediaKind::Video => (MediaKind::Video, self.force_mute.video),
        };
        let payload = self.payloads[packet.payload_type().index()];
        let mut payload = payload.ok_or(DropReason::UnknownPayloadType)?;
        if muted {
            return Err(DropReason::ForceMuted);
        }
        if let Some(allocated) = &allocated
            && kind == MediaKind::Video
        {
            source.set_allocated(allocated);
        }
        source.frames = source
            .frames
            .wrapping_add(u32::from(packet.marker() && !role.rtx));
        let frames = source.frames;
        let encoding = &mut source.encodings[usize::from(role.encoding)];

        let mut repaired = None;
        if role.rtx {
            let original = payload
                .associated
                .and_then(|apt| self.payloads.get(usize::from(apt)));
            payload = original
                .copied()
                .flatten()
                .ok_or(DropReason::UnknownPayloadType)?;
            let id =
                media::units::PayloadType::new(payload.id).ok_or(DropReason::UnknownPayloadType)?;
            // The extension values read above stay where they are: an unwrapped packet's header is
            // moved as a whole. The descriptor is looked up again below.
            descriptor = None;
            match rtx::unwrap(buf, layout, id, encoding.ssrc) {
                rtx::Unwrapped::Probe => return Err(DropReason::PaddingOnly),
                rtx::Unwrapped::Packet(range) => repaired = Some(range),
            }
        }
        let is_repair = repaired.is_some();
        let range = repaired.unwrap_or(0..wire_len);
        let bytes = &buf[range.clone()];
        let layout = if is_repair {
            RtpLayout::parse(bytes).map_err(|_| DropReason::Malformed)?
        } else {
            layout
        };
        let packet = RtpPacket::with_layout(bytes, layout).ok_or(DropReason::Malformed)?;
        if is_repair {
            descriptor = packet.extension(Extension::DependencyDescriptor, &self.extensions);
        }

        let seq = packet.sequence_number();
        if !is_repair {
            encoding
                .reception
                .handle_packet(seq, packet.timestamp(), wire_len, now);
        }
        let mut jumped = false;
        if payload.feedback.nack {
            match encoding.nack.handle_packet(seq, now) {
                nack::Received::New | nack::Received::Repaired => {}
                nack::Received::Duplicate => return Err(DropReason::Duplicate),
                nack::Received::Reset => jumped = true,
            }
        }
        let frame = if packet.is_padding_only() {
            Frame::Nothing(DropReason::PaddingOnly)
        } else if kind == MediaKind::Audio {
            let silent = level.is_some_and(|l| l.level == SILENCE);
            source.silence = if silent {
                source.silence.saturating_add(1)
            } else {
                0
            };
            if self
                .silence_limit
                .is_some_and(|limit| source.silence > limit)
            {
                Frame::Nothing(DropReason::Silence)
            } else {
                Frame::Audio
            }
        } else {
            let read = encoding
                .analysis
                .read(payload.codec, packet.payload(), descriptor);
            match read {
                Ok(frame) => frame,
                Err(_) => {
                    if payload.codec == Codec::Av1 {
                        // Its structure came with a keyframe that was lost.
                        encoding.keyframes.handle_request(now);
                    }
                    Frame::Nothing(DropReason::BadDescriptor)
                }
            }
        };
        let meta = PacketMeta {
            source: source.key,
            kind,
            encoding: role.encoding,
            codec: payload.codec,
            seq: encoding.seq.unwrap(u32::from(seq.0)),
            timestamp: packet.timestamp().0,
            marker: packet.marker(),
            arrival: now,
            level: level.map(|l| l.level),
            frame,
        };
        encoding.last_packet = Some(now);
        encoding.last_frame = frames;
        encoding.rates.count(&frame, bytes.len() + ON_THE_WIRE, now);
        if meta.starts_keyframe() && kind == MediaKind::Video {
            encoding.keyframes.handle_keyframe();
            if payload.feedback.nack {
                encoding.nack.handle_keyframe(seq);
            }
        } else if jumped {
            encoding.keyframes.handle_request(now);
        }
        Ok(Accepted {
            range,
            layout,
            meta,
            slot: source.slot,
            source: role.source,
        })
    }

    /// A sender report about one of its streams. Returns which source and encoding it is of.
    pub fn handle_sender_report(&mut self, info: &SenderInfo, now: Instant) -> Option<(usize, u8)> {
        let role = self.sources.role(info.ssrc).filter(|r| !r.rtx)?;
        let encoding = &mut self.sources.list[role.source].encodings[usize::from(role.encoding)];
        encoding.reception.handle_sender_report(info.ntp, now);
        Some((role.source, role.encoding))
    }

    /// The round trip to the endpoint, which paces repeated requests.
    pub fn handle_rtt(&mut self, rtt: Duration) {
        for encoding in self.sources.list.iter_mut().flat_map(|s| &mut s.encodings) {
            encoding.nack.handle_rtt(rtt);
        }
    }

    /// Appends the RTCP that is due.
    pub fn poll_feedback(&mut self, now: Instant, out: &mut Vec<u8>, counters: &mut Counters) {
        if self.transport_cc {
            while self.twcc.poll(self.feedback.video, now, out) {}
        }
        let sender = self.feedback.video;
        for source in &mut self.sources.list {
            if source.description.kind != MediaKind::Video {
                continue;
            }
            for encoding in &mut source.encodings {
                if encoding.nack.poll_timeout().is_some_and(|due| due <= now) {
                    self.missing.clear();
                    encoding.nack.poll(now, &mut self.missing);
                    counters.nacks_sent += self.missing.len() as u64;
                    Nack::write(sender, encoding.ssrc, &self.missing, out);
                }
                if encoding.keyframes.poll(now) {
                    counters.keyframes_requested += 1;
                    let payloads = self.payloads.iter().flatten();
                    let mut video = payloads.filter(|p| p.kind == MediaKind::Video);
                    let pli = video.clone().any(|p| p.feedback.pli);
                    if pli || !video.any(|p| p.feedback.fir) {
                        Pli {
                            sender,
                            media: encoding.ssrc,
                        }
                        .write(out);
                    } else {
                        encoding.fir_command = encoding.fir_command.wrapping_add(1);
                        Fir::write(sender, encoding.ssrc, encoding.fir_command, out);
                    }
                }
            }
        }
        self.write_rate(now, out);
        if self
            .last_report
            .is_none_or(|last| now.saturating_duration_since(last) >= REPORT_INTERVAL)
        {
            self.last_report = Some(now);
            self.write_reports(now, out);
        }
    }

    /// When [`Self::poll_feedback`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let twcc = if self.transport_cc {
            self.twcc.poll_timeout()
        } else {
            None
        };
        let encodings = self.sources.list.iter().flat_map(|s| &s.encodings);
        let streams = encodings.flat_map(|e| [e.nack.poll_timeout(), e.keyframes.poll_timeout()]);
        let report = self.last_report.map(|last| last + REPORT_INTERVAL);
        streams.chain([twcc, report]).flatten().min()
    }

    fn write_reports(&mut self, now: Instant, out: &mut Vec<u8>) {
        let mut blocks: arrayvec::ArrayVec<ReportBlock, MAX_BLOCKS> = arrayvec::ArrayVec::new();
        for encoding in self.sources.list.iter_mut().flat_map(|s| &mut s.encodings) {
            let live = encoding
                .last_packet
                .is_some_and(|last| now.saturating_duration_since(last) < 5 * REPORT_INTERVAL);
            if live
                && !blocks.is_full()
                && let Some(block) = encoding.reception.poll_report(encoding.ssrc, now)
            {
                encoding.fraction_lost = block.fraction_lost;
                blocks.push(block);
            }
        }
        if !blocks.is_empty() {
            ReceiverReport::write(self.feedback.video, &blocks, out);
        }
    }

    /// What the sender may send: each second, and when it becomes less.
    fn write_rate(&mut self, now: Instant, out: &mut Vec<u8>) {
        let Some(remote) = self.remote.as_ref() else {
            return;
        };
        let rate = remote.estimate();
        let due = self.told_rate.is_none_or(|(told, at)| {
            let passed = now.saturating_duration_since(at);
            passed >= REPORT_INTERVAL || (passed >= RATE_INTERVAL && rate < told * WORTH_TELLING)
        });
        if !due {
            return;
        }
        self.told_rate = Some((rate, now));
        let sources = self.sources.list.iter();
        let video = sources.filter(|s| s.description.kind == MediaKind::Video);
        let ssrcs: arrayvec::ArrayVec<Ssrc, 8> = video
            .flat_map(|s| &s.encodings)
            .map(|e| e.ssrc)
            .take(8)
            .collect();
        Remb::write(self.feedback.video, rate, &ssrcs, out);
    }

    /// Fraction of what it sent that was lost, over the last reports, 0..=1.
    pub fn loss(&self) -> f32 {
        let encodings = self.sources.list.iter().flat_map(|s| &s.encodings);
        let worst = encodings.map(|e| e.fraction_lost).max().unwrap_or(0);
        f32::from(worst) / 256.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::command::{Feedback, HeaderExtension, Semantics, SourceDescription, SsrcGroup};
    use crate::ids::EndpointKey;

    fn payload(id: u8, kind: MediaKind, codec: Codec, associated: Option<u8>) -> PayloadType {
        let nack = kind == MediaKind::Video && codec != Codec::Rtx;
        let feedback = Feedback {
            nack,
            pli: nack,
            transport_cc: true,
            ..Feedback::default()
        };
        PayloadType {
            id,
            kind,
            codec,
            clock_rate: 90_000,
            associated,
            feedback,
        }
    }

    fn ingress(visitor: bool) -> Ingress {
        let feedback = FeedbackSsrcs {
            audio: Ssrc(1),
            video: Ssrc(2),
        };
        let mut ingress = Ingress::new(feedback, visitor, Some(3), Instant::now());
        ingress.set_capabilities(&MediaCapabilities {
            payload_types: vec![
                payload(111, MediaKind::Audio, Codec::Opus, None),
                payload(107, MediaKind::Video, Codec::H264, None),
                payload(99, MediaKind::Video, Codec::Rtx, Some(107)),
            ],
            extensions: vec![HeaderExtension {
                id: 1,
                extension: Extension::AudioLevel,
            }],
        });
        let audio = SourceDescription {
            name: "a-a0".into(),
            kind: MediaKind::Audio,
            ssrcs: vec![Ssrc(100)],
            groups: vec![],
            video_type: None,
        };
        let fid = SsrcGroup {
            semantics: Semantics::Fid,
            ssrcs: vec![Ssrc(200), Ssrc(201)],
        };
        let video = SourceDescription {
            name: "a-v0".into(),
            kind: MediaKind::Video,
            ssrcs: vec![Ssrc(200), Ssrc(201)],
            groups: vec![fid],
            video_type: None,
        };
        ingress.sources.replace(EndpointKey(1), vec![audio, video]);
        ingress
    }

    fn rtp(payload_type: u8, seq: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type];
        packet.extend(seq.to_be_bytes());
        packet.extend(u32::from(seq).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(payload);
        packet
    }

    fn audio(seq: u16, level: u8) -> Vec<u8> {
        let mut packet = rtp(111, seq, 100, &[]);
        packet[0] |= 0x10;
        packet.extend([0xbe, 0xde, 0, 1, 0x10, level, 0, 0, 1, 2, 3]);
        packet
    }

    #[test]
    fn packets_of_unknown_ssrcs_and_payload_types_are_dropped_with_the_reason() {
        let mut ingress = ingress(false);
        let now = Instant::now();
        let mut handle = |mut packet: Vec<u8>| ingress.handle_rtp(&mut packet, now).map(|_| ());
        assert_eq!(handle(rtp(111, 1, 100, &[1])), Ok(()));
        assert_eq!(handle(rtp(111, 1, 999, &[1])), Err(DropReason::UnknownSsrc));
        assert_eq!(
            handle(rtp(13, 1, 100, &[1])),
            Err(DropReason::UnknownPayloadType)
        );
        assert_eq!(handle(vec![0x80; 11]), Err(DropReason::Malformed));
    }

    #[test]
    fn a_visitor_and_a_force_muted_endpoint_are_not_heard() {
        let now = Instant::now();
        let dropped = ingress(true).handle_rtp(&mut rtp(111, 1, 100, &[1]), now);
        assert_eq!(dropped.unwrap_err(), DropReason::Visitor);
        let mut ingress = ingress(false);
        ingress.set_force_mute(ForceMute {
            audio: true,
            video: false,
        });
        let dropped = ingress.handle_rtp(&mut rtp(111, 1, 100, &[1]), now);
        assert_eq!(dropped.unwrap_err(), DropReason::ForceMuted);
        assert!(
            ingress
                .handle_rtp(&mut rtp(107, 1, 200, &[0x67, 1, 2, 3]), now)
                .is_ok()
        );
    }

    #[test]
    fn a_hole_is_asked_for_and_filled_by_a_retransmission_once() {
        let mut ingress = ingress(false);
        let start = Instant::now();
        for seq in [1, 2, 4] {
            ingress
                .handle_rtp(&mut rtp(107, seq, 200, &[0x41, 1]), start)
                .unwrap();
        }
        let later = start + Duration::from_millis(60);
        let (mut out, mut counters) = (Vec::new(), Counters::default());
        ingress.poll_feedback(later, &mut out, &mut counters);
        assert_eq!(counters.nacks_sent, 1);
        let repair = rtp(99, 50, 201, &[0, 3, 0x41, 7]);
        let accepted = ingress.handle_rtp(&mut repair.clone(), later).unwrap();
        assert_eq!((accepted.meta.seq, accepted.meta.codec), (3, Codec::H264));
        let mut again = rtp(99, 51, 201, &[0, 3, 0x41, 7]);
        assert_eq!(
            ingress.handle_rtp(&mut again, later).unwrap_err(),
            DropReason::Duplicate
        );
    }

    #[test]
    fn silence_is_forwarded_three_times_and_then_left_out() {
        let mut ingress = ingress(false);
        let now = Instant::now();
        let mut frames = (1..=6).map(|seq| {
            let level = if seq == 6 { 30 } else { 127 };
            ingress
                .handle_rtp(&mut audio(seq, level), now)
                .unwrap()
                .meta
                .frame
        });
        assert!(frames.by_ref().take(3).all(|f| f == Frame::Audio));
        let left_out = Frame::Nothing(DropReason::Silence);
        assert_eq!(
            frames.collect::<Vec<_>>(),
            [left_out, left_out, Frame::Audio]
        );
    }

    #[test]
    fn a_report_of_what_was_received_goes_out_each_second() {
        let mut ingress = ingress(false);
        let start = Instant::now();
        ingress.handle_rtp(&mut audio(1, 30), start).unwrap();
        let mut reports = 0;
        for ms in 0..3_500 {
            let mut out = Vec::new();
            ingress
                .handle_rtp(&mut audio(ms as u16 + 2, 30), start)
                .unwrap();
            ingress.poll_feedback(
                start + Duration::from_millis(ms),
                &mut out,
                &mut Counters::default(),
            );
            reports += usize::from(out.get(1) == Some(&201));
        }
        assert_eq!(reports, 4);
    }
}
