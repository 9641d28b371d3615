//! A browser: transport, camera, microphone, and what it makes of what it gets.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bridge::ids::EndpointKey;
use media::bwe::{Config, RemoteEstimator};
use media::rtcp::{
    Compound, Nack, Pli, ReceiverReport, Remb, RtcpPacket, SenderInfo, SenderReport,
};
use media::rtp::{AbsSendTime, NtpTime, RtpPacket, SeqNum, Timestamp};
use media::srtp::MAX_OVERHEAD;
use media::transport::{Received, Transport};
use media::twcc::FeedbackGenerator;
use media::units::{Bitrate, Ssrc};
use rand::rngs::SmallRng;

use super::camera::Camera;
use super::decoder::Decoder;
use super::uplink::{Uplink, Waiting};

pub const OPUS: u8 = 111;
pub const VP8: u8 = 100;
pub const RTX: u8 = 96;
pub const LEVEL_ID: u8 = 1;
pub const ABS_ID: u8 = 3;
pub const TCC_ID: u8 = 5;
/// Bytes of Opus in 20 ms at 32 kbit/s.
const OPUS_LEN: usize = 80;
const HEADER: usize = 28;
const TICK: Duration = Duration::from_millis(10);

/// How a browser is.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    pub camera: u8,
    pub microphone: bool,
    pub transport_cc: bool,
    pub rtx: bool,
    pub nack: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            camera: 0,
            microphone: true,
            transport_cc: true,
            rtx: true,
            nack: true,
        }
    }
}

pub struct Peer {
    pub id: String,
    pub tag: u8,
    pub key: EndpointKey,
    pub addr: SocketAddr,
    pub transport: Transport,
    pub traits: Traits,
    pub connected: Option<Instant>,
    pub camera: Option<Camera>,
    pub uplink: Uplink,
    pub audio_ssrc: u32,
    pub outgoing: Vec<Vec<u8>>,
    /// By primary SSRC.
    pub video: BTreeMap<u32, Decoder>,
    /// Retransmission SSRC → primary.
    pub rtx: BTreeMap<u32, u32>,
    /// Audio packets got, by owner: when each was.
    pub heard: BTreeMap<u8, Vec<Instant>>,
    pub told: Vec<serde_json::Value>,
    /// When audio packets of its own were made.
    pub spoken: Vec<Instant>,
    twcc: FeedbackGenerator,
    remote: RemoteEstimator,
    audio_seq: u16,
    audio_timestamp: u32,
    sent: VecDeque<(u32, u16, u32, bool, Vec<u8>)>,
    next_audio: Instant,
    next_video: Instant,
    next_tick: Instant,
    next_report: Instant,
    start: Instant,
    rng: SmallRng,
}

impl Peer {
    #[expect(clippy::too_many_arguments, reason = "a peer is made in one place")]
    pub fn new(
        id: &str,
        tag: u8,
        key: EndpointKey,
        addr: SocketAddr,
        transport: Transport,
        traits: Traits,
        rng: SmallRng,
        now: Instant,
    ) -> Self {
        let next = now + Duration::from_millis(u64::from(tag) * 3);
        Self {
            id: id.to_owned(),
            tag,
            key,
            addr,
            transport,
            traits,
            connected: None,
            camera: (traits.camera > 0).then(|| Camera::new(tag, traits.camera)),
            uplink: Uplink::new(traits.transport_cc, now),
            audio_ssrc: 1_000_000 + u32::from(tag) * 100,
            outgoing: Vec::new(),
            video: BTreeMap::new(),
            rtx: BTreeMap::new(),
            heard: BTreeMap::new(),
            told: Vec::new(),
            spoken: Vec::new(),
            twcc: FeedbackGenerator::new(),
            remote: RemoteEstimator::new(Config {
                initial: Bitrate::from_kbps(300),
                ..Config::default()
            }),
            audio_seq: 0,
            audio_timestamp: 0,
            sent: VecDeque::new(),
            next_audio: next,
            next_video: next,
            next_tick: next,
            next_report: next,
            start: now,
            rng,
        }
    }

