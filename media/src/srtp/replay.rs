//! Packet indices: the rollover counter (RFC 3711 §3.3.1) and the replay list (§3.3.2).

/// Which of the last `64 * WORDS` packet indices were seen.
#[derive(Clone, Debug)]
pub(super) struct Window<const WORDS: usize> {
    /// Highest index seen; `None` before the first.
    highest: Option<u64>,
    /// Bit `i % (64 * WORDS)` is set when index `i` was seen.
    seen: [u64; WORDS],
}

/// What a window knows of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    New,
    Seen,
    TooOld,
}

impl<const WORDS: usize> Window<WORDS> {
    const SPAN: u64 = 64 * WORDS as u64;

    pub(super) fn new() -> Self {
        Self {
            highest: None,
            seen: [0; WORDS],
        }
    }

    /// The 48 bit index that a sequence number most likely stands for.
    pub(super) fn guess(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            return u64::from(sequence);
        };
        let base = highest & !0xffff;
        let last = (highest & 0xffff) as i64;
        let index = base | u64::from(sequence);
        match i64::from(sequence) - last {
            ahead if ahead > 0x8000 => index.checked_sub(0x1_0000).unwrap_or(index),
            behind if behind < -0x8000 => index + 0x1_0000,
            _ => index,
        }
    }

    pub(super) fn check(&self, index: u64) -> Verdict {
        match self.highest {
            None => Verdict::New,
            Some(highest) if index > highest => Verdict::New,
            Some(highest) if highest - index >= Self::SPAN => Verdict::TooOld,
            Some(_) if self.bit(index) => Verdict::Seen,
            Some(_) => Verdict::New,
        }
    }

    /// Marks an index that [`Self::check`] found new.
    pub(super) fn mark(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => {}
            Some(highest) if index - highest < Self::SPAN => {
                for skipped in highest + 1..index {
                    self.clear(skipped);
                }
                self.highest = Some(index);
            }
            _ => {
                self.seen = [0; WORDS];
                self.highest = Some(index);
            }
        }
        let (word, bit) = Self::place(index);
        self.seen[word] |= bit;
    }

    fn place(index: u64) -> (usize, u64) {
        let at = index % Self::SPAN;
        ((at / 64) as usize, 1 << (at % 64))
    }

    fn bit(&self, index: u64) -> bool {
        let (word, bit) = Self::place(index);
        self.seen[word] & bit != 0
    }

    fn clear(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        self.seen[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_is_taken_for_the_nearest_index() {
        let mut window = Window::<2>::new();
        assert_eq!(window.guess(65_000), 65_000);
        window.mark(65_535);
        assert_eq!(window.guess(0), 0x1_0000);
        assert_eq!(window.guess(65_534), 65_534);
        window.mark(0x1_0002);
        assert_eq!(window.guess(65_535), 0xffff);
        assert_eq!(window.guess(3), 0x1_0003);
    }

    #[test]
    fn a_high_first_number_does_not_make_a_negative_index() {
        let mut window = Window::<2>::new();
        window.mark(3);
        assert_eq!(window.guess(65_530), 65_530);
    }

    #[test]
    fn each_index_is_new_once() {
        let mut window = Window::<2>::new();
        for index in [10u64, 12, 11, 200, 140, 73, 327] {
            assert_eq!(window.check(index), Verdict::New, "{index}");
            window.mark(index);
            assert_eq!(window.check(index), Verdict::Seen, "{index}");
        }
        assert_eq!(window.check(200), Verdict::Seen);
        assert_eq!(window.check(201), Verdict::New);
        assert_eq!(window.check(199), Verdict::TooOld);
    }

    #[test]
    fn a_skipped_index_is_new_though_its_bit_was_used_one_span_before() {
        let mut window = Window::<1>::new();
        for index in 0..64 {
            window.mark(index);
        }
        window.mark(70);
        for index in 64..70 {
            assert_eq!(window.check(index), Verdict::New);
        }
        window.mark(1000);
        assert_eq!(window.check(999), Verdict::New);
    }
}
