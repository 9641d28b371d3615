//! Sound: the next Opus packet of the recording each 20 ms, with the level of somebody who speaks.

use crate::recording::sound;

/// Ticks of the 48 kHz clock in 20 ms.
const TICKS: u32 = 960;
/// Bytes that the encoder spends on silence, at most.
const SILENCE: usize = 8;

#[derive(Debug)]
pub(super) struct Microphone {
    pub sequence: u16,
    pub timestamp: u32,
    /// The packet of the recording that comes next.
    next: usize,
}

impl Microphone {
    /// `start` is random.
    pub(super) fn new(start: u32) -> Self {
        Self {
            // The lower half, so that a receiver that loses the first packets counts no rollover.
            sequence: (start & 0x7fff) as u16,
            timestamp: start,
            next: start as usize % sound().len(),
        }
    }

    /// The next 20 ms: payload, and the value of the audio level extension (RFC 6464 §3).
    pub(super) fn frame(&mut self) -> (&'static [u8], u8) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(TICKS);
        let payload = sound()[self.next];
        self.next = (self.next + 1) % sound().len();
        let level = if payload.len() > SILENCE {
            0x80 | (20 + self.sequence % 7) as u8
        } else {
            70
        };
        (payload, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_speaks_and_pauses_each_second_wherever_the_recording_begins() {
        let mut microphone = Microphone::new(123);
        for second in 0..8 {
            let levels: Vec<u8> = (0..50).map(|_| microphone.frame().1).collect();
            let spoken = levels.iter().filter(|level| **level & 0x80 != 0).count();
            assert!((35..=45).contains(&spoken), "{second}: {levels:?}");
        }
    }
}
