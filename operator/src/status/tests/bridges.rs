//! What is told of bridges that come and go, and of the autoscaler.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{NOW, holds, parse, pool_world, seen};
use crate::scale::{ScalePlan, Update, Why};
use crate::status::{Met, bridges, overruled, words};
use crate::world::{BridgeReport, PoolWorld};

/// Bridges with so many people; a negative number drains with as many.
fn world(wanted: i32, people: &[i64]) -> PoolWorld {
    let names: Vec<String> = (0..people.len())
        .map(|at| format!("p-bridge-{at}"))
        .collect();
    let reports: Vec<(&str, BridgeReport)> = names
        .iter()
        .zip(people)
        .map(|(name, people)| {
            let report = BridgeReport {
                participants: people.abs() % 1000,
                draining: *people < 0,
                ..BridgeReport::default()
            };
            (name.as_str(), report)
        })
        .collect();
    let mut world = pool_world(i32::try_from(people.len()).unwrap(), &reports);
    world.pool.spec.replicas = wanted;
    for (name, _) in names.iter().zip(people).filter(|(_, people)| **people < 0) {
        let pod = world.live.pods.get_mut(name).unwrap();
        let since = (NOW.as_secs() - 7).to_string();
        pod.metadata.annotations = Some([("shoal.video/draining-since".to_owned(), since)].into());
    }
    world
}

/// Nobody, on a bridge that drains.
const EMPTY: i64 = -1000;

/// The pool follows traffic; its autoscaler says this.
fn autoscaled(world: &mut PoolWorld, status: Value) {
    world.pool.spec.autoscaling = Some(parse(
        json!({"maxReplicas": 9, "targetNetworkBytesPerSecond": 25_000_000}),
    ));
    let metric = |value: Value| json!([{"type": "Pods", "pods": value}]);
    let name = json!({"name": "bridge_network_bytes_per_second"});
    let target = json!({"metric": name, "target": {"type": "AverageValue", "averageValue": "25M"}});
    let mut status = status;
    status["currentMetrics"] = metric(json!({"metric": name, "current": {"averageValue": "31M"}}));
    let autoscaler = json!({"metadata": {"name": "p"}, "status": status,
        "spec": {"scaleTargetRef": {"kind": "BridgePool", "name": "p"}, "maxReplicas": 9, "metrics": metric(target)}});
    world.live.autoscalers.insert("p".into(), parse(autoscaler));
}

fn active(desired: i32) -> Value {
    json!({"desiredReplicas": desired, "conditions": [{"type": "ScalingActive", "status": "True"}]})
}

#[test]
fn why_bridges_start() {
    let by_hand = ScalePlan {
        why: BTreeMap::from([("p-bridge-0".into(), Why::ByHand)]),
        ..ScalePlan::default()
    };
    let update = ScalePlan {
        update: Some(Update {
            left: 2,
            waits_for: Some("p-bridge-2".into()),
        }),
        ..ScalePlan::default()
    };
    let mut asked = world(3, &[1]);
    autoscaled(&mut asked, active(3));
    let sees =
        ": the autoscaler sees that bridge_network_bytes_per_second is 31M per bridge, target 25M";
    for (world, plan, from, to, told) in [
        (world(1, &[]), ScalePlan::default(), 0, 1, "bridge p-bridge-0 starts, because 1 is wanted".to_owned()),
        (asked, ScalePlan::default(), 1, 3, format!("bridges p-bridge-1, p-bridge-2 start, because 3 are wanted{sees}")),
        (world(2, &[1, 1]), by_hand, 2, 3, "bridge p-bridge-2 starts, because p-bridge-0 leaves, because its pod has annotation shoal.video/drain".into()),
        (world(2, &[1, 1]), update, 2, 3, "bridge p-bridge-2 starts, because the pool has a new spec: its bridges are replaced one by one when this one takes meetings".into()),
    ] {
        assert_eq!(bridges::start(&world, &plan, from, to).note, told);
    }
}

#[test]
fn why_a_bridge_drains_and_what_becomes_of_its_people() {
    let patient = |people: &[i64]| {
        let mut world = world(1, people);
        world.pool.spec.drain.policy = crate::crd::DrainPolicy::WaitForEmpty;
        world
    };
    let node = Why::Node("n1 is cordoned".into());
    for (world, why, told) in [
        (
            world(1, &[3, 0]),
            &Why::Surplus,
            "because 1 is wanted; nobody is on it",
        ),
        (
            world(1, &[3, 1]),
            &Why::Update,
            "because the pool has a new spec; 1 person on it is moved, other bridges are p-bridge-0",
        ),
        (
            world(1, &[3, 2, 1, 1, 1]),
            &node,
            "because its node n1 is cordoned; 2 people on it are moved, other bridges are p-bridge-0, p-bridge-2, p-bridge-3 and 1 more",
        ),
        (
            world(0, &[EMPTY, 2]),
            &Why::Deleted,
            "because its pool is being deleted; 2 people on it can be moved as soon as another bridge takes meetings",
        ),
        (
            patient(&[3, 2]),
            &Why::Surplus,
            "because 1 is wanted; it waits until 2 people on it have left, at most 10m",
        ),
        (
            patient(&[3, 2]),
            &Why::ByHand,
            "because its pod has annotation shoal.video/drain; 2 people on it are moved, other bridges are p-bridge-0",
        ),
    ] {
        let note = bridges::drain(&world, "p-bridge-1", why).note;
        assert_eq!(
            note,
            format!("bridge p-bridge-1 takes no new meetings, {told}")
        );
    }
}

