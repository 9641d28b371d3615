//! A camera as a browser sends it: VP8 in up to three encodings with three temporal layers each.

use rand::Rng;
use rand::rngs::SmallRng;

/// Most payload of a packet.
const PAYLOAD: usize = 1_100;
/// A keyframe is so many times as large as the average frame.
const KEYFRAME: f64 = 6.0;
/// What a frame after a keyframe is made smaller by, until its surplus is paid back.
const PAYBACK: f64 = 0.75;
/// Temporal layers, each with what it takes of four frames' bytes: 40, 60 and 100 % together.
const PATTERN: [(u8, f64); 4] = [(0, 1.6), (2, 0.8), (1, 0.8), (2, 0.8)];
const DESCRIPTOR: usize = 6;

/// Least, usual and most bits per second of an encoding, as lib-jitsi-meet sets them for VP8.
pub const RATES: [(f64, f64); 3] = [(30e3, 200e3), (150e3, 500e3), (600e3, 1_500e3)];

/// One encoding.
#[derive(Debug)]
pub struct Encoding {
    pub ssrc: u32,
    pub rtx: u32,
    pub seq: u16,
    pub rtx_seq: u16,
    pub timestamp: u32,
    pub keyframe_wanted: bool,
    pub keyframes: u32,
    /// Bits per second; 0 while it is not sent.
    pub rate: f64,
    index: u8,
    frame: u32,
    picture: u16,
    tl0: u8,
    key: u8,
    step: usize,
    surplus: f64,
    last: [u32; 3],
}

/// What a receiver reads of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub owner: u8,
    pub encoding: u8,
    pub frame: u32,
    /// The frame that it refers to; none for a keyframe.
    pub reference: Option<u32>,
    pub start: bool,
}

/// A frame's packets, and its timestamp.
pub struct FramePackets {
    pub encoding: usize,
    pub timestamp: u32,
    pub payloads: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub struct Camera {
    pub encodings: Vec<Encoding>,
    owner: u8,
    /// Lines that the bridge asks for; negative: no limit.
    pub wanted: i32,
}

impl Camera {
    pub fn new(owner: u8, encodings: u8) -> Self {
        let encoding = |index: u8| Encoding {
            ssrc: u32::from(owner) * 1_000 + u32::from(index) * 2,
            rtx: u32::from(owner) * 1_000 + u32::from(index) * 2 + 1,
            seq: u16::from(owner) * 3_001 + u16::from(index) * 77,
            rtx_seq: 5,
            timestamp: u32::from(owner) * 7_777_777,
            keyframe_wanted: true,
            keyframes: 0,
            rate: 0.0,
            index,
            frame: 0,
            picture: u16::from(index) * 999,
            tl0: index * 9,
            key: index,
            step: 0,
            surplus: 0.0,
            last: [0; 3],
        };
        Self {
            encodings: (0..encodings).map(encoding).collect(),
            owner,
            wanted: 0,
        }
    }

    /// Shares out what the uplink carries, lowest encoding first (libwebrtc's allocator).
    pub fn set_budget(&mut self, mut bits: f64) {
        for encoding in &mut self.encodings {
            let (least, usual) = RATES[usize::from(encoding.index)];
            let lines = 180 << encoding.index;
            let wanted =
                self.wanted < 0 || lines <= self.wanted.max(i32::from(self.wanted > 0) * 180);
            let rate = if wanted && bits >= least {
                bits.min(usual)
            } else {
                0.0
            };
            if rate == 0.0 && wanted {
                bits = 0.0;
            }
            bits -= rate;
            encoding.keyframe_wanted |= encoding.rate == 0.0 && rate > 0.0;
            encoding.rate = rate;
        }
    }

    /// Bits per second of all that is sent.
    pub fn rate(&self) -> f64 {
        self.encodings.iter().map(|e| e.rate).sum()
    }

    /// The next frame of each encoding.
    pub fn frames(&mut self, rng: &mut SmallRng) -> Vec<FramePackets> {
        let owner = self.owner;
        let mut frames = Vec::new();
        for (at, encoding) in self.encodings.iter_mut().enumerate() {
            encoding.timestamp = encoding.timestamp.wrapping_add(3_000);
            if encoding.rate > 0.0 {
                frames.push(FramePackets {
                    encoding: at,
                    timestamp: encoding.timestamp,
                    payloads: encoding.frame(owner, rng),
                });
            }
        }
        frames
    }
}

impl Encoding {
    fn frame(&mut self, owner: u8, rng: &mut SmallRng) -> Vec<Vec<u8>> {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        let average = self.rate / 30.0 / 8.0;
        if keyframe {
            self.step = 0;
            self.keyframes += 1;
            self.key = self.key.wrapping_add(1);
        }
        let (temporal, share) = PATTERN[self.step % 4];
        // The second frame of the highest layer refers to the one of the middle layer.
        let sync = temporal == 1 || self.step % 4 == 1;
        self.step += 1;
        let noise = rng.random_range(0.8..1.2);
        let mut size = average * noise * if keyframe { KEYFRAME } else { share };
        if keyframe {
            self.surplus += size - average;
        } else if self.surplus > 0.0 {
            self.surplus -= size * (1.0 - PAYBACK);
            size *= PAYBACK;
        }
        self.frame += 1;
        let reference = match (keyframe, temporal, sync) {
            (true, ..) => None,
            (_, 0, _) | (_, _, true) => Some(self.last[0]),
            _ => Some(self.last[1]),
        };
        self.last[usize::from(temporal)] = self.frame;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let size = (size as usize).max(40);
        let parts = size.div_ceil(PAYLOAD);
        let payloads = (0..parts).map(|part| {
            let mut payload = vec![0x80 | if part == 0 { 0x10 } else { 0 }, 0xf0];
            payload.extend((0x8000 | self.picture).to_be_bytes());
            payload.extend([
                self.tl0,
                temporal << 6 | u8::from(sync && temporal > 0) << 5 | self.key & 0x1f,
            ]);
            payload.push(u8::from(!(keyframe && part == 0)));
            payload.extend([0, 0]);
            if keyframe && part == 0 {
                payload.extend([0x9d, 0x01, 0x2a]);
                payload.extend((320_u16 << self.index).to_le_bytes());
                payload.extend((180_u16 << self.index).to_le_bytes());
            }
            payload.extend([0xfa, 0xce, owner, self.index]);
            payload.extend(self.frame.to_be_bytes());
            payload.extend(reference.unwrap_or(0).to_be_bytes());
            payload.resize((size / parts).max(payload.len()), 0x55);
            payload
        });
        let payloads = payloads.collect();
        self.picture = (self.picture + 1) & 0x7fff;
        payloads
    }
}

impl Tag {
    /// Reads what a camera wrote.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let start = payload.first()? & 0x10 != 0;
        let rest = payload.get(DESCRIPTOR + 3..)?;
        let at = rest.windows(2).take(8).position(|w| w == [0xfa, 0xce])?;
        let rest = rest.get(at + 2..at + 12)?;
        let number =
            |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        Some(Self {
            owner: rest[0],
            encoding: rest[1],
            frame: number(2),
            reference: Some(number(6)).filter(|r| *r != 0),
            start,
        })
    }
}
