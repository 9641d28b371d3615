//! How much of a source is wanted, as one number that can be compared and summed up.

use std::collections::BTreeMap;

use crate::allocation::effective::VideoConstraint;

/// Lines wanted at most, as on the wire: -1 no limit, 0 nothing.
pub fn lines(constraint: &VideoConstraint) -> i32 {
    constraint.max_height.map_or(-1, i32::from)
}

/// What satisfies both.
pub fn larger(a: i32, b: i32) -> i32 {
    if a < 0 || b < 0 { -1 } else { a.max(b) }
}

/// What this worker's receivers want of one source: a running total, so that one who changes its
/// mind costs the same however many there are.
#[derive(Debug, Default)]
pub struct Demand {
    by_receiver: BTreeMap<usize, i32>,
    /// How many want so many lines. As unsigned numbers, no limit is the largest.
    counts: BTreeMap<u32, usize>,
    told: i32,
}

impl Demand {
    /// What one receiver wants. Returns whether the sum is another than was told.
    pub fn set(&mut self, receiver: usize, lines: i32) -> bool {
        let before = match lines {
            0 => self.by_receiver.remove(&receiver),
            _ => self.by_receiver.insert(receiver, lines),
        };
        if let Some(before) = before
            && let Some(count) = self.counts.get_mut(&(before as u32))
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&(before as u32));
            }
        }
        if lines != 0 {
            *self.counts.entry(lines as u32).or_default() += 1;
        }
        self.sum() != self.told
    }

    /// What satisfies all.
    pub fn sum(&self) -> i32 {
        self.counts.last_key_value().map_or(0, |(l, _)| *l as i32)
    }

    /// The sum, if it is another than was told; it counts as told from here on.
    pub fn poll_news(&mut self) -> Option<i32> {
        let sum = self.sum();
        (std::mem::replace(&mut self.told, sum) != sum).then_some(sum)
    }

    /// Receivers that want anything of it.
    pub fn receivers(&self) -> impl Iterator<Item = usize> + '_ {
        self.by_receiver.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    #[test]
    fn no_limit_is_more_than_any_limit() {
        assert_eq!(larger(180, 720), 720);
        assert_eq!(larger(-1, 720), -1);
        assert_eq!(larger(0, 0), 0);
        assert_eq!(lines(&VideoConstraint::UNLIMITED), -1);
        assert_eq!(lines(&VideoConstraint::NOTHING), 0);
    }

    #[test]
    fn the_running_total_is_what_summing_up_gives() {
        let mut rng = SmallRng::seed_from_u64(5);
        let mut demand = Demand::default();
        let mut wanted = [0; 8];
        let mut told = 0;
        for _ in 0..2_000 {
            let receiver = rng.random_range(0..wanted.len());
            wanted[receiver] = [0, 0, 180, 360, 720, -1][rng.random_range(0..6)];
            let news = demand.set(receiver, wanted[receiver]);
            let sum = wanted.iter().fold(0, |sum, lines| larger(sum, *lines));
            assert_eq!(demand.sum(), sum, "{wanted:?}");
            assert_eq!(news, sum != told);
            assert_eq!(demand.poll_news(), news.then_some(sum));
            told = sum;
            let want = wanted.iter().filter(|lines| **lines != 0).count();
            assert_eq!(demand.receivers().count(), want);
        }
    }
}
