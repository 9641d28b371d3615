//! IVF: a header of 32 bytes, and before each frame its length and its time.

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;

/// The frames of a file; `None` when it is no IVF of VP8, or ends in the midst of a frame.
pub(super) fn frames(file: &[u8]) -> Option<Vec<&[u8]>> {
    let (header, mut rest) = file.split_at_checked(FILE_HEADER)?;
    if !header.starts_with(b"DKIF") || &header[8..12] != b"VP80" {
        return None;
    }
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(FRAME_HEADER)?;
        let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let frame;
        (frame, rest) = after.split_at_checked(usize::try_from(len).ok()?)?;
        frames.push(frame);
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(fourcc: &[u8; 4]) -> Vec<u8> {
        let mut file = b"DKIF\0\0\x20\0".to_vec();
        file.extend(fourcc);
        file.resize(FILE_HEADER, 0);
        for frame in [&b"abc"[..], b"d"] {
            file.extend([frame.len() as u8, 0, 0, 0]);
            file.extend([0; 8]);
            file.extend(frame);
        }
        file
    }

    #[test]
    fn frames_are_found_by_their_lengths() {
        assert_eq!(frames(&file(b"VP80")), Some(vec![&b"abc"[..], b"d"]));
    }

    #[test]
    fn another_codec_and_a_file_that_is_cut_are_refused() {
        assert_eq!(frames(&file(b"VP90")), None);
        let whole = file(b"VP80");
        assert_eq!(frames(&whole[..whole.len() - 1]), None);
        assert_eq!(frames(&whole[..FILE_HEADER + 5]), None);
        assert_eq!(frames(b"DKIF"), None);
    }
}
