//! What a participant sends in one session: its sources, packets, sender reports and
//! retransmissions.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use media::rtcp::{SenderInfo, SenderReport, cname};
use media::rtp::{Extension, NtpTime, SeqNum, Timestamp};
use media::srtp::MAX_OVERHEAD;
use media::units::Ssrc;
use rand::Rng;
use rand::rngs::SmallRng;
use xmpp::source::{EndpointSources, MediaType, Semantics, Source, SsrcGroup, VideoType};

use super::encoding::Encoding;
use super::microphone::Microphone;
use super::offer::{Format, Offer};
use super::packet::{self, Header, MAX_HEADER};

const AUDIO_EVERY: Duration = Duration::from_millis(20);
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
const REPORT_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Sender {
    endpoint: String,
    audio: Format,
    video: Format,
    audio_ssrc: Ssrc,
    microphone: Microphone,
    /// The picture at its sizes, the smallest first.
    encodings: Vec<Encoding>,
    /// The transport-wide sequence number.
    transport_sequence: u16,
    ready: VecDeque<Vec<u8>>,
    next_audio: Option<Instant>,
    next_frame: Option<Instant>,
    next_report: Option<Instant>,
    started: Option<Instant>,
    /// Packets and bytes of sound.
    sent: (u32, u32),
}

