//! `kubectl shoal why`: what explains the present number of bridges, and what happened last.

pub(super) mod events;
pub(super) mod leaving;
pub(super) mod scaling;
pub(super) mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::{Event, Node};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use operator::crd::BridgePool;
use serde::Serialize;

use super::answers::{BridgeStats, Heard};
use super::bridges::{Bridge, bridges};
use super::io::Kubernetes;
use super::seen::{self, Seen};
use super::status::by_state;
use super::table::Table;
use super::units::counted;

use events::Happening;
use scaling::Scaling;
use subject::Subject;

/// What is shown.
#[derive(Debug, Serialize)]
pub(super) struct Why(Vec<Explained>);

/// One resource, or bridge, explained.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    kind: &'static str,
    name: String,
    /// What it is now.
    now: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    autoscaler: Option<Scaling>,
    conditions: Vec<Said>,
    /// Sentences of the bridges that leave.
    leaving: Vec<String>,
    /// Oldest first.
    events: Vec<Happening>,
}

/// A condition.
#[derive(Debug, Serialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// A table of conditions of `what`.
fn said(what: &str, conditions: &[Said]) -> Table {
    let mut table = Table::new(&[what, "STATUS", "REASON", "MESSAGE"]);
    for one in conditions {
        table.row([
            one.kind.clone(),
            one.status.clone(),
            one.reason.clone(),
            one.message.clone(),
        ]);
    }
    table
}

impl From<&Condition> for Said {
    fn from(condition: &Condition) -> Self {
        Self {
            kind: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }
    }
}

/// What was read and heard, for all that is to be explained.
struct Known<'a> {
    seen: &'a Seen,
    heard: &'a BTreeMap<String, Heard<BridgeStats>>,
    bridges: &'a [Bridge],
    /// Nodes with draining bridges, as far as they may be read.
    nodes: &'a BTreeMap<String, Node>,
    /// Events by the name of what they are about.
    events: &'a BTreeMap<String, Vec<Event>>,
}

/// Reads what is needed, and explains what `name` means: every pool when it means nothing.
pub(super) async fn run(kubernetes: &Kubernetes, name: Option<&str>) -> anyhow::Result<Why> {
    let seen = kubernetes.see().await?;
    let subjects = subject::meant(&seen, name)?;
    let concerned = |pod: &str| subjects.iter().any(|one| one.concerns(&seen, pod));
    let heard = kubernetes.ask_bridges(&seen, concerned).await;
    let mut nodes = BTreeMap::new();
    let bridges = bridges(&seen, &heard);
    for bridge in &bridges {
        if !nodes.contains_key(&bridge.node)
            && seen
                .pod(&bridge.name)
                .is_some_and(|pod| leaving::leaves(pod, heard.get(&bridge.name)))
            && let Some(node) = kubernetes.node(&bridge.node).await
        {
            nodes.insert(bridge.node.clone(), node);
        }
    }
    let mut events = BTreeMap::new();
    let names: BTreeSet<String> = subjects.iter().flat_map(Subject::with_events).collect();
    for name in names {
        let found = kubernetes.events(&name).await?;
        events.insert(name, found);
    }
    let known = Known {
        seen: &seen,
        heard: &heard,
        bridges: &bridges,
        nodes: &nodes,
        events: &events,
    };
    Ok(Why(subjects.iter().map(|one| known.explain(one)).collect()))
}

