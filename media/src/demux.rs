//! Which protocol a datagram belongs to, by its first byte
//! ([RFC 7983 §7](https://www.rfc-editor.org/rfc/rfc7983#section-7)).

/// The protocol of a datagram that shares the bridge's one UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// First byte 0..=3 and at least a STUN header long.
    Stun,
    /// First byte 20..=63 and at least a DTLS record header long.
    Dtls,
    /// First byte 128..=191, payload type outside 64..=95 (RFC 5761 §4).
    Rtp,
    /// First byte 128..=191, packet type 192..=223 (RFC 5761 §4).
    Rtcp,
}

/// Shortest STUN message: its header (RFC 8489 §5), in bytes.
const STUN_HEADER: usize = 20;
/// Shortest DTLS 1.2 plaintext record and longest fixed part that we look at, in bytes.
const DTLS_HEADER: usize = 13;
/// Shortest RTP packet: its fixed header (RFC 3550 §5.1), in bytes.
const RTP_HEADER: usize = 12;
/// Shortest RTCP packet: header and sender SSRC (RFC 3550 §6.4), in bytes.
const RTCP_HEADER: usize = 8;

/// Sorts a datagram. `None` when it is none of ours or too short to be what it claims.
pub fn demux(datagram: &[u8]) -> Option<PacketKind> {
    let first = *datagram.first()?;
    match first {
        0..=3 if datagram.len() >= STUN_HEADER => Some(PacketKind::Stun),
        20..=63 if datagram.len() >= DTLS_HEADER => Some(PacketKind::Dtls),
        128..=191 => {
            let second = *datagram.get(1)?;
            if (192..=223).contains(&second) {
                (datagram.len() >= RTCP_HEADER).then_some(PacketKind::Rtcp)
            } else {
                (datagram.len() >= RTP_HEADER).then_some(PacketKind::Rtp)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(first: u8, second: u8) -> Option<PacketKind> {
        let mut datagram = [0u8; 40];
        datagram[0] = first;
        datagram[1] = second;
        demux(&datagram)
    }

    #[test]
    fn each_first_byte_range_of_rfc_7983_is_its_protocol() {
        assert_eq!(of(0, 1), Some(PacketKind::Stun));
        assert_eq!(of(3, 1), Some(PacketKind::Stun));
        assert_eq!(of(4, 0), None);
        assert_eq!(of(16, 0), None, "ZRTP is not spoken");
        assert_eq!(of(20, 254), Some(PacketKind::Dtls));
        assert_eq!(of(63, 254), Some(PacketKind::Dtls));
        assert_eq!(of(64, 0), None, "TURN channels are not spoken");
        assert_eq!(of(127, 0), None);
        assert_eq!(of(128, 111), Some(PacketKind::Rtp));
        assert_eq!(of(191, 0x80 | 111), Some(PacketKind::Rtp));
        assert_eq!(of(192, 0), None);
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_its_packet_type() {
        assert_eq!(of(0x80, 200), Some(PacketKind::Rtcp));
        assert_eq!(of(0x81, 206), Some(PacketKind::Rtcp));
        assert_eq!(of(0x80, 191), Some(PacketKind::Rtp));
        assert_eq!(of(0x80, 224), Some(PacketKind::Rtp));
    }

    #[test]
    fn a_datagram_too_short_for_its_protocol_is_nothing() {
        assert_eq!(demux(&[]), None);
        assert_eq!(demux(&[0; 19]), None);
        assert_eq!(demux(&[22; 12]), None);
        assert_eq!(demux(&[0x80; 1]), None);
        assert_eq!(demux(&[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(demux(&[0x80, 200, 0, 0]), None);
    }
}
