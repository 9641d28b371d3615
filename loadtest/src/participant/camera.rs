//! A picture: VP8 at 30 frames per second in three temporal layers. The descriptors (RFC 7741 §4.2)
//! and the headers of key frames are well-formed; what should be coefficients is filler.

/// Ticks of the 90 kHz clock between two frames.
const TICKS: u32 = 3_000;
/// Temporal layer of each frame, as browsers have it.
const PATTERN: [u8; 4] = [0, 2, 1, 2];
/// Bytes of a frame after the descriptor: 240 kbit/s and some.
const FRAME: usize = 1_000;
/// Packets of a key frame, each as long as a frame.
const KEY_FRAME_PACKETS: usize = 4;
/// What key frames say of the picture's size.
const WIDTH: u16 = 1280;
const HEIGHT: u16 = 720;

#[derive(Debug)]
pub(super) struct Camera {
    pub sequence: u16,
    pub timestamp: u32,
    picture: u16,
    tl0: u8,
    step: usize,
    key_frame_wanted: bool,
}

impl Camera {
    /// `start` is random.
    pub fn new(start: u32) -> Self {
        Self {
            sequence: (start & 0x7fff) as u16,
            timestamp: start,
            picture: (start >> 16) as u16 & 0x7fff,
            tl0: start as u8,
            step: 0,
            key_frame_wanted: true,
        }
    }

    /// The next frame is a key frame.
    pub fn ask_for_key_frame(&mut self) {
        self.key_frame_wanted = true;
    }

    /// Time passes without a frame.
    pub fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(TICKS);
    }

    /// The payloads of the next frame's packets.
    pub fn frame(&mut self) -> Vec<Vec<u8>> {
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        let key = std::mem::take(&mut self.key_frame_wanted);
        if key {
            self.step = 0;
        }
        let layer = PATTERN[self.step % PATTERN.len()];
        self.step += 1;
        self.picture = (self.picture + 1) & 0x7fff;
        if layer == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let packets = if key { KEY_FRAME_PACKETS } else { 1 };
        (0..packets)
            .map(|part| self.payload(part == 0, layer, key))
            .collect()
    }

    fn payload(&self, first: bool, layer: u8, key: bool) -> Vec<u8> {
        let not_referred_to = u8::from(layer == 2) << 5;
        let [picture_high, picture_low] = (0x8000 | self.picture).to_be_bytes();
        let switching_point = u8::from(layer > 0) << 5;
        let mut payload = Vec::with_capacity(FRAME + 16);
        payload.extend([
            0x80 | not_referred_to | u8::from(first) << 4,
            // Picture id, TL0PICIDX and TID follow.
            0xe0,
            picture_high,
            picture_low,
            self.tl0,
            layer << 6 | switching_point,
        ]);
        if first {
            // Frame tag (RFC 6386 §9.1): P, version 0, shown, length of the first partition.
            let tag = u32::from(!key) | 1 << 4 | 100 << 5;
            payload.extend(&tag.to_le_bytes()[..3]);
            if key {
                payload.extend([0x9d, 0x01, 0x2a]);
                payload.extend(WIDTH.to_le_bytes());
                payload.extend(HEIGHT.to_le_bytes());
            }
        }
        payload.resize(FRAME, 0x55);
        payload
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use media::codec::vp8::{PictureId, Vp8Descriptor};

    fn read(payload: &[u8]) -> Vp8Descriptor {
        Vp8Descriptor::parse(payload).unwrap()
    }

    #[test]
    fn a_camera_begins_with_a_key_frame_and_makes_another_when_asked() {
        let mut camera = Camera::new(3);
        let is_key = |frame: &[Vec<u8>]| read(&frame[0]).is_keyframe(&frame[0]);
        let first = camera.frame();
        assert!(is_key(&first));
        let size = read(&first[0]).resolution(&first[0]).unwrap();
        assert_eq!((size.width, size.height), (1280, 720));
        assert!((0..50).all(|_| !is_key(&camera.frame())));
        camera.ask_for_key_frame();
        assert!(is_key(&camera.frame()));
        assert!(!is_key(&camera.frame()));
    }

    #[test]
    fn frames_are_numbered_without_holes_and_the_base_layer_is_counted() {
        // The picture id is about to wrap, and so is TL0PICIDX.
        let mut camera = Camera::new(0x7ffe_00fe);
        let frames: Vec<_> = (0..8).map(|_| read(&camera.frame()[0])).collect();
        let ids: Vec<_> = frames.iter().map(|f| f.picture_id.unwrap()).collect();
        assert_eq!(ids[0], PictureId::Long(0x7fff));
        assert_eq!(ids[1], PictureId::Long(0));
        let layers: Vec<_> = frames.iter().map(|f| f.temporal_id.unwrap()).collect();
        assert_eq!(layers, [0, 2, 1, 2, 0, 2, 1, 2]);
        let counts: Vec<_> = frames.iter().map(|f| f.tl0_pic_idx.unwrap()).collect();
        assert_eq!(counts, [255, 255, 255, 255, 0, 0, 0, 0]);
    }
}
