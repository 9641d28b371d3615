//! VP9 payload descriptor (RFC 9628 §4.2).

use arrayvec::ArrayVec;

use super::{CodecError, Resolution};

pub use super::vp8::PictureId;

/// The payload descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Descriptor {
    /// Counts pictures modulo 2^7 or 2^15 (RFC 9628 §4.2); `None` where the sender leaves it out.
    pub picture_id: Option<PictureId>,
    /// P: predicted from other pictures.
    pub inter_picture: bool,
    /// F: flexible mode.
    pub flexible: bool,
    /// B: first packet of a layer frame.
    pub start_of_frame: bool,
    /// E: last packet of a layer frame.
    pub end_of_frame: bool,
    /// Z: not a reference for upper spatial layers.
    pub not_upper_reference: bool,
    /// TID, SID, U and D, when layer indices are present.
    pub layer: Option<Vp9Layer>,
    /// TL0PICIDX, in non-flexible mode with layer indices.
    pub tl0_pic_idx: Option<u8>,
    /// P_DIFF of flexible mode: distances of reference pictures.
    pub references: ArrayVec<u8, 3>,
    /// The scalability structure.
    pub structure: Option<Vp9Structure>,
    /// Bytes of the descriptor.
    pub len: usize,
}

/// Layer indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Layer {
    /// TID, 0 to 7.
    pub temporal_id: u8,
    /// U: a receiver may switch up to this temporal layer here.
    pub switching_up: bool,
    /// SID, 0 to 7.
    pub spatial_id: u8,
    /// D: predicted from the spatial layer below in the same picture.
    pub inter_layer: bool,
}

/// The scalability structure (RFC 9628 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Structure {
    /// Number of spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// Size of each spatial layer, when given.
    pub resolutions: ArrayVec<Resolution, 8>,
    /// Highest temporal id in the picture group, when given.
    pub highest_temporal_id: Option<u8>,
}

impl Vp9Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`CodecError::Truncated`]; [`CodecError::Malformed`] for more than three references.
    pub fn parse(payload: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader { rest: payload };
        let first = reader.byte()?;
        let bit = |mask: u8| first & mask != 0;
        let mut descriptor = Self {
            picture_id: None,
            inter_picture: bit(0x40),
            flexible: bit(0x10),
            start_of_frame: bit(0x08),
            end_of_frame: bit(0x04),
            not_upper_reference: bit(0x01),
            layer: None,
            tl0_pic_idx: None,
            references: ArrayVec::new(),
            structure: None,
            len: 0,
        };
        if bit(0x80) {
            let (id, len) = PictureId::parse(reader.rest).ok_or(CodecError::Truncated)?;
            descriptor.picture_id = Some(id);
            reader.rest = &reader.rest[len..];
        }
        if bit(0x20) {
            let layer = reader.byte()?;
            descriptor.layer = Some(Vp9Layer {
                temporal_id: layer >> 5,
                switching_up: layer & 0x10 != 0,
                spatial_id: layer >> 1 & 7,
                inter_layer: layer & 1 != 0,
            });
            if !descriptor.flexible {
                descriptor.tl0_pic_idx = Some(reader.byte()?);
            }
        }
        if descriptor.flexible && descriptor.inter_picture {
            loop {
                let reference = reader.byte()?;
                let pushed = descriptor.references.try_push(reference >> 1);
                pushed.map_err(|_| CodecError::Malformed)?;
                if reference & 1 == 0 {
                    break;
                }
            }
        }
        if bit(0x02) {
            descriptor.structure = Some(Vp9Structure::parse(&mut reader)?);
        }
        descriptor.len = payload.len() - reader.rest.len();
        Ok(descriptor)
    }

    /// True for the first packet of a key frame: base spatial layer, predicted from nothing.
    pub fn is_keyframe(&self) -> bool {
        !self.inter_picture && self.start_of_frame && self.spatial_id() == 0
    }

    /// True for every packet of a picture that is predicted from no other, whatever its layer.
    pub fn is_intra_picture(&self) -> bool {
        !self.inter_picture
    }

    /// The spatial layer; 0 without layer indices.
    pub fn spatial_id(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.spatial_id)
    }

    /// The temporal layer; 0 without layer indices.
    pub fn temporal_id(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.temporal_id)
    }

    /// Gives a picture id of 7 bits the width of 15; see [`super::vp8::Vp8Descriptor::widen`].
    pub fn widen(&mut self, buf: &mut [u8], len: usize) -> usize {
        let widened = PictureId::widen(&mut self.picture_id, 1, buf, len);
        self.len += widened - len;
        widened
    }

    /// Overwrites picture id and TL0PICIDX where the payload has them, in the width it has; wider
    /// values are cut. `self` was parsed from `payload`.
    pub fn rewrite(&self, payload: &mut [u8], picture_id: u16, tl0_pic_idx: u8) {
        let mut at = 1;
        if let Some(id) = self.picture_id {
            at += id.overwrite(&mut payload[at..self.len], picture_id);
        }
        if self.tl0_pic_idx.is_some() {
            payload[at + 1] = tl0_pic_idx;
        }
    }
}

