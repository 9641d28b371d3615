//! The template dependency structure (AV1 RTP specification §A.8.3).

use arrayvec::ArrayVec;

use super::bits::{BitReader, BitWriter};
use super::{MAX_DECODE_TARGETS, MAX_SPATIAL, MAX_TEMPLATES};
use crate::codec::{CodecError, Resolution};

/// AV1 has eight temporal layers at most.
const MAX_TEMPORAL: u8 = 8;

/// What a frame is to a decode target (AV1 RTP specification §A.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DecodeTargetIndication {
    /// Not part of it.
    #[default]
    NotPresent = 0,
    /// Part of it, and nothing later in it refers to this frame.
    Discardable = 1,
    /// Part of it, and one may start to decode the target here.
    Switch = 2,
    /// Part of it.
    Required = 3,
}

impl DecodeTargetIndication {
    pub(super) fn read(bits: &mut BitReader<'_>) -> Result<Self, CodecError> {
        Ok(match bits.read(2)? {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        })
    }
}

/// The highest layers of a decode target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeTargetLayer {
    /// Highest spatial id.
    pub spatial_id: u8,
    /// Highest temporal id.
    pub temporal_id: u8,
}

/// One frame dependency template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTemplate {
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
}

/// The structure that all frames up to the next key frame refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateStructure {
    /// Id of the first template; template ids count from it, modulo 64.
    pub template_id_offset: u8,
    /// Templates in layer order.
    pub templates: Vec<FrameTemplate>,
    /// Layers of each decode target.
    pub decode_targets: ArrayVec<DecodeTargetLayer, MAX_DECODE_TARGETS>,
    /// Number of chains.
    pub chains: u8,
    /// Per decode target, the chain that protects it.
    pub protected_by: ArrayVec<u8, MAX_DECODE_TARGETS>,
    /// Sizes of the spatial layers, when given.
    pub resolutions: ArrayVec<Resolution, MAX_SPATIAL>,
}

impl TemplateStructure {
    /// The highest spatial id of any template.
    pub fn max_spatial_id(&self) -> u8 {
        self.templates
            .iter()
            .map(|t| t.spatial_id)
            .max()
            .unwrap_or(0)
    }

    /// The highest temporal id of any template.
    pub fn max_temporal_id(&self) -> u8 {
        self.templates
            .iter()
            .map(|t| t.temporal_id)
            .max()
            .unwrap_or(0)
    }

    /// The decode target whose highest layers are just these.
    pub fn decode_target(&self, layer: DecodeTargetLayer) -> Option<usize> {
        self.decode_targets.iter().position(|&l| l == layer)
    }

    /// The template that an id on the wire means.
    pub fn template(&self, template_id: u8) -> Option<&FrameTemplate> {
        let index = (template_id + 64 - self.template_id_offset) % 64;
        self.templates.get(usize::from(index))
    }

    /// Every decode target active.
    pub fn all_active(&self) -> u32 {
        u32::MAX
            .checked_shr(32 - self.decode_targets.len() as u32)
            .unwrap_or(0)
    }

    /// template_dependency_structure().
    pub(super) fn parse(bits: &mut BitReader<'_>) -> Result<Self, CodecError> {
        let template_id_offset = bits.read(6)? as u8;
        let targets = bits.read(5)? as usize + 1;
        let mut templates = parse_layers(bits)?;
        for template in &mut templates {
            for _ in 0..targets {
                template.dtis.push(DecodeTargetIndication::read(bits)?);
            }
        }
        for template in &mut templates {
            while bits.flag()? {
                let diff = bits.read(4)? as u16 + 1;
                template
                    .frame_diffs
                    .try_push(diff)
                    .map_err(|_| CodecError::Malformed)?;
            }
        }
        let chains = bits.non_symmetric(targets as u32 + 1)?;
        let mut protected_by = ArrayVec::new();
        if chains > 0 {
            for _ in 0..targets {
                protected_by.push(bits.non_symmetric(chains)? as u8);
            }
            for template in &mut templates {
                for _ in 0..chains {
                    template.chain_diffs.push(bits.read(4)? as u8);
                }
            }
        }
        let mut resolutions = ArrayVec::new();
        let spatial_layers = templates.last().map_or(0, |template| template.spatial_id) + 1;
        if bits.flag()? {
            for _ in 0..spatial_layers {
                let (width, height) = (bits.read(16)? + 1, bits.read(16)? + 1);
                resolutions.push(Resolution { width, height });
            }
        }
        let decode_targets = (0..targets)
            .map(|target| layer_of(target, &templates))
            .collect();
        Ok(Self {
            template_id_offset,
            templates,
            decode_targets,
            chains: chains as u8,
            protected_by,
            resolutions,
        })
    }

