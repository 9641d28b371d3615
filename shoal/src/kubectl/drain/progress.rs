//! How far an order to drain is.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use operator::crd::ShardState;

use super::{Order, Target};
use crate::kubectl::answers::{BridgeStats, Heard, Silence};
use crate::kubectl::seen::Seen;
use crate::kubectl::units::{counted, span};

/// After this long somebody should look why an order is not taken.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far one bridge, or the shard, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whose.
    pub name: String,
    /// In words; shown when it differs from what was shown last.
    pub line: String,
    /// Whether the order is carried out.
    pub done: bool,
    /// Why it makes no sense to wait any longer.
    pub stuck: Option<String>,
}

impl Target {
    /// Of every name. `start`: when the order was given.
    pub(crate) fn progress(
        &self,
        seen: &Seen,
        heard: &BTreeMap<String, Heard<BridgeStats>>,
        order: Order,
        names: &[String],
        start: Duration,
    ) -> Vec<Progress> {
        let waited = seen.now.saturating_sub(start);
        let all = names.iter().map(|name| match self {
            Self::Shard { .. } => shard(seen, name, order),
            _ => bridge(seen, name, heard.get(name), order, waited),
        });
        all.collect()
    }
}

fn shard(seen: &Seen, name: &str, order: Order) -> Progress {
    let found = seen.shards.iter().find(|one| one.name_any() == name);
    let Some(found) = found else {
        return Progress {
            name: name.into(),
            line: format!("shard {name} is gone"),
            done: true,
            stuck: None,
        };
    };
    let status = found.status.clone().unwrap_or_default();
    let current = status.observed_generation >= found.metadata.generation;
    let stuck = match (order, found.spec.state) {
        (Order::Drain, ShardState::Active) => {
            Some(format!("shard {name} was put back to use by somebody else"))
        }
        (Order::Undrain, ShardState::Draining) => {
            Some(format!("shard {name} was drained again by somebody else"))
        }
        _ => None,
    };
    let (line, done) = match order {
        _ if !current => (
            format!("shard {name}: the operator has yet to see it"),
            false,
        ),
        Order::Drain if status.state == "Drained" => (format!("shard {name} is empty"), true),
        Order::Drain => (
            format!(
                "shard {name}: {} in {} left",
                counted(status.participants.unsigned_abs(), "participant"),
                counted(status.conferences.unsigned_abs(), "room")
            ),
            false,
        ),
        Order::Undrain if status.state == "Active" => {
            (format!("shard {name} takes new rooms"), true)
        }
        Order::Undrain => (format!("shard {name} is {}", status.state), false),
    };
    Progress {
        name: name.into(),
        line,
        done,
        stuck,
    }
}

fn bridge(
    seen: &Seen,
    name: &str,
    heard: Option<&Heard<BridgeStats>>,
    order: Order,
    waited: Duration,
) -> Progress {
    let mut progress = Progress {
        name: name.into(),
        line: String::new(),
        done: false,
        stuck: None,
    };
    let pod = seen.pod(name);
    if pod.is_none() {
        progress.line = format!("bridge {name} is gone");
        progress.done = true;
        return progress;
    }
    let stats = match heard {
        Some(Ok(stats)) => stats,
        Some(Err(silence @ Silence::Forbidden { .. })) => {
            progress.stuck = Some(format!(
                "the order is given, and how far it is cannot be seen: {silence}"
            ));
            return progress;
        }
        Some(Err(silence)) => {
            progress.line = silence.to_string();
            return progress;
        }
        None => {
            progress.line = format!("bridge {name} does not run");
            return progress;
        }
    };
    let late = waited > PATIENCE;
    match (order, stats.draining()) {
        (Order::Drain, true) if stats.participants == 0 => {
            progress.line = format!("bridge {name} is empty");
            progress.done = true;
        }
        (Order::Drain, true) => {
            progress.line = format!(
                "bridge {name}: {} in {} left",
                counted(stats.participants, "participant"),
                counted(stats.conferences, "meeting")
            );
        }
        (Order::Undrain, false) => {
            progress.line = format!("bridge {name} takes meetings");
            progress.done = true;
        }
        (Order::Drain, false) => {
            progress.line = format!("bridge {name}: the operator has yet to tell it");
            progress.stuck = late.then(|| {
                format!(
                    "bridge {name} was not told to drain within {}: does the operator run (kubectl get pods --all-namespaces \
                     --selector app.kubernetes.io/component=operator)? The order stays, and is carried out when it does",
                    span(PATIENCE)
                )
            });
        }
        (Order::Undrain, true) => {
            progress.line = format!("bridge {name} still drains");
            progress.stuck = late.then(|| {
                format!(
                    "bridge {name} still drains, for another reason than an order by hand: `kubectl shoal why {name}` tells it"
                )
            });
        }
    }
    progress
}
