//! What a person reads in a status, by what was seen.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bridges;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Met, cluster, pool, shard};
use crate::crd::PoolStatus;
use crate::scale;
use crate::world::{
    BridgeReport, ClusterWorld, FocusReport, Live, PoolWorld, ShardWorld, SignallingReport,
};

const NOW: Duration = Duration::from_secs(1_767_225_600);

fn parse<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn resource<K: DeserializeOwned>(kind: &str, name: &str, spec: Value) -> K {
    parse(json!({"apiVersion": "shoal.video/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "meet", "generation": 3}, "spec": spec}))
}

fn running(name: &str, component: &str) -> (String, k8s_openapi::api::core::v1::Pod) {
    let pod = parse(json!({
        "metadata": {"name": name, "labels": {"app.kubernetes.io/component": component}},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2025-12-31T23:59:58Z"}]},
    }));
    (name.to_owned(), pod)
}

fn set(name: &str, ready: i32) -> (String, k8s_openapi::api::apps::v1::StatefulSet) {
    let set = parse(json!({
        "metadata": {"name": name, "generation": 1}, "spec": {"replicas": ready, "serviceName": name, "selector": {}, "template": {}},
        "status": {"replicas": ready, "readyReplicas": ready, "updatedReplicas": ready, "observedGeneration": 1},
    }));
    (name.to_owned(), set)
}

fn holds(conditions: &[Condition], kind: &str) -> (String, String) {
    let found = conditions.iter().find(|one| one.type_ == kind).unwrap();
    assert_eq!(found.observed_generation, Some(3));
    (found.status.clone(), found.reason.clone())
}

fn pool_world(replicas: i32, bridges: &[(&str, BridgeReport)]) -> PoolWorld {
    let mut live = Live::default();
    live.stateful_sets.extend([set("p-bridge", replicas)]);
    let mut reports = BTreeMap::new();
    for (name, report) in bridges {
        live.pods.extend([running(name, "bridge")]);
        reports.insert((*name).to_owned(), report.clone());
    }
    PoolWorld {
        pool: resource("BridgePool", "p", json!({"replicas": replicas})),
        cluster: None,
        shards: Vec::new(),
        live,
        nodes: BTreeMap::new(),
        bridges: reports,
        now: NOW,
    }
}

fn seen(world: &PoolWorld, met: &Met) -> PoolStatus {
    pool(world, &scale::plan(world), "x=y", met)
}

fn shard_world(takes_rooms: bool, conferences: i64) -> ShardWorld {
    let mut live = Live::default();
    live.stateful_sets
        .extend([set("a-signalling", 1), set("a-focus", 1)]);
    ShardWorld {
        shard: resource("JitsiShard", "a", json!({})),
        cluster: None,
        others: Vec::new(),
        pools: Vec::new(),
        live,
        focus: Some(FocusReport {
            conferences,
            participants: conferences * 3,
            bridges: 2,
            ..FocusReport::default()
        }),
        signalling: Some(SignallingReport {
            takes_rooms,
            reason: "no bridge is in the brewery".into(),
        }),
        now: NOW,
    }
}

fn cluster_world(front_door: i32, status: u16) -> ClusterWorld {
    let mut live = Live::default();
    let (name, mut proxies) = set("default-front-door", front_door);
    proxies.spec.as_mut().unwrap().replicas = Some(2);
    live.stateful_sets.insert(name, proxies);
    live.deployments.insert(
        "default-web".into(),
        parse(json!({"metadata": {"generation": 1}, "spec": {"replicas": 2, "selector": {}, "template": {}},
            "status": {"readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}})),
    );
    ClusterWorld {
        cluster: resource(
            "JitsiCluster",
            "default",
            json!({"domain": "meet.example.org"}),
        ),
        shards: vec![resource("JitsiShard", "a", json!({}))],
        pools: Vec::new(),
        live,
        front_door: [("a".to_owned(), status)].into(),
        now: NOW,
    }
}

#[test]
fn a_pool_is_ready_when_as_many_bridges_as_wanted_take_meetings() {
    let well = BridgeReport {
        participants: 2,
        stress: 0.25,
        media_reachable: Some(true),
        ..BridgeReport::default()
    };
    let world = pool_world(1, &[("p-bridge-0", well.clone())]);
    let status = seen(&world, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").0, "True");
    assert_eq!(holds(&status.conditions, "MediaReachable").0, "True");
    assert_eq!(
        (status.summary.as_str(), status.message.as_str()),
        ("1 ready", "")
    );
    assert_eq!(
        (status.replicas, status.participants, status.stress_percent),
        (1, 2, 25)
    );

    let unwell = BridgeReport {
        unwell: Some("waiting for an address in node.n1".into()),
        ..BridgeReport::default()
    };
    let world = pool_world(2, &[("p-bridge-0", well), ("p-bridge-1", unwell)]);
    let status = seen(&world, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").1, "BridgesNotReady");
    assert_eq!(status.summary, "1 ready, 1 starting");
    assert_eq!(
        status.message,
        "1 of 2 bridges does not run: p-bridge-1 is unwell: waiting for an address in node.n1"
    );
}

#[test]
fn what_keeps_pods_from_being_made_is_the_first_thing_told() {
    let mut met = Met::default();
    met.blocked
        .insert("p-bridge".into(), "exceeded quota: small".into());
    let status = seen(&pool_world(3, &[]), &met);
    assert_eq!(
        status.message,
        "3 of 3 bridges do not run: exceeded quota: small"
    );
    assert_eq!(status.summary, "none");
}

#[test]
fn media_that_does_not_arrive_is_told_with_its_address_and_forgotten_by_no_restart() {
    let silent = BridgeReport {
        media_reachable: Some(false),
        ..BridgeReport::default()
    };
    let mut world = pool_world(1, &[("p-bridge-0", silent)]);
    let mut met = Met::default();
    met.silent
        .insert("p-bridge-0".into(), "192.0.2.1:10000".into());
    let status = seen(&world, &met);
    assert_eq!(
        holds(&status.conditions, "MediaReachable"),
        ("False".into(), "NoAnswer".into())
    );
    assert!(
        status
            .message
            .contains("nothing answers at 192.0.2.1:10000"),
        "{}",
        status.message
    );
    assert_eq!(holds(&status.conditions, "Ready").0, "True");

    // After a restart of the operator nothing is probed yet.
    world.bridges.get_mut("p-bridge-0").unwrap().media_reachable = None;
    world.pool.status = Some(status);
    let status = seen(&world, &Met::default());
    assert_eq!(
        holds(&status.conditions, "MediaReachable"),
        ("False".into(), "NoAnswer".into())
    );
}

#[test]
fn an_idle_pool_s_noise_is_no_news() {
    let idle = |stress, bytes_per_second| {
        let report = BridgeReport {
            stress,
            bytes_per_second,
            ..BridgeReport::default()
        };
        seen(&pool_world(1, &[("p-bridge-0", report)]), &Met::default())
    };
    assert_eq!(idle(0.4, 900), idle(0.1, 0));
}

#[test]
fn a_shard_says_why_it_takes_no_rooms_and_when_it_is_drained() {
    let status = shard(&shard_world(true, 2), &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").0, "True");
    assert_eq!(
        (
            status.state.as_str(),
            status.conferences,
            status.participants
        ),
        ("Active", 2, 6)
    );

    let status = shard(&shard_world(false, 0), &Met::default());
    assert_eq!(
        status.message,
        "takes no new rooms: no bridge is in the brewery"
    );

    for (conferences, state, drained) in [(2, "Draining", "False"), (0, "Drained", "True")] {
        let mut world = shard_world(true, conferences);
        world.shard.spec.state = crate::crd::ShardState::Draining;
        let status = shard(&world, &Met::default());
        assert_eq!(status.state, state);
        assert_eq!(holds(&status.conditions, "Draining").0, "True");
        assert_eq!(holds(&status.conditions, "Drained").0, drained);
    }
}

#[test]
fn a_cluster_is_ready_while_one_proxy_serves_and_one_shard_takes_rooms() {
    let status = cluster(&cluster_world(2, 200), None, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").0, "True");
    assert_eq!(
        (status.shards.as_str(), status.message.as_str()),
        ("1/1", "")
    );

    let status = cluster(&cluster_world(1, 200), None, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").0, "True");
    assert_eq!(holds(&status.conditions, "Progressing").0, "True");
    assert!(
        status
            .message
            .starts_with("1 of 2 front door pods do not run"),
        "{}",
        status.message
    );

    let status = cluster(&cluster_world(0, 200), None, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").1, "FrontDoorNotReady");

    let status = cluster(&cluster_world(2, 404), None, &Met::default());
    assert_eq!(holds(&status.conditions, "Ready").1, "NoShardReady");
    assert_eq!(status.shards, "0/1");
}
