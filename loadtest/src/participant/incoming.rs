//! One incoming stream: which of its packets are missing, and whether a key frame is.

use std::time::{Duration, Instant};

use media::codec::vp8::Vp8Descriptor;
use media::nack::{NackGenerator, Received};
use media::rtp::{RtpPacket, SeqNum};

/// How long a picture may begin without a key frame before one is asked for.
const PATIENCE: Duration = Duration::from_millis(200);
/// Between two requests for a key frame.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Packets that may be lost in a row.
const MAX_LOST: i16 = 3_000;

/// A stream of one SSRC.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    newest: Option<SeqNum>,
    picture: Option<Picture>,
}

/// What a picture needs besides.
#[derive(Debug, Default)]
struct Picture {
    holes: NackGenerator,
    /// Holes that were given up, as far as a key frame was asked for because of them.
    given_up: u64,
    /// When a key frame is asked for, where none came yet.
    ask_at: Option<Instant>,
}

impl Incoming {
    pub(super) fn sound() -> Self {
        Self::default()
    }

    pub(super) fn picture(now: Instant) -> Self {
        Self {
            newest: None,
            picture: Some(Picture {
                ask_at: Some(now + PATIENCE),
                ..Picture::default()
            }),
        }
    }

    /// Takes a packet; gives how many before it are missing.
    pub(super) fn handle_packet(&mut self, packet: &RtpPacket<'_>, vp8: bool, now: Instant) -> u32 {
        let sequence = packet.sequence_number();
        let steps = self.newest.map_or(1, |newest| sequence.since(newest));
        if steps > 0 {
            self.newest = Some(sequence);
        }
        if let Some(picture) = &mut self.picture {
            picture.handle_packet(packet, vp8, now);
        }
        // So far from the others that it is of a restarted sender.
        if steps > MAX_LOST {
            return 0;
        }
        u32::try_from(steps.saturating_sub(1)).unwrap_or_default()
    }

    /// Takes a retransmission of the packet with this number.
    pub(super) fn handle_repair(&mut self, sequence: SeqNum, now: Instant) {
        if let Some(picture) = &mut self.picture {
            picture.holes.handle_packet(sequence, now);
        }
    }

    /// Appends the packets to ask for. True when a key frame is to be asked for.
    pub(super) fn poll(&mut self, now: Instant, missing: &mut Vec<SeqNum>) -> bool {
        let Some(picture) = &mut self.picture else {
            return false;
        };
        picture.holes.poll(now, missing);
        let given_up = picture.holes.given_up();
        if given_up != picture.given_up {
            picture.given_up = given_up;
            picture.ask_at.get_or_insert(now);
        }
        match &mut picture.ask_at {
            Some(at) if *at <= now => {
                *at = now + ASK_EVERY;
                true
            }
            _ => false,
        }
    }
}

impl Picture {
    fn handle_packet(&mut self, packet: &RtpPacket<'_>, vp8: bool, now: Instant) {
        let sequence = packet.sequence_number();
        if self.holes.handle_packet(sequence, now) == Received::Reset {
            self.ask_at.get_or_insert(now);
        }
        if self.ask_at.is_none() {
            return;
        }
        // Of another codec nothing is known here.
        let is_key = !vp8
            || Vp8Descriptor::parse(packet.payload())
                .is_ok_and(|descriptor| descriptor.is_keyframe(packet.payload()));
        if is_key {
            self.ask_at = None;
            self.holes.handle_keyframe(sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::participant::camera::Camera;
    use crate::participant::packet::{self, Header};
    use crate::recording::pictures;
    use media::units::{PayloadType, Ssrc};

    struct Stream {
        incoming: Incoming,
        camera: Camera,
        now: Instant,
    }

    impl Stream {
        fn new() -> Self {
            let now = Instant::now();
            Self {
                incoming: Incoming::picture(now),
                camera: Camera::new(&pictures()[0], 1),
                now,
            }
        }

        /// A frame with these sequence numbers arrives; how many are missing before it.
        fn frame(&mut self, sequence: u16, key: bool) -> u32 {
            if key {
                self.camera.ask_for_key_frame();
            }
            let payload = self.camera.frame().next().unwrap();
            let header = Header {
                payload_type: PayloadType::new(100).unwrap(),
                marker: true,
                sequence,
                timestamp: 0,
                ssrc: Ssrc(1),
            };
            let mut bytes = Vec::new();
            packet::write(&mut bytes, &header, &[]);
            payload.write(&mut bytes);
            let packet = RtpPacket::parse(&bytes).unwrap();
            self.incoming.handle_packet(&packet, true, self.now)
        }

        /// After a time: what is asked for, and whether a key frame is.
        fn asks_after(&mut self, ms: u64) -> (Vec<u16>, bool) {
            self.now += Duration::from_millis(ms);
            let mut missing = Vec::new();
            let key = self.incoming.poll(self.now, &mut missing);
            (missing.iter().map(|sequence| sequence.0).collect(), key)
        }
    }

    #[test]
    fn a_picture_that_begins_in_the_middle_asks_for_a_key_frame_until_one_comes() {
        let mut stream = Stream::new();
        stream.frame(10, true);
        assert_eq!(stream.asks_after(1_000), (vec![], false));
        let mut stream = Stream::new();
        stream.camera.frame().for_each(drop);
        stream.frame(10, false);
        assert_eq!(stream.asks_after(100), (vec![], false));
        assert_eq!(stream.asks_after(100), (vec![], true));
        assert_eq!(stream.asks_after(100), (vec![], false));
        assert_eq!(stream.asks_after(500), (vec![], true));
        stream.frame(11, true);
        assert_eq!(stream.asks_after(1_000), (vec![], false));
    }

    #[test]
    fn a_hole_is_asked_for_and_when_it_stays_a_key_frame_is() {
        let mut stream = Stream::new();
        stream.frame(10, true);
        assert_eq!(stream.frame(13, false), 2);
        assert_eq!(stream.asks_after(20), (vec![11, 12], false));
        stream.incoming.handle_repair(SeqNum(11), stream.now);
        assert_eq!(stream.asks_after(200), (vec![12], false));
        assert_eq!(stream.asks_after(3_000), (vec![], true));
    }

    #[test]
    fn sound_has_holes_and_asks_for_nothing() {
        let mut stream = Stream::new();
        stream.incoming = Incoming::sound();
        stream.frame(10, false);
        assert_eq!(stream.frame(12, false), 1);
        assert_eq!(stream.asks_after(1_000), (vec![], false));
    }
}
