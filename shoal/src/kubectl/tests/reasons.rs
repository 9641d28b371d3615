//! `why`.

use k8s_openapi::api::core::v1::{Event, Node, Pod};
use operator::crd::BridgePool;
use serde_json::json;

use super::*;
use crate::kubectl::why::{events, leaving, scaling::Scaling, subject};

fn event(kind: &str, name: &str, reason: &str, message: &str, minute: u32) -> Event {
    object(json!({
        "metadata": {"name": format!("{reason}{minute}"), "namespace": "meet"},
        "involvedObject": {"kind": kind, "name": name},
        "type": "Normal", "reason": reason, "message": message,
        "eventTime": format!("2026-01-01T00:{minute:02}:00.000000Z"),
    }))
}

#[test]
fn a_name_means_one_thing_or_is_asked_back() {
    let mut seen = seen();
    let kinds = |seen: &Seen, name| {
        let found = subject::meant(seen, name)?;
        anyhow::Ok(found.iter().map(|one| one.kinds()[0]).collect::<Vec<_>>())
    };
    assert_eq!(kinds(&seen, None).unwrap(), ["BridgePool"]);
    assert_eq!(kinds(&seen, Some("a")).unwrap(), ["JitsiShard"]);
    assert_eq!(kinds(&seen, Some("default")).unwrap(), ["JitsiCluster"]);
    assert_eq!(
        subject::meant(&seen, Some("bridges-bridge-0")).unwrap()[0]
            .bridge()
            .unwrap(),
        "bridges-bridge-0"
    );
    seen.shards.push(object(shard("bridges")));
    let error = kinds(&seen, Some("bridges")).unwrap_err().to_string();
    assert_eq!(
        error,
        "bridges is the name of several: write jsh/bridges or bp/bridges"
    );
    assert_eq!(kinds(&seen, Some("bp/bridges")).unwrap(), ["BridgePool"]);
    let error = kinds(&seen, Some("nothing")).unwrap_err().to_string();
    assert!(
        error.contains("namespace meet has no cluster, shard, pool or bridge nothing"),
        "{error}"
    );
}

#[test]
fn events_of_a_pool_and_its_autoscaler_are_in_order_of_time() {
    let seen = seen();
    let pool = subject::meant(&seen, Some("bridges")).unwrap()[0];
    let mut again = event(
        "BridgePool",
        "bridges",
        "Draining",
        "bridge bridges-bridge-1 takes no new meetings",
        10,
    );
    again.series = Some(object(
        json!({"count": 3, "lastObservedTime": "2026-01-01T00:50:00.000000Z"}),
    ));
    let events_read = BTreeMap::from([(
        "bridges".to_owned(),
        vec![
            again,
            event(
                "HorizontalPodAutoscaler",
                "bridges",
                "SuccessfulRescale",
                "New size: 2",
                20,
            ),
            event("StatefulSet", "bridges", "Other", "of somebody else", 30),
        ],
    )]);
    let told = events::of(&pool, &events_read, NOW);
    let rows: Vec<_> = told.iter().map(|one| one.row()[..3].join(" ")).collect();
    assert_eq!(
        rows,
        ["40m Normal SuccessfulRescale", "10m (x3) Normal Draining"]
    );
}

#[test]
fn events_of_a_bridge_are_those_that_name_it() {
    let seen = seen();
    let bridge = subject::meant(&seen, Some("bridges-bridge-1")).unwrap()[0];
    let events_read = BTreeMap::from([
        (
            "bridges".to_owned(),
            vec![
                event(
                    "BridgePool",
                    "bridges",
                    "Draining",
                    "bridge bridges-bridge-1 drains",
                    1,
                ),
                event(
                    "BridgePool",
                    "bridges",
                    "Draining",
                    "bridge bridges-bridge-10 drains",
                    2,
                ),
            ],
        ),
        (
            "bridges-bridge-1".to_owned(),
            vec![event(
                "Pod",
                "bridges-bridge-1",
                "Started",
                "Started container",
                3,
            )],
        ),
    ]);
    let told = events::of(&bridge, &events_read, NOW);
    let messages: Vec<_> = told.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        ["bridge bridges-bridge-1 drains", "Started container"]
    );
}

