//! Writing an outgoing RTP packet from an incoming one: fixed header, extension block, payload.

use std::ops::Range;

use arrayvec::ArrayVec;

use super::{
    AbsSendTime, Extension, ExtensionMap, ExtensionSet, RtpLayout, RtpPacket, SeqNum, Timestamp,
};
use crate::units::{PayloadType, Ssrc};

/// Most extension elements that one outgoing packet carries; further ones are left out.
const MAX_ELEMENTS: usize = 16;

/// Longest value of an element (RFC 8285 §4.3).
const MAX_ELEMENT: usize = 255;

/// Longest header that is written: 12 bytes, 15 CSRCs and an extension block.
const MAX_HEADER: usize = 512;

/// The fixed fields of an outgoing packet (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFields {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, as the receiver negotiated it.
    pub payload_type: PayloadType,
    /// The sequence number on the outgoing SSRC.
    pub sequence_number: SeqNum,
    /// The timestamp on the outgoing SSRC.
    pub timestamp: Timestamp,
    /// The outgoing SSRC.
    pub ssrc: Ssrc,
}

impl HeaderFields {
    /// The fields of a packet as it is.
    pub fn of(packet: &RtpPacket<'_>) -> Self {
        Self {
            marker: packet.marker(),
            payload_type: packet.payload_type(),
            sequence_number: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
        }
    }
}

/// Extension values that are set for this hop. One that the receiver has not negotiated is left
/// out; so is one that is `None`, or longer than the 255 bytes that an element holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamps<'a> {
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Departure time.
    pub abs_send_time: Option<AbsSendTime>,
    /// The mid of the outgoing SSRC, 1 to 16 bytes of ASCII.
    pub mid: Option<&'a [u8]>,
    /// Takes the place of the incoming dependency descriptor.
    pub dependency_descriptor: Option<&'a [u8]>,
}

/// Why an outgoing packet cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The output buffer is too short for the packet.
    #[error("the packet does not fit its buffer")]
    BufferTooSmall,
}

/// What was written, and where values lie that may be stamped at the moment of sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the packet.
    pub len: usize,
    /// Bytes before the payload.
    pub header_len: usize,
    /// Offset of the two bytes of the transport-wide sequence number.
    pub transport_cc_at: Option<usize>,
    /// Offset of the three bytes of abs-send-time.
    pub abs_send_time_at: Option<usize>,
}

/// Rewrites headers from what one endpoint negotiated to what another did: unknown extensions are
/// stripped, ids mapped, stamps added. Padding is not carried over.
#[derive(Clone, Copy, Debug)]
pub struct HeaderWriter<'m> {
    /// Ids of the endpoint that sent the packet.
    pub incoming: &'m ExtensionMap,
    /// Ids of the endpoint that gets it.
    pub outgoing: &'m ExtensionMap,
    /// The extensions that may pass.
    pub forward: ExtensionSet,
}

