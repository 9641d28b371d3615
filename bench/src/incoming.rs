//! What one receiver gets: every packet is counted, one in eight is opened for its time of departure.

use std::time::Instant;

use media::rtp::{RtpPacket, SeqNum, Unwrapper};
use media::twcc::FeedbackGenerator;
use media::units::Ssrc;
use rustc_hash::FxHashMap;

/// One packet in so many is decrypted.
const OPENED: u16 = 8;

/// The streams that arrive at one socket.
pub(crate) struct Incoming {
    /// Of retransmissions and probes, which are not counted as forwarded.
    repair: Vec<u8>,
    transport_cc: Option<u8>,
    feedback: FeedbackGenerator,
    streams: FxHashMap<u32, Stream>,
}

#[derive(Default)]
struct Stream {
    numbers: Unwrapper<16>,
    first: i64,
    received: i64,
}

/// Counts of a stretch of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    /// Sequence numbers that never came.
    pub(crate) lost: u64,
    pub(crate) repairs: u64,
    /// Microseconds between a packet's departure and its arrival.
    pub(crate) latencies: Vec<u32>,
}

impl Incoming {
    pub(crate) fn new(repair: Vec<u8>, transport_cc: Option<u8>) -> Self {
        Self {
            repair,
            transport_cc,
            feedback: FeedbackGenerator::new(),
            streams: FxHashMap::default(),
        }
    }

    /// Whether the packet shall be opened, to hear when it was sent.
    pub(crate) fn packet(&mut self, bytes: &[u8], now: Instant, counts: &mut Counts) -> bool {
        let Ok(packet) = RtpPacket::parse_header(bytes) else {
            return false;
        };
        if let Some(id) = self.transport_cc
            && let Some(&[high, low]) = packet.extension_by_id(id)
        {
            let seq = SeqNum(u16::from_be_bytes([high, low]));
            self.feedback.handle_packet(seq, packet.ssrc(), now);
        }
        if self.repair.contains(&packet.payload_type().value()) {
            counts.repairs += 1;
            return false;
        }
        let stream = self.streams.entry(packet.ssrc().0).or_default();
        let seq = packet.sequence_number().0;
        let extended = stream.numbers.unwrap(u32::from(seq));
        if stream.received == 0 {
            stream.first = extended;
        }
        stream.received += 1;
        counts.received += 1;
        seq.is_multiple_of(OPENED)
    }

    /// Packets missing since the last call.
    pub(crate) fn take_lost(&mut self) -> u64 {
        let mut lost = 0;
        #[expect(clippy::iter_over_hash_type, reason = "a sum has no order")]
        for stream in self.streams.values_mut() {
            let Some(newest) = stream.numbers.newest() else {
                continue;
            };
            if stream.received > 0 {
                lost += (newest - stream.first + 1 - stream.received).max(0);
            }
            // The next stretch begins behind the newest.
            stream.first = newest + 1;
            stream.received = 0;
        }
        lost as u64
    }

    /// Appends the transport-wide feedback that is due.
    pub(crate) fn feedback(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.feedback.poll(Ssrc(1), now, out)
    }
}
