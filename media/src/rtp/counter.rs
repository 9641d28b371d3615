//! Counters that wrap around: sequence numbers, timestamps, and their extension to 64 bits.

use std::fmt;

/// A 16-bit RTP sequence number (RFC 3550 §5.1). It wraps, so it has no total order: compare with
/// [`SeqNum::is_newer_than`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNum(pub u16);

impl SeqNum {
    /// `steps` later.
    #[must_use]
    pub const fn plus(self, steps: u16) -> Self {
        Self(self.0.wrapping_add(steps))
    }

    /// `steps` earlier.
    #[must_use]
    pub const fn minus(self, steps: u16) -> Self {
        Self(self.0.wrapping_sub(steps))
    }

    /// The one after.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// Steps from `earlier` to this one by the shorter way round; negative when this is older.
    pub const fn since(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0) as i16
    }

    /// True when the shorter way round leads forward from `other` to this one.
    pub const fn is_newer_than(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A 32-bit RTP timestamp in units of the payload's clock rate (RFC 3550 §5.1); it wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp(pub u32);

impl Timestamp {
    /// `ticks` later.
    #[must_use]
    pub const fn plus(self, ticks: u32) -> Self {
        Self(self.0.wrapping_add(ticks))
    }

    /// Ticks from `earlier` to this one by the shorter way round; negative when this is older.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// True when the shorter way round leads forward from `other` to this one.
    pub const fn is_newer_than(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Extends a counter of `BITS` bits (8 for TL0PICIDX, 15 for picture ids, 16 for sequence numbers,
/// 32 for timestamps) to 64 bits by always taking the shorter way round from the newest value seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrapper<const BITS: u32> {
    newest: Option<i64>,
}

impl<const BITS: u32> Unwrapper<BITS> {
    /// Before the first value.
    pub const fn new() -> Self {
        Self { newest: None }
    }

    /// The extended value, and remembers it when it is the newest. The first value extends to
    /// itself; values before it may become negative.
    pub fn unwrap(&mut self, value: u32) -> i64 {
        let extended = self.peek(value);
        if self.newest.is_none_or(|newest| extended > newest) {
            self.newest = Some(extended);
        }
        extended
    }

    /// The extended value, remembering nothing.
    pub fn peek(&self, value: u32) -> i64 {
        let modulus = 1_i64 << BITS;
        let value = i64::from(value) & (modulus - 1);
        let Some(newest) = self.newest else {
            return value;
        };
        let forward = (value - newest).rem_euclid(modulus);
        if forward < modulus / 2 {
            newest + forward
        } else {
            newest + forward - modulus
        }
    }

    /// The newest extended value so far.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_compare_across_the_wrap() {
        assert!(SeqNum(2).is_newer_than(SeqNum(65_535)));
        assert!(!SeqNum(65_535).is_newer_than(SeqNum(2)));
        assert_eq!(SeqNum(2).since(SeqNum(65_535)), 3);
        assert_eq!(SeqNum(65_535).since(SeqNum(2)), -3);
        assert!(!SeqNum(7).is_newer_than(SeqNum(7)));
    }

    #[test]
    fn an_unwrapper_goes_both_ways_over_the_wrap() {
        let mut unwrapper = Unwrapper::<16>::new();
        assert_eq!(unwrapper.unwrap(65_534), 65_534);
        assert_eq!(unwrapper.unwrap(1), 65_537);
        assert_eq!(unwrapper.unwrap(65_535), 65_535);
        assert_eq!(unwrapper.newest(), Some(65_537));
        assert_eq!(unwrapper.peek(2), 65_538);
    }

    #[test]
    fn picture_ids_of_fifteen_bits_unwrap() {
        let mut unwrapper = Unwrapper::<15>::new();
        unwrapper.unwrap(0x7fff);
        assert_eq!(unwrapper.unwrap(0), 0x8000);
    }

    #[test]
    fn timestamps_of_thirty_two_bits_unwrap() {
        let mut unwrapper = Unwrapper::<32>::new();
        unwrapper.unwrap(u32::MAX);
        assert_eq!(unwrapper.unwrap(5), i64::from(u32::MAX) + 6);
    }
}
