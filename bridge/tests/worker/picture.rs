//! What a simulated camera sends and a simulated screen sees: VP8 with three temporal layers, in
//! up to three encodings. The payload says whose it is, so that a receiver can tell.

/// Temporal layer of each frame.
const PATTERN: [u8; 4] = [0, 2, 1, 2];

/// One encoding of a camera.
#[derive(Clone, Debug)]
pub(crate) struct Encoder {
    pub ssrc: u32,
    pub rtx: u32,
    pub seq: u16,
    pub rtx_seq: u16,
    pub active: bool,
    pub keyframe_wanted: bool,
    pub keyframes: u32,
    /// Picture ids are written in seven bits.
    pub short_ids: bool,
    key: u8,
    picture: u16,
    tl0: u8,
    pub timestamp: u32,
    pattern: usize,
    owner: u8,
    encoding: u8,
    width: u16,
    height: u16,
    packets_per_frame: usize,
    packet_len: usize,
}

/// What a receiver reads from a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub owner: u8,
    pub encoding: u8,
    pub picture: u16,
    pub tl0: u8,
    pub key: u8,
    pub temporal: u8,
    pub keyframe: bool,
    pub start: bool,
}

impl Encoder {
    pub(crate) fn new(
        owner: u8,
        encoding: u8,
        ssrc: u32,
        packets_per_frame: usize,
        packet_len: usize,
    ) -> Self {
        let salt = u32::from(owner) * 31 + u32::from(encoding) * 7 + 1;
        Self {
            ssrc,
            rtx: ssrc + 1,
            seq: (salt * 4_999) as u16,
            rtx_seq: (salt * 77) as u16,
            active: true,
            keyframe_wanted: true,
            keyframes: 0,
            short_ids: false,
            key: salt as u8,
            picture: (salt * 1_009) as u16 & 0x7fff,
            tl0: salt as u8,
            timestamp: salt.wrapping_mul(0x1357_9bdf),
            pattern: 0,
            owner,
            encoding,
            width: 320 << encoding,
            height: 180 << encoding,
            packets_per_frame,
            packet_len,
        }
    }

    /// The next frame: RTP payloads and whether each is the last; and the timestamp.
    pub(crate) fn frame(&mut self) -> (u32, Vec<Vec<u8>>) {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        if keyframe {
            self.pattern = 0;
            self.keyframes += 1;
            self.key = self.key.wrapping_add(1);
        }
        let temporal = PATTERN[self.pattern % PATTERN.len()];
        self.pattern += 1;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let count = if keyframe {
            self.packets_per_frame + 1
        } else {
            self.packets_per_frame
        };
        let payloads = (0..count)
            .map(|part| self.payload(part, temporal, keyframe))
            .collect();
        let timestamp = self.timestamp;
        self.picture = (self.picture + 1) & 0x7fff;
        self.timestamp = self.timestamp.wrapping_add(3_000);
        (timestamp, payloads)
    }

    /// Time passes without a frame.
    pub(crate) fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(3_000);
    }

    fn payload(&self, part: usize, temporal: u8, keyframe: bool) -> Vec<u8> {
        let start = if part == 0 { 0x10 } else { 0 };
        let sync = if temporal > 0 { 0x20 } else { 0 };
        let mut payload = vec![0x80 | start, 0xf0];
        if self.short_ids {
            payload.push(self.picture as u8 & 0x7f);
        } else {
            payload.extend((0x8000 | self.picture).to_be_bytes());
        }
        payload.extend([self.tl0, temporal << 6 | sync | self.key & 0x1f]);
        if part == 0 {
            payload.extend([u8::from(!keyframe), 0, 0]);
            if keyframe {
                payload.extend([0x9d, 0x01, 0x2a]);
                payload.extend(self.width.to_le_bytes());
                payload.extend(self.height.to_le_bytes());
            }
        }
        payload.extend([0xfa, 0xce, self.owner, self.encoding, u8::from(keyframe)]);
        payload.resize(self.packet_len.max(payload.len()), 0x55);
        payload
    }
}

impl Seen {
    /// Reads what [`Encoder`] wrote.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let tag = payload
            .windows(2)
            .position(|w| w == [0xfa, 0xce])
            .expect("a tag");
        assert_ne!(payload[2] & 0x80, 0, "a picture id of 15 bits");
        Self {
            owner: payload[tag + 2],
            encoding: payload[tag + 3],
            picture: u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff,
            tl0: payload[4],
            key: payload[5] & 0x1f,
            temporal: payload[5] >> 6,
            keyframe: payload[tag + 4] != 0,
            start: payload[0] & 0x10 != 0,
        }
    }
}