impl Vp9Structure {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let first = reader.byte()?;
        let mut structure = Self {
            spatial_layers: (first >> 5) + 1,
            resolutions: ArrayVec::new(),
            highest_temporal_id: None,
        };
        if first & 0x10 != 0 {
            for _ in 0..structure.spatial_layers {
                let (width, height) = (reader.pixels()?, reader.pixels()?);
                structure.resolutions.push(Resolution { width, height });
            }
        }
        if first & 0x08 != 0 {
            let pictures = reader.byte()?;
            let mut highest = 0;
            for _ in 0..pictures {
                let picture = reader.byte()?;
                highest = highest.max(picture >> 5);
                for _ in 0..picture >> 2 & 3 {
                    reader.byte()?;
                }
            }
            structure.highest_temporal_id = Some(highest);
        }
        Ok(structure)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, CodecError> {
        let (&byte, rest) = self.rest.split_first().ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    fn pixels(&mut self) -> Result<u32, CodecError> {
        Ok(u32::from(u16::from_be_bytes([self.byte()?, self.byte()?])))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Non-flexible SVC key frame of three spatial layers, three temporal ids in its group.
    const KEYFRAME: &[u8] = &[
        0xaa, 0x81, 0x02, 0x00, 0x07, // I L B V; id 0x0102; TID 0 SID 0; TL0PICIDX 7
        0x58, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208, // three sizes
        4, 0x04, 1, 0x50, 0x34, 1, 0x54, 2, // four pictures: TID 0, 2, 1, 2
        0xee,
    ];

    #[test]
    fn a_key_frame_brings_its_structure() {
        let descriptor = Vp9Descriptor::parse(KEYFRAME).unwrap();
        assert_eq!(descriptor.picture_id, Some(PictureId::Long(0x0102)));
        assert_eq!(descriptor.tl0_pic_idx, Some(7));
        assert!(descriptor.is_keyframe());
        assert_eq!(descriptor.len, KEYFRAME.len() - 1);
        let structure = descriptor.structure.unwrap();
        assert_eq!(structure.spatial_layers, 3);
        assert_eq!(
            structure
                .resolutions
                .iter()
                .map(|r| r.height)
                .collect::<Vec<_>>(),
            [180, 360, 720]
        );
        assert_eq!(structure.highest_temporal_id, Some(2));
    }

    #[test]
    fn layer_indices_tell_where_one_may_switch_up() {
        // I P L E; TID 2 with U, SID 1 with D.
        let descriptor = Vp9Descriptor::parse(&[0xe4, 0x05, 0x53, 9, 0xff]).unwrap();
        let layer = Vp9Layer {
            temporal_id: 2,
            switching_up: true,
            spatial_id: 1,
            inter_layer: true,
        };
        assert_eq!(descriptor.layer, Some(layer));
        assert!(descriptor.end_of_frame && !descriptor.start_of_frame);
        assert!(!descriptor.is_keyframe());
        assert_eq!(descriptor.picture_id, Some(PictureId::Short(5)));
    }

    #[test]
    fn the_flexible_mode_has_references_and_no_tl0() {
        let descriptor = Vp9Descriptor::parse(&[0xf8, 0x05, 0x20, 0x03, 0x04, 0xff]).unwrap();
        assert_eq!(descriptor.references.as_slice(), [1, 2]);
        assert_eq!(descriptor.tl0_pic_idx, None);
        assert_eq!(descriptor.len, 5);
        let four = [0xf8, 0x05, 0x20, 3, 3, 3, 2, 0xff];
        assert_eq!(Vp9Descriptor::parse(&four), Err(CodecError::Malformed));
    }

    #[test]
    fn the_upper_layers_of_a_key_picture_do_not_start_it() {
        let descriptor = Vp9Descriptor::parse(&[0xa8, 0x05, 0x03, 9, 0xff]).unwrap();
        assert!(descriptor.is_intra_picture() && !descriptor.is_keyframe());
    }

    #[test]
    fn ids_are_overwritten_in_their_own_width_and_nothing_else_changes() {
        let mut payload = KEYFRAME.to_vec();
        Vp9Descriptor::parse(KEYFRAME)
            .unwrap()
            .rewrite(&mut payload, 0x3456, 8);
        assert_eq!(payload[..5], [0xaa, 0xb4, 0x56, 0x00, 8]);
        assert_eq!(payload[5..], KEYFRAME[5..]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        for len in 0..KEYFRAME.len() - 1 {
            assert_eq!(
                Vp9Descriptor::parse(&KEYFRAME[..len]),
                Err(CodecError::Truncated)
            );
        }
    }
}
