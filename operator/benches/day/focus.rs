//! The focus's own choice of a bridge, from what bridges publish.
//!
//! One focus chooses for everybody, so that each choice knows the others of the last seconds. The focuses of several shards
//! know less of each other.

use std::time::{Duration, Instant};

use focus::bridges::selection::{Candidate, ConferenceView, Strategy, select, strategy};
use focus::bridges::{Bridge, BridgeId, Stats};
use focus::config::BridgeConfig;
use xmpp::FullJid;

/// What it knows of all bridges.
pub(crate) struct Focus {
    config: BridgeConfig,
    strategy: Box<dyn Strategy>,
    /// Second 0.
    start: Instant,
    /// Beside each candidate: the bridge's ordinal, and what it said.
    bridges: Vec<(usize, Bridge)>,
    candidates: Vec<Candidate>,
    /// Where each ordinal is in those.
    places: Vec<Option<usize>>,
    /// Second at which the candidates' stress was looked at.
    refreshed: Option<u32>,
}

impl Focus {
    pub(crate) fn new() -> Self {
        let config = BridgeConfig::default();
        Self {
            strategy: strategy(config.strategy),
            config,
            start: Instant::now(),
            bridges: Vec::new(),
            candidates: Vec::new(),
            places: Vec::new(),
            refreshed: None,
        }
    }

    fn at(&self, now: u32) -> Instant {
        self.start + Duration::from_secs(now.into())
    }

    /// A bridge announced itself or published its statistics.
    pub(crate) fn handle_presence(&mut self, ordinal: usize, load: Load, leaves: Leaves, now: u32) {
        let at = self.at(now);
        let index = self.index(ordinal).unwrap_or_else(|| {
            self.bridges.push((ordinal, Bridge::new(at)));
            self.candidates.push(unknown(ordinal));
            if self.places.len() <= ordinal {
                self.places.resize(ordinal + 1, None);
            }
            let last = self.bridges.len() - 1;
            self.places[ordinal] = Some(last);
            last
        });
        let stats = Stats {
            stress: Some(load.stress),
            participants: Some(load.participants),
            drain: Some(leaves == Leaves::Drains),
            graceful_shutdown: Some(leaves == Leaves::ShutsDown),
            ..Stats::default()
        };
        let (_, bridge) = &mut self.bridges[index];
        bridge.handle_stats(&stats, at);
        let candidate = &mut self.candidates[index];
        candidate.draining = leaves == Leaves::Drains;
        candidate.graceful_shutdown = bridge.is_graceful();
        candidate.stress = bridge.corrected_stress(&self.config, at);
        candidate.participants = bridge.participants();
    }

    /// A bridge left.
    pub(crate) fn handle_gone(&mut self, ordinal: usize) {
        if let Some(index) = self.index(ordinal) {
            self.bridges.swap_remove(index);
            self.candidates.swap_remove(index);
            self.places[ordinal] = None;
            if let Some((moved, _)) = self.bridges.get(index) {
                self.places[*moved] = Some(index);
            }
        }
    }

    /// Somebody was allocated on a bridge.
    pub(crate) fn handle_added(&mut self, ordinal: usize, participants: usize, now: u32) {
        let at = self.at(now);
        if let Some(index) = self.index(ordinal) {
            let (_, bridge) = &mut self.bridges[index];
            for _ in 0..participants {
                bridge.handle_participant_added(at);
            }
            let candidate = &mut self.candidates[index];
            candidate.stress = bridge.corrected_stress(&self.config, at);
            candidate.participants = bridge.participants();
        }
    }

    /// The bridge for a new conference.
    pub(crate) fn select(&mut self, now: u32) -> Option<usize> {
        if self.refreshed != Some(now) {
            let at = self.at(now);
            for ((_, bridge), candidate) in self.bridges.iter().zip(&mut self.candidates) {
                candidate.stress = bridge.corrected_stress(&self.config, at);
            }
            self.refreshed = Some(now);
        }
        let conference = ConferenceView::default();
        let chosen = select(
            &*self.strategy,
            &self.candidates,
            &conference,
            None,
            false,
            &self.config,
        )?;
        chosen.nick().parse().ok()
    }

    fn index(&self, ordinal: usize) -> Option<usize> {
        self.places.get(ordinal).copied().flatten()
    }
}

/// What a bridge publishes of its load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub stress: f64,
    pub participants: u64,
}

/// Whether a bridge leaves, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    No,
    Drains,
    ShutsDown,
}

fn unknown(ordinal: usize) -> Candidate {
    let occupant = format!("jvbbrewery@internal-muc.meet.example.org/{ordinal:04}");
    Candidate {
        id: BridgeId::new(FullJid::new(&occupant).expect("a number is a resource")),
        region: None,
        relay_id: None,
        version: None,
        stress: 0.0,
        participants: 0,
        operational: true,
        graceful_shutdown: false,
        shutting_down: false,
        draining: true,
    }
}
