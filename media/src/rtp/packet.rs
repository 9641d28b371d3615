//! The view of one RTP packet and where its parts lie.

use std::ops::Range;

use super::{Extension, ExtensionMap, Extensions, SeqNum, Timestamp};
use crate::units::{PayloadType, Ssrc};

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its own header says, or than 12 bytes.
    #[error("the packet ends inside its RTP header")]
    Truncated,
    /// Version is not 2.
    #[error("the RTP version is not 2")]
    Version,
    /// Longer than 65535 bytes, which no datagram carries.
    #[error("the packet is longer than a datagram")]
    TooLong,
    /// The padding count is zero or longer than the payload.
    #[error("the padding count does not fit the payload")]
    Padding,
}

/// Where the parts of an RTP packet lie: small, `Copy` and without a lifetime, so that it can be
/// kept beside an owned buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpLayout {
    pub(super) extension_profile: u16,
    /// Start of the first extension element, after profile and length.
    pub(super) extensions_start: u16,
    pub(super) extensions_end: u16,
    pub(super) payload_start: u16,
    pub(super) payload_end: u16,
    pub(super) len: u16,
}

impl RtpLayout {
    /// Of a packet in clear (RFC 3550 §5.1).
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let mut layout = Self::parse_header(packet)?;
        if packet[0] & 0x20 != 0 {
            let padding = u16::from(packet[packet.len() - 1]);
            if padding == 0 || padding > layout.payload_end - layout.payload_start {
                return Err(RtpError::Padding);
            }
            layout.payload_end -= padding;
        }
        Ok(layout)
    }

    /// Of a packet whose payload is encrypted (SRTP): the padding is not looked at, and the
    /// payload ends with the buffer.
    pub fn parse_header(packet: &[u8]) -> Result<Self, RtpError> {
        let len = u16::try_from(packet.len()).map_err(|_| RtpError::TooLong)?;
        if len < 12 {
            return Err(RtpError::Truncated);
        }
        if packet[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let fixed_end = 12 + 4 * u16::from(packet[0] & 0x0f);
        let mut layout = Self {
            extension_profile: 0,
            extensions_start: fixed_end,
            extensions_end: fixed_end,
            payload_start: fixed_end,
            payload_end: len,
            len,
        };
        if packet[0] & 0x10 != 0 {
            let at = usize::from(fixed_end);
            let head = packet.get(at..at + 4).ok_or(RtpError::Truncated)?;
            layout.extension_profile = u16::from_be_bytes([head[0], head[1]]);
            let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let end = u16::try_from(at + 4 + words * 4).map_err(|_| RtpError::Truncated)?;
            layout.extensions_start = fixed_end + 4;
            layout.extensions_end = end;
            layout.payload_start = end;
        }
        if layout.payload_start > len {
            return Err(RtpError::Truncated);
        }
        Ok(layout)
    }

    /// Bytes before the payload.
    pub fn header_len(&self) -> usize {
        usize::from(self.payload_start)
    }

    /// The payload without padding, as a range of the packet.
    pub fn payload_range(&self) -> Range<usize> {
        usize::from(self.payload_start)..usize::from(self.payload_end)
    }

    /// Bytes of padding, the count byte included.
    pub fn padding_len(&self) -> usize {
        usize::from(self.len - self.payload_end)
    }

    /// Bytes of the whole packet.
    pub fn packet_len(&self) -> usize {
        usize::from(self.len)
    }
}

/// A parsed RTP packet that borrows its bytes.
#[derive(Clone, Copy, Debug)]
pub struct RtpPacket<'a> {
    bytes: &'a [u8],
    layout: RtpLayout,
}

