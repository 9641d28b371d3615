//! Writing one outgoing packet: header, descriptor, and for retransmissions the RTX form.

use media::codec::Codec;
use media::codec::av1::{DependencyDescriptor, DescriptorEdit};
use media::codec::vp8::Vp8Descriptor;
use media::codec::vp9::Vp9Descriptor;
use media::red;
use media::rtp::{
    AbsSendTime, Extension, ExtensionMap, ExtensionSet, HeaderFields, HeaderWriter, RtpPacket,
    SeqNum, Stamps, Timestamp,
};
use media::rtx::RtxStream;
use media::units::Ssrc;

use super::payloads::Payloads;
use crate::packet::SharedPacket;
use crate::projection::Rewrite;
use crate::statistics::DropReason;

/// Longest dependency descriptor that is rewritten.
const MAX_DESCRIPTOR: usize = 255;
/// Longest packet before protection.
pub const MAX_PLAIN: usize = 1_500;

/// What a receiver negotiated.
#[derive(Clone, Copy, Debug)]
pub struct Negotiated<'a> {
    /// Header extension ids.
    pub extensions: &'a ExtensionMap,
    /// Payload types.
    pub payloads: &'a Payloads,
}

/// What is stamped on this very packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp<'a> {
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Departure time.
    pub abs_send_time: Option<AbsSendTime>,
    /// Mid of the stream.
    pub mid: Option<&'a str>,
}

