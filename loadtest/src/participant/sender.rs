//! What a participant sends in one session: its sources, packets, sender reports and
//! retransmissions.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::rtcp::{SenderInfo, SenderReport, cname};
use media::rtp::{Extension, NtpTime, SeqNum, Timestamp};
use media::units::Ssrc;
use rand::Rng;
use rand::rngs::SmallRng;
use xmpp::source::{EndpointSources, MediaType, Semantics, Source, SsrcGroup, VideoType};

use super::camera::Camera;
use super::microphone::Microphone;
use super::offer::{Format, Offer};
use super::packet::{self, Header};

const AUDIO_EVERY: Duration = Duration::from_millis(20);
const FRAME_EVERY: Duration = Duration::from_micros(33_333);
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Video packets that are kept for retransmission: about two seconds.
const HISTORY: usize = 64;

pub(super) struct Sender {
    endpoint: String,
    audio: Format,
    video: Format,
    audio_ssrc: Ssrc,
    video_ssrc: Ssrc,
    rtx_ssrc: Ssrc,
    microphone: Microphone,
    camera: Camera,
    rtx_sequence: u16,
    /// The transport-wide sequence number.
    transport_sequence: u16,
    /// Whether anybody wants the picture, as far as the bridge has said.
    wanted: bool,
    history: VecDeque<(Header, Vec<u8>)>,
    ready: VecDeque<Vec<u8>>,
    next_audio: Option<Instant>,
    next_frame: Option<Instant>,
    next_report: Option<Instant>,
    started: Option<Instant>,
    counts: [(u32, u32); 2],
}

impl Sender {
    pub fn new(endpoint: &str, offer: &Offer, rng: &mut SmallRng) -> Self {
        let mut ssrc = || Ssrc(rng.random_range(1..u32::MAX));
        let (audio_ssrc, video_ssrc, rtx_ssrc) = (ssrc(), ssrc(), ssrc());
        Self {
            endpoint: endpoint.to_owned(),
            audio: offer.audio.clone(),
            video: offer.video.clone(),
            audio_ssrc,
            video_ssrc,
            rtx_ssrc,
            microphone: Microphone::new(rng.random()),
            camera: Camera::new(rng.random()),
            rtx_sequence: rng.random_range(0..0x7fff),
            transport_sequence: 0,
            wanted: true,
            history: VecDeque::with_capacity(HISTORY),
            ready: VecDeque::new(),
            next_audio: None,
            next_frame: None,
            next_report: None,
            started: None,
            counts: [(0, 0); 2],
        }
    }

    /// The sources as the session-accept names them.
    pub fn sources(&self) -> EndpointSources {
        let source = |ssrc: Ssrc, kind: &str| {
            let name = format!("{}-{kind}0", self.endpoint);
            let msid = format!("{name}-stream {name}-track");
            Source::new(ssrc.0).with_name(name).with_msid(msid)
        };
        let mut sources = EndpointSources::default();
        sources.push(MediaType::Audio, source(self.audio_ssrc, "a"));
        let video = |ssrc| source(ssrc, "v").with_video_type(VideoType::Camera);
        sources.push(MediaType::Video, video(self.video_ssrc));
        if self.video.rtx.is_some() {
            sources.push(MediaType::Video, video(self.rtx_ssrc));
            let pair = [self.video_ssrc.0, self.rtx_ssrc.0];
            sources.push_group(MediaType::Video, SsrcGroup::new(Semantics::Fid, pair));
        }
        sources
    }

    pub fn handle_key_frame_request(&mut self, media: Ssrc) {
        if media == self.video_ssrc {
            self.camera.ask_for_key_frame();
        }
    }

    /// Takes the largest height that anybody wants; 0: nobody wants any.
    pub fn handle_wanted_height(&mut self, height: i32) {
        let wanted = height != 0;
        if wanted && !self.wanted {
            self.camera.ask_for_key_frame();
        }
        self.wanted = wanted;
    }

    /// The next RTP packet that is due.
    pub fn poll_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
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
        self.count(0, payload.len());
        let packet = self.write(&header, Some(level), &payload);
        self.ready.push_back(packet);
    }

    fn make_picture(&mut self) {
        if !self.wanted {
            self.camera.skip();
            return;
        }
        let payloads = self.camera.frame();
        let last = payloads.len() - 1;
        for (part, payload) in payloads.into_iter().enumerate() {
            self.camera.sequence = self.camera.sequence.wrapping_add(1);
            let header = Header {
                payload_type: self.video.payload_type,
                marker: part == last,
                sequence: self.camera.sequence,
                timestamp: self.camera.timestamp,
                ssrc: self.video_ssrc,
            };
            self.count(1, payload.len());
            let packet = self.write(&header, None, &payload);
            self.ready.push_back(packet);
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((header, payload));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "counters of 32 bits wrap")]
    fn count(&mut self, stream: usize, bytes: usize) {
        let (packets, total) = &mut self.counts[stream];
        *packets = packets.wrapping_add(1);
        *total = total.wrapping_add(bytes as u32);
    }

    fn write(&mut self, header: &Header, level: Option<u8>, payload: &[u8]) -> Vec<u8> {
        let format = if level.is_some() {
            &self.audio
        } else {
            &self.video
        };
        let transport_sequence = self.transport_sequence.to_be_bytes();
        let level = [level.unwrap_or_default()];
        let level_id = format
            .id(Extension::AudioLevel)
            .filter(|_| header.ssrc == self.audio_ssrc);
        let transport_id = format.id(Extension::TransportCc);
        let elements: Vec<packet::Element<'_>> = level_id
            .map(|id| (id, &level[..]))
            .into_iter()
            .chain(transport_id.map(|id| (id, &transport_sequence[..])))
            .collect();
        let mut out = Vec::with_capacity(payload.len() + 64);
        packet::write(&mut out, header, &elements, payload);
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        out
    }

    /// A video packet once more, as RTX (RFC 4588 §4).
    pub fn retransmission(&mut self, media: Ssrc, sequence: SeqNum) -> Option<Vec<u8>> {
        let payload_type = self.video.rtx?;
        let (header, payload) = self
            .history
            .iter()
            .find(|(header, _)| header.ssrc == media && header.sequence == sequence.0)?;
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let again = Header {
            payload_type,
            sequence: self.rtx_sequence,
            ssrc: self.rtx_ssrc,
            ..*header
        };
        let payload = [&sequence.0.to_be_bytes()[..], payload].concat();
        Some(self.write(&again, None, &payload))
    }

    /// Appends sender reports (RFC 3550 §6.4.1) when they are due.
    pub fn poll_report(&mut self, now: Instant, out: &mut Vec<u8>) {
        if !due(&mut self.next_report, REPORT_EVERY, now) {
            return;
        }
        let passed = now.duration_since(*self.started.get_or_insert(now));
        let streams = [
            (self.audio_ssrc, self.microphone.timestamp, self.counts[0]),
            (self.video_ssrc, self.camera.timestamp, self.counts[1]),
        ];
        for (ssrc, timestamp, (packets, bytes)) in streams {
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
