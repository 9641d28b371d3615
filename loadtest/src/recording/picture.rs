//! A picture at one size, cut into the payloads of RTP packets (RFC 7741 §4).

use std::ops::Range;

/// Bytes of a frame in one packet, at most: with all headers it fits into any path.
const MAX_FRAGMENT: usize = 1_100;

/// Temporal layer of each frame, as browsers have it, and whether it refers to frames of the base layer only.
const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];
/// No frame refers to one of this layer.
const TOP_LAYER: u8 = 2;

/// What one packet has of its frame.
#[derive(Debug)]
pub(crate) struct Packet {
    /// A part of the frame, without the payload descriptor.
    pub bytes: &'static [u8],
    /// The payload descriptor's first byte (RFC 7741 §4.2): X, N and S.
    pub flags: u8,
    /// Its last byte: TID and Y.
    pub layer: u8,
}

/// A picture at one size.
#[derive(Debug)]
pub(crate) struct Picture {
    /// In pixels.
    pub height: u16,
    packets: Vec<Packet>,
    /// Which of the packets each frame has.
    frames: Vec<Range<usize>>,
}

impl Picture {
    /// Cuts frames into packets. `None` when they do not begin with a key frame, or the last of them leaves the
    /// pattern of layers incomplete.
    pub(crate) fn of(frames: &[&'static [u8]]) -> Option<Self> {
        // RFC 6386 §9.1: a tag of 3 bytes with P in its first bit, a start code, and the width
        // before the height.
        let &[tag, _, _, 0x9d, 0x01, 0x2a, _, _, h0, h1, ..] = *frames.first()? else {
            return None;
        };
        if tag & 1 != 0 || !frames.len().is_multiple_of(PATTERN.len()) {
            return None;
        }
        let mut picture = Self {
            height: u16::from_le_bytes([h0, h1]) & 0x3fff,
            packets: Vec::new(),
            frames: Vec::new(),
        };
        for (&frame, &(layer, sync)) in frames.iter().zip(PATTERN.iter().cycle()) {
            picture.push(frame, layer, sync);
        }
        Some(picture)
    }

    /// Appends a frame. All its packets but the last are of one length, so that the kernel can cut them.
    fn push(&mut self, frame: &'static [u8], layer: u8, sync: bool) {
        let begin = self.packets.len();
        let fragments = frame.len().div_ceil(MAX_FRAGMENT).max(1);
        let fragment = frame.len().div_ceil(fragments).max(1);
        for (part, bytes) in frame.chunks(fragment).enumerate() {
            let non_reference = u8::from(layer == TOP_LAYER) << 5;
            let start = u8::from(part == 0) << 4;
            self.packets.push(Packet {
                bytes,
                flags: 0x80 | non_reference | start,
                layer: layer << 6 | u8::from(sync) << 5,
            });
        }
        self.frames.push(begin..self.packets.len());
    }

    /// How many frames the loop has.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The packets of a frame of the loop.
    pub(crate) fn frame(&self, index: usize) -> &[Packet] {
        &self.packets[self.frames[index].clone()]
    }

    #[cfg(test)]
    pub(crate) fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.packets.iter()
    }
}

impl Packet {
    /// Whether the frame is of the base layer.
    pub(crate) fn is_base(&self) -> bool {
        self.layer >> 6 == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const KEY: &[u8] = &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0];

    fn of(len: usize) -> Picture {
        let long: &'static [u8] = vec![1; len].leak();
        Picture::of(&[KEY, &[1], &[1], long]).unwrap()
    }

    #[test]
    fn a_frame_is_cut_into_packets_of_one_length_but_the_last() {
        for (len, lengths) in [
            (1_100, vec![1_100]),
            (1_101, vec![551, 550]),
            (3_301, vec![826, 826, 826, 823]),
        ] {
            let picture = of(len);
            let cut: Vec<_> = picture.frame(3).iter().map(|it| it.bytes.len()).collect();
            assert_eq!(cut, lengths);
        }
        assert_eq!(of(1).height, 180);
    }

    #[test]
    fn what_does_not_begin_with_a_key_frame_or_ends_in_the_midst_of_the_layers_is_refused() {
        let inter: &[u8] = &[0x11, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0];
        assert!(Picture::of(&[inter, inter, inter, inter]).is_none());
        assert!(Picture::of(&[KEY, inter, inter]).is_none());
        assert!(Picture::of(&[]).is_none());
    }
}
