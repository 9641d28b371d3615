//! RTP packets (RFC 3550): a view without copies, edits in place, header extensions (RFC 8285),
//! counters that wrap, and reception statistics.

mod counter;
mod edit;
mod extension;
mod layers_allocation;
mod packet;
mod reception;
mod write;

pub use counter::{SeqNum, Timestamp, Unwrapper};
pub use edit::RtpPacketMut;
pub use extension::{
    AbsSendTime, AudioLevel, Extension, ExtensionMap, ExtensionMapError, ExtensionSet, Extensions,
};
pub use layers_allocation::{AllocatedLayer, LayersAllocation};
pub use packet::{RtpError, RtpLayout, RtpPacket};
pub use reception::{NtpTime, Reception, SenderReportTime, round_trip_time};
pub use write::{HeaderFields, HeaderWriter, Stamps, WriteError, Written};

/// Largest RTP or RTCP packet that is handled, in bytes: an Ethernet frame's payload.
pub const MAX_PACKET: usize = 1_500;

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;
    use crate::rtx;
    use crate::units::{PayloadType, Ssrc};

    /// Every id means something, so that every element that parses is written again.
    fn full_map(first: u8) -> ExtensionMap {
        let mut map = ExtensionMap::new();
        for (&extension, id) in Extension::ALL
            .iter()
            .zip((first..).filter(|id| id % 16 != 15))
        {
            map.insert(extension, id)
                .expect("invariant: 0, 15 are left out");
        }
        map
    }

    #[test]
    fn hostile_bytes_never_panic_and_what_is_written_parses() {
        let mut random = SmallRng::seed_from_u64(7);
        let (incoming, outgoing) = (full_map(1), full_map(9));
        let forward = ExtensionSet::RELAY;
        let writer = HeaderWriter {
            incoming: &incoming,
            outgoing: &outgoing,
            forward,
        };
        let mut bytes = vec![0; 300];
        let mut out = [0; 1_500];
        let mut written_packets = 0;
        for _ in 0..100_000 {
            let len = random.random_range(0..300);
            bytes.resize(len, 0);
            random.fill_bytes(&mut bytes);
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | *first & 0x33;
            }
            let fixed = 12 + 4 * usize::from(bytes.first().map_or(0, |first| first & 0x0f));
            if let Some(extension) = bytes.get_mut(fixed..fixed + 4)
                && random.random_bool(0.9)
            {
                let profile = if random.random_bool(0.5) {
                    [0xbe, 0xde]
                } else {
                    [0x10, 0]
                };
                extension.copy_from_slice(&[profile[0], profile[1], 0, random.random_range(0..30)]);
            }
            if let Some(last) = bytes.last_mut() {
                *last &= 0x1f;
            }
            let _ = RtpPacket::parse_header(&bytes);
            let Ok(mut packet) = RtpPacketMut::parse(&mut bytes) else {
                continue;
            };
            for id in 0..=255 {
                if let Some(value) = packet.extension_mut(id) {
                    value.fill(0);
                }
            }
            let view = packet.view();
            let stamps = Stamps {
                transport_cc: Some(1),
                mid: Some(b"x"),
                ..Stamps::default()
            };
            let fields = HeaderFields::of(&view);
            let written = writer.write(&view, &fields, &stamps, &[], &mut out);
            let written = written.expect("invariant: 1500 bytes hold any packet of 300");
            let again = RtpPacket::parse(&out[..written.len]).expect("invariant: valid");
            assert_eq!(again.payload(), view.payload());
            assert_eq!(again.extension(Extension::Mid, &outgoing), Some(&b"x"[..]));
            let audio = view.extension(Extension::AudioLevel, &incoming);
            assert_eq!(again.extension(Extension::AudioLevel, &outgoing), audio);
            let layout = view.layout();
            rtx::unwrap(
                &mut bytes,
                layout,
                PayloadType::from_header_byte(1),
                Ssrc(1),
            );
            written_packets += 1;
        }
        assert!(written_packets > 10_000);
    }

    #[test]
    fn the_longest_datagram_is_read_to_its_end() {
        let mut bytes = vec![0; 65_535];
        bytes[0] = 0xb0;
        bytes[14..16].copy_from_slice(&16_379_u16.to_be_bytes());
        bytes[65_534] = 3;
        assert!(RtpPacket::parse(&bytes).is_ok_and(|packet| packet.is_padding_only()));
        bytes[65_534] = 255;
        assert_eq!(RtpPacket::parse(&bytes).err(), Some(RtpError::Padding));
        bytes.push(0);
        assert_eq!(RtpPacket::parse(&bytes).err(), Some(RtpError::TooLong));
    }
}
