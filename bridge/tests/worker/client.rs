//! A simulated participant: transport, camera, microphone, and a receiver that checks what it gets.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bridge::ids::{EndpointKey, WorkerId};
use media::nack::NackGenerator;
use media::rtcp::{Compound, Nack, Pli, ReceiverReport, RtcpPacket, SenderInfo, SenderReport};
use media::rtp::{NtpTime, RtpPacket, SeqNum, Timestamp, Unwrapper};
use media::srtp::MAX_OVERHEAD;
use media::transport::{Received, Transport};
use media::twcc::FeedbackGenerator;
use media::units::Ssrc;

use crate::picture::{Encoder, Seen};

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 100;
pub(crate) const RTX: u8 = 96;
pub(crate) const LEVEL_ID: u8 = 1;
pub(crate) const TCC_ID: u8 = 5;

/// How loud a microphone is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Microphone {
    Off,
    Quiet,
    Loud,
}

pub(crate) struct Client {
    pub id: String,
    pub tag: u8,
    pub key: EndpointKey,
    pub worker: WorkerId,
    pub addr: SocketAddr,
    pub transport: Transport,
    pub connected: bool,
    pub microphone: Microphone,
    pub audio_ssrc: u32,
    pub encoders: Vec<Encoder>,
    pub streams: BTreeMap<u32, Stream>,
    /// Retransmission SSRC → primary, as signalled.
    pub rtx: BTreeMap<u32, u32>,
    pub texts: Vec<serde_json::Value>,
    pub asked_again: usize,
    pub dropped: usize,
    pub outgoing: Vec<Vec<u8>>,
    pub padding: usize,
    twcc: FeedbackGenerator,
    twcc_seq: u16,
    audio_seq: u16,
    audio_timestamp: u32,
    sent: VecDeque<(u32, u16, Vec<u8>)>,
    next_audio: Instant,
    next_video: Instant,
    next_report: Instant,
    step: u64,
    start: Instant,
}

/// What was received on one SSRC.
#[derive(Default)]
pub(crate) struct Stream {
    seq: Unwrapper<16>,
    pub packets: BTreeMap<i64, Packet>,
    nack: NackGenerator,
    pub repaired: usize,
    pub duplicates: usize,
    pub reports: Vec<SenderInfo>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub timestamp: u32,
    pub marker: bool,
    pub at: Instant,
    pub video: Option<Seen>,
    pub audio_owner: Option<u8>,
}

impl Stream {
    /// Whether every packet between the first and the last came, in one unbroken sequence.
    pub(crate) fn assert_unbroken(&self, what: &str) {
        let (first, last) = (
            *self.packets.keys().next().unwrap(),
            *self.packets.keys().last().unwrap(),
        );
        let missing: Vec<_> = (first..=last)
            .filter(|s| !self.packets.contains_key(s))
            .collect();
        // The last packets may still be on their way again.
        let hole = missing.iter().find(|s| **s < last - 20);
        assert!(
            hole.is_none(),
            "{what}: {} of {} missing, first {hole:?}",
            missing.len(),
            last - first
        );
        let mut before: Option<&Packet> = None;
        for packet in self.packets.values().filter(|p| p.video.is_some()) {
            if let (Some(before), Some(video)) = (before, packet.video) {
                let step = packet.timestamp.wrapping_sub(before.timestamp) as i32;
                assert!(step >= 0, "{what}: time goes back by {step}");
                assert!(
                    step == 0 || before.marker,
                    "{what}: the last packet of a picture is marked"
                );
                let earlier = before.video.unwrap();
                let pictures = video.picture.wrapping_sub(earlier.picture) & 0x7fff;
                assert_eq!(
                    pictures,
                    u16::from(step != 0),
                    "{what}: picture ids have no holes"
                );
                assert_eq!(
                    step != 0,
                    video.start,
                    "{what}: a picture starts where one ended"
                );
                assert!(
                    video.tl0.wrapping_sub(earlier.tl0) <= 1,
                    "{what}: TL0PICIDX"
                );
                assert_eq!(
                    video.key.wrapping_sub(earlier.key) & 0x1f,
                    u8::from(video.keyframe && video.start),
                    "{what}: KEYIDX"
                );
            }
            before = Some(packet);
        }
    }

