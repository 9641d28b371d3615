//! What a video packet's codec descriptor says that forwarding depends on.

use media::codec::av1::{
    AggregationHeader, DecodeTargetIndication, DependencyDescriptor, FrameDependencies,
    TemplateStructure,
};
use media::codec::vp8::{PictureId, Vp8Descriptor};
use media::codec::vp9::Vp9Descriptor;
use media::codec::{Codec, CodecError, Resolution, h264};
use media::rtp::Unwrapper;

use crate::packet::{Frame, LayeredFrame, MAX_TARGET_LAYERS, SwitchTargets, Vp8Frame};

/// Most spatial layers that are told apart.
pub const MAX_SPATIAL: usize = 4;

/// Follows one encoding: unwraps its counters, remembers its structure and sizes.
#[derive(Debug, Default)]
pub struct Analysis {
    pictures: PictureCounter,
    frame_number: Unwrapper<16>,
    structure: Option<Box<TemplateStructure>>,
    heights: [Option<u16>; MAX_SPATIAL],
}

impl Analysis {
    /// Lines of a spatial layer (the smaller dimension), as far as a keyframe said so.
    pub fn height(&self, spatial: u8) -> Option<u16> {
        *self.heights.get(usize::from(spatial))?
    }

    /// Reads a packet. `descriptor` is the value of the dependency descriptor extension.
    ///
    /// # Errors
    /// When the descriptor does not parse: nothing can be forwarded of it.
    pub fn read(
        &mut self,
        codec: Codec,
        payload: &[u8],
        descriptor: Option<&[u8]>,
    ) -> Result<Frame, CodecError> {
        match (codec, descriptor) {
            (Codec::Vp8, _) => self.read_vp8(payload),
            (Codec::Vp9, _) => self.read_vp9(payload),
            (Codec::Av1, Some(descriptor)) => self.read_av1(descriptor),
            (Codec::Av1, None) => {
                let keyframe = AggregationHeader::parse(payload)?.new_sequence;
                Ok(Frame::Opaque { keyframe })
            }
            (Codec::H264, _) => {
                let keyframe = h264::is_keyframe(payload);
                if keyframe && let Some(resolution) = h264::resolution(payload) {
                    self.note_size(0, resolution);
                }
                Ok(Frame::Opaque { keyframe })
            }
            _ => Ok(Frame::Opaque { keyframe: true }),
        }
    }

    fn read_vp8(&mut self, payload: &[u8]) -> Result<Frame, CodecError> {
        let descriptor = Vp8Descriptor::parse(payload)?;
        let start = descriptor.is_start_of_frame();
        let keyframe = start && descriptor.is_keyframe(payload);
        if keyframe && let Some(resolution) = descriptor.resolution(payload) {
            self.note_size(0, resolution);
        }
        Ok(Frame::Vp8(Vp8Frame {
            start,
            keyframe,
            picture: descriptor.picture_id.map(|id| self.pictures.unwrap(id)),
            tl0: descriptor.tl0_pic_idx,
            key: descriptor.key_idx,
            temporal: descriptor.temporal_id.unwrap_or(0),
            sync: descriptor.layer_sync,
        }))
    }

    fn read_vp9(&mut self, payload: &[u8]) -> Result<Frame, CodecError> {
        let descriptor = Vp9Descriptor::parse(payload)?;
        if let Some(structure) = &descriptor.structure {
            self.heights = [None; MAX_SPATIAL];
            for (spatial, resolution) in structure.resolutions.iter().enumerate() {
                self.note_size(spatial, *resolution);
            }
        }
        let layer = descriptor.layer;
        Ok(Frame::Layered(LayeredFrame {
            start: descriptor.start_of_frame,
            end: descriptor.end_of_frame,
            keyframe: descriptor.is_keyframe(),
            number: descriptor.picture_id.map(|id| self.pictures.unwrap(id)),
            tl0: descriptor.tl0_pic_idx,
            spatial: layer.map_or(0, |l| l.spatial_id),
            temporal: layer.map_or(0, |l| l.temporal_id),
            temporal_switch: layer.is_some_and(|l| l.switching_up),
            spatial_switch: !descriptor.inter_picture,
            targets: None,
        }))
    }

    fn read_av1(&mut self, value: &[u8]) -> Result<Frame, CodecError> {
        let descriptor = DependencyDescriptor::parse(value, self.structure.as_deref())?;
        let keyframe = descriptor.is_keyframe();
        let frame = &descriptor.frame;
        let current = descriptor
            .structure
            .as_deref()
            .or(self.structure.as_deref());
        let targets = current.map(|structure| switch_targets(structure, frame));
        let layered = LayeredFrame {
            start: descriptor.start_of_frame,
            end: descriptor.end_of_frame,
            keyframe,
            number: Some(self.frame_number.unwrap(u32::from(descriptor.frame_number))),
            tl0: None,
            spatial: frame.spatial_id,
            temporal: frame.temporal_id,
            temporal_switch: false,
            spatial_switch: false,
            targets,
        };
        if let Some(structure) = descriptor.structure {
            self.heights = [None; MAX_SPATIAL];
            for (spatial, resolution) in structure.resolutions.iter().enumerate() {
                self.note_size(spatial, *resolution);
            }
            self.structure = Some(structure);
        }
        Ok(Frame::Layered(layered))
    }

