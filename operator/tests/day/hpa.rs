//! The model of Kubernetes' autoscaler does what its documentation says.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::hpa::Phase::{Pending, Running, Terminating};
use crate::model::hpa::{Autoscaler, Phase, Pod};

/// With metrics by name and target, between 2 and 1,000.
fn autoscaler(metrics: &[(&str, &str)], behavior: Value) -> Autoscaler {
    let metrics: Vec<_> = metrics
        .iter()
        .map(|(name, average)| {
            json!({ "type": "Pods", "pods": {
                "metric": { "name": name },
                "target": { "type": "AverageValue", "averageValue": average },
            }})
        })
        .collect();
    let spec = json!({
        "scaleTargetRef": { "kind": "BridgePool", "name": "bridges" },
        "minReplicas": 2, "maxReplicas": 1_000, "metrics": metrics, "behavior": behavior,
    });
    Autoscaler::new(&serde_json::from_value(spec).unwrap())
}

/// Any change at once.
fn at_once() -> Value {
    json!({
        "scaleUp": { "policies": [{ "type": "Pods", "value": 1_000, "periodSeconds": 15 }] },
        "scaleDown": { "stabilizationWindowSeconds": 0 },
    })
}

fn pods(count: usize, phase: Phase, values: &[Option<f64>]) -> Vec<Pod> {
    let values = values.to_vec();
    vec![Pod { phase, values }; count]
}

/// "Algorithm details": desired = ceil(current × value / target), and when it is not that.
#[test]
fn replicas_follow_the_ratio_of_what_is_to_what_shall_be() {
    let is = |count, value| (count, Running, Some(value));
    let silent = |count| (count, Running, None);
    let starts = |count| (count, Pending, None);
    let cases = [
        ("twice the load", 4, vec![is(4, 200.0)], 8),
        ("half the load", 4, vec![is(4, 50.0)], 2),
        ("rounded up", 4, vec![is(4, 126.0)], 6),
        ("10 % more is tolerated", 4, vec![is(4, 109.0)], 4),
        ("10 % less is tolerated", 4, vec![is(4, 91.0)], 4),
        ("nobody knows", 4, vec![silent(4)], 4),
        ("no pods", 4, vec![], 4),
        (
            "pods that end are not looked at",
            2,
            vec![is(2, 100.0), (2, Terminating, Some(0.0))],
            2,
        ),
        (
            "a silent pod has nothing when there is too much",
            4,
            vec![is(3, 200.0), silent(1)],
            6,
        ),
        (
            "a silent pod has its share when there is too little",
            4,
            vec![is(3, 20.0), silent(1)],
            2,
        ),
        (
            "silent pods turn growth into none",
            4,
            vec![is(2, 150.0), silent(2)],
            4,
        ),
        (
            "pods that start have nothing when there is too much",
            8,
            vec![is(4, 200.0), starts(4)],
            8,
        ),
        (
            "more is wanted than starts",
            8,
            vec![is(4, 300.0), starts(4)],
            12,
        ),
        (
            "pods that start are not looked at when there is too little",
            8,
            vec![is(4, 50.0), starts(4)],
            2,
        ),
    ];
    for (what, current, groups, expected) in cases {
        let pods: Vec<Pod> = groups
            .into_iter()
            .flat_map(|(count, phase, value)| pods(count, phase, &[value]))
            .collect();
        let wanted =
            autoscaler(&[("bytes", "100")], at_once()).handle_sync(Duration::ZERO, current, &pods);
        assert_eq!(wanted, expected, "{what}");
    }
}

#[test]
fn quantities_are_read_as_the_api_writes_them() {
    for (target, value) in [
        ("25000000", 50e6),
        ("800m", 1.6),
        ("25M", 50e6),
        ("1.5k", 3e3),
    ] {
        let pods = pods(4, Running, &[Some(value)]);
        let wanted =
            autoscaler(&[("bytes", target)], at_once()).handle_sync(Duration::ZERO, 4, &pods);
        assert_eq!(wanted, 8, "{target}");
    }
}

