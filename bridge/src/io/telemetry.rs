//! Measurements: what workers report, what the machine says, and whether all is well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::IoCounters;
use crate::event::EndpointStatistics;
use crate::statistics::{Counters, WorkerStatistics};
use crate::stats::{self, CpuTimes, Rates, Sampler, Traffic};

/// Rates are over this long.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// A worker whose loop does not come round for this long hangs. It is woken each second.
const HANGS_AFTER: Duration = Duration::from_secs(15);

/// The latest measurements.
#[derive(Debug)]
pub(super) struct Telemetry {
    workers: Vec<Option<WorkerStatistics>>,
    /// How often each worker's loop had come round, and when that was seen to change.
    turns: Vec<(u64, Instant)>,
    /// By worker, from its last report that had endpoints.
    endpoints: Vec<Means>,
    sampler: Sampler,
    cpu_times: CpuTimes,
    cpu: f64,
    busy_micros: Vec<u64>,
    busy: Vec<f64>,
    sampled: Instant,
}

/// Sums over the endpoints of one worker.
#[derive(Clone, Copy, Debug, Default)]
struct Means {
    loss_in: f64,
    loss_out: f64,
    connected: f64,
    round_trip_ms: f64,
    with_round_trip: f64,
}

impl Means {
    fn of(endpoints: &[EndpointStatistics]) -> Self {
        let mut means = Self::default();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.connected) {
            means.connected += 1.0;
            means.loss_in += f64::from(endpoint.loss_received);
            means.loss_out += f64::from(endpoint.loss_sent);
            if let Some(round_trip) = endpoint.round_trip {
                means.round_trip_ms += round_trip.as_secs_f64() * 1_000.0;
                means.with_round_trip += 1.0;
            }
        }
        means
    }
}

impl Telemetry {
    pub(super) fn new(workers: usize, now: Instant) -> Self {
        Self {
            workers: vec![None; workers],
            turns: vec![(0, now); workers],
            endpoints: vec![Means::default(); workers],
            sampler: Sampler::new(RATE_WINDOW),
            cpu_times: cpu_times().unwrap_or_default(),
            cpu: 0.0,
            busy_micros: vec![0; workers],
            busy: vec![0.0; workers],
            sampled: now,
        }
    }

    pub(super) fn handle_statistics(&mut self, mut statistics: WorkerStatistics) {
        let worker = statistics.worker.index();
        if worker >= self.workers.len() {
            return;
        }
        if !statistics.by_endpoint.is_empty() || statistics.endpoints == 0 {
            self.endpoints[worker] = Means::of(&statistics.by_endpoint);
            statistics.by_endpoint = Vec::new();
        }
        self.workers[worker] = Some(statistics);
    }

    pub(super) fn handle_traffic(
        &mut self,
        traffic: Traffic,
        io: &[Arc<IoCounters>],
        now: Instant,
    ) {
        self.sampler.handle_sample(traffic, now);
        let passed = now.saturating_duration_since(self.sampled).as_micros() as f64;
        self.sampled = now;
        for (worker, io) in io.iter().enumerate() {
            let busy = io.busy_micros.load(Ordering::Relaxed);
            let spent = busy.saturating_sub(self.busy_micros[worker]);
            self.busy_micros[worker] = busy;
            if passed > 0.0 {
                self.busy[worker] = (spent as f64 / passed).min(1.0);
            }
            let turns = io.turns.load(Ordering::Relaxed);
            if turns != self.turns[worker].0 {
                self.turns[worker] = (turns, now);
            }
        }
    }

    pub(super) fn handle_cpu(&mut self, times: Option<CpuTimes>) {
        if let Some(times) = times {
            // Follows a limit that is set on the container.
            let allowed = std::thread::available_parallelism().map_or(1, usize::from);
            self.cpu = times.share_since(self.cpu_times, allowed);
            self.cpu_times = times;
        }
    }

    /// Whether every worker lives: however much waits for one, its loop comes round.
    pub(super) fn health(&self, now: Instant) -> Result<(), String> {
        let hangs = |(_, at): &(u64, Instant)| now.saturating_duration_since(*at) > HANGS_AFTER;
        match self.turns.iter().position(hangs) {
            Some(worker) => Err(format!(
                "media worker {worker} has not come round for {} s",
                HANGS_AFTER.as_secs()
            )),
            None => Ok(()),
        }
    }

