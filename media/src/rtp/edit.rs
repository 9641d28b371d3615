//! Edits of an RTP packet that keep its length.

use super::{RtpError, RtpLayout, RtpPacket, SeqNum, Timestamp};
use crate::units::{PayloadType, Ssrc};

/// A parsed RTP packet that may be changed in place. Nothing here moves a byte: for edits that
/// change the header's length see [`super::HeaderWriter`].
#[derive(Debug)]
pub struct RtpPacketMut<'a> {
    bytes: &'a mut [u8],
    layout: RtpLayout,
}

impl<'a> RtpPacketMut<'a> {
    /// Parses a packet in clear.
    ///
    /// # Errors
    /// As [`RtpPacket::parse`].
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, RtpError> {
        let layout = RtpLayout::parse(bytes)?;
        Ok(Self { bytes, layout })
    }

    /// Joins bytes and the layout that was parsed from them before; `None` when the lengths differ.
    pub fn with_layout(bytes: &'a mut [u8], layout: RtpLayout) -> Option<Self> {
        (bytes.len() == layout.packet_len()).then_some(Self { bytes, layout })
    }

    /// The packet as a view, to read from.
    pub fn view(&self) -> RtpPacket<'_> {
        RtpPacket::with_layout(self.bytes, self.layout)
            .expect("invariant: the layout was parsed from these bytes")
    }

    /// Sets the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        self.bytes[1] = self.bytes[1] & 0x7f | u8::from(marker) << 7;
    }

    /// Sets the payload type, keeping the marker.
    pub fn set_payload_type(&mut self, payload_type: PayloadType) {
        self.bytes[1] = self.bytes[1] & 0x80 | payload_type.value();
    }

    /// Writes the 16 bits in which the packet is counted (RFC 3550 §5.1).
    pub fn set_sequence_number(&mut self, seq: SeqNum) {
        self.bytes[2..4].copy_from_slice(&seq.0.to_be_bytes());
    }

    /// Writes the 32 bits of the media clock (RFC 3550 §5.1).
    pub fn set_timestamp(&mut self, timestamp: Timestamp) {
        self.bytes[4..8].copy_from_slice(&timestamp.0.to_be_bytes());
    }

    /// Sets the synchronization source.
    pub fn set_ssrc(&mut self, ssrc: Ssrc) {
        self.bytes[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    }

    /// The value of the first extension element with this id, to overwrite.
    pub fn extension_mut(&mut self, id: u8) -> Option<&mut [u8]> {
        let range = self.view().extension_range(id)?;
        self.bytes.get_mut(range)
    }

    /// The payload without padding, to rewrite descriptors in.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.layout.payload_range()]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_field_can_be_overwritten() {
        let mut bytes = [
            &[0x90, 0xe4, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..],
            &[0xbe, 0xde, 0, 1, 0x51, 1, 2, 0],
            &[9],
        ]
        .concat();
        let mut packet = RtpPacketMut::parse(&mut bytes).unwrap();
        packet.set_payload_type(PayloadType::new(96).unwrap());
        assert!(packet.view().marker());
        packet.set_marker(false);
        packet.set_sequence_number(SeqNum(0xabcd));
        packet.set_timestamp(Timestamp(77));
        packet.set_ssrc(Ssrc(88));
        packet.extension_mut(5).unwrap().copy_from_slice(&[3, 4]);
        assert!(packet.extension_mut(6).is_none());
        packet.payload_mut()[0] = 10;
        let view = packet.view();
        assert_eq!(view.payload_type().value(), 96);
        assert!(!view.marker());
        assert_eq!(view.sequence_number(), SeqNum(0xabcd));
        assert_eq!(view.timestamp(), Timestamp(77));
        assert_eq!(view.ssrc(), Ssrc(88));
        assert_eq!(view.extension_by_id(5), Some(&[3, 4][..]));
        assert_eq!(view.payload(), [10]);
    }
}
