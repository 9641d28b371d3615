//! How loaded the bridge is: CPU of the machine and of its own, and packets per second.

use crate::config::Load;

/// CPU time since the start of machine and process, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// The machine's in use, or stolen by the hypervisor.
    busy: u64,
    /// All of the machine's.
    total: u64,
    /// This process's.
    own: u64,
    /// Cores of the machine.
    cores: u64,
}

impl CpuTimes {
    /// Reads `/proc/stat` (proc(5): user, nice, system, idle, iowait, irq, softirq, steal) and `/proc/self/stat`.
    #[must_use]
    pub fn parse(machine: &str, process: &str) -> Option<Self> {
        let mut lines = machine.lines();
        let fields: Vec<u64> = lines
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace()
            .take(8)
            .map_while(|field| field.parse().ok())
            .collect();
        if fields.len() < 4 {
            return None;
        }
        let total = fields.iter().sum();
        let idle = fields[3] + fields.get(4).copied().unwrap_or(0);
        // The name of the program, which comes second, may contain anything. User and system are the 12th and 13th after it.
        let (_, after_name) = process.rsplit_once(')')?;
        let mut times = after_name.split_whitespace().skip(11);
        let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
        Some(Self {
            busy: total - idle,
            total,
            own: user + system,
            cores: lines.take_while(|line| line.starts_with("cpu")).count() as u64,
        })
    }

    /// Share in use since `earlier`, 0 to 1: of the machine, or of the `allowed` cores of this process, which may have fewer
    /// than the machine; the larger counts.
    #[must_use]
    pub fn share_since(self, earlier: Self, allowed: usize) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        let busy = self.busy.saturating_sub(earlier.busy);
        let own = self.own.saturating_sub(earlier.own);
        if total == 0 {
            return 0.0;
        }
        let cores = self.cores as f64 / allowed.max(1) as f64;
        let own = own as f64 / total as f64 * cores;
        (busy as f64 / total as f64).max(own.min(1.0))
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

    fn times(machine: &str, user: u64) -> CpuTimes {
        let process = format!("7 (a (b) c) S 1 7 7 0 -1 4194560 9 0 0 0 {user} 3 0 0 20 0 5");
        CpuTimes::parse(machine, &process).unwrap()
    }

    #[test]
    fn cpu_in_use_is_what_is_not_idle_and_not_waiting_for_disks() {
        let earlier = times("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n", 0);
        let later = times("cpu  150 0 60 830 55 0 0 5 0 0\ncpu0 1 2 3 4\n", 0);
        assert!((later.share_since(earlier, 1) - 0.65).abs() < 1e-9);
        assert_eq!(later.share_since(later, 1), 0.0);
        assert_eq!(CpuTimes::parse("intr 5", ""), None);
        assert_eq!(CpuTimes::parse("cpu  1 2", ""), None);
        assert_eq!(CpuTimes::parse("cpu  1 2 3 4", "7 (a) S 1 -1"), None);
    }

    #[test]
    fn a_process_that_may_use_fewer_cores_than_there_are_is_busy_when_it_uses_those() {
        let machine =
            |idle| format!("cpu  0 0 0 {idle} 0\ncpu0 0\ncpu1 0\ncpu2 0\ncpu3 0\nintr 9\n");
        let earlier = times(&machine(0), 0);
        let later = times(&machine(400), 80);
        assert!((later.share_since(earlier, 1) - 0.8).abs() < 1e-9);
        assert!((later.share_since(earlier, 4) - 0.2).abs() < 1e-9);
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