impl Negotiated<'_> {
    /// Writes a packet as the receiver shall see it. Returns its length.
    ///
    /// # Errors
    /// The reason why this receiver cannot be sent it.
    pub fn write_media(
        &self,
        packet: &SharedPacket,
        incoming: &ExtensionMap,
        ssrc: Ssrc,
        rewrite: &Rewrite,
        stamp: &Stamp<'_>,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        let rtp = packet.rtp();
        let codec = packet.meta().codec;
        let mut strip = None;
        let payload = match self.payloads.of(codec, rtp.payload_type()) {
            Some(payload) => payload,
            None if codec == Codec::Red => {
                let (_, range) =
                    red::primary(rtp.payload()).map_err(|_| DropReason::BadDescriptor)?;
                strip = Some(range);
                let opus = self.payloads.of(Codec::Opus, rtp.payload_type());
                opus.ok_or(DropReason::CodecNotNegotiated)?
            }
            None => return Err(DropReason::CodecNotNegotiated),
        };
        let fields = HeaderFields {
            marker: rewrite.marker,
            payload_type: payload.media,
            sequence_number: SeqNum(rewrite.seq as u16),
            timestamp: Timestamp(rewrite.timestamp),
            ssrc,
        };
        if rewrite.empty {
            return self.write_padding_of(1, &fields, stamp, out);
        }
        let mut descriptor = arrayvec::ArrayVec::<u8, MAX_DESCRIPTOR>::new();
        if codec == Codec::Av1
            && let Some(number) = rewrite.picture
            && let Some(value) = rtp.extension(Extension::DependencyDescriptor, incoming)
            && descriptor.try_extend_from_slice(value).is_ok()
        {
            let edit = DescriptorEdit {
                frame_number: number,
                ..DescriptorEdit::default()
            };
            DependencyDescriptor::rewrite(&mut descriptor, &edit);
        }
        let stamps = Stamps {
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            mid: stamp.mid.map(str::as_bytes),
            dependency_descriptor: (!descriptor.is_empty()).then_some(&descriptor[..]),
        };
        // Browsers add the descriptor to every codec once it is negotiated. For the others it is
        // not rewritten, and their own descriptors say all that a receiver needs.
        let forward = if codec == Codec::Av1 {
            ExtensionSet::END_TO_END
        } else {
            ExtensionSet::END_TO_END.without(Extension::DependencyDescriptor)
        };
        let writer = HeaderWriter {
            incoming,
            outgoing: self.extensions,
            forward,
        };
        let written = writer
            .write(&rtp, &fields, &stamps, &[], out)
            .map_err(|_| DropReason::TooLarge)?;
        let body = &mut out[written.header_len..];
        let mut len = written.len - written.header_len;
        let picture = rewrite.picture.unwrap_or(0);
        match codec {
            Codec::Vp8 => {
                if let Ok(mut vp8) = Vp8Descriptor::parse(&body[..len]) {
                    len = vp8.widen(body, len);
                    vp8.rewrite(&mut body[..len], picture, rewrite.tl0, rewrite.key);
                }
            }
            Codec::Vp9 => {
                if let Ok(mut vp9) = Vp9Descriptor::parse(&body[..len]) {
                    len = vp9.widen(body, len);
                    vp9.rewrite(&mut body[..len], picture, rewrite.tl0);
                }
            }
            _ => {}
        }
        if let Some(range) = strip {
            len = range.len();
            body.copy_within(range, 0);
        }
        Ok(written.header_len + len)
    }

    /// Writes a packet that [`Self::write_media`] wrote before as a retransmission (RFC 4588).
    ///
    /// # Errors
    /// [`DropReason::CodecNotNegotiated`] if the receiver takes no retransmissions of the codec.
    pub fn write_rtx(
        &self,
        codec: Codec,
        original: &[u8],
        ssrc: Ssrc,
        next: &mut SeqNum,
        stamp: &Stamp<'_>,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        let original = RtpPacket::parse(original).map_err(|_| DropReason::Malformed)?;
        let payload = self.payloads.of(codec, original.payload_type());
        let payload_type = payload
            .and_then(|p| p.rtx)
            .ok_or(DropReason::CodecNotNegotiated)?;
        let mut stream = RtxStream { ssrc, next: *next };
        let writer = HeaderWriter {
            incoming: self.extensions,
            outgoing: self.extensions,
            forward: ExtensionSet::END_TO_END,
        };
        let stamps = Stamps {
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            mid: stamp.mid.map(str::as_bytes),
            dependency_descriptor: None,
        };
        let written = stream
            .wrap(payload_type, &writer, &original, &stamps, out)
            .map_err(|_| DropReason::TooLarge)?;
        *next = stream.next;
        Ok(written.len)
    }

    /// Writes a packet of padding on a retransmission stream, a bandwidth probe.
    ///
    /// # Errors
    /// As [`Self::write_rtx`].
    pub fn write_padding(
        &self,
        fields: &HeaderFields,
        stamp: &Stamp<'_>,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        self.write_padding_of(255, fields, stamp, out)
    }

    fn write_padding_of(
        &self,
        len: u8,
        fields: &HeaderFields,
        stamp: &Stamp<'_>,
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        let writer = HeaderWriter {
            incoming: self.extensions,
            outgoing: self.extensions,
            forward: ExtensionSet::EMPTY,
        };
        let stamps = Stamps {
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            mid: stamp.mid.map(str::as_bytes),
            dependency_descriptor: None,
        };
        let written = writer
            .write_padding(fields, &stamps, len, out)
            .map_err(|_| DropReason::TooLarge)?;
        Ok(written.len)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Instant;

    use media::rtp::RtpLayout;
    use media::units;

    use super::*;
    use crate::command::{Feedback, MediaKind, PayloadType};
    use crate::ids::{EndpointKey, SourceKey};
    use crate::packet::{Frame, PacketMeta, PacketPool, share};

    const DESCRIPTOR: u8 = 11;

    fn payloads(list: &[(u8, Codec)]) -> Payloads {
        let payload = |(id, codec): &(u8, Codec)| PayloadType {
            id: *id,
            kind: MediaKind::Video,
            codec: *codec,
            clock_rate: 90_000,
            associated: (*codec == Codec::Rtx).then_some(100),
            feedback: Feedback::default(),
        };
        Payloads::new(&list.iter().map(payload).collect::<Vec<_>>())
    }

    fn packet(codec: Codec, payload_type: u8, payload: &[u8]) -> SharedPacket {
        let mut bytes = vec![0x90, payload_type, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7];
        bytes.extend([0xbe, 0xde, 0, 1, DESCRIPTOR << 4 | 2, 0xc1, 0, 5]);
        bytes.extend(payload);
        let layout = RtpLayout::parse(&bytes).unwrap();
        let meta = PacketMeta {
            source: SourceKey {
                owner: EndpointKey(1),
                number: 0,
            },
            kind: MediaKind::Video,
            encoding: 0,
            codec,
            seq: 9,
            timestamp: 8,
            marker: false,
            arrival: Instant::now(),
            level: None,
            frame: Frame::Opaque { keyframe: false },
        };
        share(&mut PacketPool::default(), &bytes, layout, meta)
    }

    /// What a receiver with these payload types gets.
    fn written(list: &[(u8, Codec)], packet: &SharedPacket) -> Result<Vec<u8>, DropReason> {
        let mut extensions = ExtensionMap::new();
        extensions
            .insert(Extension::DependencyDescriptor, DESCRIPTOR)
            .unwrap();
        let payloads = payloads(list);
        let negotiated = Negotiated {
            extensions: &extensions,
            payloads: &payloads,
        };
        let rewrite = Rewrite {
            seq: 0x1_0002,
            timestamp: 3,
            marker: true,
            empty: false,
            picture: Some(0x1234),
            tl0: 77,
            key: 3,
        };
        let mut out = [0; MAX_PLAIN];
        let stamp = Stamp::default();
        let len =
            negotiated.write_media(packet, &extensions, Ssrc(5), &rewrite, &stamp, &mut out)?;
        Ok(out[..len].to_vec())
    }

    #[test]
    fn header_and_vp8_descriptor_are_the_streams_own() {
        // X; I L T K; a picture id of 15 bits, TL0PICIDX, TID and KEYIDX.
        let sent = packet(Codec::Vp8, 120, &[0x90, 0xf0, 0x80, 1, 2, 0x34, 1, 0, 0]);
        let bytes = written(&[(100, Codec::Vp8)], &sent).unwrap();
        let rtp = RtpPacket::parse(&bytes).unwrap();
        assert_eq!(
            (rtp.ssrc(), rtp.sequence_number(), rtp.timestamp()),
            (Ssrc(5), SeqNum(2), Timestamp(3))
        );
        assert_eq!(rtp.payload_type(), units::PayloadType::new(100).unwrap());
        assert!(rtp.marker());
        assert_eq!(rtp.payload()[2..], [0x92, 0x34, 77, 0x23, 1, 0, 0]);
        assert_eq!(
            rtp.extension_by_id(DESCRIPTOR),
            None,
            "only AV1 has it rewritten"
        );
    }

    #[test]
    fn picture_ids_go_out_in_fifteen_bits_whatever_they_came_in() {
        // VP8: X; I L; then the same with a short id. VP9: I B E, flexible, without layers.
        let table = [
            (
                Codec::Vp8,
                &[0x90, 0xc0, 0x80, 1, 2, 0xaa][..],
                &[0x90, 0xc0, 0x92, 0x34, 77, 0xaa],
            ),
            (
                Codec::Vp8,
                &[0x90, 0xc0, 0x01, 2, 0xaa],
                &[0x90, 0xc0, 0x92, 0x34, 77, 0xaa],
            ),
            (
                Codec::Vp9,
                &[0x9c, 0x81, 1, 1, 2, 0xaa],
                &[0x9c, 0x92, 0x34, 1, 2, 0xaa],
            ),
            (
                Codec::Vp9,
                &[0x9c, 0x11, 1, 2, 0xaa],
                &[0x9c, 0x92, 0x34, 1, 2, 0xaa],
            ),
        ];
        for (codec, incoming, outgoing) in table {
            let bytes = written(&[(100, codec)], &packet(codec, 100, incoming)).unwrap();
            let rtp = RtpPacket::parse(&bytes).unwrap();
            assert_eq!(rtp.payload(), outgoing, "{codec:?} {incoming:x?}");
        }
    }

    #[test]
    fn the_frame_number_of_av1_is_the_streams_own() {
        let sent = packet(Codec::Av1, 41, &[0x10, 1, 2, 3]);
        let bytes = written(&[(41, Codec::Av1)], &sent).unwrap();
        let rtp = RtpPacket::parse(&bytes).unwrap();
        assert_eq!(
            rtp.extension_by_id(DESCRIPTOR),
            Some(&[0xc1, 0x12, 0x34][..])
        );
    }

    #[test]
    fn redundancy_is_stripped_for_receivers_that_lack_it() {
        // One redundant block of two bytes, then the primary.
        let red = [0x80 | 111, 0, 0, 2, 111, 8, 8, 1, 2, 3];
        let sent = packet(Codec::Red, 112, &red);
        let both = written(&[(112, Codec::Red), (111, Codec::Opus)], &sent).unwrap();
        assert_eq!(RtpPacket::parse(&both).unwrap().payload(), red);
        let plain = written(&[(111, Codec::Opus)], &sent).unwrap();
        let rtp = RtpPacket::parse(&plain).unwrap();
        assert_eq!(
            (rtp.payload(), rtp.payload_type().value()),
            (&[1, 2, 3][..], 111)
        );
        assert_eq!(
            written(&[(100, Codec::Vp8)], &sent),
            Err(DropReason::CodecNotNegotiated)
        );
    }

    #[test]
    fn a_retransmission_carries_the_original_number_on_its_own_stream() {
        let extensions = ExtensionMap::new();
        let payloads = payloads(&[(100, Codec::Vp8), (96, Codec::Rtx)]);
        let negotiated = Negotiated {
            extensions: &extensions,
            payloads: &payloads,
        };
        let original = [0x80, 0x80 | 100, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 5, 0xaa];
        let mut next = SeqNum(40);
        let mut out = [0; MAX_PLAIN];
        let len = negotiated
            .write_rtx(
                Codec::Vp8,
                &original,
                Ssrc(6),
                &mut next,
                &Stamp::default(),
                &mut out,
            )
            .unwrap();
        let rtp = RtpPacket::parse(&out[..len]).unwrap();
        assert_eq!(
            (rtp.ssrc(), rtp.sequence_number(), next),
            (Ssrc(6), SeqNum(40), SeqNum(41))
        );
        assert_eq!(
            (rtp.payload_type().value(), rtp.payload()),
            (96, &[0x12, 0x34, 0xaa][..])
        );
    }
}
