//! What people read, from what was read and heard.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod api;
mod drains;
mod looks;
mod reasons;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{BridgeStats, Conference, Heard, Silence};
use super::seen::Seen;
use super::shards::Meetings;

/// 2026-01-01T01:00:00Z.
pub(super) const NOW: Duration = Duration::from_secs(1_767_229_200);

/// An object of Kubernetes from what of it matters.
pub(super) fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn condition(kind: &str, status: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "R", "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

pub(super) fn cluster() -> Value {
    json!({
        "apiVersion": "shoal.video/v1alpha1", "kind": "JitsiCluster",
        "metadata": {"name": "default", "namespace": "meet"},
        "spec": {"domain": "meet.example.org"},
        "status": {
            "conditions": [condition("Ready", "True", "")], "shards": "2/2", "conferences": 2, "participants": 5,
            "url": "https://meet.example.org",
        },
    })
}

pub(super) fn shard(name: &str) -> Value {
    json!({
        "apiVersion": "shoal.video/v1alpha1", "kind": "JitsiShard",
        "metadata": {"name": name, "namespace": "meet", "generation": 1},
        "spec": {},
        "status": {
            "observedGeneration": 1, "conditions": [condition("Ready", "True", "")], "state": "Active", "bridges": 2,
            "conferences": 1, "participants": 3,
        },
    })
}

pub(super) fn pool() -> Value {
    json!({
        "apiVersion": "shoal.video/v1alpha1", "kind": "BridgePool",
        "metadata": {"name": "bridges", "namespace": "meet"},
        "spec": {"replicas": 2, "exposure": {"type": "NodePort", "basePort": 31000}},
        "status": {"conditions": [condition("Ready", "True", "2 bridges take meetings")]},
    })
}

pub(super) fn pod(component: &str, name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "meet",
            "labels": {"app.kubernetes.io/component": component, "shoal.video/pool": "bridges"},
            "annotations": {},
        },
        "spec": {"nodeName": node, "containers": []},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        },
    })
}

/// A cluster with two shards and two bridges on two nodes.
pub(super) fn seen() -> Seen {
    let addresses = BTreeMap::from([
        (
            "node.node1".to_owned(),
            "192.0.2.1\n2001:db8::1\n".to_owned(),
        ),
        ("node.node2".to_owned(), "192.0.2.2\n".to_owned()),
        ("port.bridges-bridge-0".to_owned(), "31000\n".to_owned()),
        ("port.bridges-bridge-1".to_owned(), "31001\n".to_owned()),
    ]);
    let pods = [
        pod("bridge", "bridges-bridge-1", "node2"),
        pod("bridge", "bridges-bridge-0", "node1"),
        pod("focus", "a-focus-0", "node1"),
        pod("focus", "b-focus-0", "node2"),
        pod("signalling", "a-signalling-0", "node1"),
        pod("signalling", "b-signalling-0", "node2"),
    ];
    Seen {
        namespace: "meet".into(),
        now: NOW,
        clusters: vec![object(cluster())],
        shards: vec![object(shard("a")), object(shard("b"))],
        pools: vec![object(pool())],
        pods: pods.into_iter().map(object).collect(),
        autoscalers: Vec::new(),
        addresses: BTreeMap::from([("bridges-addresses".to_owned(), addresses)]),
    }
}

/// What a bridge says.
pub(super) fn stats(participants: u64, drain: bool) -> Heard<BridgeStats> {
    Ok(object(json!({
        "stress_level": 0.25, "conferences": u64::from(participants > 0), "participants": participants,
        "bit_rate_download": 800, "bit_rate_upload": 8800, "drain": drain,
    })))
}

/// What both bridges say.
pub(super) fn heard(
    first: Heard<BridgeStats>,
    second: Heard<BridgeStats>,
) -> BTreeMap<String, Heard<BridgeStats>> {
    BTreeMap::from([
        ("bridges-bridge-0".to_owned(), first),
        ("bridges-bridge-1".to_owned(), second),
    ])
}

pub(super) fn meeting(name: &str, bridge: &str, people: &[&str], seconds: u64) -> Conference {
    let participants: Vec<Value> = people
        .iter()
        .map(|id| json!({"id": id, "session": ["s", bridge, "active"]}))
        .collect();
    object(json!({
        "name": format!("{name}@conference.meet.example.org"), "seconds": seconds,
        "bridges": [[bridge, people.len()]], "participants": participants,
    }))
}

/// `standup` on shard a, `all-hands` on shard b.
pub(super) fn meetings() -> Meetings {
    BTreeMap::from([
        (
            "a".to_owned(),
            Ok(vec![meeting(
                "standup",
                "bridges-bridge-0",
                &["romeo", "juliet"],
                3_600,
            )]),
        ),
        (
            "b".to_owned(),
            Ok(vec![meeting(
                "all-hands",
                "bridges-bridge-1",
                &["a", "b", "c"],
                65,
            )]),
        ),
    ])
}

pub(super) fn no_answer(pod: &str) -> Silence {
    Silence::NoAnswer {
        pod: pod.into(),
        port: 8080,
        why: "connection refused".into(),
    }
}

pub(super) fn forbidden() -> Silence {
    Silence::Forbidden {
        namespace: "meet".into(),
    }
}
