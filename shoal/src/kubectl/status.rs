//! `kubectl shoal status`: everything in one look, with what is wrong first.

use std::collections::BTreeMap;
use std::fmt;

use kube::ResourceExt;
use serde::Serialize;

use super::answers::{BridgeStats, Heard, Silence};
use super::bridges::{Bridge, State, bridges};
use super::seen::Seen;
use super::table::Table;
use super::units::{percent, rate};
use super::wrong;

/// What is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// Sentences.
    wrong: Vec<String>,
    clusters: Vec<Cluster>,
    shards: Vec<Shard>,
    pools: Vec<Pool>,
    bridges: Vec<Bridge>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    name: String,
    url: String,
    ready: String,
    shards: String,
    conferences: i64,
    participants: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    name: String,
    cluster: String,
    region: String,
    state: String,
    ready: String,
    bridges: i32,
    conferences: i64,
    participants: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    name: String,
    cluster: String,
    region: String,
    ready: String,
    /// Bridges that are wanted.
    wanted: i32,
    /// Between which numbers an autoscaler may choose: `1-5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    /// Bridges by state, in words.
    bridges: String,
}

impl Status {
    /// Puts together what was read and heard.
    pub(super) fn of(seen: &Seen, heard: &BTreeMap<String, Heard<BridgeStats>>) -> Self {
        let bridges = bridges(seen, heard);
        let forbidden = heard.values().find_map(|one| {
            one.as_ref()
                .err()
                .filter(|e| matches!(e, Silence::Forbidden { .. }))
        });
        let mut wrong = wrong::sentences(seen, &bridges);
        wrong.extend(forbidden.map(|silence| format!("bridges were not asked: {silence}")));
        Self {
            wrong,
            clusters: seen.clusters.iter().map(cluster).collect(),
            shards: seen.shards.iter().map(shard).collect(),
            pools: pools(seen, &bridges),
            bridges,
        }
    }
}

fn cluster(one: &operator::crd::JitsiCluster) -> Cluster {
    let status = one.status.clone().unwrap_or_default();
    Cluster {
        name: one.name_any(),
        url: match status.url.as_str() {
            "" => one.spec.domain.clone(),
            url => url.to_owned(),
        },
        ready: wrong::ready(&status.conditions).into(),
        shards: status.shards,
        conferences: status.conferences,
        participants: status.participants,
    }
}

fn shard(one: &operator::crd::JitsiShard) -> Shard {
    let status = one.status.clone().unwrap_or_default();
    Shard {
        name: one.name_any(),
        cluster: one.spec.cluster_ref.clone(),
        region: one.spec.region.clone(),
        ready: wrong::ready(&status.conditions).into(),
        state: status.state,
        bridges: status.bridges,
        conferences: status.conferences,
        participants: status.participants,
    }
}

fn pools(seen: &Seen, bridges: &[Bridge]) -> Vec<Pool> {
    let all = seen.pools.iter().map(|pool| {
        let name = pool.name_any();
        let conditions = pool.status.iter().flat_map(|status| &status.conditions);
        let scaling = pool.spec.autoscaling.as_ref();
        Pool {
            cluster: pool.spec.cluster_ref.clone(),
            region: pool.spec.region.clone(),
            ready: wrong::ready(conditions).into(),
            wanted: pool.spec.replicas,
            range: scaling.map(|one| format!("{}-{}", one.min_replicas, one.max_replicas)),
            bridges: by_state(bridges.iter().filter(|bridge| bridge.pool == name)),
            name,
        }
    });
    all.collect()
}

/// `2 ready, 1 draining`.
pub(super) fn by_state<'a>(bridges: impl Iterator<Item = &'a Bridge>) -> String {
    let mut count: BTreeMap<State, usize> = BTreeMap::new();
    for bridge in bridges {
        *count.entry(bridge.state).or_default() += 1;
    }
    let told: Vec<String> = count
        .iter()
        .map(|(state, count)| format!("{count} {}", state.word()))
        .collect();
    match told.is_empty() {
        true => "none".into(),
        false => told.join(", "),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong.as_slice() {
            [] => writeln!(f, "Nothing is wrong.")?,
            wrong => {
                writeln!(f, "What is wrong:")?;
                for sentence in wrong {
                    writeln!(f, "  {sentence}")?;
                }
            }
        }
        let mut clusters = Table::new(&[
            "CLUSTER",
            "URL",
            "READY",
            "SHARDS",
            "CONFERENCES",
            "PARTICIPANTS",
        ]);
        for one in &self.clusters {
            clusters.row([
                one.name.clone(),
                one.url.clone(),
                one.ready.clone(),
                one.shards.clone(),
                one.conferences.to_string(),
                one.participants.to_string(),
            ]);
        }
        let mut shards = Table::new(&[
            "SHARD",
            "CLUSTER",
            "REGION",
            "STATE",
            "READY",
            "BRIDGES",
            "CONFERENCES",
            "PARTICIPANTS",
        ]);
        for one in &self.shards {
            shards.row([
                one.name.clone(),
                one.cluster.clone(),
                one.region.clone(),
                one.state.clone(),
                one.ready.clone(),
                one.bridges.to_string(),
                one.conferences.to_string(),
                one.participants.to_string(),
            ]);
        }
        let mut pools = Table::new(&[
            "POOL", "CLUSTER", "REGION", "READY", "WANTED", "RANGE", "BRIDGES",
        ]);
        for one in &self.pools {
            pools.row([
                one.name.clone(),
                one.cluster.clone(),
                one.region.clone(),
                one.ready.clone(),
                one.wanted.to_string(),
                one.range.clone().unwrap_or_default(),
                one.bridges.clone(),
            ]);
        }
        for table in [clusters, shards, pools, table(&self.bridges)] {
            if !table.is_empty() {
                write!(f, "\n{table}")?;
            }
        }
        Ok(())
    }
}

fn table(bridges: &[Bridge]) -> Table {
    let mut table = Table::new(&[
        "BRIDGE",
        "POOL",
        "STATE",
        "NODE",
        "STRESS",
        "TRAFFIC",
        "CONFERENCES",
        "PARTICIPANTS",
        "ADDRESS",
    ]);
    for bridge in bridges {
        let load = bridge.load;
        let number = |of: fn(&super::bridges::Load) -> String| load.as_ref().map(of);
        table.row([
            bridge.name.clone(),
            bridge.pool.clone(),
            bridge.state.word().into(),
            bridge.node.clone(),
            number(|load| percent(load.stress)).unwrap_or_default(),
            number(|load| rate(load.bytes_per_second)).unwrap_or_default(),
            number(|load| load.conferences.to_string()).unwrap_or_default(),
            number(|load| load.participants.to_string()).unwrap_or_default(),
            bridge.addresses.join(","),
        ]);
    }
    table
}
