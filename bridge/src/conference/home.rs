//! What only the home worker of a conference keeps.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::ids::{EndpointId, WorkerId};
use crate::speaker::DominantSpeaker;

use super::MAX_MEMBERS;

/// See the module.
#[derive(Debug, Default)]
pub struct Home {
    /// Who speaks.
    pub speakers: DominantSpeaker,
    /// Workers that have a replica, besides home.
    pub replicas: Vec<WorkerId>,
    /// Control said that the conference exists, and not yet that it is over.
    pub announced: bool,
    /// For logs.
    pub name: Option<Arc<str>>,
    /// What clients believe of names, which outlives the endpoints that had them.
    pub believed: Believed,
}

/// What clients were last told of names, and would go on to believe of an endpoint that comes to
/// have the name. A focus makes an endpoint anew when its client has lost its connection, and the
/// others see the same participant.
#[derive(Debug, Default)]
pub struct Believed {
    inactive: FxHashSet<EndpointId>,
    speaker: Option<EndpointId>,
}

impl Believed {
    /// All are told whether packets of this name arrive.
    pub fn note_active(&mut self, id: &EndpointId, active: bool) {
        if active {
            self.inactive.remove(id);
        } else if self.inactive.len() < MAX_MEMBERS {
            self.inactive.insert(id.clone());
        }
    }

    /// Whether an endpoint of this name is believed to be unreachable.
    pub fn is_inactive(&self, id: &EndpointId) -> bool {
        self.inactive.contains(id)
    }

    /// All are told that this name speaks.
    pub fn note_speaker(&mut self, id: Option<&EndpointId>) {
        self.speaker = id.cloned();
    }

    /// The name that is believed to speak.
    pub fn speaker(&self) -> Option<&EndpointId> {
        self.speaker.as_ref()
    }
}
