//! VP8 payload descriptor and payload header (RFC 7741 §4.2, §4.3).

use super::{CodecError, Resolution};

/// Bits of KEYIDX.
const KEY_IDX: u8 = 0x1f;

/// A picture id and the width it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

/// The payload descriptor (RFC 7741 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Descriptor {
    /// N: no other frame refers to this one.
    pub non_reference: bool,
    /// S: a partition starts here.
    pub start_of_partition: bool,
    /// PID: which partition.
    pub partition: u8,
    /// Counts pictures modulo 2^7 or 2^15 (RFC 7741 §4.2); `None` where the sender leaves it out.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts frames of the base temporal layer.
    pub tl0_pic_idx: Option<u8>,
    /// TID: temporal layer, 0 to 3.
    pub temporal_id: Option<u8>,
    /// Y: depends on the base layer only, so a receiver may switch up here.
    pub layer_sync: bool,
    /// KEYIDX: counts key frames.
    pub key_idx: Option<u8>,
    /// Bytes of the descriptor.
    pub len: usize,
}

impl Vp8Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let byte = |at: usize| payload.get(at).copied().ok_or(CodecError::Truncated);
        let first = byte(0)?;
        let mut descriptor = Self {
            non_reference: first & 0x20 != 0,
            start_of_partition: first & 0x10 != 0,
            partition: first & 0x07,
            picture_id: None,
            tl0_pic_idx: None,
            temporal_id: None,
            layer_sync: false,
            key_idx: None,
            len: 1,
        };
        if first & 0x80 == 0 {
            return Ok(descriptor);
        }
        let present = byte(1)?;
        let mut at = 2;
        if present & 0x80 != 0 {
            let (id, len) = PictureId::parse(&payload[at..]).ok_or(CodecError::Truncated)?;
            descriptor.picture_id = Some(id);
            at += len;
        }
        if present & 0x40 != 0 {
            descriptor.tl0_pic_idx = Some(byte(at)?);
            at += 1;
        }
        if present & 0x30 != 0 {
            let layer = byte(at)?;
            if present & 0x20 != 0 {
                descriptor.temporal_id = Some(layer >> 6);
                descriptor.layer_sync = layer & 0x20 != 0;
            }
            if present & 0x10 != 0 {
                descriptor.key_idx = Some(layer & KEY_IDX);
            }
            at += 1;
        }
        descriptor.len = at;
        Ok(descriptor)
    }

    /// True for the first packet of a frame (RFC 7741 §4.5).
    pub fn is_start_of_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// True for the first packet of a key frame: P is zero in the payload header (RFC 7741 §4.3).
    pub fn is_keyframe(&self, payload: &[u8]) -> bool {
        self.is_start_of_frame() && payload.get(self.len).is_some_and(|byte| byte & 1 == 0)
    }

    /// The picture's size, from the first packet of a key frame (RFC 6386 §9.1).
    pub fn resolution(&self, payload: &[u8]) -> Option<Resolution> {
        if !self.is_keyframe(payload) {
            return None;
        }
        let &[0x9d, 0x01, 0x2a, w0, w1, h0, h1] = payload.get(self.len + 3..self.len + 10)? else {
            return None;
        };
        // The upper two bits of each are a scale.
        let pixels = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
        Some(Resolution {
            width: pixels(w0, w1),
            height: pixels(h0, h1),
        })
    }

    /// Gives a picture id of 7 bits the width of 15, so that all that is sent to a receiver counts
    /// on in one width: streams of both may follow each other, and a number that needs 15 bits
    /// cannot go on in 7. `payload` is the first `len` bytes of `buf`, from which `self` was parsed.
    /// Returns the length of the payload, which stays as it is where `buf` has no room.
    pub fn widen(&mut self, buf: &mut [u8], len: usize) -> usize {
        let widened = PictureId::widen(&mut self.picture_id, 2, buf, len);
        self.len += widened - len;
        widened
    }

    /// Overwrites picture id, TL0PICIDX and KEYIDX where the payload has them, in the width it has;
    /// wider values are cut. A field that is absent stays absent. `self` was parsed from `payload`.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_pic_idx: u8, key_idx: u8) {
        let mut at = 2;
        if let Some(id) = self.picture_id {
            at += id.overwrite(&mut payload[at..self.len], picture_id);
        }
        if self.tl0_pic_idx.is_some() {
            payload[at] = tl0_pic_idx;
            at += 1;
        }
        if self.key_idx.is_some() {
            payload[at] = payload[at] & !KEY_IDX | key_idx & KEY_IDX;
        }
    }
}

impl PictureId {
    /// The id, whatever its width.
    pub fn value(self) -> u16 {
        match self {
            Self::Short(id) => u16::from(id),
            Self::Long(id) => id,
        }
    }