impl HeaderWriter<'_> {
    /// Writes header, `prefix` and the packet's payload to the front of `out`. The prefix is what
    /// goes before the payload: the original sequence number of RTX, else nothing.
    ///
    /// # Errors
    /// [`WriteError::BufferTooSmall`]; `out` is then unspecified.
    pub fn write(
        &self,
        packet: &RtpPacket<'_>,
        fields: &HeaderFields,
        stamps: &Stamps<'_>,
        prefix: &[u8],
        out: &mut [u8],
    ) -> Result<Written, WriteError> {
        let mut written = self.write_header(Some(packet), fields, stamps, out)?;
        let payload = packet.payload();
        let prefix_end = written.header_len + prefix.len();
        written.len = prefix_end + payload.len();
        let body = out
            .get_mut(..written.len)
            .ok_or(WriteError::BufferTooSmall)?;
        body[written.header_len..prefix_end].copy_from_slice(prefix);
        body[prefix_end..].copy_from_slice(payload);
        Ok(written)
    }

    /// Rewrites the header of the packet that fills `packet_at` in `buffer`, leaving the payload
    /// where it is: the new header ends where the old one did, so it starts earlier or later than
    /// before. Needs room in front when it grows. Returns where the packet lies; offsets in
    /// [`Written`] count from its start.
    ///
    /// # Errors
    /// [`WriteError::BufferTooSmall`] when there is too little room in front, or when `layout` is
    /// not that of the packet; the buffer is then unchanged.
    pub fn write_in_place(
        &self,
        buffer: &mut [u8],
        packet_at: Range<usize>,
        layout: RtpLayout,
        fields: &HeaderFields,
        stamps: &Stamps<'_>,
    ) -> Result<(Range<usize>, Written), WriteError> {
        let mut header = [0; MAX_HEADER];
        let packet = buffer
            .get(packet_at.clone())
            .and_then(|bytes| RtpPacket::with_layout(bytes, layout))
            .ok_or(WriteError::BufferTooSmall)?;
        let mut written = self.write_header(Some(&packet), fields, stamps, &mut header)?;
        let payload = layout.payload_range();
        let payload_start = packet_at.start + payload.start;
        let start = payload_start
            .checked_sub(written.header_len)
            .ok_or(WriteError::BufferTooSmall)?;
        buffer[start..payload_start].copy_from_slice(&header[..written.header_len]);
        written.len = written.header_len + payload.len();
        Ok((start..start + written.len, written))
    }

    /// Writes a packet of padding alone (RFC 3550 §5.1), a bandwidth probe. `padding` counts its
    /// own last byte; zero is taken as one.
    ///
    /// # Errors
    /// [`WriteError::BufferTooSmall`].
    pub fn write_padding(
        &self,
        fields: &HeaderFields,
        stamps: &Stamps<'_>,
        padding: u8,
        out: &mut [u8],
    ) -> Result<Written, WriteError> {
        let padding = padding.max(1);
        let mut written = self.write_header(None, fields, stamps, out)?;
        written.len = written.header_len + usize::from(padding);
        let body = out
            .get_mut(written.header_len..written.len)
            .ok_or(WriteError::BufferTooSmall)?;
        body.fill(0);
        body[usize::from(padding) - 1] = padding;
        out[0] |= 0x20;
        Ok(written)
    }

    fn write_header(
        &self,
        packet: Option<&RtpPacket<'_>>,
        fields: &HeaderFields,
        stamps: &Stamps<'_>,
        out: &mut [u8],
    ) -> Result<Written, WriteError> {
        let transport_cc = stamps.transport_cc.map(u16::to_be_bytes);
        let abs_send_time = stamps.abs_send_time.map(AbsSendTime::to_bytes);
        let stamped = [
            (
                Extension::TransportCc,
                transport_cc.as_ref().map(|v| &v[..]),
            ),
            (
                Extension::AbsSendTime,
                abs_send_time.as_ref().map(|v| &v[..]),
            ),
            (Extension::Mid, stamps.mid),
            (
                Extension::DependencyDescriptor,
                stamps.dependency_descriptor,
            ),
        ];
        let mut elements = ArrayVec::<(Extension, u8, &[u8]), MAX_ELEMENTS>::new();
        for (extension, value) in stamped {
            if let (Some(id), Some(value)) = (self.outgoing.id(extension), value)
                && value.len() <= MAX_ELEMENT
            {
                elements.push((extension, id, value));
            }
        }
        for (id, value) in packet.into_iter().flat_map(RtpPacket::extensions) {
            let Some(extension) = self.incoming.extension(id) else {
                continue;
            };
            let Some(id) = self.outgoing.id(extension) else {
                continue;
            };
            let replaced = elements.iter().any(|&(e, ..)| e == extension);
            if self.forward.contains(extension) && !replaced && !elements.is_full() {
                elements.push((extension, id, value));
            }
        }

        let mut at = 12;
        let csrcs = packet.map_or(&[][..], |p| &p.bytes()[12..12 + csrc_bytes(p)]);
        let fixed = out
            .get_mut(..at + csrcs.len())
            .ok_or(WriteError::BufferTooSmall)?;
        fixed[0] = 0x80 | (csrcs.len() / 4) as u8 | if elements.is_empty() { 0 } else { 0x10 };
        fixed[1] = u8::from(fields.marker) << 7 | fields.payload_type.value();
        fixed[2..4].copy_from_slice(&fields.sequence_number.0.to_be_bytes());
        fixed[4..8].copy_from_slice(&fields.timestamp.0.to_be_bytes());
        fixed[8..12].copy_from_slice(&fields.ssrc.0.to_be_bytes());
        fixed[12..].copy_from_slice(csrcs);
        at += csrcs.len();

        let mut written = Written::default();
        if !elements.is_empty() {
            let one_byte = elements
                .iter()
                .all(|&(_, id, value)| id < 15 && (1..=16).contains(&value.len()));
            let head_len = if one_byte { 1 } else { 2 };
            let block = elements
                .iter()
                .map(|(_, _, value)| head_len + value.len())
                .sum::<usize>();
            let words = block.div_ceil(4);
            let end = at + 4 + words * 4;
            if end > out.len() || words > usize::from(u16::MAX) {
                return Err(WriteError::BufferTooSmall);
            }
            let profile: u16 = if one_byte { 0xbede } else { 0x1000 };
            out[at..at + 2].copy_from_slice(&profile.to_be_bytes());
            out[at + 2..at + 4].copy_from_slice(&(words as u16).to_be_bytes());
            at += 4;
            for (extension, id, value) in elements {
                if one_byte {
                    out[at] = id << 4 | (value.len() - 1) as u8;
                } else {
                    out[at] = id;
                    out[at + 1] = value.len() as u8;
                }
                at += head_len;
                out[at..at + value.len()].copy_from_slice(value);
                match extension {
                    Extension::TransportCc => written.transport_cc_at = Some(at),
                    Extension::AbsSendTime => written.abs_send_time_at = Some(at),
                    _ => {}
                }
                at += value.len();
            }
            out[at..end].fill(0);
            at = end;
        }
        written.header_len = at;
        written.len = at;
        Ok(written)
    }
}