#[test]
fn the_largest_wish_of_several_metrics_counts_and_a_missing_one_forbids_to_shrink() {
    let cases = [
        ("the second asks for more", [Some(50.0), Some(1.0)], 8),
        ("both ask for less", [Some(50.0), Some(0.3)], 3),
        (
            "one is missing, the other asks for less",
            [Some(50.0), None],
            4,
        ),
        (
            "one is missing, the other asks for more",
            [Some(200.0), None],
            8,
        ),
        ("nothing is known", [None, None], 4),
    ];
    for (what, values, expected) in cases {
        let mut both = autoscaler(&[("bytes", "100"), ("stress", "500m")], at_once());
        let wanted = both.handle_sync(Duration::ZERO, 4, &pods(4, Running, &values));
        assert_eq!(wanted, expected, "{what}");
    }
}

#[test]
fn the_number_is_brought_between_its_bounds_at_once() {
    let idle = |count| pods(count, Running, &[Some(0.0)]);
    for (what, current, expected) in [
        ("above", 1_100, 1_000),
        ("below", 1, 2),
        ("off", 0, 0),
        ("never below", 3, 2),
    ] {
        let mut one = autoscaler(&[("bytes", "100")], at_once());
        let wanted = one.handle_sync(Duration::ZERO, current, &idle(current as usize));
        assert_eq!(wanted, expected, "{what}");
    }
}

/// What becomes of wishes at times, in seconds.
fn course(behavior: &Value, start: i32, wishes: &[(u64, u32)]) -> Vec<i32> {
    let mut autoscaler = autoscaler(&[("bytes", "100")], behavior.clone());
    let mut current = start;
    wishes
        .iter()
        .map(|(at, wish)| {
            let pods = pods(1, Running, &[Some(f64::from(*wish) * 100.0)]);
            current = autoscaler.handle_sync(Duration::from_secs(*at), current, &pods);
            current
        })
        .collect()
}

/// "Configurable scaling behavior", its default values and its examples.
#[test]
fn the_number_changes_as_fast_as_the_rules_say() {
    let default = json!({});
    let slow_down = json!({ "scaleDown": { "stabilizationWindowSeconds": 0, "policies": [
        { "type": "Pods", "value": 4, "periodSeconds": 60 },
        { "type": "Percent", "value": 10, "periodSeconds": 60 },
    ]}});
    let mut least = slow_down.clone();
    least["scaleDown"]["selectPolicy"] = json!("Min");
    let off = json!({ "scaleDown": { "selectPolicy": "Disabled" } });
    let careful = json!({ "scaleUp": { "stabilizationWindowSeconds": 60 } });
    let cases = [
        (
            "by default up by 4 or to double",
            &default,
            2,
            vec![(0, 50), (15, 50), (30, 50)],
            vec![6, 12, 24],
        ),
        (
            "no more before a period is over",
            &default,
            10,
            vec![(0, 50), (10, 50), (15, 50)],
            vec![20, 20, 40],
        ),
        (
            "by default down after five minutes",
            &default,
            10,
            vec![(0, 10), (15, 2), (285, 2), (300, 2)],
            vec![10, 10, 10, 2],
        ),
        (
            "the larger of two policies",
            &slow_down,
            80,
            vec![(0, 10), (60, 10), (120, 10)],
            vec![72, 64, 57],
        ),
        (
            "the same when the pool is small",
            &slow_down,
            10,
            vec![(0, 2), (30, 2), (60, 2)],
            vec![6, 6, 2],
        ),
        (
            "the smaller of two policies",
            &least,
            80,
            vec![(0, 10), (60, 10)],
            vec![76, 72],
        ),
        (
            "never down",
            &off,
            80,
            vec![(0, 10), (600, 10)],
            vec![80, 80],
        ),
        (
            "up to what was wished all the time",
            &careful,
            4,
            vec![(0, 4), (15, 8), (60, 6), (75, 8)],
            vec![4, 4, 6, 6],
        ),
    ];
    for (what, behavior, start, wishes, expected) in cases {
        assert_eq!(course(behavior, start, &wishes), expected, "{what}");
    }
}
