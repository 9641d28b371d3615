//! The dependency descriptor (AV1 RTP specification, appendix A).

use arrayvec::ArrayVec;

use super::bits::{BitReader, BitWriter};
use super::{DecodeTargetIndication, MAX_DECODE_TARGETS, TemplateStructure};
use crate::codec::{CodecError, Resolution};

/// A parsed dependency descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Template id as written.
    pub template_id: u8,
    /// Frame number, wraps at 65536.
    pub frame_number: u16,
    /// A new structure: the packet starts a key frame.
    pub structure: Option<Box<TemplateStructure>>,
    /// Bit i: decode target i is being produced. Present when it changed or with a structure.
    pub active_decode_targets: Option<u32>,
    /// The frame's dependencies, from its template and its own overrides.
    pub frame: FrameDependencies,
}

/// What a frame is and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameDependencies {
    /// Spatial layer.
    pub spatial_id: u8,
    /// Temporal layer.
    pub temporal_id: u8,
    /// One per decode target.
    pub dtis: ArrayVec<DecodeTargetIndication, MAX_DECODE_TARGETS>,
    /// Distances to the frames referred to.
    pub frame_diffs: ArrayVec<u16, 16>,
    /// Per chain, the distance to its previous frame.
    pub chain_diffs: ArrayVec<u8, MAX_DECODE_TARGETS>,
    /// The frame's size, when the structure has sizes.
    pub resolution: Option<Resolution>,
}

impl FrameDependencies {
    /// True when a receiver of this decode target needs the frame.
    pub fn is_needed_by(&self, decode_target: usize) -> bool {
        self.indication(decode_target) != DecodeTargetIndication::NotPresent
    }

    /// What the frame is to a decode target; not present for one that does not exist.
    pub fn indication(&self, decode_target: usize) -> DecodeTargetIndication {
        self.dtis.get(decode_target).copied().unwrap_or_default()
    }
}

/// What a bridge changes in a descriptor that it forwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescriptorEdit {
    /// The frame number on the outgoing stream.
    pub frame_number: u16,
    /// Added (modulo 64) to template ids, so that a new structure's do not collide with those of
    /// the one before (AV1 RTP specification §A.8.3).
    pub template_id_shift: u8,
    /// The decode targets that the receiver still gets; `None` leaves what the sender wrote.
    pub active_decode_targets: Option<u32>,
}

impl DependencyDescriptor {
    /// Reads the extension's value. `known` is the latest structure of the stream.
    ///
    /// # Errors
    /// [`CodecError::NoStructure`] when none was seen yet or the template is not in it.
    pub fn parse(value: &[u8], known: Option<&TemplateStructure>) -> Result<Self, CodecError> {
        let mut bits = BitReader::new(value);
        let start_of_frame = bits.flag()?;
        let end_of_frame = bits.flag()?;
        let template_id = bits.read(6)? as u8;
        let frame_number = bits.read(16)? as u16;
        let mut flags = [false; 5];
        if value.len() > 3 {
            for flag in &mut flags {
                *flag = bits.flag()?;
            }
        }
        let [
            has_structure,
            has_active,
            custom_dtis,
            custom_diffs,
            custom_chains,
        ] = flags;
        let structure = has_structure
            .then(|| TemplateStructure::parse(&mut bits).map(Box::new))
            .transpose()?;
        let current = structure
            .as_deref()
            .or(known)
            .ok_or(CodecError::NoStructure)?;
        let active_decode_targets = match (has_active, has_structure) {
            (true, _) => Some(bits.read(current.decode_targets.len() as u32)?),
            (false, true) => Some(current.all_active()),
            (false, false) => None,
        };
        let template = current
            .template(template_id)
            .ok_or(CodecError::NoStructure)?;
        let mut frame = FrameDependencies {
            spatial_id: template.spatial_id,
            temporal_id: template.temporal_id,
            resolution: current
                .resolutions
                .get(usize::from(template.spatial_id))
                .copied(),
            ..FrameDependencies::default()
        };
        if custom_dtis {
            for _ in &current.decode_targets {
                frame.dtis.push(DecodeTargetIndication::read(&mut bits)?);
            }
        } else {
            frame.dtis = template.dtis.clone();
        }
        if custom_diffs {
            loop {
                let nibbles = bits.read(2)?;
                if nibbles == 0 {
                    break;
                }
                let diff = bits.read(4 * nibbles)? as u16 + 1;
                frame
                    .frame_diffs
                    .try_push(diff)
                    .map_err(|_| CodecError::Malformed)?;
            }
        } else {
            frame.frame_diffs = template.frame_diffs.clone();
        }
        if custom_chains {
            for _ in 0..current.chains {
                frame.chain_diffs.push(bits.read(8)? as u8);
            }
        } else {
            frame.chain_diffs = template.chain_diffs.clone();
        }
        Ok(Self {
            start_of_frame,
            end_of_frame,
            template_id,
            frame_number,
            structure,
            active_decode_targets,
            frame,
        })
    }