#[test]
fn how_a_bridge_ends() {
    let overdue = ScalePlan {
        overdue: vec!["p-bridge-1".into()],
        ..ScalePlan::default()
    };
    let replaced = ScalePlan {
        replace: vec!["p-bridge-1".into()],
        ..ScalePlan::default()
    };
    for (people, plan, moved, alarming, reason, told) in [
        (
            EMPTY,
            ScalePlan::default(),
            12,
            false,
            "BridgeRemoved",
            "is removed: nobody is on it 7s after it was told to drain, 12 people were moved",
        ),
        (
            EMPTY,
            replaced,
            0,
            false,
            "BridgeReplaced",
            "is replaced by one of the new spec: nobody is on it 7s after it was told to drain",
        ),
        (
            -3,
            overdue,
            1,
            true,
            "DrainTimeout",
            "is removed: 3 people are still on it 7s after it was told to drain, where spec.drain.timeout is 10m, 1 person was moved",
        ),
    ] {
        let word = bridges::end(&world(1, &[1, people]), &plan, "p-bridge-1", moved);
        assert_eq!((word.alarming, word.reason.as_str()), (alarming, reason));
        assert_eq!(word.note, format!("bridge p-bridge-1 {told}"));
    }
    let drained = bridges::drained(&world(1, &[1, EMPTY]), "p-bridge-1", 2).note;
    assert_eq!(
        drained,
        "bridge p-bridge-1 may be ended at any time: nobody is on it 7s after it was told to drain, 2 people were moved"
    );
    let back = bridges::back_in_use(&world(2, &[1, -1]), "p-bridge-1").note;
    assert_eq!(
        back,
        "bridge p-bridge-1 takes meetings again, because it is not to leave any more; 2 are wanted"
    );
}

#[test]
fn the_status_explains_the_number_of_bridges() {
    let by_hand = |world: &mut PoolWorld| {
        let pod = world.live.pods.get_mut("p-bridge-0").unwrap();
        let annotations = pod.metadata.annotations.get_or_insert_default();
        annotations.insert("shoal.video/drain".into(), "true".into());
    };
    let mut two_reasons = world(1, &[-4, 1, EMPTY]);
    by_hand(&mut two_reasons);
    for (world, reason, told) in [
        (world(3, &[5, 5, 5]), "Active", ""),
        (
            world(3, &[5, 5, 5, -4, -8]),
            "Surplus",
            "3 of 5 bridges take meetings: 2 drain (12 people left), because 3 are wanted",
        ),
        (
            two_reasons,
            "ByHand",
            "1 of 3 bridges takes meetings: 1 drains (4 people left), because its pod has annotation shoal.video/drain; 1 drains (nobody left), because 1 is wanted",
        ),
    ] {
        let status = seen(&world, &Met::default());
        assert_eq!(status.message, told);
        assert_eq!(holds(&status.conditions, "Draining").1, reason);
        assert_eq!(
            status.replicas, status.bridges.ready,
            "those that drain do not count"
        );
        assert_eq!(holds(&status.conditions, "Ready").0, "True");
    }
}

#[test]
fn an_autoscaler_that_cannot_work_says_so_in_the_pool() {
    let blind = json!({"desiredReplicas": 1, "conditions": [
        {"type": "AbleToScale", "status": "True"},
        {"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric", "message": "no metrics returned"}]});
    let limited = json!({"desiredReplicas": 9, "conditions": [
        {"type": "ScalingActive", "status": "True"},
        {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas", "message": "the most"}]});
    for (said, holds_now, reason) in [
        (json!({"desiredReplicas": 0}), "Unknown", "Starting"),
        (active(1), "True", "Active"),
        (limited, "True", "TooManyReplicas"),
        (blind, "False", "FailedGetPodsMetric"),
    ] {
        let mut world = world(1, &[1]);
        autoscaled(&mut world, said);
        let status = seen(&world, &Met::default());
        assert_eq!(
            holds(&status.conditions, "Autoscaling"),
            (holds_now.into(), reason.into())
        );
        let told = words(&[], &status.conditions);
        let alarm = told
            .iter()
            .any(|word| word.alarming && word.reason == reason);
        assert_eq!(alarm, holds_now == "False");
    }
    let fixed = seen(&world(1, &[1]), &Met::default());
    assert!(
        fixed
            .conditions
            .iter()
            .all(|one| one.type_ != "Autoscaling")
    );
}

#[test]
fn who_writes_against_the_autoscaler_is_told() {
    for (wanted, said, told) in [
        (3, active(3), false),
        (5, active(3), true),
        (5, json!({"desiredReplicas": 3}), false),
    ] {
        let mut world = world(wanted, &[1]);
        autoscaled(&mut world, said);
        let word = overruled(&world);
        assert_eq!(word.is_some(), told);
        assert!(word.is_none_or(|word| {
            word.note
                .starts_with("spec.replicas is 5, and the autoscaler asks for 3")
        }));
    }
}
