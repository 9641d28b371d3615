//! AV1 over RTP: aggregation header and dependency descriptor (AV1 RTP specification).

mod aggregation;
mod bits;
mod descriptor;
mod structure;

pub use aggregation::AggregationHeader;
pub use descriptor::{DependencyDescriptor, DescriptorEdit, FrameDependencies};
pub use structure::{DecodeTargetIndication, DecodeTargetLayer, FrameTemplate, TemplateStructure};

/// Most decode targets of a structure (5 bits of count).
pub const MAX_DECODE_TARGETS: usize = 32;
/// Most templates of a structure (6 bits of id).
pub const MAX_TEMPLATES: usize = 64;
/// Most spatial layers.
pub const MAX_SPATIAL: usize = 4;

#[cfg(test)]
mod tests;