    fn note_size(&mut self, spatial: usize, resolution: Resolution) {
        let lines = resolution.width.min(resolution.height);
        if let (Some(height), Ok(lines)) = (self.heights.get_mut(spatial), u16::try_from(lines))
            && lines > 0
        {
            *height = Some(lines);
        }
    }
}

/// Where a frame lets one go up, by the structure that it refers to.
fn switch_targets(structure: &TemplateStructure, frame: &FrameDependencies) -> SwitchTargets {
    let mut targets = SwitchTargets::default();
    for (at, layer) in structure.decode_targets.iter().enumerate() {
        let (spatial, temporal) = (layer.spatial_id, layer.temporal_id);
        if usize::from(spatial.max(temporal)) >= MAX_TARGET_LAYERS {
            continue;
        }
        if frame.indication(at) == DecodeTargetIndication::Switch {
            targets.switch |= 1 << (4 * spatial + temporal);
        }
        let chain = structure.protected_by.get(at).copied();
        targets.chains[usize::from(spatial)] =
            chain.and_then(|chain| frame.chain_diffs.get(usize::from(chain)).copied());
    }
    targets
}

/// Counts pictures on without end, in whatever width their ids come. A sender may change the width,
/// and does so going on from the last number or beginning anew (RFC 7741 section 4.2, RFC 9628
/// section 4.2): the seven bits that both widths have say how far.
#[derive(Debug, Default)]
struct PictureCounter {
    newest: Option<(PictureId, i64)>,
}

impl PictureCounter {
    fn unwrap(&mut self, id: PictureId) -> i64 {
        let Some((before, number)) = self.newest else {
            let number = i64::from(id.value());
            self.newest = Some((id, number));
            return number;
        };
        let unused = match (before, id) {
            (PictureId::Long(_), PictureId::Long(_)) => 16 - 15,
            _ => 16 - 7,
        };
        let step = (id.value().wrapping_sub(before.value()) << unused) as i16 >> unused;
        let unwrapped = number + i64::from(step);
        if step > 0 {
            self.newest = Some((id, unwrapped));
        }
        unwrapped
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// X, then I L T K; 15 bit picture id; first byte of the frame header; start code and size.
    const VP8_KEYFRAME: [u8; 16] = [
        0x90, 0xe0, 0x92, 0x34, 7, 0x20, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01,
    ];

    #[test]
    fn a_vp8_keyframe_tells_its_picture_layer_and_size() {
        let mut analysis = Analysis::default();
        let Frame::Vp8(frame) = analysis.read(Codec::Vp8, &VP8_KEYFRAME, None).unwrap() else {
            panic!("not VP8")
        };
        assert!(frame.start && frame.keyframe);
        assert_eq!(
            (frame.picture, frame.tl0, frame.temporal),
            (Some(0x1234), Some(7), 0)
        );
        assert_eq!(analysis.height(0), Some(360));
        assert_eq!(analysis.height(9), None);
    }

    #[test]
    fn pictures_are_counted_on_through_both_widths_of_their_ids() {
        use PictureId::{Long, Short};
        let mut pictures = PictureCounter::default();
        let mut count = |id| pictures.unwrap(id);
        assert_eq!(count(Short(120)), 120);
        assert_eq!([count(Short(126)), count(Short(127))], [126, 127]);
        assert_eq!([count(Short(0)), count(Short(127))], [128, 127]);
        for round in 1..=3_i64 {
            for id in [40, 80, 127] {
                assert_eq!(count(Short(id)), round * 128 + i64::from(id));
            }
            if round < 3 {
                count(Short(0));
            }
        }
        // Extended at the largest number that seven bits have.
        assert_eq!([count(Long(128)), count(Long(127))], [512, 511]);
        assert_eq!([count(Long(0x3000)), count(Long(0x6f00))], [12_672, 28_800]);
        assert_eq!([count(Long(0x7fff)), count(Long(0))], [33_151, 33_152]);
        assert_eq!([count(Short(1)), count(Short(2))], [33_153, 33_154]);
    }

    #[test]
    fn a_descriptor_that_does_not_parse_is_an_error() {
        let mut analysis = Analysis::default();
        assert!(analysis.read(Codec::Vp8, &[], None).is_err());
        assert!(analysis.read(Codec::Vp9, &[0xff], None).is_err());
        assert!(analysis.read(Codec::Av1, &[], None).is_err());
        assert!(
            analysis
                .read(Codec::Av1, &[0x08], Some(&[0, 0, 0]))
                .is_err()
        );
    }

    #[test]
    fn an_h264_parameter_set_starts_a_keyframe() {
        let mut analysis = Analysis::default();
        let read = analysis
            .read(Codec::H264, &[0x67, 0x42, 0xe0, 0x1f], None)
            .unwrap();
        assert_eq!(read, Frame::Opaque { keyframe: true });
        let read = analysis.read(Codec::H264, &[0x41, 0x9a], None).unwrap();
        assert_eq!(read, Frame::Opaque { keyframe: false });
    }
}
