//! Opus payloads (RFC 6716 §3, RFC 7587).

use std::time::Duration;

/// True for comfort noise and DTX packets: at most two bytes (RFC 7587 §3.1.3).
pub fn is_dtx(payload: &[u8]) -> bool {
    payload.len() <= 2
}

/// The audio that a packet holds; `None` when it is empty or malformed (RFC 6716 §3.1, §3.2).
pub fn duration(_payload: &[u8]) -> Option<Duration> {
    todo!()
}