fn csrc_bytes(packet: &RtpPacket<'_>) -> usize {
    4 * usize::from(packet.bytes()[0] & 0x0f)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn maps() -> (ExtensionMap, ExtensionMap) {
        let mut incoming = ExtensionMap::new();
        incoming.insert(Extension::AudioLevel, 1).unwrap();
        incoming.insert(Extension::TransportCc, 5).unwrap();
        incoming
            .insert(Extension::DependencyDescriptor, 11)
            .unwrap();
        let mut outgoing = ExtensionMap::new();
        outgoing.insert(Extension::AudioLevel, 2).unwrap();
        outgoing.insert(Extension::TransportCc, 3).unwrap();
        outgoing.insert(Extension::AbsSendTime, 4).unwrap();
        outgoing.insert(Extension::Mid, 6).unwrap();
        outgoing
            .insert(Extension::DependencyDescriptor, 11)
            .unwrap();
        (incoming, outgoing)
    }

    fn writer<'m>(maps: &'m (ExtensionMap, ExtensionMap)) -> HeaderWriter<'m> {
        HeaderWriter {
            incoming: &maps.0,
            outgoing: &maps.1,
            forward: ExtensionSet::END_TO_END,
        }
    }

    fn fields() -> HeaderFields {
        HeaderFields {
            marker: true,
            payload_type: PayloadType::new(101).unwrap(),
            sequence_number: SeqNum(500),
            timestamp: Timestamp(600),
            ssrc: Ssrc(700),
        }
    }

    /// Audio level 1, transport-cc 5, an unknown 9; payload 1 2 3, two bytes of padding.
    fn incoming() -> Vec<u8> {
        [
            &[0xb0, 0x64, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..],
            &[0xbe, 0xde, 0, 2, 0x10, 0x8a, 0x51, 0x12, 0x34, 0x90, 7, 0],
            &[1, 2, 3, 0, 2],
        ]
        .concat()
    }

    #[test]
    fn unknown_extensions_are_stripped_and_ids_mapped() {
        let (maps, bytes) = (maps(), incoming());
        let packet = RtpPacket::parse(&bytes).unwrap();
        let mut out = [0xff; 200];
        let stamps = Stamps {
            transport_cc: Some(0xabcd),
            abs_send_time: Some(AbsSendTime::from_time(std::time::Duration::from_secs(1))),
            mid: Some(b"v1"),
            ..Stamps::default()
        };
        let written = writer(&maps)
            .write(&packet, &fields(), &stamps, &[], &mut out)
            .unwrap();
        let sent = RtpPacket::parse(&out[..written.len]).unwrap();
        assert_eq!(HeaderFields::of(&sent), fields());
        let all: Vec<_> = sent.extensions().collect();
        assert_eq!(
            all,
            [
                (3, &[0xab, 0xcd][..]),
                (4, &[4, 0, 0][..]),
                (6, b"v1"),
                (2, &[0x8a][..])
            ]
        );
        assert_eq!(sent.payload(), [1, 2, 3]);
        assert_eq!(sent.layout().padding_len(), 0);
        let at = written.transport_cc_at.unwrap();
        assert_eq!(&out[at..at + 2], [0xab, 0xcd]);
        let at = written.abs_send_time_at.unwrap();
        assert_eq!(&out[at..at + 3], [4, 0, 0]);
    }

    #[test]
    fn a_long_descriptor_takes_the_two_byte_form() {
        let (maps, bytes) = (maps(), incoming());
        let packet = RtpPacket::parse(&bytes).unwrap();
        let mut out = [0; 200];
        let descriptor = [9; 40];
        let stamps = Stamps {
            dependency_descriptor: Some(&descriptor),
            ..Stamps::default()
        };
        let written = writer(&maps)
            .write(&packet, &fields(), &stamps, &[], &mut out)
            .unwrap();
        let sent = RtpPacket::parse(&out[..written.len]).unwrap();
        assert_eq!(sent.extension_by_id(11), Some(&descriptor[..]));
        assert_eq!(sent.extension_by_id(2), Some(&[0x8a][..]));
        assert_eq!(sent.payload(), [1, 2, 3]);
    }

    #[test]
    fn without_extensions_there_is_no_block() {
        let none = ExtensionMap::new();
        let maps = (maps().0, none);
        let bytes = incoming();
        let packet = RtpPacket::parse(&bytes).unwrap();
        let mut out = [0; 15];
        let stamps = Stamps {
            transport_cc: Some(1),
            ..Stamps::default()
        };
        let written = writer(&maps)
            .write(&packet, &fields(), &stamps, &[], &mut out)
            .unwrap();
        assert_eq!((written.len, written.header_len), (15, 12));
        assert_eq!(out[0], 0x80);
    }

    #[test]
    fn in_place_the_payload_does_not_move() {
        let (maps, bytes) = (maps(), incoming());
        let layout = RtpLayout::parse(&bytes).unwrap();
        let mut buffer = [&[0; 32][..], &bytes].concat();
        let stamps = Stamps {
            transport_cc: Some(7),
            mid: Some(b"v10"),
            ..Stamps::default()
        };
        let (at, _) = writer(&maps)
            .write_in_place(
                &mut buffer,
                32..32 + bytes.len(),
                layout,
                &fields(),
                &stamps,
            )
            .unwrap();
        assert_eq!(at.end, 32 + layout.payload_range().end);
        let sent = RtpPacket::parse(&buffer[at]).unwrap();
        assert_eq!(sent.extension_by_id(6), Some(&b"v10"[..]));
        assert_eq!(sent.payload(), [1, 2, 3]);
        let mut tight = bytes.clone();
        let stamps = Stamps {
            mid: Some(b"0123456789abcdef"),
            ..stamps
        };
        let result =
            writer(&maps).write_in_place(&mut tight, 0..bytes.len(), layout, &fields(), &stamps);
        assert_eq!(result.unwrap_err(), WriteError::BufferTooSmall);
        assert_eq!(tight, bytes);
    }

    #[test]
    fn a_probe_is_padding_alone() {
        let maps = maps();
        let mut out = [1; 300];
        let stamps = Stamps {
            transport_cc: Some(7),
            ..Stamps::default()
        };
        let written = writer(&maps)
            .write_padding(&fields(), &stamps, 255, &mut out)
            .unwrap();
        let sent = RtpPacket::parse(&out[..written.len]).unwrap();
        assert!(sent.is_padding_only());
        assert_eq!(sent.layout().padding_len(), 255);
    }

    #[test]
    fn a_buffer_that_is_too_short_is_an_error() {
        let (maps, bytes) = (maps(), incoming());
        let packet = RtpPacket::parse(&bytes).unwrap();
        let stamps = Stamps {
            transport_cc: Some(7),
            ..Stamps::default()
        };
        let need = {
            let mut out = [0; 100];
            writer(&maps)
                .write(&packet, &fields(), &stamps, &[9, 9], &mut out)
                .unwrap()
                .len
        };
        for len in 0..need {
            let mut out = vec![0; len];
            assert!(
                writer(&maps)
                    .write(&packet, &fields(), &stamps, &[9, 9], &mut out)
                    .is_err()
            );
        }
    }
}
