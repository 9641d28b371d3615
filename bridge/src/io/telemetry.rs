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
/// A worker that reports nothing for this long hangs.
const WORKER_SILENCE: Duration = Duration::from_secs(15);
/// A lost order keeps the health check failing for this long.
const LOST_ORDER: Duration = Duration::from_secs(60);

/// The latest measurements.
#[derive(Debug)]
pub(super) struct Telemetry {
    workers: Vec<Option<WorkerStatistics>>,
    heard: Vec<Instant>,
    /// By worker, from its last report that had endpoints.
    endpoints: Vec<Means>,
    sampler: Sampler,
    cpu_times: CpuTimes,
    cpu: f64,
    busy_micros: Vec<u64>,
    busy: Vec<f64>,
    sampled: Instant,
    lost_order: Option<Instant>,
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
            heard: vec![now; workers],
            endpoints: vec![Means::default(); workers],
            sampler: Sampler::new(RATE_WINDOW),
            cpu_times: cpu_times().unwrap_or_default(),
            cpu: 0.0,
            busy_micros: vec![0; workers],
            busy: vec![0.0; workers],
            sampled: now,
            lost_order: None,
        }
    }

    pub(super) fn handle_statistics(&mut self, mut statistics: WorkerStatistics, now: Instant) {
        let worker = statistics.worker.index();
        if worker >= self.workers.len() {
            return;
        }
        self.heard[worker] = now;
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

    pub(super) fn handle_lost_order(&mut self, now: Instant) {
        self.lost_order = Some(now);
    }

    pub(super) fn health(&self, now: Instant) -> Result<(), String> {
        let silent = self
            .heard
            .iter()
            .position(|heard| now.saturating_duration_since(*heard) > WORKER_SILENCE);
        if let Some(worker) = silent {
            return Err(format!(
                "media worker {worker} has not answered for {} s",
                WORKER_SILENCE.as_secs()
            ));
        }
        if self
            .lost_order
            .is_some_and(|at| now.saturating_duration_since(at) < LOST_ORDER)
        {
            return Err("a media worker could not keep up and lost an order".to_owned());
        }
        Ok(())
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
    fn a_worker_that_hangs_fails_the_health_check_by_name() {
        let now = Instant::now();
        let mut telemetry = Telemetry::new(2, now);
        let later = now + Duration::from_secs(20);
        telemetry.handle_statistics(report(0), later);
        assert!(telemetry.health(later).unwrap_err().contains("worker 1"));
        telemetry.handle_statistics(report(1), later);
        assert_eq!(telemetry.health(later), Ok(()));
        assert_eq!(telemetry.counters().bytes_sent, 20);
    }

    #[test]
    fn a_lost_order_fails_the_health_check_for_a_minute() {
        let now = Instant::now();
        let mut telemetry = Telemetry::new(0, now);
        telemetry.handle_lost_order(now);
        assert!(telemetry.health(now).is_err());
        assert!(telemetry.health(now + Duration::from_secs(61)).is_ok());
    }

    #[test]
    fn this_process_has_threads_and_files() {
        let process = process();
        assert!(process.threads >= 1 && process.open_files >= 3);
        assert!(cpu_times().is_some());
    }
}
