//! Retransmission packets (RFC 4588 §4).

use std::ops::Range;

use crate::rtp::{
    HeaderFields, HeaderWriter, RtpLayout, RtpPacket, RtpPacketMut, SeqNum, Stamps, WriteError,
    Written,
};
use crate::units::{PayloadType, Ssrc};

/// What an incoming RTX packet was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwrapped {
    /// The original packet, restored in place: its bytes are this range of the buffer.
    Packet(Range<usize>),
    /// Padding without an original packet: a bandwidth probe.
    Probe,
}

/// Restores the original packet within the buffer of an RTX packet (decrypted): the header moves
/// two bytes back, the payload stays. Padding is kept. `layout` is that of `packet`.
pub fn unwrap(
    packet: &mut [u8],
    layout: RtpLayout,
    payload_type: PayloadType,
    ssrc: Ssrc,
) -> Unwrapped {
    let payload = layout.payload_range();
    let Some(&[high, low]) = packet.get(payload.start..payload.start + 2) else {
        return Unwrapped::Probe;
    };
    if payload.len() < 2 {
        return Unwrapped::Probe;
    }
    packet.copy_within(..payload.start, 2);
    let mut original = RtpPacketMut::parse(&mut packet[2..])
        .expect("invariant: a valid packet less two bytes of payload is valid");
    original.set_sequence_number(SeqNum(u16::from_be_bytes([high, low])));
    original.set_payload_type(payload_type);
    original.set_ssrc(ssrc);
    Unwrapped::Packet(2..packet.len())
}

/// The outgoing side of one RTX stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtxStream {
    /// SSRC of the RTX stream.
    pub ssrc: Ssrc,
    /// Next sequence number.
    pub next: SeqNum,
}

impl RtxStream {
    /// Writes `original` (as it was sent) as RTX and takes the next sequence number.
    /// `payload_type` is that of RTX for the original's payload type; `writer` has the receiver's
    /// ids on both sides.
    ///
    /// # Errors
    /// [`WriteError::BufferTooSmall`]; no sequence number is taken.
    pub fn wrap(
        &mut self,
        payload_type: PayloadType,
        writer: &HeaderWriter<'_>,
        original: &RtpPacket<'_>,
        stamps: &Stamps<'_>,
        out: &mut [u8],
    ) -> Result<Written, WriteError> {
        let fields = HeaderFields {
            payload_type,
            sequence_number: self.next,
            ssrc: self.ssrc,
            ..HeaderFields::of(original)
        };
        let prefix = original.sequence_number().0.to_be_bytes();
        let written = writer.write(original, &fields, stamps, &prefix, out)?;
        self.next = self.next.next();
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::rtp::{Extension, ExtensionMap, ExtensionSet};

    #[test]
    fn what_is_wrapped_unwraps_to_the_original() {
        let mut map = ExtensionMap::new();
        map.insert(Extension::VideoOrientation, 4).unwrap();
        let writer = HeaderWriter {
            incoming: &map,
            outgoing: &map,
            forward: ExtensionSet::END_TO_END,
        };
        let original = [
            &[0x90, 0xe4, 0x12, 0x34, 0, 0, 0, 2, 0, 0, 0, 3][..],
            &[0xbe, 0xde, 0, 1, 0x40, 1, 0, 0],
            &[1, 2, 3],
        ]
        .concat();
        let mut stream = RtxStream {
            ssrc: Ssrc(99),
            next: SeqNum(65_535),
        };
        let packet = RtpPacket::parse(&original).unwrap();
        let mut out = [0; 100];
        let rtx = PayloadType::new(96).unwrap();
        let written = stream
            .wrap(rtx, &writer, &packet, &Stamps::default(), &mut out)
            .unwrap();
        assert_eq!(stream.next, SeqNum(0));
        let wrapped = RtpPacket::parse(&out[..written.len]).unwrap();
        assert_eq!(wrapped.ssrc(), Ssrc(99));
        assert_eq!(wrapped.sequence_number(), SeqNum(65_535));
        assert_eq!(wrapped.payload(), [0x12, 0x34, 1, 2, 3]);
        let layout = wrapped.layout();
        let bytes = &mut out[..written.len];
        let Unwrapped::Packet(range) =
            unwrap(bytes, layout, PayloadType::new(100).unwrap(), Ssrc(3))
        else {
            panic!("a wrapped packet is no probe")
        };
        assert_eq!(bytes[range], original);
    }

    #[test]
    fn padding_is_kept_and_padding_alone_is_a_probe() {
        let pt = PayloadType::new(100).unwrap();
        let mut packet = vec![0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x12, 0x34, 9, 0, 2];
        let layout = RtpLayout::parse(&packet).unwrap();
        let Unwrapped::Packet(range) = unwrap(&mut packet, layout, pt, Ssrc(5)) else {
            panic!()
        };
        let original = RtpPacket::parse(&packet[range]).unwrap();
        assert_eq!(original.payload(), [9]);
        assert_eq!(original.sequence_number(), SeqNum(0x1234));
        let mut probe = vec![0xa0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 3];
        let layout = RtpLayout::parse(&probe).unwrap();
        assert_eq!(unwrap(&mut probe, layout, pt, Ssrc(5)), Unwrapped::Probe);
        let mut short = vec![0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 7];
        let layout = RtpLayout::parse(&short).unwrap();
        assert_eq!(unwrap(&mut short, layout, pt, Ssrc(5)), Unwrapped::Probe);
    }
}
