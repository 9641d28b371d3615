//! Outgoing RTP packets (RFC 3550 §5.1) with one-byte header extensions (RFC 8285 §4.2).

use media::units::{PayloadType, Ssrc};

/// What a packet says before its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub payload_type: PayloadType,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: Ssrc,
}

/// A header extension: id and value of one to sixteen bytes.
pub(super) type Element<'a> = (u8, &'a [u8]);

/// Bytes of a header with a few elements, at most.
pub(super) const MAX_HEADER: usize = 32;

/// Writes a packet to `out`, which is cleared first, up to where its payload begins.
pub(super) fn write(out: &mut Vec<u8>, header: &Header, elements: &[Element<'_>]) {
    out.clear();
    let extended = !elements.is_empty();
    out.push(0x80 | u8::from(extended) << 4);
    out.push(header.payload_type.value() | u8::from(header.marker) << 7);
    out.extend(header.sequence.to_be_bytes());
    out.extend(header.timestamp.to_be_bytes());
    out.extend(header.ssrc.0.to_be_bytes());
    if extended {
        let bytes: usize = elements.iter().map(|(_, value)| 1 + value.len()).sum();
        let words = bytes.div_ceil(4);
        out.extend(0xbede_u16.to_be_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a few elements of few bytes"
        )]
        out.extend((words as u16).to_be_bytes());
        for (id, value) in elements {
            #[expect(clippy::cast_possible_truncation, reason = "one to sixteen bytes")]
            out.push(id << 4 | (value.len() - 1) as u8);
            out.extend(*value);
        }
        out.extend(std::iter::repeat_n(0, words * 4 - bytes));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use media::rtp::RtpPacket;

    #[test]
    fn a_written_packet_reads_back() {
        let header = Header {
            payload_type: PayloadType::new(111).unwrap(),
            marker: true,
            sequence: 7,
            timestamp: 960,
            ssrc: Ssrc(5),
        };
        let mut out = vec![1, 2, 3];
        write(&mut out, &header, &[(1, &[0x85]), (5, &[1, 2])]);
        out.extend(b"sound");
        let packet = RtpPacket::parse(&out).unwrap();
        assert_eq!(packet.payload(), b"sound");
        assert_eq!(packet.extension_by_id(1), Some(&[0x85][..]));
        assert_eq!(packet.extension_by_id(5), Some(&[1, 2][..]));
        assert!(packet.marker());
        assert_eq!((packet.ssrc(), packet.sequence_number().0), (Ssrc(5), 7));
    }
}
