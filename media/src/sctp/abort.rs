//! The packet that says that an association is over (RFC 9260 §3.3.7).

use bytes::Bytes;

/// An ABORT without a cause.
const CHUNK: [u8; 4] = [6, 0, 0, 4];

/// For the peer to which the last packet had this header: ports, verification tag, checksum.
pub(super) fn abort_of(header: &[u8; 12]) -> Bytes {
    let mut packet = [&header[..8], &[0; 4], &CHUNK].concat();
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet.into()
}

/// RFC 9260 §6.8, appendix A; for packets so short that a table is not worth it.
pub(super) fn crc32c(packet: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in packet {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720 §B.4.
    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xff; 32]), 0x62A8_AB43);
    }
}
