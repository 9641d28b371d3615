//! The last step of a reconcile: what was seen, as a status that a person reads. Pure: what is different is written by IO.

mod autoscaling;
pub(crate) mod bridges;
mod cluster;
mod conditions;
mod frame;
mod pods;
mod pool;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use autoscaling::overruled;
pub(crate) use cluster::cluster;
pub(crate) use conditions::{Word, words};
pub(crate) use pool::pool;
pub(crate) use shard::shard;

/// What a reconcile met on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Met {
    /// Reason and sentence of what somebody has to put right.
    pub problems: Vec<(String, String)>,
    /// The same of what passes by itself.
    pub waits: Vec<(String, String)>,
    /// Why Kubernetes makes no pods for a workload, by the workload's name.
    pub blocked: BTreeMap<String, String>,
    /// Addresses at which a bridge does not answer, by pod.
    pub silent: BTreeMap<String, String>,
}

impl Met {
    /// All sentences of what somebody has to put right.
    fn complaint(&self) -> Option<(String, String)> {
        let (reason, _) = self.problems.first()?;
        let all: Vec<&str> = self
            .problems
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        Some((reason.clone(), all.join("; ")))
    }
}
