//! Redundant audio (RFC 2198).

use std::ops::Range;

use crate::units::PayloadType;

/// One block of a RED payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedBlock<'a> {
    /// Payload type of the block.
    pub payload_type: PayloadType,
    /// How much older than the packet's timestamp the block is, in ticks; 0 for the primary.
    pub timestamp_offset: u16,
    /// The block's payload.
    pub data: &'a [u8],
}

/// Why a RED payload cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedError {
    /// Headers or blocks do not fit the payload.
    #[error("the RED payload ends inside its headers or blocks")]
    Truncated,
    /// More blocks than anyone sends.
    #[error("the RED payload has more than {MAX_BLOCKS} blocks")]
    TooManyBlocks,
}

/// Most blocks in a payload, the primary included.
pub const MAX_BLOCKS: usize = 8;

/// The blocks of a payload, oldest first, primary last.
///
/// # Errors
/// See [`RedError`].
pub fn parse(_payload: &[u8]) -> Result<arrayvec::ArrayVec<RedBlock<'_>, MAX_BLOCKS>, RedError> {
    todo!()
}

/// The primary block, for receivers without RED: its payload type and range in the payload.
///
/// # Errors
/// See [`RedError`].
pub fn primary(_payload: &[u8]) -> Result<(PayloadType, Range<usize>), RedError> {
    todo!()
}
