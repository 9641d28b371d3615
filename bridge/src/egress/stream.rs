//! One outgoing stream: an SSRC of which the receiver sees one unbroken sequence.

use std::time::{Duration, Instant};

use arrayvec::{ArrayString, ArrayVec};
use media::cache::PacketCache;
use media::rtp::SeqNum;
use media::units::Ssrc;

use crate::command::{MediaKind, VideoType};
use crate::ids::SourceKey;
use crate::ingress::keyframes::ReceiverRequests;
use crate::ingress::stream::{AUDIO_CLOCK, VIDEO_CLOCK};
use crate::projection::Projection;

/// See the module.
#[derive(Debug)]
pub struct OutStream {
    /// Audio or video.
    pub kind: MediaKind,
    /// Under which the receiver sees it.
    pub ssrc: Ssrc,
    /// Its retransmissions' SSRC.
    pub rtx: Option<Ssrc>,
    /// Next sequence number of those.
    pub rtx_next: SeqNum,
    /// Its mid, for receivers that tell streams apart by it.
    pub mid: Option<ArrayString<8>>,
    /// The source in it, and that source's slot in the conference.
    pub source: Option<(SourceKey, usize)>,
    /// What the receiver was told that the source shows.
    pub shows: Option<VideoType>,
    /// What is forwarded.
    pub projection: Projection,
    /// Packets sent.
    pub packets: u32,
    /// Bytes of payload sent.
    pub bytes: u32,
    /// When something was sent last.
    pub sent_at: Option<Instant>,
    /// Keyframes that the receiver asked for.
    pub requests: ReceiverRequests,
    /// What was sent, encrypted, for a receiver that takes no RTX: a packet may be sent again, but
    /// never encrypted again.
    pub sealed: Option<Box<PacketCache>>,
    asked: Option<(Instant, u32)>,
    reports: ArrayVec<(u32, Instant), 2>,
}

impl OutStream {
    /// Nothing was sent yet.
    pub fn new(kind: MediaKind, ssrc: Ssrc, rtx: Option<Ssrc>, first_seq: u16) -> Self {
        let clock = match kind {
            MediaKind::Audio => AUDIO_CLOCK,
            MediaKind::Video => VIDEO_CLOCK,
        };
        Self {
            kind,
            ssrc,
            rtx,
            rtx_next: SeqNum(first_seq ^ 0x2a5a),
            mid: None,
            source: None,
            shows: None,
            projection: Projection::new(clock, first_seq & 0x7fff),
            packets: 0,
            bytes: 0,
            sent_at: None,
            requests: ReceiverRequests::default(),
            sealed: None,
            asked: None,
            reports: ArrayVec::new(),
        }
    }

    /// The source and encoding of which a keyframe is to be asked for now: at once when the need
    /// arises, then less and less often.
    pub fn poll_keyframe_wanted(&mut self, now: Instant) -> Option<(SourceKey, u8)> {
        let Some(wanted) = self.projection.awaits_keyframe() else {
            self.asked = None;
            return None;
        };
        let (since, count) = match self.asked {
            None => (None, 0),
            Some((at, count)) => (Some(at), count),
        };
        let patience = Duration::from_millis(300) * 2_u32.pow(count.min(3));
        if since.is_some_and(|at| now.saturating_duration_since(at) < patience) {
            return None;
        }
        self.asked = Some((now, count + u32::from(since.is_some())));
        Some(wanted)
    }

    /// The source and encoding of which a keyframe would help the receiver.
    pub fn shown(&self) -> Option<(SourceKey, u8)> {
        let target = self.projection.target()?;
        let current = self.projection.current_encoding();
        Some((target.source, current.unwrap_or(target.layer.encoding)))
    }

    /// Forgets that it asked: what is wanted is another one.
    pub fn forget_asked(&mut self) {
        self.asked = None;
    }

    /// A sender report with this middle of its NTP time was sent.
    pub fn note_report(&mut self, lsr: u32, now: Instant) {
        if self.reports.is_full() {
            self.reports.remove(0);
        }
        self.reports.push((lsr, now));
    }

    /// Round trip by a report block (RFC 3550 section 6.4.1).
    pub fn round_trip(&self, lsr: u32, delay: u32, now: Instant) -> Option<Duration> {
        let (_, sent) = self.reports.iter().find(|(known, _)| *known == lsr)?;
        let held = Duration::from_nanos((u64::from(delay) * 1_000_000_000) >> 16);
        now.saturating_duration_since(*sent).checked_sub(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocation::LayerIndex;
    use crate::ids::EndpointKey;
    use crate::projection::Target;

    #[test]
    fn a_keyframe_is_asked_for_at_once_and_then_ever_more_rarely() {
        let start = Instant::now();
        let mut stream = OutStream::new(MediaKind::Video, Ssrc(1), None, 0);
        assert_eq!(stream.poll_keyframe_wanted(start), None);
        let source = SourceKey {
            owner: EndpointKey(1),
            number: 1,
        };
        stream.projection.set_target(Some(Target {
            source,
            layer: LayerIndex::default(),
        }));
        let asked: Vec<_> = (0..10_000)
            .filter(|ms| {
                stream
                    .poll_keyframe_wanted(start + Duration::from_millis(*ms))
                    .is_some()
            })
            .collect();
        assert_eq!(asked, [0, 300, 900, 2_100, 4_500, 6_900, 9_300]);
    }

    #[test]
    fn the_round_trip_leaves_out_what_the_receiver_waited() {
        let start = Instant::now();
        let mut stream = OutStream::new(MediaKind::Audio, Ssrc(1), None, 0);
        stream.note_report(77, start);
        let rtt = stream.round_trip(77, 32_768, start + Duration::from_millis(550));
        assert_eq!(rtt, Some(Duration::from_millis(50)));
        assert_eq!(stream.round_trip(78, 0, start), None);
    }
}
