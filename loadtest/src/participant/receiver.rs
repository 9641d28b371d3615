//! What a participant receives in one session: it tells each packet of a source, and gives the
//! bridge the feedback that it lives on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use media::rtcp::{Nack, Pli, ReceiverReport};
use media::rtp::{Extension, RtpPacket, SeqNum};
use media::twcc::FeedbackGenerator;
use media::units::{PayloadType, Ssrc};

use super::heard::Heard;
use super::incoming::Incoming;
use super::offer::Offer;
use crate::journal::{Arrival, Media};

/// Between two looks at what is missing.
const LOOK_EVERY: Duration = Duration::from_millis(60);
/// SSRCs whose holes are known.
const MAX_STREAMS: usize = 1_000;

pub(super) struct Receiver {
    /// The SSRC that feedback comes from.
    own: Ssrc,
    transport_id: Option<u8>,
    vp8: PayloadType,
    feedback: FeedbackGenerator,
    streams: BTreeMap<u32, Incoming>,
    next_look: Option<Instant>,
}

impl Receiver {
    pub(super) fn new(own: u32, offer: &Offer) -> Self {
        Self {
            own: Ssrc(own),
            transport_id: offer.video.id(Extension::TransportCc),
            vp8: offer.video.payload_type,
            feedback: FeedbackGenerator::new(),
            streams: BTreeMap::new(),
            next_look: None,
        }
    }

    /// Takes a packet; tells it if it is one of a source.
    pub(super) fn handle_rtp(
        &mut self,
        bytes: &[u8],
        heard: &Heard,
        now: Instant,
    ) -> Option<Arrival> {
        let packet = RtpPacket::parse(bytes).ok()?;
        let id = self.transport_id;
        if let Some(&[high, low]) = id.and_then(|id| packet.extension_by_id(id)) {
            let sequence = SeqNum(u16::from_be_bytes([high, low]));
            self.feedback.handle_packet(sequence, packet.ssrc(), now);
        }
        // Padding is how a bridge probes the path.
        if packet.is_padding_only() {
            return None;
        }
        let ssrc = packet.ssrc().0;
        let carried = heard.of(ssrc)?;
        if let Some(primary) = carried.repairs {
            // The original sequence number comes first (RFC 4588 §4).
            if let (Some(stream), [high, low, ..]) =
                (self.streams.get_mut(&primary), packet.payload())
            {
                stream.handle_repair(SeqNum(u16::from_be_bytes([*high, *low])), now);
            }
            return None;
        }
        let full = self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&ssrc);
        let lost_before = if full {
            0
        } else {
            let stream = self
                .streams
                .entry(ssrc)
                .or_insert_with(|| match carried.media {
                    Media::Audio => Incoming::sound(),
                    Media::Video => Incoming::picture(now),
                });
            stream.handle_packet(&packet, packet.payload_type() == self.vp8, now)
        };
        Some(Arrival {
            owner: carried.owner.clone(),
            media: carried.media,
            lost_before,
        })
    }

    /// Appends the feedback that is due.
    pub(super) fn poll_report(&mut self, now: Instant, out: &mut Vec<u8>) {
        let mut feedback = Vec::new();
        while self.feedback.poll(self.own, now, &mut feedback) {}
        if self.next_look.is_none_or(|at| at <= now) {
            self.next_look = Some(now + LOOK_EVERY);
            let mut missing = Vec::new();
            for (ssrc, stream) in &mut self.streams {
                let (sender, media) = (self.own, Ssrc(*ssrc));
                missing.clear();
                if stream.poll(now, &mut missing) {
                    Pli { sender, media }.write(&mut feedback);
                }
                Nack::write(sender, media, &missing, &mut feedback);
            }
        }
        if feedback.is_empty() {
            return;
        }
        // A compound begins with a report (RFC 3550 §6.1).
        if out.is_empty() {
            ReceiverReport::write(self.own, &[], out);
        }
        out.extend(feedback);
    }
}