    pub fn poll_timeout(&mut self) -> Instant {
        let transport = self.transport.poll_timeout();
        if self.connected.is_none() {
            return transport.unwrap_or(self.next_tick);
        }
        let own = [
            self.next_tick,
            self.next_audio,
            self.next_video,
            self.uplink.next,
        ];
        own.into_iter()
            .chain(transport)
            .min()
            .unwrap_or(self.next_tick)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|at| at <= now) {
            self.transport.handle_timeout(now);
        }
        if self.connected.is_none() {
            if !self.transport.is_connected() {
                return;
            }
            self.connected = Some(now);
            self.next_audio = self.next_audio.max(now);
            self.next_video = self.next_video.max(now);
            self.next_tick = self.next_tick.max(now);
            self.next_report = self.next_report.max(now);
            self.uplink.next = now;
        }
        if self.next_audio <= now {
            self.next_audio += Duration::from_millis(20);
            if self.traits.microphone {
                self.speak(now);
            }
        }
        if self.next_video <= now {
            self.next_video += Duration::from_micros(33_333);
            self.film();
        }
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.feed_back(now);
        }
        self.send(now);
    }

    fn speak(&mut self, now: Instant) {
        self.audio_seq = self.audio_seq.wrapping_add(1);
        self.audio_timestamp = self.audio_timestamp.wrapping_add(960);
        self.spoken.push(now);
        let mut payload = vec![0xfc, self.tag];
        payload.resize(OPUS_LEN, 7);
        let (seq, timestamp, ssrc) = (self.audio_seq, self.audio_timestamp, self.audio_ssrc);
        let bytes = rtp(OPUS, false, seq, timestamp, ssrc, &payload);
        self.uplink.push(Waiting { bytes, audio: true });
    }

    fn film(&mut self) {
        let Some(camera) = &mut self.camera else {
            return;
        };
        let audio = 70_000.0;
        // A tenth is headers.
        camera.set_budget((self.uplink.estimate().as_f64() * 0.9 - audio).max(0.0));
        for frame in camera.frames(&mut self.rng) {
            let encoding = &mut camera.encodings[frame.encoding];
            let last = frame.payloads.len() - 1;
            for (part, payload) in frame.payloads.into_iter().enumerate() {
                encoding.seq = encoding.seq.wrapping_add(1);
                let (seq, ssrc, marker) = (encoding.seq, encoding.ssrc, part == last);
                let bytes = rtp(VP8, marker, seq, frame.timestamp, ssrc, &payload);
                self.uplink.push(Waiting {
                    bytes,
                    audio: false,
                });
                self.sent
                    .push_back((ssrc, seq, frame.timestamp, marker, payload));
                if self.sent.len() > 1_500 {
                    self.sent.pop_front();
                }
            }
        }
    }

    fn send(&mut self, now: Instant) {
        let rate = self.camera.as_ref().map_or(0.0, Camera::rate);
        let wanted = match &self.camera {
            Some(camera) if camera.wanted != 0 => Bitrate::from_kbps(2_600),
            _ => Bitrate::ZERO,
        };
        let target = Bitrate::from_f64(rate * 1.1 + 70_000.0);
        let (packets, mut padding) = self.uplink.poll(wanted, target, now);
        for packet in packets {
            self.stamp_and_protect(packet.bytes, now);
        }
        let rtx = self
            .camera
            .as_ref()
            .and_then(|c| c.encodings.first())
            .map(|e| e.rtx);
        while padding > 0
            && let Some(rtx) = rtx
            && let Some(camera) = &mut self.camera
        {
            camera.encodings[0].rtx_seq = camera.encodings[0].rtx_seq.wrapping_add(1);
            let seq = camera.encodings[0].rtx_seq;
            let mut bytes = rtp(RTX, false, seq, 0, rtx, &[]);
            bytes[0] |= 0x20;
            bytes.resize(bytes.len() + 254, 0);
            bytes.push(255);
            self.uplink.handle_padding_sent(bytes.len());
            padding = padding.saturating_sub(bytes.len());
            self.stamp_and_protect(bytes, now);
        }
    }

    fn stamp_and_protect(&mut self, mut bytes: Vec<u8>, now: Instant) {
        let seq = self.uplink.stamp(bytes.len() + 16, now);
        bytes[17..19].copy_from_slice(&seq.to_be_bytes());
        let sent = AbsSendTime::from_time(now - self.start).to_bytes();
        bytes[20..23].copy_from_slice(&sent);
        self.protect(bytes, false);
    }

    fn protect(&mut self, mut packet: Vec<u8>, rtcp: bool) {
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let protected = if rtcp {
            self.transport.protect_rtcp(&mut packet, len)
        } else {
            self.transport.protect_rtp(&mut packet, len)
        };
        if let Ok(len) = protected {
            packet.truncate(len);
            self.outgoing.push(packet);
        }
    }

    fn feed_back(&mut self, now: Instant) {
        let own = Ssrc(self.audio_ssrc);
        let mut out = Vec::new();
        let report = self.next_report <= now;
        let mut blocks = Vec::new();
        if report {
            self.next_report = now + Duration::from_secs(1);
            for (ssrc, decoder) in &mut self.video {
                blocks.extend(decoder.reception.poll_report(Ssrc(*ssrc), now));
            }
            let encodings = self.camera.iter().flat_map(|c| &c.encodings);
            let video = encodings.map(|e| (e.ssrc, e.timestamp));
            for (ssrc, timestamp) in video.chain([(self.audio_ssrc, self.audio_timestamp)]) {
                let info = SenderInfo {
                    ssrc: Ssrc(ssrc),
                    ntp: NtpTime::from_unix(now - self.start),
                    timestamp: Timestamp(timestamp),
                    packets: 1,
                    bytes: 1,
                };
                SenderReport::write(&info, &[], &mut out);
            }
        }
        ReceiverReport::write(own, &blocks, &mut out);
        let before = out.len();
        if self.traits.transport_cc {
            while self.twcc.poll(own, now, &mut out) {}
        } else if report {
            let ssrcs: Vec<_> = self.video.keys().map(|s| Ssrc(*s)).collect();
            Remb::write(own, self.remote.estimate(), &ssrcs, &mut out);
        }
        for (ssrc, decoder) in &mut self.video {
            if self.traits.nack {
                let mut missing = Vec::new();
                decoder.nack.poll(now, &mut missing);
                Nack::write(own, Ssrc(*ssrc), &missing, &mut out);
            }
            if decoder.poll_keyframe_wanted(now) {
                Pli {
                    sender: own,
                    media: Ssrc(*ssrc),
                }
                .write(&mut out);
            }
        }
        if out.len() > before || report {
            self.protect(out, true);
        }
    }

    pub fn handle_datagram(&mut self, payload: &[u8], from: SocketAddr, now: Instant) {
        let mut buf = payload.to_vec();
        match self
            .transport
            .handle_datagram(&mut buf, from, self.addr, now)
        {
            Ok(Received::Rtp(len)) => self.receive_rtp(&buf[..len], payload.len(), now),
            Ok(Received::Rtcp(len)) => self.receive_rtcp(&buf[..len], now),
            Ok(Received::Handled) | Err(_) => {}
        }
    }

    fn receive_rtp(&mut self, bytes: &[u8], wire: usize, now: Instant) {
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return;
        };
        if let Some(&[high, low]) = packet.extension_by_id(TCC_ID) {
            let seq = SeqNum(u16::from_be_bytes([high, low]));
            self.twcc.handle_packet(seq, packet.ssrc(), now);
        }
        if let Some(sent) = packet.extension_by_id(ABS_ID).and_then(AbsSendTime::parse)
            && !self.traits.transport_cc
        {
            self.remote.handle_packet(sent, wire + HEADER, now);
        }
        if packet.is_padding_only() {
            if let Some(decoder) = self.video.get_mut(&packet.ssrc().0) {
                decoder.handle_empty(packet.sequence_number(), now);
            }
            return;
        }
        if packet.payload_type().value() == OPUS {
            let owner = packet.payload()[1];
            self.heard.entry(owner).or_default().push(now);
            return;
        }
        let repair = packet.payload_type().value() == RTX;
        let (mut ssrc, mut seq) = (packet.ssrc().0, packet.sequence_number());
        let mut payload = packet.payload();
        if repair {
            let Some(primary) = self.rtx.get(&ssrc) else {
                return;
            };
            let Some((number, rest)) = payload.split_first_chunk::<2>() else {
                return;
            };
            ssrc = *primary;
            seq = SeqNum(u16::from_be_bytes(*number));
            payload = rest;
        }
        self.video.entry(ssrc).or_default().handle_packet(
            seq,
            packet.timestamp().0,
            packet.marker(),
            payload,
            repair,
            now,
        );
    }

    fn receive_rtcp(&mut self, bytes: &[u8], now: Instant) {
        for packet in Compound::new(bytes).flatten() {
            match packet {
                RtcpPacket::Pli(pli) => {
                    for encoding in self.camera.iter_mut().flat_map(|c| &mut c.encodings) {
                        encoding.keyframe_wanted |= encoding.ssrc == pli.media.0;
                    }
                }
                RtcpPacket::Nack(nack) => {
                    for seq in nack.sequence_numbers() {
                        self.send_again(nack.media.0, seq.0);
                    }
                }
                RtcpPacket::TransportCc(feedback) => self.uplink.handle_feedback(&feedback, now),
                RtcpPacket::Remb(remb) => self.uplink.handle_remb(remb.bitrate),
                RtcpPacket::SenderReport(report) => {
                    if let Some(decoder) = self.video.get_mut(&report.info.ssrc.0) {
                        decoder.reception.handle_sender_report(report.info.ntp, now);
                    }
                }
                _ => {}
            }
        }
    }

    fn send_again(&mut self, ssrc: u32, seq: u16) {
        let kept = self.sent.iter().find(|s| (s.0, s.1) == (ssrc, seq));
        let Some((_, _, timestamp, marker, payload)) = kept else {
            return;
        };
        let mut encodings = self.camera.iter_mut().flat_map(|c| &mut c.encodings);
        let Some(encoding) = encodings.find(|e| e.ssrc == ssrc) else {
            return;
        };
        encoding.rtx_seq = encoding.rtx_seq.wrapping_add(1);
        let payload = [&seq.to_be_bytes()[..], payload].concat();
        let bytes = rtp(
            RTX,
            *marker,
            encoding.rtx_seq,
            *timestamp,
            encoding.rtx,
            &payload,
        );
        self.uplink.push(Waiting {
            bytes,
            audio: false,
        });
    }

    /// The bridge says something on the channel.
    pub fn hear(&mut self, text: serde_json::Value) {
        match text["colibriClass"].as_str() {
            Some("VideoSourcesMap") => {
                for mapped in text["mappedSources"].as_array().into_iter().flatten() {
                    let ssrc = |name: &str| mapped[name].as_u64().unwrap_or(0) as u32;
                    self.rtx.insert(ssrc("rtx"), ssrc("ssrc"));
                }
            }
            Some("SenderSourceConstraints") => {
                if let (Some(camera), Some(lines)) = (&mut self.camera, text["maxHeight"].as_i64())
                {
                    camera.wanted = lines as i32;
                }
            }
            _ => {}
        }
        self.told.push(text);
    }
}

fn rtp(
    payload_type: u8,
    marker: bool,
    seq: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x90, payload_type | u8::from(marker) << 7];
    packet.extend(seq.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 3]);
    packet.extend([TCC_ID << 4 | 1, 0, 0]);
    packet.extend([ABS_ID << 4 | 2, 0, 0, 0]);
    packet.extend([LEVEL_ID << 4, 30, 0, 0, 0]);
    packet.extend(payload);
    packet
}
