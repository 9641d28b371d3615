//! Payload types that a receiver negotiated, by codec.

use arrayvec::ArrayVec;
use media::codec::Codec;
use media::units::PayloadType;

use crate::command;

/// Most payload types that are kept.
const MAX_PAYLOADS: usize = 32;

/// What one codec is sent as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// As the receiver has negotiated it.
    pub media: PayloadType,
    /// Payload type of its retransmissions.
    pub rtx: Option<PayloadType>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Payloads(ArrayVec<(Codec, Outgoing), MAX_PAYLOADS>);

impl Payloads {
    /// From what was negotiated.
    pub fn new(payload_types: &[command::PayloadType]) -> Self {
        let mut payloads = ArrayVec::new();
        for payload in payload_types.iter().filter(|p| p.codec != Codec::Rtx) {
            let rtx = payload_types
                .iter()
                .find(|p| p.codec == Codec::Rtx && p.associated == Some(payload.id));
            if let Some(media) = PayloadType::new(payload.id)
                && !payloads.is_full()
            {
                let rtx = rtx.and_then(|p| PayloadType::new(p.id));
                payloads.push((payload.codec, Outgoing { media, rtx }));
            }
        }
        Self(payloads)
    }

    /// What a codec is sent as: under the sender's own payload type if the receiver means the same
    /// by it, which tells apart variants of one codec.
    pub fn of(&self, codec: Codec, incoming: PayloadType) -> Option<Outgoing> {
        let mut same = self.0.iter().filter(|(c, _)| *c == codec).map(|(_, o)| *o);
        let exact = same.clone().find(|o| o.media == incoming);
        exact.or_else(|| same.next())
    }

    /// Whether retransmissions are negotiated at all.
    pub fn has_rtx(&self) -> bool {
        self.0.iter().any(|(_, outgoing)| outgoing.rtx.is_some())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::command::{Feedback, MediaKind};

    fn payload(id: u8, codec: Codec, associated: Option<u8>) -> command::PayloadType {
        command::PayloadType {
            id,
            kind: MediaKind::Video,
            codec,
            clock_rate: 90_000,
            associated,
            feedback: Feedback::default(),
        }
    }

    #[test]
    fn a_codec_goes_out_as_the_receiver_negotiated_it() {
        let payloads = Payloads::new(&[
            payload(100, Codec::Vp8, None),
            payload(107, Codec::H264, None),
            payload(108, Codec::H264, None),
            payload(96, Codec::Rtx, Some(100)),
        ]);
        let id = |n| PayloadType::new(n).unwrap();
        let vp8 = payloads.of(Codec::Vp8, id(120)).unwrap();
        assert_eq!((vp8.media, vp8.rtx), (id(100), Some(id(96))));
        assert_eq!(payloads.of(Codec::H264, id(108)).unwrap().media, id(108));
        assert_eq!(payloads.of(Codec::H264, id(1)).unwrap().media, id(107));
        assert_eq!(payloads.of(Codec::Av1, id(41)), None);
        assert!(payloads.has_rtx());
    }
}
