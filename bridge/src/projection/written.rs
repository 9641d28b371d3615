//! What was written of packets that cannot be read off them again once layers have changed.

/// Numbers that are remembered: as many as packets are kept, and more.
const REMEMBERED: usize = 1_024;
const WORDS: usize = REMEMBERED / 64;

/// By outgoing sequence number.
#[derive(Clone, Debug)]
pub struct Written {
    marker: [u64; WORDS],
    empty: [u64; WORDS],
}

impl Default for Written {
    fn default() -> Self {
        Self {
            marker: [0; WORDS],
            empty: [0; WORDS],
        }
    }
}

impl Written {
    /// The packet was written with this marker, or as an empty one.
    pub fn note(&mut self, seq: i64, marker: bool, empty: bool) {
        let (word, bit) = place(seq);
        let set = |words: &mut [u64; WORDS], on: bool| {
            words[word] = if on {
                words[word] | bit
            } else {
                words[word] & !bit
            };
        };
        set(&mut self.marker, marker);
        set(&mut self.empty, empty);
    }

    /// Marker, and whether it was empty.
    pub fn get(&self, seq: i64) -> (bool, bool) {
        let (word, bit) = place(seq);
        (self.marker[word] & bit != 0, self.empty[word] & bit != 0)
    }
}

fn place(seq: i64) -> (usize, u64) {
    let at = seq.rem_euclid(REMEMBERED as i64) as usize;
    (at / 64, 1 << (at % 64))
}
