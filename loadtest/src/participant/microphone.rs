//! Sound: an Opus packet each 20 ms, with the level of somebody who speaks.

/// Ticks of the 48 kHz clock in 20 ms.
const TICKS: u32 = 960;
/// Bytes of a packet: 32 kbit/s.
const PAYLOAD: usize = 80;
/// Opus: full band CELT, 20 ms, stereo, one frame (RFC 6716 §3.1).
const TOC: u8 = 0xfc;
/// A word, and the pause after it, in packets.
const WORD: u32 = 40;
const PAUSE: u32 = 10;

#[derive(Debug)]
pub(super) struct Microphone {
    pub sequence: u16,
    pub timestamp: u32,
    packets: u32,
}

impl Microphone {
    /// `start` is random.
    pub fn new(start: u32) -> Self {
        Self {
            // The lower half, so that a receiver that loses the first packets counts no rollover.
            sequence: (start & 0x7fff) as u16,
            timestamp: start,
            packets: start % WORD,
        }
    }

    /// The next 20 ms: payload, and the value of the audio level extension (RFC 6464 §3).
    pub fn frame(&mut self) -> ([u8; PAYLOAD], u8) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        self.packets = self.packets.wrapping_add(1);
        let speaks = self.packets % (WORD + PAUSE) < WORD;
        let level = if speaks {
            0x80 | (20 + self.packets % 7) as u8
        } else {
            70
        };
        let mut payload = [0x55; PAYLOAD];
        payload[0] = TOC;
        (payload, level)
    }
}
