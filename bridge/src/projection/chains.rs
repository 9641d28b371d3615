//! Which chains of an AV1 stream reached the receiver whole (AV1 RTP specification §A.4): only along
//! one of those may it go up without a keyframe.

use crate::packet::LayeredFrame;

/// Frame numbers that are remembered: a chain's previous frame is at most 255 before.
const REMEMBERED: i64 = 256;
const WORDS: usize = 4;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chains {
    newest: Option<i64>,
    /// By frame number: it was forwarded.
    forwarded: [u64; WORDS],
    /// Bit i: the chain of spatial layer i is whole so far.
    whole: u8,
}

impl Chains {
    /// A new frame begins: chains end whose previous frame was not forwarded.
    pub fn handle_start(&mut self, frame: &LayeredFrame) {
        let (Some(number), Some(targets)) = (frame.number, frame.targets) else {
            return;
        };
        self.advance(number);
        for (spatial, distance) in targets.chains.iter().enumerate() {
            let bit = 1 << spatial;
            match distance {
                None => self.whole &= !bit,
                Some(0) => self.whole |= bit,
                Some(distance) => {
                    if !self.was_forwarded(number - i64::from(*distance)) {
                        self.whole &= !bit;
                    }
                }
            }
        }
    }

    /// A packet of a frame was forwarded.
    pub fn handle_forwarded(&mut self, number: Option<i64>) {
        if let Some(number) = number
            && self
                .newest
                .is_some_and(|newest| newest - number < REMEMBERED)
        {
            self.advance(number);
            self.forwarded[word(number)] |= bit(number);
        }
    }

    /// Whether a spatial layer can be decoded from here on.
    pub fn is_whole(&self, spatial: u8) -> bool {
        self.whole >> spatial & 1 != 0
    }

    fn was_forwarded(&self, number: i64) -> bool {
        self.newest
            .is_some_and(|newest| newest - number < REMEMBERED && number <= newest)
            && self.forwarded[word(number)] & bit(number) != 0
    }

    fn advance(&mut self, number: i64) {
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            return;
        };
        if number - newest >= REMEMBERED {
            self.forwarded = [0; WORDS];
        }
        for skipped in (newest + 1..=number).rev().take(REMEMBERED as usize) {
            self.forwarded[word(skipped)] &= !bit(skipped);
        }
        self.newest = Some(newest.max(number));
    }
}

fn word(number: i64) -> usize {
    (number.rem_euclid(REMEMBERED) / 64) as usize
}

fn bit(number: i64) -> u64 {
    1 << number.rem_euclid(64)
}
