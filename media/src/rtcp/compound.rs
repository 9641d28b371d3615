//! Iteration over the packets of one RTCP datagram (RFC 3550 §6.1).

use super::{
    Bye, Fir, Nack, Pli, ReceiverReport, Remb, SenderReport, SourceDescription, TransportCc,
};

/// Why bytes are not an RTCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// The datagram ends inside a packet.
    #[error("the datagram ends inside an RTCP packet")]
    Truncated,
    /// Version is not 2.
    #[error("the RTCP version is not 2")]
    Version,
    /// The contents do not fit the packet's own length or counts.
    #[error("the contents of the RTCP packet do not fit its length")]
    Malformed,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum RtcpPacket<'a> {
    /// RFC 3550 §6.4.1.
    SenderReport(SenderReport<'a>),
    /// RFC 3550 §6.4.2.
    ReceiverReport(ReceiverReport<'a>),
    /// RFC 3550 §6.5.
    SourceDescription(SourceDescription<'a>),
    /// RFC 3550 §6.6.
    Bye(Bye<'a>),
    /// RFC 4585 §6.2.1.
    Nack(Nack<'a>),
    /// RFC 4585 §6.3.1.
    Pli(Pli),
    /// RFC 5104 §4.3.1.
    Fir(Fir<'a>),
    /// draft-alvestrand-rmcat-remb.
    Remb(Remb<'a>),
    /// draft-holmer-rmcat-transport-wide-cc-extensions.
    TransportCc(TransportCc<'a>),
    /// Anything else, skipped: packet type and the five bits of count or format.
    Unknown {
        /// The packet type, e.g. 207 for XR.
        packet_type: u8,
        /// Count or feedback message type.
        count: u8,
    },
}

/// The packets of one datagram. Ends after the first datagram-level error (version, length); a
/// packet whose contents alone are malformed is an `Err` item and the iteration goes on.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Over a decrypted datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn split_packet(&mut self) -> Result<RtcpPacket<'a>, RtcpError> {
        let bytes = std::mem::take(&mut self.rest);
        let &[first, packet_type, len_high, len_low, ..] = bytes else {
            return Err(RtcpError::Truncated);
        };
        if first >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        let len = 4 + 4 * usize::from(u16::from_be_bytes([len_high, len_low]));
        let (packet, rest) = bytes.split_at_checked(len).ok_or(RtcpError::Truncated)?;
        self.rest = rest;
        let mut body = &packet[4..];
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last().ok_or(RtcpError::Malformed)?);
            if padding == 0 || padding > body.len() {
                return Err(RtcpError::Malformed);
            }
            body = &body[..body.len() - padding];
        }
        let count = first & 0x1f;
        let parsed = match (packet_type, count) {
            (200, _) => SenderReport::parse(count, body).map(RtcpPacket::SenderReport),
            (201, _) => ReceiverReport::parse(count, body).map(RtcpPacket::ReceiverReport),
            (202, _) => SourceDescription::parse(count, body).map(RtcpPacket::SourceDescription),
            (203, _) => Bye::parse(count, body).map(RtcpPacket::Bye),
            (205, 1) => Nack::parse(body).map(RtcpPacket::Nack),
            (205, 15) => TransportCc::parse(body).map(RtcpPacket::TransportCc),
            (206, 1) => Pli::parse(body).map(RtcpPacket::Pli),
            (206, 4) => Fir::parse(body).map(RtcpPacket::Fir),
            (206, 15) if body.get(8..12) == Some(b"REMB") => {
                Remb::parse(body).map(RtcpPacket::Remb)
            }
            _ => Some(RtcpPacket::Unknown { packet_type, count }),
        };
        parsed.ok_or(RtcpError::Malformed)
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some(self.split_packet())
    }
}

/// Writes the four bytes of header and the body that `body` appends, then fills in the length;
/// the body must be whole words.
pub(super) fn write_packet(
    out: &mut Vec<u8>,
    packet_type: u8,
    count: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend([0x80 | count & 0x1f, packet_type, 0, 0]);
    body(out);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// The big-endian word at `at`.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let b = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}
