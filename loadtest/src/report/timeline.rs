//! How a run goes over time.

use serde::Serialize;

/// Samples that are kept, at most.
const MOST: usize = 1_000;

/// A moment of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Since its start.
    pub at_ms: u64,
    /// Participants that are in their room.
    pub in_room: usize,
    /// Those of them that, if there is media, are connected to a bridge.
    pub well: usize,
    /// Bytes of media received so far.
    pub received_bytes: u64,
    /// Bytes of media sent so far.
    pub sent_bytes: u64,
}

/// Samples of a run of any length: when they become many, every other one goes.
#[derive(Clone, Debug)]
pub struct Timeline {
    samples: Vec<Sample>,
    /// One sample of so many is kept.
    every: usize,
    offered: usize,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            samples: Vec::new(),
            every: 1,
            offered: 0,
        }
    }
}

impl Timeline {
    /// Takes the next sample.
    pub fn push(&mut self, sample: Sample) {
        if self.offered.is_multiple_of(self.every) {
            self.samples.push(sample);
        }
        self.offered += 1;
        if self.samples.len() == MOST {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// The samples that are left, in order.
    pub fn into_samples(self) -> Vec<Sample> {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_thinned_out_evenly() {
        let mut timeline = Timeline::default();
        for second in 0..10_000 {
            timeline.push(Sample {
                at_ms: second * 1_000,
                ..Sample::default()
            });
        }
        let samples = timeline.into_samples();
        assert!((500..MOST).contains(&samples.len()), "{}", samples.len());
        let steps: Vec<_> = samples
            .windows(2)
            .map(|p| p[1].at_ms - p[0].at_ms)
            .collect();
        assert!(steps.iter().all(|step| *step == 16_000), "{steps:?}");
    }
}