impl<'a> RtpPacket<'a> {
    /// Parses a packet in clear (RFC 3550 §5.1).
    ///
    /// # Errors
    /// [`RtpError`] names what is wrong; nothing is read beyond `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        Ok(Self {
            bytes,
            layout: RtpLayout::parse(bytes)?,
        })
    }

    /// Parses only the header of a packet that is still encrypted; `payload` is then ciphertext.
    ///
    /// # Errors
    /// As [`RtpPacket::parse`], without [`RtpError::Padding`].
    pub fn parse_header(bytes: &'a [u8]) -> Result<Self, RtpError> {
        Ok(Self {
            bytes,
            layout: RtpLayout::parse_header(bytes)?,
        })
    }

    /// Joins bytes and the layout that was parsed from them before; `None` when the lengths differ.
    pub fn with_layout(bytes: &'a [u8], layout: RtpLayout) -> Option<Self> {
        (bytes.len() == layout.packet_len()).then_some(Self { bytes, layout })
    }

    /// Where the parts lie.
    pub fn layout(&self) -> RtpLayout {
        self.layout
    }

    /// The whole packet.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The marker bit: last packet of a video frame, first of an audio talk spurt.
    pub fn marker(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }

    /// 7 bits, the marker taken off (RFC 3550 §5.1).
    pub fn payload_type(&self) -> PayloadType {
        PayloadType::from_header_byte(self.bytes[1])
    }

    /// 16 bits, which wrap.
    pub fn sequence_number(&self) -> SeqNum {
        SeqNum(u16::from_be_bytes([self.bytes[2], self.bytes[3]]))
    }

    /// The timestamp, in units of the payload's clock.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp(self.word(4))
    }

    /// The synchronization source.
    pub fn ssrc(&self) -> Ssrc {
        Ssrc(self.word(8))
    }

    /// The contributing sources, at most 15.
    pub fn csrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        let count = usize::from(self.bytes[0] & 0x0f);
        self.bytes[12..12 + 4 * count]
            .chunks_exact(4)
            .map(|b| Ssrc(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
    }

    /// All header extension elements, in order (RFC 8285 §4.2, §4.3).
    pub fn extensions(&self) -> Extensions<'a> {
        let range =
            usize::from(self.layout.extensions_start)..usize::from(self.layout.extensions_end);
        Extensions::new(self.layout.extension_profile, &self.bytes[range])
    }

    /// The value of the first extension element with this id.
    pub fn extension_by_id(&self, id: u8) -> Option<&'a [u8]> {
        self.extension_range(id).map(|range| &self.bytes[range])
    }

    /// Where the value of the first extension element with this id lies in the packet.
    pub(super) fn extension_range(&self, id: u8) -> Option<Range<usize>> {
        let mut extensions = self.extensions();
        while let Some((found, value)) = extensions.next() {
            if found == id {
                let end = usize::from(self.layout.extensions_end) - extensions.remaining();
                return Some(end - value.len()..end);
            }
        }
        None
    }

    /// The value of an extension, by what `map` calls it.
    pub fn extension(&self, extension: Extension, map: &ExtensionMap) -> Option<&'a [u8]> {
        self.extension_by_id(map.id(extension)?)
    }

    /// The payload without padding.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.layout.payload_range()]
    }

    /// True when the packet carries nothing but padding: a bandwidth probe.
    pub fn is_padding_only(&self) -> bool {
        self.layout.payload_range().is_empty()
    }

    fn word(&self, at: usize) -> u32 {
        let b = &self.bytes[at..at + 4];
        u32::from_be_bytes([b[0], b[1], b[2], b[3]])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PLAIN: &[u8] = &[
        0x80, 0xe4, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 3,
    ];

    #[test]
    fn the_fixed_header_is_read() {
        let packet = RtpPacket::parse(PLAIN).unwrap();
        assert!(packet.marker());
        assert_eq!(packet.payload_type().value(), 100);
        assert_eq!(packet.sequence_number(), SeqNum(0x1234));
        assert_eq!(packet.timestamp(), Timestamp(0xdead_beef));
        assert_eq!(packet.ssrc(), Ssrc(0xcafe_babe));
        assert_eq!(packet.payload(), [1, 2, 3]);
        assert_eq!(packet.extensions().count(), 0);
    }

    #[test]
    fn csrcs_extension_and_padding_are_skipped_over() {
        let bytes = [
            &[0xb1, 0x64, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..],
            &[0, 0, 0, 9],
            &[0xbe, 0xde, 0, 1, 0x10, 0x8a, 0, 0],
            &[7, 7, 0, 0, 3],
        ]
        .concat();
        let packet = RtpPacket::parse(&bytes).unwrap();
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [Ssrc(9)]);
        assert_eq!(packet.extension_by_id(1), Some(&[0x8a][..]));
        assert_eq!(packet.payload(), [7, 7]);
        assert_eq!(packet.layout().padding_len(), 3);
    }

    #[test]
    fn padding_longer_than_the_payload_is_refused() {
        let mut bytes = PLAIN.to_vec();
        bytes[0] |= 0x20;
        bytes[14] = 4;
        assert_eq!(RtpPacket::parse(&bytes).unwrap_err(), RtpError::Padding);
        bytes[14] = 0;
        assert_eq!(RtpPacket::parse(&bytes).unwrap_err(), RtpError::Padding);
        bytes[14] = 3;
        assert!(RtpPacket::parse(&bytes).unwrap().is_padding_only());
    }

    #[test]
    fn an_encrypted_packet_keeps_its_whole_ciphertext() {
        let mut bytes = PLAIN.to_vec();
        bytes[0] |= 0x20;
        bytes[14] = 0xff;
        assert_eq!(RtpPacket::parse_header(&bytes).unwrap().payload().len(), 3);
    }

    #[test]
    fn every_truncation_of_a_header_is_an_error() {
        let bytes = [
            &[0x92, 0x64, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..],
            &[0, 0, 0, 9, 0, 0, 0, 8],
            &[0xbe, 0xde, 0, 2, 0x10, 0x8a, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        for len in 0..bytes.len() {
            assert_eq!(
                RtpPacket::parse(&bytes[..len]).unwrap_err(),
                RtpError::Truncated
            );
        }
        assert!(RtpPacket::parse(&bytes).is_ok());
    }
}
