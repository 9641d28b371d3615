//! H.264 payloads (RFC 6184): key frame detection.

use super::Resolution;

/// True when the payload starts or contains a key frame: an IDR slice or a sequence parameter
/// set, alone, in a STAP-A/B, or at the start of a FU-A/B.
pub fn is_keyframe(_payload: &[u8]) -> bool {
    todo!()
}

/// The picture's size when the payload carries a sequence parameter set.
pub fn resolution(_payload: &[u8]) -> Option<Resolution> {
    todo!()
}