#[test]
fn an_autoscaler_shows_what_it_measures_beside_what_it_aims_at() {
    let metric = |name: &str, value: &str| json!({"type": "Pods", "pods": {"metric": {"name": name}, "current": {"averageValue": value}}});
    let target = |name: &str, value: &str| {
        json!({"type": "Pods", "pods": {
            "metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": value},
        }})
    };
    let autoscaler = object(json!({
        "metadata": {"name": "bridges"},
        "spec": {
            "minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"kind": "BridgePool", "name": "bridges"},
            "metrics": [target("bridge_network_bytes_per_second", "25M"), target("bridge_stress", "600m")],
        },
        "status": {
            "currentReplicas": 2, "desiredReplicas": 3,
            "currentMetrics": [metric("bridge_network_bytes_per_second", "31250000")],
            "conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "ok"}],
        },
    }));
    assert_eq!(
        Scaling::of(&autoscaler).to_string(),
        "The HorizontalPodAutoscaler wants 3 and counts 2, between 1 and 5.\n\
         METRIC, MEAN OF BRIDGES           NOW         TARGET\n\
         bridge_network_bytes_per_second   31 MB/s     25 MB/s\n\
         bridge_stress                     not known   60%\n\n\
         AUTOSCALER      STATUS   REASON             MESSAGE\n\
         ScalingActive   True     ValidMetricFound   ok\n"
    );
}

/// The sentence of bridge 1, drained for five minutes.
fn sentence(
    change: impl Fn(&mut Value, &mut Value),
    heard: Heard<BridgeStats>,
    node: Option<Value>,
) -> Option<String> {
    let (mut pool, mut pod) = (pool(), pod("bridge", "bridges-bridge-1", "node2"));
    pod["metadata"]["annotations"]["shoal.video/draining-since"] =
        (NOW.as_secs() - 300).to_string().into();
    change(&mut pool, &mut pod);
    let (pool, pod): (BridgePool, Pod) = (object(pool), object(pod));
    let node: Option<Node> = node.map(object);
    leaving::sentence(&pool, &pod, Some(&heard), node.as_ref(), NOW)
}

#[test]
fn who_leaves_says_why_and_what_keeps_it() {
    let not_wanted = |pool: &mut Value, _: &mut Value| pool["spec"]["replicas"] = 1.into();
    assert_eq!(
        sentence(not_wanted, stats(3, true), None).unwrap(),
        "bridges-bridge-1 drains for 5m, because the pool wants 1 bridge and not more; 3 participants are on it, being \
         moved; at the latest in 5m (spec.drain.timeout, 10m) it goes all the same"
    );
    let waits = |pool: &mut Value, _: &mut Value| {
        pool["spec"]["replicas"] = 1.into();
        pool["spec"]["drain"] = json!({"policy": "WaitForEmpty", "timeout": "1m"});
    };
    let told = sentence(waits, stats(1, true), None).unwrap();
    assert!(
        told.contains("1 participant is on it and waited for"),
        "{told}"
    );
    assert!(
        told.ends_with("its time (spec.drain.timeout, 1m) is over"),
        "{told}"
    );
    let by_hand = |_: &mut Value, pod: &mut Value| {
        pod["metadata"]["annotations"]["shoal.video/drain"] = "true".into()
    };
    let told = sentence(by_hand, stats(2, true), None).unwrap();
    assert!(
        told.contains("drained by hand (`kubectl shoal undrain bridge bridges-bridge-1` ends it)"),
        "{told}"
    );
    assert!(told.ends_with("being moved"), "{told}");
    let cordoned = json!({"metadata": {"name": "node2"}, "spec": {"unschedulable": true}});
    let told = sentence(|_, _| {}, stats(0, true), Some(cordoned)).unwrap();
    assert!(
        told.contains("its node node2 is cordoned") && told.ends_with("nobody is on it"),
        "{told}"
    );
    let told = sentence(|_, _| {}, Err(no_answer("bridges-bridge-1")), None).unwrap();
    assert!(
        told.contains("how many people are on it is not known"),
        "{told}"
    );
    let not_told = |_: &mut Value, pod: &mut Value| pod["metadata"]["annotations"] = json!({});
    assert_eq!(sentence(not_told, stats(3, false), None), None);
}
