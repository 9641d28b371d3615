//! Receivers that may have a stream for a source, so that it can be taken from them when it is gone.

/// A bit for each of the worker's endpoints. Who has lost the stream meanwhile may still be in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holders(Vec<u64>);

impl Holders {
    /// A receiver has a stream for it.
    pub fn insert(&mut self, receiver: usize) {
        let (word, bit) = (receiver / 64, receiver % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let words = self.0.iter().enumerate();
        words.flat_map(|(at, word)| {
            let bits = (0..64).filter(move |bit| word >> bit & 1 == 1);
            bits.map(move |bit| at * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_that_was_put_in_comes_out_once() {
        let mut holders = Holders::default();
        for receiver in [700, 0, 63, 64, 0, 128] {
            holders.insert(receiver);
        }
        let all: Vec<_> = holders.iter().collect();
        assert_eq!(all, [0, 63, 64, 128, 700]);
    }
}
