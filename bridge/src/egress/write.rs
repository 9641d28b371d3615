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
        let writer = HeaderWriter {
            incoming,
            outgoing: self.extensions,
            forward: ExtensionSet::END_TO_END,
        };
        let written = writer
            .write(&rtp, &fields, &stamps, &[], out)
            .map_err(|_| DropReason::TooLarge)?;
        let payload = &mut out[written.header_len..written.len];
        match codec {
            Codec::Vp8 => {
                if let Ok(vp8) = Vp8Descriptor::parse(payload) {
                    vp8.rewrite(payload, rewrite.picture.unwrap_or(0), rewrite.tl0);
                }
            }
            Codec::Vp9 => {
                if let Ok(vp9) = Vp9Descriptor::parse(payload) {
                    vp9.rewrite(payload, rewrite.picture.unwrap_or(0), rewrite.tl0);
                }
            }
            _ => {}
        }
        Ok(match strip {
            None => written.len,
            Some(range) => {
                let len = range.len();
                payload.copy_within(range, 0);
                written.header_len + len
            }
        })
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
            .write_padding(fields, &stamps, 255, out)
            .map_err(|_| DropReason::TooLarge)?;
        Ok(written.len)
    }
}
