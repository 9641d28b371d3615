//! What only the home worker of a conference keeps.

use std::sync::Arc;

use crate::ids::WorkerId;
use crate::speaker::DominantSpeaker;

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
}