    pub(crate) fn after(&self, at: Instant) -> impl Iterator<Item = &Packet> {
        self.packets.values().filter(move |p| p.at >= at)
    }
}

impl Client {
    #[expect(clippy::too_many_arguments, reason = "tests")]
    pub(crate) fn new(
        id: &str,
        tag: u8,
        key: EndpointKey,
        worker: WorkerId,
        addr: SocketAddr,
        transport: Transport,
        encoders: Vec<Encoder>,
        now: Instant,
    ) -> Self {
        let offset = Duration::from_millis(u64::from(tag) * 3);
        Self {
            id: id.to_owned(),
            tag,
            key,
            worker,
            addr,
            transport,
            connected: false,
            microphone: Microphone::Quiet,
            audio_ssrc: 1_000_000 + u32::from(tag) * 100,
            encoders,
            streams: BTreeMap::new(),
            rtx: BTreeMap::new(),
            texts: Vec::new(),
            asked_again: 0,
            dropped: 0,
            outgoing: Vec::new(),
            padding: 0,
            twcc: FeedbackGenerator::new(),
            twcc_seq: 0,
            audio_seq: u16::from(tag).wrapping_mul(1_000),
            audio_timestamp: 0,
            sent: VecDeque::new(),
            next_audio: now + offset,
            next_video: now + offset,
            next_report: now + offset,
            step: 0,
            start: now,
        }
    }

    pub(crate) fn audio_name(&self) -> String {
        format!("{}-a0", self.id)
    }

    pub(crate) fn video_name(&self) -> String {
        format!("{}-v0", self.id)
    }

    /// Closes the connection, as a browser does with a page that goes; nothing more is sent.
    pub(crate) fn close(&mut self, now: Instant) {
        self.transport.close(now);
        self.connected = false;
        let never = now + Duration::from_secs(86_400);
        (self.next_audio, self.next_video, self.next_report) = (never, never, never);
    }

    pub(crate) fn poll_timeout(&mut self) -> Instant {
        let media = self.next_audio.min(self.next_video).min(self.next_report);
        let transport = self.transport.poll_timeout().unwrap_or(media);
        if self.connected {
            media.min(transport)
        } else {
            transport
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|at| at <= now) {
            self.transport.handle_timeout(now);
        }
        if !self.connected {
            if self.transport.is_connected() {
                self.connected = true;
                self.next_audio = self.next_audio.max(now);
                self.next_video = self.next_video.max(now);
                self.next_report = self.next_report.max(now);
            }
            return;
        }
        if self.next_audio <= now {
            self.next_audio += Duration::from_millis(20);
            self.send_audio();
        }
        if self.next_video <= now {
            self.next_video += Duration::from_micros(33_333);
            self.send_video();
        }
        if self.next_report <= now {
            self.next_report += Duration::from_millis(50);
            self.send_feedback(now);
        }
    }

    fn send_audio(&mut self) {
        self.audio_timestamp = self.audio_timestamp.wrapping_add(960);
        if self.microphone == Microphone::Off {
            return;
        }
        self.step += 1;
        let level = match self.microphone {
            Microphone::Loud if self.step % 12 != 11 => 20 + (self.step % 5) as u8,
            _ => 100 + (self.step % 7) as u8,
        };
        self.audio_seq = self.audio_seq.wrapping_add(1);
        let payload = [0xfc, self.tag, 3, 4, 5, 6, 7, 8, 9, 10];
        let (seq, timestamp, ssrc) = (self.audio_seq, self.audio_timestamp, self.audio_ssrc);
        self.send_rtp(OPUS, false, seq, timestamp, ssrc, Some(level), &payload);
    }