    /// Writes what [`Self::parse`] reads; `None` when it does not fit.
    pub(super) fn write(&self, template_id_offset: u32, bits: &mut BitWriter<'_>) -> Option<()> {
        bits.write(6, template_id_offset)?;
        let targets = self.decode_targets.len() as u32;
        bits.write(5, targets.checked_sub(1)?)?;
        for pair in self.templates.windows(2) {
            bits.write(
                2,
                match (pair[1].spatial_id > pair[0].spatial_id, pair[1].temporal_id) {
                    (true, _) => 2,
                    (false, id) if id > pair[0].temporal_id => 1,
                    _ => 0,
                },
            )?;
        }
        bits.write(2, 3)?;
        for template in &self.templates {
            template
                .dtis
                .iter()
                .try_for_each(|&dti| bits.write(2, dti as u32))?;
        }
        for template in &self.templates {
            for &diff in &template.frame_diffs {
                bits.flag(true)?;
                bits.write(4, u32::from(diff).saturating_sub(1))?;
            }
            bits.flag(false)?;
        }
        let chains = u32::from(self.chains);
        bits.non_symmetric(targets + 1, chains)?;
        if chains > 0 {
            for &chain in &self.protected_by {
                bits.non_symmetric(chains, u32::from(chain))?;
            }
            for template in &self.templates {
                template
                    .chain_diffs
                    .iter()
                    .try_for_each(|&diff| bits.write(4, u32::from(diff)))?;
            }
        }
        bits.flag(!self.resolutions.is_empty())?;
        for resolution in &self.resolutions {
            bits.write(16, resolution.width.saturating_sub(1))?;
            bits.write(16, resolution.height.saturating_sub(1))?;
        }
        Some(())
    }
}

fn parse_layers(bits: &mut BitReader<'_>) -> Result<Vec<FrameTemplate>, CodecError> {
    let mut templates = Vec::new();
    let (mut spatial_id, mut temporal_id) = (0, 0);
    loop {
        if templates.len() == MAX_TEMPLATES {
            return Err(CodecError::Malformed);
        }
        templates.push(FrameTemplate {
            spatial_id,
            temporal_id,
            ..FrameTemplate::default()
        });
        match bits.read(2)? {
            0 => {}
            1 => temporal_id += 1,
            2 => (spatial_id, temporal_id) = (spatial_id + 1, 0),
            _ => return Ok(templates),
        }
        if usize::from(spatial_id) == MAX_SPATIAL || temporal_id == MAX_TEMPORAL {
            return Err(CodecError::Malformed);
        }
    }
}

/// decode_target_layers(): the highest layers among the templates that belong to the target.
fn layer_of(target: usize, templates: &[FrameTemplate]) -> DecodeTargetLayer {
    let members = templates
        .iter()
        .filter(|t| t.dtis[target] != DecodeTargetIndication::NotPresent);
    members.fold(DecodeTargetLayer::default(), |highest, template| {
        DecodeTargetLayer {
            spatial_id: highest.spatial_id.max(template.spatial_id),
            temporal_id: highest.temporal_id.max(template.temporal_id),
        }
    })
}
