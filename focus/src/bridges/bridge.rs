//! One bridge: what it reported, and what follows for selection.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::{BridgeConfig, seconds};

use super::BridgeId;
use super::incarnation::Incarnation;
use super::selection::Candidate;

/// Most allocations remembered for the ramp-up correction.
const MAX_RECENT: usize = 4096;

/// The statistics that the focus reads from a bridge's presence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Load, 1 = full.
    pub stress: Option<f64>,
    /// Load that one participant adds on average.
    pub average_participant_stress: Option<f64>,
    /// Participants of all its conferences.
    pub participants: Option<u64>,
    /// Finishes its conferences and takes no new one.
    pub graceful_shutdown: Option<bool>,
    /// About to exit.
    pub shutting_down: Option<bool>,
    /// Avoided for new conferences.
    pub drain: Option<bool>,
    /// Its own health check.
    pub healthy: Option<bool>,
    /// Software version.
    pub version: Option<String>,
    /// Release within the version.
    pub release: Option<String>,
    /// As its statistics say; `None` where they say none.
    pub region: Option<String>,
    /// Name under which other bridges may connect to it.
    pub relay_id: Option<String>,
}

/// What is known of a bridge from its presence and its answers.
#[derive(Debug)]
pub struct Bridge {
    stats: Stats,
    graceful_shutdown: bool,
    shutting_down: bool,
    draining: bool,
    failed_at: Option<Instant>,
    last_presence: Instant,
    recent: VecDeque<Instant>,
    pub(super) incarnation: Incarnation,
}

impl Bridge {
    /// A bridge of which nothing is known. It counts as draining until it says otherwise.
    pub fn new(now: Instant) -> Self {
        Self {
            stats: Stats::default(),
            graceful_shutdown: false,
            shutting_down: false,
            draining: true,
            failed_at: None,
            last_presence: now,
            recent: VecDeque::new(),
            incarnation: Incarnation::default(),
        }
    }

    /// Takes over what the bridge reports. Values that are absent keep their last state; both kinds of
    /// shutdown stay.
    pub fn handle_stats(&mut self, stats: &Stats, now: Instant) {
        self.last_presence = now;
        self.graceful_shutdown |= stats.graceful_shutdown.unwrap_or(false);
        self.shutting_down |= stats.shutting_down.unwrap_or(false);
        self.draining = stats.drain.unwrap_or(self.draining);
        let old = std::mem::take(&mut self.stats);
        self.stats = Stats {
            stress: stats.stress.filter(|s| s.is_finite()).or(old.stress),
            average_participant_stress: stats
                .average_participant_stress
                .filter(|s| s.is_finite() && *s > 0.0)
                .or(old.average_participant_stress),
            participants: stats.participants.or(old.participants),
            healthy: stats.healthy.or(old.healthy),
            version: stats.version.clone().or(old.version),
            release: stats.release.clone().or(old.release),
            region: stats.region.clone().or(old.region),
            relay_id: stats.relay_id.clone().or(old.relay_id),
            ..Stats::default()
        };
    }

    /// The bridge passed a health check; true if that ends a failure.
    pub fn handle_healthy(&mut self, reset: Duration, now: Instant) -> bool {
        match self.failed_at {
            Some(at) if now.duration_since(at) >= reset => {
                self.failed_at = None;
                true
            }
            _ => false,
        }
    }

    /// The bridge failed; true if it had worked so far.
    pub fn handle_failure(&mut self, now: Instant) -> bool {
        self.failed_at.replace(now).is_none()
    }

    /// The bridge refused a conference because it is shutting down.
    pub fn handle_graceful_shutdown(&mut self) {
        self.graceful_shutdown = true;
    }

    /// A participant was allocated here.
    pub fn handle_participant_added(&mut self, now: Instant) {
        if self.recent.len() == MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
    }

    /// Whether it can be used.
    pub fn is_operational(&self) -> bool {
        self.failed_at.is_none()
    }