    /// Id and its bytes, from where it starts.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let &high = bytes.first()?;
        if high & 0x80 == 0 {
            return Some((Self::Short(high), 1));
        }
        let &low = bytes.get(1)?;
        Some((Self::Long(u16::from_be_bytes([high & 0x7f, low])), 2))
    }

    /// See [`Vp8Descriptor::widen`]; the id starts at `at`.
    pub(super) fn widen(id: &mut Option<Self>, at: usize, buf: &mut [u8], len: usize) -> usize {
        let Some(Self::Short(value)) = *id else {
            return len;
        };
        if buf.len() <= len {
            return len;
        }
        buf.copy_within(at..len, at + 1);
        *id = Some(Self::Long(u16::from(value)));
        len + 1
    }

    /// Writes `value` in this id's width to where it starts; returns its bytes.
    pub(super) fn overwrite(self, bytes: &mut [u8], value: u16) -> usize {
        match self {
            Self::Short(_) => {
                bytes[0] = value as u8 & 0x7f;
                1
            }
            Self::Long(_) => {
                bytes[..2].copy_from_slice(&(value | 0x8000).to_be_bytes());
                2
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Chromium's form: 15-bit picture id, TL0PICIDX, TID 1 with Y, KEYIDX 3; a 640×360 key frame.
    const KEYFRAME: &[u8] = &[
        0x90, 0xf0, 0x92, 0x34, 0x56, 0x63, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68,
        0x01, 0xff,
    ];

    #[test]
    fn every_field_of_the_descriptor_is_read() {
        let descriptor = Vp8Descriptor::parse(KEYFRAME).unwrap();
        let expected = Vp8Descriptor {
            non_reference: false,
            start_of_partition: true,
            partition: 0,
            picture_id: Some(PictureId::Long(0x1234)),
            tl0_pic_idx: Some(0x56),
            temporal_id: Some(1),
            layer_sync: true,
            key_idx: Some(3),
            len: 6,
        };
        assert_eq!(descriptor, expected);
        assert!(descriptor.is_keyframe(KEYFRAME));
        let resolution = descriptor.resolution(KEYFRAME).unwrap();
        assert_eq!((resolution.width, resolution.height), (640, 360));
    }

    #[test]
    fn a_descriptor_without_extension_is_one_byte() {
        let payload = [0x10, 0x01];
        let descriptor = Vp8Descriptor::parse(&payload).unwrap();
        assert_eq!((descriptor.len, descriptor.picture_id), (1, None));
        assert!(descriptor.is_start_of_frame());
        assert!(!descriptor.is_keyframe(&payload));
    }

    #[test]
    fn later_packets_of_a_key_frame_are_not_its_start() {
        let mut payload = KEYFRAME.to_vec();
        payload[0] = 0x80;
        assert!(
            !Vp8Descriptor::parse(&payload)
                .unwrap()
                .is_keyframe(&payload)
        );
        payload[0] = 0x91;
        assert!(
            !Vp8Descriptor::parse(&payload)
                .unwrap()
                .is_keyframe(&payload)
        );
    }

    #[test]
    fn ids_are_overwritten_in_their_own_width_and_nothing_else_changes() {
        let mut payload = KEYFRAME.to_vec();
        Vp8Descriptor::parse(KEYFRAME)
            .unwrap()
            .rewrite(&mut payload, 0x7fff, 9, 33);
        assert_eq!(payload[..6], [0x90, 0xf0, 0xff, 0xff, 9, 0x61]);
        assert_eq!(payload[6..], KEYFRAME[6..]);
        let short = [0x80, 0xc0, 0x12, 0x34, 0xaa];
        let mut payload = short;
        Vp8Descriptor::parse(&short)
            .unwrap()
            .rewrite(&mut payload, 0x1ff, 9, 0);
        assert_eq!(payload, [0x80, 0xc0, 0x7f, 9, 0xaa]);
    }

    #[test]
    fn a_short_id_is_widened_where_there_is_room() {
        let mut buf = [0x80, 0xc0, 0x12, 0x34, 0xaa, 0xff, 0xff];
        let mut descriptor = Vp8Descriptor::parse(&buf[..5]).unwrap();
        let len = descriptor.widen(&mut buf, 5);
        // What stands in the place that was made is written by the rewrite.
        descriptor.rewrite(&mut buf[..len], 0x1ff, 9, 0);
        assert_eq!(buf[..len], [0x80, 0xc0, 0x81, 0xff, 9, 0xaa]);
        let written = Vp8Descriptor::parse(&buf[..len]).unwrap();
        assert_eq!(written.len, descriptor.len);
        assert_eq!(descriptor.widen(&mut buf, len), len, "it is wide");
        let mut full = [0x80, 0x80, 0x12, 0xaa];
        let mut descriptor = Vp8Descriptor::parse(&full).unwrap();
        assert_eq!(descriptor.widen(&mut full, 4), 4);
        assert_eq!(full, [0x80, 0x80, 0x12, 0xaa]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        for len in 0..6 {
            assert_eq!(
                Vp8Descriptor::parse(&KEYFRAME[..len]),
                Err(CodecError::Truncated)
            );
        }
    }
}
