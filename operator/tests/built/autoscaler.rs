//! The HorizontalPodAutoscaler of a pool.

use serde_json::{Value, json};

use crate::worlds::{build_pool, pool_world};

fn autoscaler(autoscaling: Value) -> Value {
    let built = build_pool(&pool_world(json!({ "autoscaling": autoscaling })));
    let mut found = built
        .iter()
        .filter(|one| one.resource.kind == "HorizontalPodAutoscaler");
    found.next().unwrap().object.data["spec"].clone()
}

fn targets(spec: &Value) -> Vec<(String, String)> {
    let metrics = spec["metrics"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = metrics.map(|metric| {
        let pods = &metric["pods"];
        assert_eq!(metric["type"], "Pods");
        assert_eq!(pods["target"]["type"], "AverageValue");
        (
            text(&pods["metric"]["name"]),
            text(&pods["target"]["averageValue"]),
        )
    });
    targets.collect()
}

fn named(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let of = of.iter();
    of.map(|(name, target)| ((*name).into(), (*target).into()))
        .collect()
}

#[test]
fn the_reserve_lowers_both_targets() {
    let with = |reserve: Value| {
        let mut spec = json!({"maxReplicas": 5, "targetNetworkBytesPerSecond": 1_000_000, "targetStressPercent": 80});
        if !reserve.is_null() {
            spec["reservePercent"] = reserve;
        }
        targets(&autoscaler(spec))
    };
    for (reserve, bytes, stress) in [
        (Value::Null, "800000", "640m"),
        (json!(0), "1000000", "800m"),
        (json!(50), "500000", "400m"),
    ] {
        let expected = named(&[
            ("bridge_network_bytes_per_second", bytes),
            ("bridge_stress", stress),
        ]);
        assert_eq!(with(reserve.clone()), expected, "{reserve}");
    }
}

#[test]
fn it_scales_the_pool_up_at_once_and_down_slowly() {
    let spec = autoscaler(json!({"maxReplicas": 5, "targetNetworkBytesPerSecond": 1_000_000}));
    assert_eq!(spec["scaleTargetRef"]["kind"], "BridgePool");
    let (up, down) = (&spec["behavior"]["scaleUp"], &spec["behavior"]["scaleDown"]);
    assert_eq!(up["stabilizationWindowSeconds"], 0);
    assert_eq!(down["stabilizationWindowSeconds"], 600);
    // A pool of one grows at once by more than one, a large one shrinks by more than one at a time.
    let policies = |rules: &Value| -> Vec<(String, i64, i64)> {
        let all = rules["policies"].as_array().unwrap().iter();
        let number = |value: &Value| value.as_i64().unwrap();
        all.map(|one| {
            let kind = one["type"].as_str().unwrap().to_owned();
            (kind, number(&one["value"]), number(&one["periodSeconds"]))
        })
        .collect()
    };
    let (pods, percent) = ("Pods".to_owned(), "Percent".to_owned());
    assert_eq!(
        policies(up),
        [(pods.clone(), 4, 15), (percent.clone(), 100, 15)]
    );
    assert_eq!(policies(down), [(pods, 1, 120), (percent, 10, 120)]);
}