    /// Whether it is about to exit.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down
    }

    /// Whether it asks not to be chosen.
    pub fn is_avoided(&self) -> bool {
        self.draining || self.graceful_shutdown || self.shutting_down
    }

    /// Whether it finishes its conferences and takes no new one.
    pub fn is_graceful(&self) -> bool {
        self.graceful_shutdown
    }

    /// Region it announced.
    pub fn region(&self) -> Option<&str> {
        self.stats.region.as_deref()
    }

    /// What it said about its own health last.
    pub fn reported_health(&self) -> Option<bool> {
        self.stats.healthy
    }

    /// When it was heard of last.
    pub fn last_presence(&self) -> Instant {
        self.last_presence
    }

    /// Version with release.
    pub fn version(&self) -> Option<String> {
        let version = self.stats.version.as_deref()?;
        Some(match &self.stats.release {
            Some(release) => format!("{version}-{release}"),
            None => version.to_owned(),
        })
    }

    /// Reported stress plus what participants added within the ramp-up time will cause.
    pub fn corrected_stress(&self, config: &BridgeConfig, now: Instant) -> f64 {
        let window = seconds(config.ramp_up_s);
        let recent = self
            .recent
            .iter()
            .rev()
            .take_while(|at| now.duration_since(**at) < window)
            .count();
        let each = self
            .stats
            .average_participant_stress
            .unwrap_or(config.average_participant_stress);
        self.stats.stress.unwrap_or(0.0) + recent as f64 * each
    }

    /// Participants that it reported, and those added since.
    pub fn participants(&self) -> u64 {
        let reported = self.stats.participants.unwrap_or(0);
        let recent = self.recent.iter().rev();
        let since = recent.take_while(|at| **at >= self.last_presence).count();
        reported.saturating_add(since as u64)
    }

    pub(super) fn candidate(&self, id: BridgeId, config: &BridgeConfig, now: Instant) -> Candidate {
        Candidate {
            id,
            region: self.stats.region.clone(),
            relay_id: self.stats.relay_id.clone(),
            version: self.version(),
            stress: self.corrected_stress(config, now),
            participants: self.participants(),
            operational: self.is_operational(),
            graceful_shutdown: self.graceful_shutdown,
            shutting_down: self.shutting_down,
            draining: self.draining,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_bridge_that_does_not_say_whether_it_drains_counts_as_draining() {
        let now = Instant::now();
        let mut bridge = Bridge::new(now);
        let draining = |b: &Bridge| {
            b.candidate(BridgeId::named("x"), &BridgeConfig::default(), now)
                .draining
        };
        bridge.handle_stats(
            &Stats {
                stress: Some(0.1),
                ..Stats::default()
            },
            now,
        );
        assert!(draining(&bridge));
        bridge.handle_stats(
            &Stats {
                drain: Some(false),
                ..Stats::default()
            },
            now,
        );
        assert!(!draining(&bridge));
        bridge.handle_stats(&Stats::default(), now);
        assert!(!draining(&bridge));
    }

    #[test]
    fn participants_added_a_moment_ago_count_as_stress() {
        let now = Instant::now();
        let config = BridgeConfig::default();
        let mut bridge = Bridge::new(now);
        bridge.handle_stats(
            &Stats {
                stress: Some(0.3),
                ..Stats::default()
            },
            now,
        );
        for _ in 0..10 {
            bridge.handle_participant_added(now);
        }
        assert!((bridge.corrected_stress(&config, now) - 0.4).abs() < 1e-9);
        bridge.handle_stats(
            &Stats {
                average_participant_stress: Some(0.02),
                ..Stats::default()
            },
            now,
        );
        assert!((bridge.corrected_stress(&config, now) - 0.5).abs() < 1e-9);
        let later = now + Duration::from_secs(20);
        assert!((bridge.corrected_stress(&config, later) - 0.3).abs() < 1e-9);
    }

    #[test]
    fn participants_are_those_reported_and_those_added_since() {
        let now = Instant::now();
        let mut bridge = Bridge::new(now);
        bridge.handle_participant_added(now);
        assert_eq!(bridge.participants(), 1);
        let later = now + Duration::from_secs(1);
        let stats = Stats {
            participants: Some(5),
            ..Stats::default()
        };
        bridge.handle_stats(&stats, later);
        assert_eq!(bridge.participants(), 5);
        bridge.handle_participant_added(later);
        assert_eq!(bridge.participants(), 6);
        bridge.handle_stats(&Stats::default(), later + Duration::from_secs(1));
        assert_eq!(bridge.participants(), 5, "a bridge that does not say");
    }

    #[test]
    fn nonsense_statistics_change_nothing() {
        let now = Instant::now();
        let config = BridgeConfig::default();
        let mut bridge = Bridge::new(now);
        bridge.handle_stats(
            &Stats {
                stress: Some(0.3),
                ..Stats::default()
            },
            now,
        );
        let nonsense = Stats {
            stress: Some(f64::NAN),
            average_participant_stress: Some(-1.0),
            ..Stats::default()
        };
        bridge.handle_stats(&nonsense, now);
        assert!((bridge.corrected_stress(&config, now) - 0.3).abs() < 1e-9);
    }

    #[test]
    fn shutdowns_stay_and_releases_are_part_of_the_version() {
        let now = Instant::now();
        let mut bridge = Bridge::new(now);
        let stats = Stats {
            graceful_shutdown: Some(true),
            shutting_down: Some(true),
            version: Some("2.3".into()),
            release: Some("7".into()),
            ..Stats::default()
        };
        bridge.handle_stats(&stats, now);
        bridge.handle_stats(
            &Stats {
                graceful_shutdown: Some(false),
                shutting_down: Some(false),
                ..Stats::default()
            },
            now,
        );
        assert!(bridge.is_graceful() && bridge.is_shutting_down());
        assert_eq!(bridge.version().unwrap(), "2.3-7");
    }
}
