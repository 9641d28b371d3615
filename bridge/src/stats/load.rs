//! How loaded the bridge is: CPU of the machine, and packets per second.

use crate::config::Load;

/// CPU time of the machine since its start, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In use, or stolen by the hypervisor.
    pub busy: u64,
    /// All.
    pub total: u64,
}

impl CpuTimes {
    /// Reads the first line of `/proc/stat` (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal.
    #[must_use]
    pub fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .map_while(|field| field.parse().ok())
            .collect();
        if fields.len() < 4 {
            return None;
        }
        let total = fields.iter().sum();
        let idle = fields[3] + fields.get(4).copied().unwrap_or(0);
        Some(Self {
            busy: total - idle,
            total,
        })
    }

    /// Share in use since `earlier`, 0 to 1.
    #[must_use]
    pub fn share_since(self, earlier: Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        let busy = self.busy.saturating_sub(earlier.busy);
        if total == 0 {
            0.0
        } else {
            busy as f64 / total as f64
        }
    }
}

/// The stress level: 1 is the limit, more is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stress(pub f64);

impl Stress {
    /// From the share of CPU in use and packets per second, both ways; the larger counts.
    #[must_use]
    pub fn of(load: &Load, cpu: f64, packets_per_second: f64) -> Self {
        let part = |value: f64, threshold: f64| {
            if threshold > 0.0 {
                value / threshold
            } else {
                0.0
            }
        };
        Self(
            part(cpu, load.cpu_threshold).max(part(packets_per_second, load.packet_rate_threshold)),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn cpu_in_use_is_what_is_not_idle_and_not_waiting_for_disks() {
        let earlier = CpuTimes::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n").unwrap();
        let later = CpuTimes::parse("cpu  150 0 60 830 55 0 0 5 0 0\n").unwrap();
        assert!((later.share_since(earlier) - 0.65).abs() < 1e-9);
        assert_eq!(later.share_since(later), 0.0);
        assert_eq!(CpuTimes::parse("intr 5"), None);
        assert_eq!(CpuTimes::parse("cpu  1 2"), None);
    }

    #[test]
    fn stress_is_the_larger_part_and_a_threshold_of_zero_leaves_one_out() {
        let load = Load {
            cpu_threshold: 0.9,
            packet_rate_threshold: 50_000.0,
            average_participant_stress: 0.01,
        };
        assert_eq!(Stress::of(&load, 0.45, 40_000.0), Stress(0.8));
        assert_eq!(Stress::of(&load, 0.9, 0.0), Stress(1.0));
        let cpu_only = Load {
            packet_rate_threshold: 0.0,
            ..load
        };
        assert_eq!(Stress::of(&cpu_only, 0.45, 40_000.0), Stress(0.5));
    }
}
