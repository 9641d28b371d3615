//! A picture at three sizes, as simulcast has it: VP8 at 30 frames per second in three temporal layers. The
//! descriptors (RFC 7741 §4.2) and the headers of key frames are well-formed; what should be
//! coefficients is filler.

/// One size of the picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Size {
    width: u16,
    pub height: u16,
    /// Packets of a frame.
    packets: usize,
    /// Bytes of each.
    bytes: usize,
}

/// The smallest first; about 200, 500 and 1,500 kbit/s, as browsers are told by Jitsi's clients.
pub(super) const SIZES: [Size; 3] = [
    size(320, 180, 1, 830),
    size(640, 360, 2, 1_040),
    size(1_280, 720, 6, 1_040),
];

const fn size(width: u16, height: u16, packets: usize, bytes: usize) -> Size {
    Size {
        width,
        height,
        packets,
        bytes,
    }
}

/// Ticks of the 90 kHz clock between two frames.
const TICKS: u32 = 3_000;
/// Temporal layer of each frame, as browsers have it.
const PATTERN: [u8; 4] = [0, 2, 1, 2];
/// So many times a frame's packets has a key frame.
const KEY_FRAME: usize = 3;
/// Bytes of descriptor, frame tag and the header of a key frame.
const MAX_HEAD: usize = 16;
const FILLER: u8 = 0x55;

/// What follows a packet's RTP header: small to keep, for all but its head is filler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    head: [u8; MAX_HEAD],
    head_len: usize,
    len: usize,
}

impl Payload {
    fn new(len: usize) -> Self {
        Self {
            head: [FILLER; MAX_HEAD],
            head_len: 0,
            len,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.head[self.head_len..self.head_len + bytes.len()].copy_from_slice(bytes);
        self.head_len += bytes.len();
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Appends the bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend(self.head);
        out.resize(end, FILLER);
    }
}

/// The picture at one size.
#[derive(Debug)]
pub(super) struct Camera {
    size: &'static Size,
    pub sequence: u16,
    pub timestamp: u32,
    picture: u16,
    tl0: u8,
    step: usize,
    key_frame_wanted: bool,
}

impl Camera {
    /// `start` is random.
    pub fn new(size: &'static Size, start: u32) -> Self {
        Self {
            size,
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
    pub fn frame(&mut self) -> impl ExactSizeIterator<Item = Payload> + use<> {
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
        let packets = self.size.packets * if key { KEY_FRAME } else { 1 };
        let (first, other) = (
            self.payload(true, layer, key),
            self.payload(false, layer, key),
        );
        (0..packets).map(move |part| if part == 0 { first } else { other })
    }

    fn payload(&self, first: bool, layer: u8, key: bool) -> Payload {
        let not_referred_to = u8::from(layer == 2) << 5;
        let [picture_high, picture_low] = (0x8000 | self.picture).to_be_bytes();
        let switching_point = u8::from(layer > 0) << 5;
        let mut payload = Payload::new(self.size.bytes);
        payload.put(&[
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
            payload.put(&tag.to_le_bytes()[..3]);
            if key {
                payload.put(&[0x9d, 0x01, 0x2a]);
                payload.put(&self.size.width.to_le_bytes());
                payload.put(&self.size.height.to_le_bytes());
            }
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use media::codec::vp8::{PictureId, Vp8Descriptor};

    /// The first packet of the next frame.
    fn first(camera: &mut Camera) -> (Vp8Descriptor, Vec<u8>) {
        let mut bytes = Vec::new();
        camera.frame().next().unwrap().write(&mut bytes);
        (Vp8Descriptor::parse(&bytes).unwrap(), bytes)
    }

    fn key(camera: &mut Camera) -> bool {
        let (descriptor, bytes) = first(camera);
        descriptor.is_keyframe(&bytes)
    }

    #[test]
    fn a_camera_begins_with_a_key_frame_and_makes_another_when_asked() {
        let mut camera = Camera::new(&SIZES[2], 3);
        let (descriptor, bytes) = first(&mut camera);
        let size = descriptor.resolution(&bytes).unwrap();
        assert_eq!((size.width, size.height), (1280, 720));
        assert!((0..50).all(|_| !key(&mut camera)));
        camera.ask_for_key_frame();
        assert!(key(&mut camera));
        assert!(!key(&mut camera));
    }

    #[test]
    fn frames_are_numbered_without_holes_and_the_base_layer_is_counted() {
        // The picture id is about to wrap, and so is TL0PICIDX.
        let mut camera = Camera::new(&SIZES[0], 0x7ffe_00fe);
        let frames: Vec<_> = (0..8).map(|_| first(&mut camera).0).collect();
        let ids: Vec<_> = frames.iter().map(|f| f.picture_id.unwrap()).collect();
        assert_eq!(ids[0], PictureId::Long(0x7fff));
        assert_eq!(ids[1], PictureId::Long(0));
        let layers: Vec<_> = frames.iter().map(|f| f.temporal_id.unwrap()).collect();
        assert_eq!(layers, [0, 2, 1, 2, 0, 2, 1, 2]);
        let counts: Vec<_> = frames.iter().map(|f| f.tl0_pic_idx.unwrap()).collect();
        assert_eq!(counts, [255, 255, 255, 255, 0, 0, 0, 0]);
    }

    #[test]
    fn each_size_has_about_its_bitrate() {
        for (size, kbits) in SIZES.iter().zip([200, 500, 1_500]) {
            let mut camera = Camera::new(size, 1);
            camera.frame().for_each(drop);
            let bytes: usize = (0..30).flat_map(|_| camera.frame()).map(|p| p.len()).sum();
            let sent = bytes * 8 / 1_000;
            assert!(sent.abs_diff(kbits) <= kbits / 20, "{sent} of {kbits}");
        }
    }
}
