//! Numbers about many numbers.

use serde::Serialize;

/// How values are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: usize,
    /// Half of them are no larger; 0 without values.
    pub p50: u64,
    /// 95 of 100 are no larger.
    pub p95: u64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    /// Of these values.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        // The nearest rank: the smallest value that so many per cent are no larger than.
        let percentile = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            count: values.len(),
            p50: percentile(50),
            p95: percentile(95),
            max: percentile(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let spread = Spread::of((1..=20).rev());
        assert_eq!((spread.p50, spread.p95, spread.max), (10, 19, 20));
        let one = Spread::of([7]);
        assert_eq!((one.count, one.p50, one.p95, one.max), (1, 7, 7, 7));
        assert_eq!(Spread::of([]), Spread::default());
    }
}
