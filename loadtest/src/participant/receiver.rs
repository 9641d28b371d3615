//! What a participant receives in one session: it notes each packet of a source, and gives the
//! bridge the feedback that it lives on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use media::nack::NackGenerator;
use media::rtcp::{Nack, ReceiverReport};
use media::rtp::{Extension, RtpPacket, SeqNum};
use media::twcc::FeedbackGenerator;
use media::units::Ssrc;

use super::heard::Heard;
use super::offer::Offer;
use crate::journal::{Journal, Media};

/// Between two looks at what is missing.
const NACK_EVERY: Duration = Duration::from_millis(60);
/// SSRCs whose holes are asked for.
const MAX_STREAMS: usize = 1_000;

pub(super) struct Receiver {
    /// The SSRC that feedback comes from.
    own: Ssrc,
    transport_id: Option<u8>,
    feedback: FeedbackGenerator,
    video: BTreeMap<u32, NackGenerator>,
    next_nack: Option<Instant>,
}

impl Receiver {
    pub fn new(own: u32, offer: &Offer) -> Self {
        Self {
            own: Ssrc(own),
            transport_id: offer.video.id(Extension::TransportCc),
            feedback: FeedbackGenerator::new(),
            video: BTreeMap::new(),
            next_nack: None,
        }
    }

    pub fn handle_rtp(&mut self, bytes: &[u8], heard: &Heard, journal: &mut Journal, now: Instant) {
        let Ok(packet) = RtpPacket::parse(bytes) else {
            return;
        };
        let id = self.transport_id;
        if let Some(&[high, low]) = id.and_then(|id| packet.extension_by_id(id)) {
            let sequence = SeqNum(u16::from_be_bytes([high, low]));
            self.feedback.handle_packet(sequence, packet.ssrc(), now);
        }
        // Padding is how a bridge probes the path.
        if packet.is_padding_only() {
            return;
        }
        let ssrc = packet.ssrc().0;
        let Some(carried) = heard.of(ssrc) else {
            return;
        };
        if let Some(primary) = carried.repairs {
            // The original sequence number comes first (RFC 4588 §4).
            if let (Some(holes), [high, low, ..]) = (self.video.get_mut(&primary), packet.payload())
            {
                holes.handle_packet(SeqNum(u16::from_be_bytes([*high, *low])), now);
            }
            return;
        }
        if carried.media == Media::Video
            && (self.video.len() < MAX_STREAMS || self.video.contains_key(&ssrc))
        {
            let holes = self.video.entry(ssrc).or_default();
            holes.handle_packet(packet.sequence_number(), now);
        }
        journal.handle_packet(&carried.owner, carried.media, now);
    }

    /// Appends the feedback that is due.
    pub fn poll_report(&mut self, now: Instant, out: &mut Vec<u8>) {
        let mut feedback = Vec::new();
        while self.feedback.poll(self.own, now, &mut feedback) {}
        if self.next_nack.is_none_or(|at| at <= now) {
            self.next_nack = Some(now + NACK_EVERY);
            for (ssrc, holes) in &mut self.video {
                let mut missing = Vec::new();
                holes.poll(now, &mut missing);
                Nack::write(self.own, Ssrc(*ssrc), &missing, &mut feedback);
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
