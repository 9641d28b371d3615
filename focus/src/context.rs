//! What a conference is lent while it handles something.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use xmpp::jingle::Action as Verb;

use crate::authority::Authority;
use crate::bridges::Bridges;
use crate::conference::Features;
use crate::conference::MoveReason;
use crate::conference::SourceLimits;
use crate::settings::Settings;

/// Most capabilities that are remembered.
const MAX_CAPS: usize = 4096;

/// Where randomness comes from.
pub trait Random: Send {
    /// 64 random bits.
    fn next_u64(&mut self) -> u64;
}

/// Features by capabilities hash (XEP-0115), so that a thousand browsers of one kind are asked once.
#[derive(Debug, Default)]
pub struct CapsCache {
    known: HashMap<String, Features>,
    order: VecDeque<String>,
}

impl CapsCache {
    /// The features that this `node#ver` stands for.
    pub fn get(&self, caps: &str) -> Option<Features> {
        self.known.get(caps).copied()
    }

    /// Remembers what was discovered; the oldest entry goes when there are too many.
    pub fn put(&mut self, caps: String, features: Features) {
        if self.known.insert(caps.clone(), features).is_none() {
            self.order.push_back(caps);
            if self.order.len() > MAX_CAPS
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// Everything that is known.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Features)> {
        self.known.iter()
    }
}

/// What has happened so far.
#[derive(Debug, Default, Clone)]
#[allow(missing_docs, reason = "each is named after the metric that it feeds")]
pub struct Counters {
    pub conferences_created: u64,
    pub conferences_failed: u64,
    pub conference_requests: u64,
    pub participants: u64,
    pub participants_moved: u64,
    pub ice_failed: u64,
    pub restart_requested: u64,
    pub bridges_removed: u64,
    pub bridge_unavailable: u64,
    pub ice_restarts_requested: u64,
    pub ice_restarts_relayed: u64,
    pub ice_restarts_failed: u64,
    pub ice_restarts_not_needed: u64,
    pub session_initiate_sent: u64,
    pub session_accept_received: u64,
    pub session_info_received: u64,
    pub session_terminate_received: u64,
    pub session_terminate_sent: u64,
    pub source_add_received: u64,
    pub source_add_sent: u64,
    pub source_remove_received: u64,
    pub source_remove_sent: u64,
    pub disconnects: u64,
    pub panics: u64,
    pub dropped_requests_full: u64,
    pub refused_stanzas: u64,
    /// By reason: participants, and the conferences that they moved with.
    pub moved: BTreeMap<MoveReason, (u64, u64)>,
}

impl Counters {
    pub(crate) fn count_moved(&mut self, reason: MoveReason, participants: usize) {
        let (moved, conferences) = self.moved.entry(reason).or_default();
        *moved += participants as u64;
        *conferences += 1;
    }

    pub(crate) fn count_jingle_sent(&mut self, verb: &Verb) {
        match verb {
            Verb::SessionInitiate => self.session_initiate_sent += 1,
            Verb::SessionTerminate => self.session_terminate_sent += 1,
            Verb::SourceAdd => self.source_add_sent += 1,
            Verb::SourceRemove => self.source_remove_sent += 1,
            _ => {}
        }
    }

    pub(crate) fn count_jingle_received(&mut self, verb: &Verb) {
        match verb {
            Verb::SessionAccept => self.session_accept_received += 1,
            Verb::SessionInfo => self.session_info_received += 1,
            Verb::SessionTerminate => self.session_terminate_received += 1,
            Verb::SourceAdd => self.source_add_received += 1,
            Verb::SourceRemove => self.source_remove_received += 1,
            _ => {}
        }
    }
}

/// What a conference is lent while it handles something.
pub struct Context<'a> {
    /// The time.
    pub now: Instant,
    /// The configuration.
    pub settings: &'a Settings,
    /// Who opens rooms and owns them.
    pub authority: &'a Authority,
    /// What is known of all of them.
    pub bridges: &'a mut Bridges,
    /// Known capabilities.
    pub caps: &'a mut CapsCache,
    /// For ids and for choices.
    pub random: &'a mut dyn Random,
    /// What has happened.
    pub counters: &'a mut Counters,
}

impl Context<'_> {
    /// A random UUID (RFC 9562 §5.4).
    pub fn new_uuid(&mut self) -> String {
        let high = u128::from(self.random.next_u64());
        let bits = (high << 64) | u128::from(self.random.next_u64());
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// How much one participant may signal.
    pub fn source_limits(&self) -> SourceLimits {
        let limits = &self.settings.config.conference;
        SourceLimits {
            ssrcs: limits.max_ssrcs_per_user,
            groups: limits.max_ssrc_groups_per_user,
        }
    }
}