    /// True for the first packet of a key frame: it brings the structure.
    pub fn is_keyframe(&self) -> bool {
        self.structure.is_some()
    }

    /// Overwrites frame number and template ids in the extension's value, keeping its length;
    /// the edit's active decode targets are not written. Too short a value is left as it is.
    pub fn rewrite(value: &mut [u8], edit: &DescriptorEdit) {
        let &mut [ref mut first, ref mut high, ref mut low, ref mut rest @ ..] = value else {
            return;
        };
        *first = *first & 0xc0 | first.wrapping_add(edit.template_id_shift) & 0x3f;
        [*high, *low] = edit.frame_number.to_be_bytes();
        if let [flags, second, ..] = rest
            && *flags & 0x80 != 0
        {
            // template_id_offset: the last three bits of this byte and the first three of the next.
            let offset = (*flags & 0x07) << 3 | *second >> 5;
            let offset = offset.wrapping_add(edit.template_id_shift) & 0x3f;
            *flags = *flags & 0xf8 | offset >> 3;
            *second = *second & 0x1f | offset << 5;
        }
    }

    /// Writes the descriptor with an edit to the front of `out`; `current` is the structure that
    /// it was parsed with, its own if it brings one. Returns its length; `None` when it does not
    /// fit `out` or the template is not in `current`.
    pub fn write(
        &self,
        current: &TemplateStructure,
        edit: &DescriptorEdit,
        out: &mut [u8],
    ) -> Option<usize> {
        let template = current.template(self.template_id)?;
        let shifted = |id: u8| u32::from(id.wrapping_add(edit.template_id_shift) & 0x3f);
        let active = edit.active_decode_targets.or(self.active_decode_targets);
        let implied = self
            .structure
            .as_ref()
            .map(|structure| structure.all_active());
        let active = active.filter(|_| active != implied);
        let custom_dtis = self.frame.dtis != template.dtis;
        let custom_diffs = self.frame.frame_diffs != template.frame_diffs;
        let custom_chains = self.frame.chain_diffs != template.chain_diffs;

        let mut bits = BitWriter::new(out);
        bits.flag(self.start_of_frame)?;
        bits.flag(self.end_of_frame)?;
        bits.write(6, shifted(self.template_id))?;
        bits.write(16, u32::from(edit.frame_number))?;
        let flags = [
            self.structure.is_some(),
            active.is_some(),
            custom_dtis,
            custom_diffs,
            custom_chains,
        ];
        if flags == [false; 5] {
            return Some(bits.bytes_written());
        }
        flags.into_iter().try_for_each(|flag| bits.flag(flag))?;
        if let Some(structure) = &self.structure {
            structure.write(shifted(structure.template_id_offset), &mut bits)?;
        }
        if let Some(active) = active {
            bits.write(current.decode_targets.len() as u32, active)?;
        }
        if custom_dtis {
            self.frame
                .dtis
                .iter()
                .try_for_each(|&dti| bits.write(2, dti as u32))?;
        }
        if custom_diffs {
            for &diff in &self.frame.frame_diffs {
                let value = u32::from(diff.saturating_sub(1));
                let nibbles = (32 - value.leading_zeros()).div_ceil(4).max(1);
                bits.write(2, nibbles)?;
                bits.write(4 * nibbles, value)?;
            }
            bits.write(2, 0)?;
        }
        if custom_chains {
            self.frame
                .chain_diffs
                .iter()
                .try_for_each(|&diff| bits.write(8, u32::from(diff)))?;
        }
        Some(bits.bytes_written())
    }
}
