//! Opus payloads (RFC 6716 §3, RFC 7587).

use std::time::Duration;

/// True for comfort noise and DTX packets: at most two bytes (RFC 7587 §3.1.3).
pub fn is_dtx(payload: &[u8]) -> bool {
    payload.len() <= 2
}

/// The audio that a packet holds; `None` when it is empty or malformed (RFC 6716 §3.1, §3.2).
pub fn duration(payload: &[u8]) -> Option<Duration> {
    let &toc = payload.first()?;
    let config = toc >> 3;
    let frame_us = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000][usize::from(config & 3)],
        12..16 => [10_000, 20_000][usize::from(config & 1)],
        _ => [2_500, 5_000, 10_000, 20_000][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(payload.get(1)? & 0x3f),
    };
    let total = Duration::from_micros(frame_us * frames);
    (frames > 0 && total <= Duration::from_millis(120)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_the_duration() {
        let ms = |payload: &[u8]| duration(payload).map(|d| d.as_millis());
        assert_eq!(ms(&[0x78, 1]), Some(20)); // hybrid fullband 20 ms, one frame
        assert_eq!(ms(&[0xfc, 1]), Some(20)); // CELT fullband 20 ms, one frame
        assert_eq!(ms(&[0x19, 1]), Some(120)); // SILK 60 ms, two frames
        assert_eq!(ms(&[0xe3, 4, 1]), Some(10)); // CELT 2.5 ms, four frames
        assert_eq!(ms(&[0x1b, 3, 1]), None); // 180 ms is more than a packet may hold
        assert_eq!(ms(&[0xe3]), None);
        assert_eq!(ms(&[]), None);
    }

    #[test]
    fn a_packet_of_two_bytes_is_silence() {
        assert!(is_dtx(&[0x78, 0]));
        assert!(!is_dtx(&[0x78, 0, 1]));
    }
}
