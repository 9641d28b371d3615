//! H.264 payloads (RFC 6184): key frame detection and picture size.

mod sps;

use super::Resolution;

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const STAP_B: u8 = 25;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// The NAL units that start in a payload: type, and bytes behind its header.
fn units(payload: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let kind = payload.first().map_or(0, |byte| byte & 0x1f);
    let single = match kind {
        1..=23 => Some((kind, &payload[1..])),
        FU_A | FU_B => match payload {
            // S: the fragment starts the unit (RFC 6184 §5.8).
            &[_, header, ..] if header & 0x80 != 0 => Some((header & 0x1f, &payload[2..])),
            _ => None,
        },
        _ => None,
    };
    let mut rest = match kind {
        STAP_A => payload.get(1..),
        // The decoding order number comes first (§5.7.1).
        STAP_B => payload.get(3..),
        _ => None,
    }
    .unwrap_or_default();
    let aggregated = std::iter::from_fn(move || {
        let (size, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
        rest = after;
        let (header, body) = unit.split_first()?;
        Some((header & 0x1f, body))
    });
    single.into_iter().chain(aggregated)
}

/// True when a key frame starts in the payload: an IDR slice or a sequence parameter set, alone,
/// in a STAP-A or STAP-B, or at the start of a FU-A or FU-B.
pub fn is_keyframe(payload: &[u8]) -> bool {
    units(payload).any(|(kind, _)| kind == IDR || kind == SPS)
}

/// True when the payload carries a sequence parameter set, without which a decoder cannot start.
pub fn has_parameter_sets(payload: &[u8]) -> bool {
    units(payload).any(|(kind, _)| kind == SPS)
}

/// The picture's size when the payload carries a sequence parameter set (ITU-T H.264 §7.3.2.1).
pub fn resolution(payload: &[u8]) -> Option<Resolution> {
    units(payload)
        .find(|&(kind, _)| kind == SPS)
        .and_then(|(_, body)| sps::resolution(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constrained baseline, level 3.1, 640×360, as an encoder in a browser writes it.
    const SPS_640X360: &[u8] = &[
        0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a,
    ];

    #[test]
    fn an_idr_slice_is_a_key_frame_alone_and_as_first_fragment() {
        assert!(is_keyframe(&[0x65, 0x88]));
        assert!(is_keyframe(&[0x7c, 0x85, 0x88]));
        assert!(!is_keyframe(&[0x7c, 0x05, 0x88]));
        assert!(!is_keyframe(&[0x7c, 0x45, 0x88]));
        assert!(!is_keyframe(&[0x61, 0x88]));
        assert!(!is_keyframe(&[]));
    }

    #[test]
    fn parameter_sets_in_an_aggregate_are_found() {
        let len = SPS_640X360.len() as u8;
        let stap = [&[0x78, 0, 2, 0x68, 0xce, 0, len][..], SPS_640X360].concat();
        assert!(is_keyframe(&stap) && has_parameter_sets(&stap));
        assert!(!is_keyframe(&[0x78, 0, 2, 0x68, 0xce]));
        assert!(!is_keyframe(&[0x78, 0, 9, 0x67, 0xce]));
        let stap_b = [&[0x79, 0, 1, 0, len][..], SPS_640X360].concat();
        assert!(is_keyframe(&stap_b));
    }

    #[test]
    fn a_fragment_of_a_parameter_set_is_read_behind_its_headers() {
        let fragment = [&[0x7c, 0x87], &SPS_640X360[1..]].concat();
        assert_eq!(resolution(&fragment), resolution(SPS_640X360));
        assert_eq!(resolution(&[0x7c, 0x87]), None, "nothing but headers");
        assert_eq!(resolution(&[0x67]), None);
        assert_eq!(resolution(&[0x78, 0, 1, 0x67]), None);
    }

    #[test]
    fn the_size_is_read_with_its_cropping() {
        let resolution = resolution(SPS_640X360);
        assert_eq!(
            resolution,
            Some(Resolution {
                width: 640,
                height: 360
            })
        );
    }
}