    fn send_video(&mut self) {
        for index in 0..self.encoders.len() {
            if !self.encoders[index].active {
                self.encoders[index].skip();
                continue;
            }
            let (timestamp, payloads) = self.encoders[index].frame();
            let last = payloads.len() - 1;
            for (part, payload) in payloads.iter().enumerate() {
                let encoder = &mut self.encoders[index];
                encoder.seq = encoder.seq.wrapping_add(1);
                let (seq, ssrc) = (encoder.seq, encoder.ssrc);
                self.send_rtp(VP8, part == last, seq, timestamp, ssrc, None, payload);
                self.sent.push_back((
                    ssrc,
                    seq,
                    [
                        &timestamp.to_be_bytes()[..],
                        &[u8::from(part == last)],
                        payload,
                    ]
                    .concat(),
                ));
                if self.sent.len() > 1_000 {
                    self.sent.pop_front();
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "tests")]
    fn send_rtp(
        &mut self,
        payload_type: u8,
        marker: bool,
        seq: u16,
        timestamp: u32,
        ssrc: u32,
        level: Option<u8>,
        payload: &[u8],
    ) {
        let mut packet = vec![0x90, payload_type | u8::from(marker) << 7];
        packet.extend(seq.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 2, TCC_ID << 4 | 1]);
        packet.extend(self.twcc_seq.to_be_bytes());
        packet.extend([LEVEL_ID << 4, level.unwrap_or(127), 0, 0, 0]);
        self.twcc_seq = self.twcc_seq.wrapping_add(1);
        packet.extend(payload);
        self.protect(packet, false);
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

    fn send_feedback(&mut self, now: Instant) {
        let own = Ssrc(self.audio_ssrc);
        let mut out = Vec::new();
        ReceiverReport::write(own, &[], &mut out);
        while self.twcc.poll(own, now, &mut out) {}
        for (ssrc, stream) in &mut self.streams {
            let mut missing = Vec::new();
            if self.rtx.values().any(|primary| primary == ssrc) {
                stream.nack.poll(now, &mut missing);
            }
            self.asked_again += missing.len();
            Nack::write(own, Ssrc(*ssrc), &missing, &mut out);
        }
        let passed = now.duration_since(self.start);
        if passed.as_millis() % 1_000 < 50 {
            let video = self.encoders.iter().map(|e| (e.ssrc, e.timestamp));
            for (ssrc, timestamp) in video.chain([(self.audio_ssrc, self.audio_timestamp)]) {
                let info = SenderInfo {
                    ssrc: Ssrc(ssrc),
                    ntp: NtpTime::from_unix(passed),
                    timestamp: Timestamp(timestamp),
                    packets: 1,
                    bytes: 1,
                };
                SenderReport::write(&info, &[], &mut out);
            }
        }
        self.protect(out, true);
    }

    /// Asks for a keyframe of a stream.
    pub(crate) fn send_pli(&mut self, ssrc: u32) {
        let mut out = Vec::new();
        Pli {
            sender: Ssrc(self.audio_ssrc),
            media: Ssrc(ssrc),
        }
        .write(&mut out);
        self.protect(out, true);
    }

    pub(crate) fn handle_datagram(&mut self, payload: &[u8], from: SocketAddr, now: Instant) {
        let mut buf = payload.to_vec();
        match self
            .transport
            .handle_datagram(&mut buf, from, self.addr, now)
        {
            Ok(Received::Rtp(len)) => self.receive_rtp(&buf[..len], now),
            Ok(Received::Rtcp(len)) => self.receive_rtcp(&buf[..len]),
            Ok(Received::Handled) => {}
            Err(_) => self.dropped += 1,
        }
    }

    fn receive_rtp(&mut self, bytes: &[u8], now: Instant) {
        let packet = RtpPacket::parse(bytes).expect("the bridge sends well-formed RTP");
        if let Some(&[high, low]) = packet.extension_by_id(TCC_ID) {
            self.twcc
                .handle_packet(SeqNum(u16::from_be_bytes([high, low])), packet.ssrc(), now);
        }
        if packet.is_padding_only() && !self.streams.contains_key(&packet.ssrc().0) {
            self.padding += 1;
            return;
        }
        let mut ssrc = packet.ssrc().0;
        let mut seq = packet.sequence_number();
        let mut payload = packet.payload();
        let is_rtx = packet.payload_type().value() == RTX;
        if is_rtx {
            ssrc = *self
                .rtx
                .get(&ssrc)
                .expect("retransmissions on a signalled SSRC");
            seq = SeqNum(u16::from_be_bytes([payload[0], payload[1]]));
            payload = &payload[2..];
        }
        let is_audio = packet.payload_type().value() == OPUS;
        let stream = self.streams.entry(ssrc).or_default();
        let number = stream.seq.unwrap(u32::from(seq.0));
        if !is_audio {
            stream.nack.handle_packet(seq, now);
        }
        if stream.packets.contains_key(&number) {
            stream.duplicates += 1;
            return;
        }
        stream.repaired += usize::from(is_rtx);
        let entry = Packet {
            timestamp: packet.timestamp().0,
            marker: packet.marker(),
            at: now,
            // A number that is filled with nothing has no picture.
            video: (!is_audio && !payload.is_empty()).then(|| Seen::read(payload)),
            audio_owner: is_audio.then(|| payload[1]),
        };
        stream.packets.insert(number, entry);
    }

    fn receive_rtcp(&mut self, bytes: &[u8]) {
        for packet in Compound::new(bytes) {
            match packet.expect("the bridge sends well-formed RTCP") {
                RtcpPacket::Pli(pli) => {
                    for encoder in &mut self.encoders {
                        encoder.keyframe_wanted |= encoder.ssrc == pli.media.0;
                    }
                }
                RtcpPacket::Nack(nack) => {
                    for seq in nack.sequence_numbers().collect::<Vec<_>>() {
                        self.send_again(nack.media.0, seq.0);
                    }
                }
                RtcpPacket::SenderReport(report) => {
                    let stream = self.streams.entry(report.info.ssrc.0).or_default();
                    stream.reports.push(report.info);
                }
                _ => {}
            }
        }
    }

    fn send_again(&mut self, ssrc: u32, seq: u16) {
        let Some((_, _, kept)) = self.sent.iter().find(|(s, n, _)| (*s, *n) == (ssrc, seq)) else {
            return;
        };
        let kept = kept.clone();
        let timestamp = u32::from_be_bytes(kept[..4].try_into().unwrap());
        let encoder = self.encoders.iter_mut().find(|e| e.ssrc == ssrc).unwrap();
        encoder.rtx_seq = encoder.rtx_seq.wrapping_add(1);
        let (rtx, rtx_seq) = (encoder.rtx, encoder.rtx_seq);
        let payload = [&seq.to_be_bytes()[..], &kept[5..]].concat();
        self.send_rtp(RTX, kept[4] != 0, rtx_seq, timestamp, rtx, None, &payload);
    }

    /// Streams that carry video of the client with this tag.
    pub(crate) fn video_of(&self, tag: u8) -> impl Iterator<Item = &Stream> {
        self.streams.values().filter(move |s| {
            s.packets
                .values()
                .any(|p| p.video.is_some_and(|v| v.owner == tag))
        })
    }

    /// Video packets of a client, and audio packets, since.
    pub(crate) fn heard_and_seen(&self, tag: u8, since: Instant) -> (usize, usize) {
        let packets = || self.streams.values().flat_map(|s| s.after(since));
        let audio = packets().filter(|p| p.audio_owner == Some(tag)).count();
        let video = packets()
            .filter(|p| p.video.is_some_and(|v| v.owner == tag))
            .count();
        (audio, video)
    }

    /// Texts of a class.
    pub(crate) fn texts_of(&self, class: &str) -> Vec<&serde_json::Value> {
        self.texts
            .iter()
            .filter(|t| t["colibriClass"] == class)
            .collect()
    }
}