    pub(super) fn counters(&self) -> Counters {
        stats::sum_counters(self.workers.iter().flatten().map(|worker| &worker.counters))
    }

    /// The workers' drops, and those of the driver.
    pub(super) fn drops(&self, io: &[Arc<IoCounters>]) -> Vec<(&'static str, u64)> {
        let mut drops = stats::sum_drops(self.workers.iter().flatten().map(|worker| &worker.drops));
        let sum = |counter: fn(&IoCounters) -> &AtomicU64| -> u64 {
            io.iter()
                .map(|io| counter(io).load(Ordering::Relaxed))
                .sum()
        };
        drops.push(("send_buffer_full", sum(|io| &io.dropped_send_buffer_full)));
        drops.push(("send_refused", sum(|io| &io.dropped_send_refused)));
        drops.push(("channel_texts_full", sum(|io| &io.dropped_texts)));
        drops.push(("worker_queue_full", sum(|io| &io.dropped_queue_full)));
        drops
    }

    pub(super) fn rates(&self) -> Rates {
        self.sampler.rates()
    }

    pub(super) fn cpu(&self) -> f64 {
        self.cpu
    }

    pub(super) fn worker_busy(&self) -> &[f64] {
        &self.busy
    }

    /// Mean loss of packets to us, and from us, 0 to 1.
    pub(super) fn losses(&self) -> (f64, f64) {
        let sum = |part: fn(&Means) -> f64| self.endpoints.iter().map(part).sum::<f64>();
        let connected = sum(|means| means.connected).max(1.0);
        (
            sum(|means| means.loss_in) / connected,
            sum(|means| means.loss_out) / connected,
        )
    }

    pub(super) fn round_trip_ms(&self) -> f64 {
        let sum = |part: fn(&Means) -> f64| self.endpoints.iter().map(part).sum::<f64>();
        sum(|means| means.round_trip_ms) / sum(|means| means.with_round_trip).max(1.0)
    }
}

/// CPU time of machine and process; `None` where `/proc` is missing.
pub(super) fn cpu_times() -> Option<CpuTimes> {
    let read = |path| std::fs::read_to_string(path).ok();
    CpuTimes::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
}

/// Numbers of this process.
pub(super) struct Process {
    pub(super) threads: u64,
    pub(super) open_files: u64,
}

/// Threads and open files; zero where `/proc` is missing.
pub(super) fn process() -> Process {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let threads = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    Process {
        threads: threads
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0),
        open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::ids::WorkerId;
    use crate::statistics::Drops;

    fn report(worker: u16) -> WorkerStatistics {
        WorkerStatistics {
            worker: WorkerId(worker),
            conferences: 0,
            endpoints: 0,
            counters: Counters {
                bytes_sent: 10,
                ..Counters::default()
            },
            drops: Drops::default(),
            by_endpoint: Vec::new(),
        }
    }

    #[test]
    fn a_worker_that_hangs_fails_the_health_check_and_one_with_a_long_queue_does_not() {
        let start = Instant::now();
        let mut telemetry = Telemetry::new(2, start);
        let io: Vec<Arc<IoCounters>> = (0..2).map(|_| Arc::default()).collect();
        // Both are asked for statistics each second, which neither comes to.
        for second in 1..=20 {
            let now = start + Duration::from_secs(second);
            io[0].turns.fetch_add(1, Ordering::Relaxed);
            telemetry.handle_traffic(Traffic::default(), &io, now);
            if second <= 15 {
                assert_eq!(telemetry.health(now), Ok(()), "after {second} s");
            }
        }
        let now = start + Duration::from_secs(20);
        assert!(telemetry.health(now).unwrap_err().contains("worker 1"));
        io[1].turns.fetch_add(1, Ordering::Relaxed);
        telemetry.handle_traffic(Traffic::default(), &io, now);
        assert_eq!(telemetry.health(now), Ok(()));
    }

    #[test]
    fn counters_of_all_workers_are_summed_up() {
        let mut telemetry = Telemetry::new(2, Instant::now());
        telemetry.handle_statistics(report(0));
        telemetry.handle_statistics(report(1));
        assert_eq!(telemetry.counters().bytes_sent, 20);
    }

    #[test]
    fn this_process_has_threads_and_files() {
        let process = process();
        assert!(process.threads >= 1 && process.open_files >= 3);
        assert!(cpu_times().is_some());
    }
}
