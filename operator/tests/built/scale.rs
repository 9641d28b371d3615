//! A pool grows and shrinks without cutting a call.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use operator::scale::{ScalePlan, plan};
use operator::world::{BridgeReport, PoolWorld};
use serde_json::json;

use crate::worlds::{NOW, pool_world, typed};

/// A bridge as a row of a table writes it.
#[derive(Clone, Copy)]
enum Bridge {
    /// Takes meetings; so many people are on it.
    In(i64),
    /// Was told to drain so many seconds ago; so many people are on it.
    Leaving(u64, i64),
    /// Was told to drain, started anew and takes meetings again.
    Forgot,
    /// Its pod runs and does not answer.
    Silent,
    /// It has no pod.
    None,
}
use Bridge::{Forgot, In, Leaving, Silent};

fn world(wanted: i32, bridges: &[Bridge]) -> PoolWorld {
    let mut world = pool_world(json!({ "replicas": wanted, "drain": { "timeout": "10m" } }));
    let set = json!({ "metadata": {}, "spec": { "replicas": bridges.len(), "selector": {}, "template": {} } });
    world
        .live
        .stateful_sets
        .insert("bridges-bridge".into(), typed(set));
    for (ordinal, bridge) in bridges.iter().enumerate() {
        let name = format!("bridges-bridge-{ordinal}");
        let (since, report) = match *bridge {
            In(people) => (None, Some((false, people))),
            Leaving(ago, people) => (Some(ago), Some((true, people))),
            Forgot => (Some(5), Some((false, 0))),
            Silent => (None, None),
            Bridge::None => continue,
        };
        let since = since.map(|ago| (NOW - Duration::from_secs(ago)).as_secs().to_string());
        let annotations = since.map(|text| json!({ "shoal.video/draining-since": text }));
        let running = json!([{ "name": "bridge", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": { "running": {} } }]);
        let pod = json!({
            "metadata": { "name": name, "annotations": annotations },
            "status": { "phase": "Running", "containerStatuses": running },
        });
        world.live.pods.insert(name.clone(), typed(pod));
        if let Some((draining, participants)) = report {
            let report = BridgeReport {
                draining,
                participants,
                ..BridgeReport::default()
            };
            world.bridges.insert(name, report);
        }
    }
    world
}

fn ordinals(pods: &[String]) -> Vec<i32> {
    let mut all: Vec<_> = pods
        .iter()
        .map(|pod| {
            pod.strip_prefix("bridges-bridge-")
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    all.sort_unstable();
    all
}

/// Replicas, told to drain, put back to use, overdue.
type Expected = (i32, &'static [i32], &'static [i32], &'static [i32]);

#[test]
fn only_empty_or_overdue_bridges_leave_and_the_highest_first() {
    let table: &[(i32, &[Bridge], Expected)] = &[
        (2, &[In(3), In(0)], (2, &[], &[], &[])),
        (4, &[In(3), In(0)], (4, &[], &[], &[])),
        // An empty bridge is told to drain before it goes: it could get a meeting meanwhile.
        (1, &[In(3), In(0)], (2, &[1], &[], &[])),
        (1, &[In(3), Leaving(5, 2)], (2, &[], &[], &[])),
        (1, &[In(3), Leaving(5, 0)], (1, &[], &[], &[])),
        (1, &[In(3), Leaving(600, 2)], (1, &[], &[], &[1])),
        // Bridge 1 is empty, and waits for bridge 2.
        (
            1,
            &[In(3), Leaving(5, 0), Leaving(5, 1)],
            (3, &[], &[], &[]),
        ),
        (
            1,
            &[In(3), Leaving(5, 1), Leaving(5, 0)],
            (2, &[], &[], &[]),
        ),
        // The wish grew again.
        (
            3,
            &[In(3), Leaving(5, 1), Leaving(5, 0)],
            (3, &[], &[1, 2], &[]),
        ),
        (5, &[In(3), Leaving(5, 1)], (5, &[], &[1], &[])),
        (1, &[In(3), Forgot], (2, &[1], &[], &[])),
        // Who does not answer may have people; who has no pod has none.
        (1, &[In(3), Silent], (2, &[], &[], &[])),
        (1, &[In(3), Bridge::None], (1, &[], &[], &[])),
        (0, &[Leaving(5, 0)], (0, &[], &[], &[])),
    ];
    for (row, (wanted, bridges, expected)) in table.iter().enumerate() {
        let plan = plan(&world(*wanted, bridges));
        let found = (
            plan.replicas,
            &*ordinals(&plan.drain),
            &*ordinals(&plan.undrain),
            &*ordinals(&plan.overdue),
        );
        assert_eq!(found, *expected, "row {row}");
        assert!(!plan.done, "row {row}: it is not being deleted");
    }
}

fn deleted(mut world: PoolWorld) -> ScalePlan {
    world.pool.metadata.deletion_timestamp = Some(Time("2026-01-01T00:00:00Z".parse().unwrap()));
    plan(&world)
}

#[test]
fn a_pool_that_is_deleted_drains_all_and_is_done_when_all_are_empty() {
    let plan = deleted(world(2, &[In(1), In(0)]));
    assert_eq!((ordinals(&plan.drain), plan.done), (vec![0, 1], false));
    let plan = deleted(world(2, &[Leaving(5, 1), Leaving(5, 0)]));
    assert_eq!((plan.replicas, plan.done), (1, false));
    let plan = deleted(world(2, &[Leaving(5, 0), Leaving(600, 9)]));
    assert_eq!((plan.replicas, plan.done), (0, true));
    let mut shardless = world(2, &[In(1), In(0)]);
    shardless.shards.clear();
    assert!(
        deleted(shardless).done,
        "without a shard nobody is in a meeting"
    );
}

#[test]
fn the_first_pods_are_as_many_as_wanted() {
    let world = pool_world(json!({ "replicas": 3 }));
    assert_eq!(plan(&world).replicas, 3);
}
