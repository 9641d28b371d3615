//! The camera at one size: plays the recording in a loop, VP8 at 30 frames per second in three temporal layers.

use crate::recording::{Packet, Picture};

/// Ticks of the 90 kHz clock between two frames.
const TICKS: u32 = 3_000;
/// Bytes of a payload descriptor.
const DESCRIPTOR: usize = 6;

/// What follows a packet's RTP header: the descriptor, and a part of the recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    descriptor: [u8; DESCRIPTOR],
    bytes: &'static [u8],
}

impl Payload {
    pub(super) fn len(&self) -> usize {
        DESCRIPTOR + self.bytes.len()
    }

    /// Appends the bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.descriptor);
        out.extend(self.bytes);
    }
}

/// The picture at one size.
#[derive(Debug)]
pub(super) struct Camera {
    picture: &'static Picture,
    pub sequence: u16,
    pub timestamp: u32,
    picture_id: u16,
    tl0: u8,
    /// The frame of the loop that comes next.
    next: usize,
}

impl Camera {
    /// `start` is random.
    pub(super) fn new(picture: &'static Picture, start: u32) -> Self {
        Self {
            picture,
            sequence: (start & 0x7fff) as u16,
            timestamp: start,
            picture_id: (start >> 16) as u16 & 0x7fff,
            tl0: start as u8,
            next: 0,
        }
    }

    /// The next frame is a key frame: the loop begins with one.
    pub(super) fn ask_for_key_frame(&mut self) {
        self.next = 0;
    }

    /// Time passes without a frame.
    pub(super) fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(TICKS);
    }

    /// The payloads of the next frame's packets.
    pub(super) fn frame(&mut self) -> impl ExactSizeIterator<Item = Payload> + use<> {
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let packets = self.picture.frame(self.next);
        self.next = (self.next + 1) % self.picture.frames();
        if packets.first().is_some_and(Packet::is_base) {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
        let tl0 = self.tl0;
        packets.iter().map(move |packet| Payload {
            // RFC 7741 §4.2: a picture id of 15 bits, TL0PICIDX and TID follow the second byte.
            descriptor: [packet.flags, 0xe0, high, low, tl0, packet.layer],
            bytes: packet.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::recording::pictures;
    use media::codec::vp8::{PictureId, Vp8Descriptor};

    /// The next frame: what its packets say, and the frame put together again.
    fn frame(camera: &mut Camera) -> (Vec<Vp8Descriptor>, Vec<u8>) {
        let (mut descriptors, mut whole) = (Vec::new(), Vec::new());
        for payload in camera.frame() {
            let mut bytes = Vec::new();
            payload.write(&mut bytes);
            assert_eq!(bytes.len(), payload.len());
            let descriptor = Vp8Descriptor::parse(&bytes).unwrap();
            whole.extend(&bytes[descriptor.len..]);
            descriptors.push(descriptor);
        }
        (descriptors, whole)
    }

    fn key(camera: &mut Camera) -> bool {
        frame(camera).1[0] & 1 == 0
    }

    #[test]
    fn what_is_put_together_again_is_the_recording() {
        for picture in pictures() {
            let mut camera = Camera::new(picture, 7);
            for index in 0..picture.frames() {
                let recorded: Vec<u8> = picture
                    .frame(index)
                    .iter()
                    .flat_map(|it| it.bytes)
                    .copied()
                    .collect();
                let (descriptors, whole) = frame(&mut camera);
                assert_eq!(whole, recorded);
                let starts: Vec<bool> = descriptors
                    .iter()
                    .map(Vp8Descriptor::is_start_of_frame)
                    .collect();
                assert!(starts[0] && !starts[1..].contains(&true), "{starts:?}");
                let same = |it: &Vp8Descriptor| it.picture_id == descriptors[0].picture_id;
                assert!(descriptors.iter().all(same));
            }
        }
    }

    #[test]
    fn a_camera_begins_with_a_key_frame_and_makes_another_when_asked() {
        let mut camera = Camera::new(&pictures()[2], 3);
        let mut bytes = Vec::new();
        camera.frame().next().unwrap().write(&mut bytes);
        let size = Vp8Descriptor::parse(&bytes)
            .unwrap()
            .resolution(&bytes)
            .unwrap();
        assert_eq!((size.width, size.height), (1280, 720));
        assert!((0..50).all(|_| !key(&mut camera)));
        camera.ask_for_key_frame();
        assert!(key(&mut camera));
        assert!(!key(&mut camera));
    }

    #[test]
    fn the_loop_begins_again_with_its_key_frame_and_has_no_other() {
        let picture = &pictures()[0];
        let mut camera = Camera::new(picture, 3);
        let keys: Vec<usize> = (0..2 * picture.frames() + 1)
            .filter(|_| key(&mut camera))
            .collect();
        assert_eq!(keys, [0, picture.frames(), 2 * picture.frames()]);
    }

    #[test]
    fn frames_are_numbered_without_holes_and_the_base_layer_is_counted() {
        // The picture id is about to wrap, and so is TL0PICIDX.
        let mut camera = Camera::new(&pictures()[0], 0x7ffe_00fe);
        let frames: Vec<_> = (0..8).map(|_| frame(&mut camera).0[0]).collect();
        let ids: Vec<_> = frames.iter().map(|f| f.picture_id.unwrap()).collect();
        assert_eq!(ids[0], PictureId::Long(0x7fff));
        assert_eq!(ids[1], PictureId::Long(0));
        let layers: Vec<_> = frames.iter().map(|f| f.temporal_id.unwrap()).collect();
        assert_eq!(layers, [0, 2, 1, 2, 0, 2, 1, 2]);
        let counts: Vec<_> = frames.iter().map(|f| f.tl0_pic_idx.unwrap()).collect();
        assert_eq!(counts, [255, 255, 255, 255, 0, 0, 0, 0]);
        assert!(
            frames
                .iter()
                .all(|f| f.non_reference == (f.temporal_id == Some(2)))
        );
    }
}