impl Sender {
    pub(super) fn new(endpoint: &str, offer: &Offer, rng: &mut SmallRng) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            audio: offer.audio.clone(),
            video: offer.video.clone(),
            audio_ssrc: Ssrc(rng.random_range(1..u32::MAX)),
            microphone: Microphone::new(rng.random()),
            encodings: Encoding::all(rng),
            transport_sequence: 0,
            ready: VecDeque::new(),
            next_audio: None,
            next_frame: None,
            next_report: None,
            started: None,
            sent: (0, 0),
        }
    }

    /// The sources as the session-accept names them.
    pub(super) fn sources(&self) -> EndpointSources {
        let source = |ssrc: Ssrc, kind: &str| {
            let name = format!("{}-{kind}0", self.endpoint);
            let msid = format!("{name}-stream {name}-track");
            Source::new(ssrc.0).with_name(name).with_msid(msid)
        };
        let mut sources = EndpointSources::default();
        sources.push(MediaType::Audio, source(self.audio_ssrc, "a"));
        let video = |ssrc| source(ssrc, "v").with_video_type(VideoType::Camera);
        for encoding in &self.encodings {
            sources.push(MediaType::Video, video(encoding.ssrc));
        }
        let sizes: Vec<u32> = self.encodings.iter().map(|it| it.ssrc.0).collect();
        sources.push_group(MediaType::Video, SsrcGroup::new(Semantics::Sim, sizes));
        if self.video.rtx.is_some() {
            for encoding in &self.encodings {
                sources.push(MediaType::Video, video(encoding.rtx_ssrc));
                let pair = [encoding.ssrc.0, encoding.rtx_ssrc.0];
                sources.push_group(MediaType::Video, SsrcGroup::new(Semantics::Fid, pair));
            }
        }
        sources
    }

    pub(super) fn handle_key_frame_request(&mut self, media: Ssrc) {
        for encoding in &mut self.encodings {
            encoding.handle_key_frame_request(media);
        }
    }

    /// Takes the largest height that anybody wants; 0: nobody wants any; below 0: all that there is.
    pub(super) fn handle_wanted_height(&mut self, height: i32) {
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            let fits = i32::from(encoding.height()) <= height || index == 0;
            encoding.handle_wanted(height < 0 || height > 0 && fits);
        }
    }

    /// The next RTP packet that is due.
    pub(super) fn poll_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.ready.is_empty() {
            if due(&mut self.next_audio, AUDIO_EVERY, now) {
                self.make_sound();
            }
            if due(&mut self.next_frame, FRAME_EVERY, now) {
                self.make_picture();
            }
        }
        self.ready.pop_front()
    }

    fn make_sound(&mut self) {
        let (payload, level) = self.microphone.frame();
        let header = Header {
            payload_type: self.audio.payload_type,
            marker: false,
            sequence: self.microphone.sequence,
            timestamp: self.microphone.timestamp,
            ssrc: self.audio_ssrc,
        };
        count(&mut self.sent, payload.len());
        let mut out = self.begin(&header, Some(level), payload.len());
        out.extend(payload);
        self.ready.push_back(out);
    }

    fn make_picture(&mut self) {
        let mut packets = Vec::new();
        for encoding in &mut self.encodings {
            encoding.frame(self.video.payload_type, &mut packets);
        }
        for (header, payload) in packets {
            let mut out = self.begin(&header, None, payload.len());
            payload.write(&mut out);
            self.ready.push_back(out);
        }
    }

    /// A packet up to its payload, which will have so many bytes.
    fn begin(&mut self, header: &Header, level: Option<u8>, payload: usize) -> Vec<u8> {
        let format = if level.is_some() {
            &self.audio
        } else {
            &self.video
        };
        let transport_sequence = self.transport_sequence.to_be_bytes();
        let level_id = level.and_then(|_| format.id(Extension::AudioLevel));
        let level = [level.unwrap_or_default()];
        let transport_id = format.id(Extension::TransportCc);
        let level = level_id.map(|id| (id, &level[..]));
        let transport = transport_id.map(|id| (id, &transport_sequence[..]));
        let mut out = Vec::with_capacity(payload + MAX_HEADER + MAX_OVERHEAD);
        let elements: ArrayVec<_, 2> = level.into_iter().chain(transport).collect();
        packet::write(&mut out, header, &elements);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        out
    }

    /// A video packet once more, as RTX (RFC 4588 §4).
    pub(super) fn retransmission(&mut self, media: Ssrc, sequence: SeqNum) -> Option<Vec<u8>> {
        let payload_type = self.video.rtx?;
        let (header, payload) = self
            .encodings
            .iter_mut()
            .find_map(|encoding| encoding.retransmission(media, sequence.0, payload_type))?;
        let mut out = self.begin(&header, None, 2 + payload.len());
        out.extend(sequence.0.to_be_bytes());
        payload.write(&mut out);
        Some(out)
    }

    /// Appends sender reports (RFC 3550 §6.4.1) when they are due.
    pub(super) fn poll_report(&mut self, now: Instant, out: &mut Vec<u8>) {
        if !due(&mut self.next_report, REPORT_EVERY, now) {
            return;
        }
        let passed = now.duration_since(*self.started.get_or_insert(now));
        let sound = (self.audio_ssrc, self.microphone.timestamp, self.sent);
        let pictures = self.encodings.iter().map(Encoding::report);
        for (ssrc, timestamp, (packets, bytes)) in std::iter::once(sound).chain(pictures) {
            let info = SenderInfo {
                ssrc,
                ntp: NtpTime::from_unix(passed),
                timestamp: Timestamp(timestamp),
                packets,
                bytes,
            };
            SenderReport::write(&info, &[], out);
        }
        cname(self.audio_ssrc, self.endpoint.as_bytes(), out);
    }
}

/// Counts a packet; both counters wrap, as a report's do.
#[expect(clippy::cast_possible_truncation, reason = "counters of 32 bits wrap")]
pub(super) fn count((packets, total): &mut (u32, u32), bytes: usize) {
    *packets = packets.wrapping_add(1);
    *total = total.wrapping_add(bytes as u32);
}

/// Whether something that happens regularly is due; it begins at the first question.
fn due(next: &mut Option<Instant>, every: Duration, now: Instant) -> bool {
    let at = *next.get_or_insert(now);
    if at > now {
        return false;
    }
    // After a stall there is nothing to catch up with.
    *next = Some((at + every).max(now.checked_sub(every).unwrap_or(now)));
    true
}
