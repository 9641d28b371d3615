//! One size of the picture as a stream: numbered packets, and those sent last for retransmission.

use std::collections::VecDeque;

use media::units::{PayloadType, Ssrc};
use rand::Rng;
use rand::rngs::SmallRng;

use super::camera::{Camera, Payload};
use super::packet::Header;
use super::sender::count;
use crate::recording::pictures;

/// Packets that are kept for retransmission: more than a second of the largest size.
const HISTORY: usize = 256;

pub(super) struct Encoding {
    pub ssrc: Ssrc,
    pub rtx_ssrc: Ssrc,
    height: u16,
    camera: Camera,
    rtx_sequence: u16,
    /// Whether anybody wants this size, as far as the bridge has said.
    wanted: bool,
    /// What was sent last; the bytes are in the recording.
    history: VecDeque<(Header, Payload)>,
    /// Packets and bytes.
    sent: (u32, u32),
}

impl Encoding {
    /// One for each size, the smallest first.
    pub(super) fn all(rng: &mut SmallRng) -> Vec<Self> {
        pictures()
            .iter()
            .map(|picture| Self {
                ssrc: Ssrc(rng.random_range(1..u32::MAX)),
                rtx_ssrc: Ssrc(rng.random_range(1..u32::MAX)),
                height: picture.height,
                camera: Camera::new(picture, rng.random()),
                rtx_sequence: rng.random_range(0..0x7fff),
                wanted: true,
                history: VecDeque::new(),
                sent: (0, 0),
            })
            .collect()
    }

    pub(super) fn height(&self) -> u16 {
        self.height
    }

    /// Whether it is sent from now on.
    pub(super) fn handle_wanted(&mut self, wanted: bool) {
        if wanted && !self.wanted {
            self.camera.ask_for_key_frame();
        }
        self.wanted = wanted;
    }

    pub(super) fn handle_key_frame_request(&mut self, media: Ssrc) {
        if media == self.ssrc {
            self.camera.ask_for_key_frame();
        }
    }

    /// Appends the packets of the next frame, if it is sent.
    pub(super) fn frame(&mut self, payload_type: PayloadType, out: &mut Vec<(Header, Payload)>) {
        if !self.wanted {
            self.camera.skip();
            return;
        }
        let payloads = self.camera.frame();
        let packets = payloads.len();
        for (part, payload) in payloads.enumerate() {
            self.camera.sequence = self.camera.sequence.wrapping_add(1);
            let header = Header {
                payload_type,
                marker: part + 1 == packets,
                sequence: self.camera.sequence,
                timestamp: self.camera.timestamp,
                ssrc: self.ssrc,
            };
            count(&mut self.sent, payload.len());
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((header, payload));
            out.push((header, payload));
        }
    }

    /// The packet of `media` with this number once more: header of its retransmission, and payload.
    pub(super) fn retransmission(
        &mut self,
        media: Ssrc,
        sequence: u16,
        payload_type: PayloadType,
    ) -> Option<(Header, Payload)> {
        if media != self.ssrc {
            return None;
        }
        // They are numbered without holes.
        let oldest = self.history.front()?.0.sequence;
        let (header, payload) = *self.history.get(sequence.wrapping_sub(oldest).into())?;
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let again = Header {
            payload_type,
            sequence: self.rtx_sequence,
            ssrc: self.rtx_ssrc,
            ..header
        };
        Some((again, payload))
    }

    /// What a sender report says: SSRC, RTP timestamp, packets and bytes.
    pub(super) fn report(&self) -> (Ssrc, u32, (u32, u32)) {
        (self.ssrc, self.camera.timestamp, self.sent)
    }
}
