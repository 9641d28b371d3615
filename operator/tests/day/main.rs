//! A pool under a day's traffic, with the operator's own decisions: nobody is cut, whatever happens.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "the benchmark looks at more of the model")]

mod hpa;
#[path = "../../benches/day/model.rs"]
mod model;
mod traffic;

use model::simulation::{Keeper, Outcome, Policy, run};
use model::traffic::{Crowd, Shape, Traffic};
use serde_json::{Value, json};

/// Four hours from midnight on, in which a crowd comes and goes.
const SECONDS: u32 = 4 * 3_600;
const CROWD: Shape = Shape {
    name: "crowd",
    noon: 300.0,
    evening: 300.0,
    crowd: Some(Crowd {
        at: 1_800,
        participants: 600,
    }),
};

fn after(keeper: Keeper, drain: Value, seed: u64) -> Outcome {
    let policy = Policy {
        name: "test",
        keeper,
        spec: json!({
            "autoscaling": { "minReplicas": 2, "maxReplicas": 40, "targetNetworkBytesPerSecond": 25_000_000 },
            "drain": drain,
        }),
    };
    run(&policy, &Traffic::new(CROWD, seed, SECONDS), seed)
}

#[test]
fn shoal_cuts_nobody_and_uses_little_more_than_the_traffic_needs() {
    for seed in 1..=3 {
        let outcome = after(Keeper::Shoal, json!({ "policy": "Migrate" }), seed);
        let counts = outcome.counts;
        assert_eq!((counts.cut, counts.pushed), (0, 0), "seed {seed}");
        assert!(counts.moved > 0, "bridges left, seed {seed}");
        let ratio = outcome.bridge_seconds as f64 / outcome.ideal_seconds as f64;
        assert!(ratio < 2.5, "seed {seed}: {ratio}");
    }
}

#[test]
fn who_waits_until_a_bridge_is_empty_moves_and_cuts_nobody() {
    let drain = json!({ "policy": "WaitForEmpty", "timeout": "3h" });
    let counts = after(Keeper::Shoal, drain, 1).counts;
    assert_eq!((counts.cut, counts.pushed, counts.moved), (0, 0, 0));
}

#[test]
fn a_stateful_set_alone_cuts_people() {
    assert!(after(Keeper::StatefulSet(30), json!({}), 1).counts.cut > 0);
}