impl Known<'_> {
    fn explain(&self, subject: &Subject<'_>) -> Explained {
        let events = events::of(subject, self.events, self.seen.now);
        match subject {
            Subject::Cluster(one) => {
                let status = one.status.clone().unwrap_or_default();
                Explained {
                    kind: "cluster",
                    name: one.name_any(),
                    now: format!(
                        "{} shards take new rooms, {} in {}",
                        status.shards,
                        people(status.participants),
                        counted(status.conferences.unsigned_abs(), "meeting")
                    ),
                    autoscaler: None,
                    conditions: status.conditions.iter().map(Said::from).collect(),
                    leaving: Vec::new(),
                    events,
                }
            }
            Subject::Shard(one) => {
                let status = one.status.clone().unwrap_or_default();
                Explained {
                    kind: "shard",
                    name: one.name_any(),
                    now: format!(
                        "{}, {} in {}, {} known to it",
                        status.state,
                        people(status.participants),
                        counted(status.conferences.unsigned_abs(), "meeting"),
                        counted(status.bridges.unsigned_abs().into(), "bridge"),
                    ),
                    autoscaler: None,
                    conditions: status.conditions.iter().map(Said::from).collect(),
                    leaving: Vec::new(),
                    events,
                }
            }
            Subject::Pool(pool) => self.pool(pool, events),
            Subject::Bridge(pool, pod) => {
                let name = pod.name_any();
                let bridge = self.bridges.iter().find(|one| one.name == name);
                let why = bridge
                    .and_then(|one| one.why.clone())
                    .map(|why| format!(": {why}"));
                let state = bridge.map_or("unknown", |one| one.state.word());
                let load = bridge.and_then(|one| one.load).map(|load| {
                    format!(
                        ", {} in {}",
                        counted(load.participants, "participant"),
                        counted(load.conferences, "meeting")
                    )
                });
                Explained {
                    kind: "bridge",
                    now: format!(
                        "{state} on node {}{}{}",
                        seen::node(pod),
                        load.unwrap_or_default(),
                        why.unwrap_or_default()
                    ),
                    autoscaler: None,
                    conditions: Vec::new(),
                    leaving: self.leaving(pool, |one| *one == name),
                    events,
                    name,
                }
            }
        }
    }

    fn pool(&self, pool: &BridgePool, events: Vec<Happening>) -> Explained {
        let name = pool.name_any();
        let bridges = self.bridges.iter().filter(|bridge| bridge.pool == name);
        let status = pool.status.clone().unwrap_or_default();
        let wanted = counted(pool.spec.replicas.unsigned_abs().into(), "bridge");
        Explained {
            now: match &pool.spec.autoscaling {
                None => format!(
                    "{wanted} wanted (spec.replicas, set by hand: spec.autoscaling is empty); {}",
                    by_state(bridges)
                ),
                Some(scaling) => format!(
                    "{wanted} wanted (spec.replicas, set by the HorizontalPodAutoscaler between {} and {}); {}",
                    scaling.min_replicas,
                    scaling.max_replicas,
                    by_state(bridges)
                ),
            },
            kind: "pool",
            autoscaler: self.seen.autoscaler(&name).map(Scaling::of),
            conditions: status.conditions.iter().map(Said::from).collect(),
            leaving: self.leaving(pool, |_| true),
            events,
            name,
        }
    }

    fn leaving(&self, pool: &BridgePool, wanted: impl Fn(&String) -> bool) -> Vec<String> {
        let name = pool.name_any();
        let of_pool = self
            .seen
            .bridges()
            .filter(|(one, pod)| one.name_any() == name && wanted(&pod.name_any()));
        let told = of_pool.filter_map(|(_, pod)| {
            let node = self.nodes.get(&seen::node(pod));
            leaving::sentence(
                pool,
                pod,
                self.heard.get(&pod.name_any()),
                node,
                self.seen.now,
            )
        });
        told.collect()
    }
}

fn people(count: i64) -> String {
    counted(count.unsigned_abs(), "participant")
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, one) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{one}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}.", self.kind, self.name, self.now)?;
        if let Some(scaling) = &self.autoscaler {
            write!(f, "\n{scaling}")?;
        }
        if !self.leaving.is_empty() {
            writeln!(f, "\nWho leaves:")?;
            for sentence in &self.leaving {
                writeln!(f, "  {sentence}")?;
            }
        }
        let conditions = said("CONDITION", &self.conditions);
        if !conditions.is_empty() {
            write!(f, "\n{conditions}")?;
        }
        let mut table = Table::new(&["AGO", "TYPE", "REASON", "ABOUT", "MESSAGE"]);
        for one in &self.events {
            table.row(one.row());
        }
        match table.is_empty() {
            true => writeln!(f, "\nNo events: Kubernetes keeps them for an hour."),
            false => write!(f, "\n{table}"),
        }
    }
}
