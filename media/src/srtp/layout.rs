//! The little of RTP and RTCP headers that protection depends on.

/// Where things are in an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RtpLayout {
    pub ssrc: u32,
    pub sequence: u16,
    /// Fixed header, CSRCs and header extension, in bytes: authenticated, not encrypted.
    pub header_len: usize,
}

/// Length of the RTCP header and sender SSRC, in bytes: authenticated, not encrypted.
pub(super) const RTCP_HEADER: usize = 8;

impl RtpLayout {
    /// RFC 3550 §5.1, §5.3.1. `None` when the header does not fit the packet.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 12] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut header_len = 12 + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = packet.get(header_len..)?.first_chunk()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            header_len += 4 + 4 * usize::from(words);
        }
        (header_len <= packet.len()).then_some(Self {
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            header_len,
        })
    }
}

/// The sender SSRC of a compound RTCP packet (RFC 3550 §6.4); `None` when it is too short.
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let header: &[u8; RTCP_HEADER] = packet.first_chunk()?;
    (header[0] >> 6 == 2).then(|| u32::from_be_bytes([header[4], header[5], header[6], header[7]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csrcs_and_the_extension_belong_to_the_header() {
        let mut packet = vec![0u8; 12 + 8 + 4 + 8 + 3];
        packet[0] = 0x92;
        packet[3] = 7;
        packet[11] = 9;
        packet[12 + 8 + 3] = 2;
        let layout = RtpLayout::read(&packet);
        let expected = RtpLayout {
            ssrc: 9,
            sequence: 7,
            header_len: 32,
        };
        assert_eq!(layout, Some(expected));
        assert_eq!(RtpLayout::read(&packet[..32]), Some(expected));
        for short in 0..32 {
            assert_eq!(RtpLayout::read(&packet[..short]), None);
        }
    }
}
