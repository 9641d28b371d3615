//! A pool grows and shrinks without cutting a call.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use operator::scale::{ScalePlan, Update, Why, plan};
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

/// Changes what is known of a bridge's pod.
fn change(world: &mut PoolWorld, ordinal: i32, value: serde_json::Value) {
    let name = format!("bridges-bridge-{ordinal}");
    let pod = world.live.pods.get_mut(&name).unwrap();
    let mut whole = serde_json::to_value(&*pod).unwrap();
    merge(&mut whole, value);
    *pod = typed(whole);
}

fn merge(into: &mut serde_json::Value, value: serde_json::Value) {
    match (into, value) {
        (serde_json::Value::Object(into), serde_json::Value::Object(value)) => {
            for (key, value) in value {
                merge(into.entry(key).or_insert(json!({})), value);
            }
        }
        (into, value) => *into = value,
    }
}

fn on_node(world: &mut PoolWorld, ordinal: i32, node: &str) {
    change(
        world,
        ordinal,
        json!({ "spec": { "containers": [], "nodeName": node } }),
    );
}

fn cordon(world: &mut PoolWorld, node: &str) {
    let value = json!({ "metadata": { "name": node }, "spec": { "unschedulable": true } });
    world.nodes.insert(node.into(), Arc::new(typed(value)));
}

fn unwell(world: &mut PoolWorld, ordinal: i32) {
    let report = world.bridges.get_mut(&format!("bridges-bridge-{ordinal}"));
    report.unwrap().unwell = Some("no address".into());
}

#[test]
fn nobody_leaves_before_as_many_as_wanted_take_meetings() {
    // Bridge 0 does not: bridge 1 stays in its place, and bridge 2 goes.
    let mut three = world(1, &[In(0), In(3), In(0)]);
    unwell(&mut three, 0);
    let plan_of_three = plan(&three);
    assert_eq!(ordinals(&plan_of_three.drain), [2]);
    // It does not answer, and with that nothing is known of anybody: all stay.
    let silent = plan(&world(1, &[Silent, Silent, Silent]));
    assert_eq!((silent.replicas, silent.drain.len()), (3, 0));
    // One that drains already comes back for one that failed.
    let mut failed = world(1, &[In(0), Leaving(5, 3)]);
    unwell(&mut failed, 0);
    assert_eq!(ordinals(&plan(&failed).undrain), [1]);
    // Not every shard knows the new bridge yet.
    let mut unseen = world(1, &[In(0), In(3)]);
    let report = unseen.bridges.get_mut("bridges-bridge-0").unwrap();
    report.unseen_by = Some("a".into());
    assert!(plan(&unseen).drain.is_empty());
}

#[test]
fn a_bridge_drained_by_hand_stays_and_another_one_takes_its_place() {
    let by_hand = json!({ "metadata": { "annotations": { "shoal.video/drain": "true" } } });
    let mut one = world(2, &[In(3), In(1)]);
    change(&mut one, 0, by_hand.clone());
    let told = plan(&one);
    assert_eq!((told.replicas, ordinals(&told.drain)), (3, vec![0]));
    assert_eq!(told.why["bridges-bridge-0"], Why::ByHand);

    let mut empty = world(2, &[Leaving(9000, 0), In(1), In(1)]);
    change(&mut empty, 0, by_hand.clone());
    let stays = plan(&empty);
    assert_eq!((stays.replicas, ordinals(&stays.free)), (3, vec![0]));
    assert!(stays.replace.is_empty() && stays.overdue.is_empty());
    // Fewer are wanted: only the highest ordinals can go.
    empty.pool.spec.replicas = 1;
    assert_eq!(ordinals(&plan(&empty).drain), [2]);

    // The annotation is gone: it takes meetings again, and the one in its place is one too many.
    let back = plan(&world(2, &[Leaving(60, 0), In(1), In(1)]));
    assert_eq!(ordinals(&back.undrain), [0]);
    let later = plan(&world(2, &[In(0), In(1), In(1)]));
    assert_eq!(ordinals(&later.drain), [2]);
}

#[test]
fn bridges_of_a_node_that_leaves_drain_at_once_whatever_the_policy() {
    let mut node = world(2, &[In(3), In(1), In(2)]);
    node.pool.spec.replicas = 3;
    node.pool.spec.drain.policy = operator::crd::DrainPolicy::WaitForEmpty;
    for ordinal in [0, 2] {
        on_node(&mut node, ordinal, "n1");
    }
    cordon(&mut node, "n1");
    let told = plan(&node);
    assert_eq!((told.replicas, ordinals(&told.drain)), (5, vec![0, 2]));
    assert_eq!(
        told.why["bridges-bridge-0"],
        Why::Node("n1 is cordoned".into())
    );
    assert!(told.undrain.is_empty() && told.replace.is_empty());

    let mut drains = world(2, &[Leaving(5, 3), In(1), In(2)]);
    drains.pool.spec.drain.policy = operator::crd::DrainPolicy::WaitForEmpty;
    on_node(&mut drains, 0, "n1");
    cordon(&mut drains, "n1");
    let moved = plan(&drains);
    assert_eq!(ordinals(&moved.moved), [0]);
    assert!(moved.free.is_empty(), "it has people");
    // One that does not answer is not waited for any longer than the others.
    let mut silent = world(1, &[Silent, In(1)]);
    on_node(&mut silent, 0, "n1");
    cordon(&mut silent, "n1");
    assert_eq!(ordinals(&plan(&silent).drain), [0]);
    drains.nodes.clear();
    assert_eq!(ordinals(&plan(&drains).undrain), [0], "uncordoned");
}

#[test]
fn one_bridge_may_be_evicted_while_none_leaves_and_another_takes_its_people() {
    for (row, (wanted, bridges, evictable, free)) in [
        (1, &[In(3)][..], 0, vec![]),
        (2, &[In(3), In(0)][..], 1, vec![]),
        (2, &[In(3), Silent][..], 0, vec![]),
        (1, &[In(3), In(2), In(0)][..], 0, vec![]),
        (1, &[In(3), Leaving(5, 0), Leaving(5, 2)][..], 0, vec![1]),
        // It waits for a higher one, and its time is over.
        (1, &[In(3), Leaving(600, 2), Leaving(5, 2)][..], 0, vec![1]),
    ]
    .into_iter()
    .enumerate()
    {
        let found = plan(&world(wanted, bridges));
        assert_eq!(found.evictable, evictable, "row {row}");
        assert_eq!(ordinals(&found.free), free, "row {row}");
    }
}

/// A pool of `wanted` bridges; `old` are of the old spec.
fn renewed(wanted: i32, bridges: &[Bridge], old: &[i32]) -> PoolWorld {
    let mut world = world(wanted, bridges);
    let set = json!({ "metadata": {}, "spec": { "replicas": bridges.len(), "selector": {}, "template": {} },
        "status": { "replicas": bridges.len(), "updateRevision": "new" } });
    world
        .live
        .stateful_sets
        .insert("bridges-bridge".into(), typed(set));
    for (ordinal, bridge) in (0..).zip(bridges) {
        if matches!(bridge, Bridge::None) {
            continue;
        }
        let revision = if old.contains(&ordinal) { "old" } else { "new" };
        let labels = json!({ "controller-revision-hash": revision });
        change(
            &mut world,
            ordinal,
            json!({ "metadata": { "labels": labels } }),
        );
    }
    world
}

fn waits(plan: &ScalePlan) -> Option<&str> {
    let Update { waits_for, .. } = plan.update.as_ref()?;
    waits_for
        .as_deref()
        .map(|pod| pod.strip_prefix("bridges-bridge-").unwrap())
}

#[test]
fn an_update_starts_one_more_and_then_replaces_the_highest_first_one_at_a_time() {
    let first = plan(&renewed(2, &[In(3), In(1)], &[0, 1]));
    assert_eq!((first.replicas, waits(&first)), (3, Some("2")));
    assert!(
        first.drain.is_empty(),
        "nobody drains before the new one works"
    );

    let second = plan(&renewed(2, &[In(3), In(1), In(0)], &[0, 1]));
    assert_eq!((second.replicas, ordinals(&second.drain)), (3, vec![1]));
    assert_eq!(second.why["bridges-bridge-1"], Why::Update);

    let third = plan(&renewed(2, &[In(3), Leaving(5, 1), In(0)], &[0, 1]));
    assert_eq!(ordinals(&third.moved), [1]);
    assert!(third.replace.is_empty(), "it has people");
    let fourth = plan(&renewed(2, &[In(3), Leaving(5, 0), In(1)], &[0, 1]));
    assert_eq!(ordinals(&fourth.replace), [1]);

    // Its successor starts: the next one waits for it.
    let fifth = plan(&renewed(2, &[In(3), Bridge::None, In(1)], &[0]));
    assert_eq!((fifth.replicas, waits(&fifth)), (3, Some("1")));
    assert!(fifth.drain.is_empty());
    let sixth = plan(&renewed(2, &[In(3), In(0), In(1)], &[0]));
    assert_eq!(ordinals(&sixth.drain), [0]);
    // All are new: the one that helped goes.
    let last = plan(&renewed(2, &[In(0), In(3), In(1)], &[]));
    assert_eq!(
        (last.update.is_none(), ordinals(&last.drain)),
        (true, vec![2])
    );
    assert_eq!(last.why["bridges-bridge-2"], Why::Surplus);
}

#[test]
fn a_new_spec_that_does_not_work_cuts_nobody() {
    let mut stopped = renewed(2, &[In(3), In(1), Silent], &[0, 1]);
    let found = plan(&stopped);
    assert_eq!((waits(&found), found.replicas), (Some("2"), 3));
    assert!(found.drain.is_empty() && found.replace.is_empty());
    // The next spec replaces the one that never ran, at once.
    let waiting = json!({ "status": { "phase": "Pending", "containerStatuses": [] } });
    change(&mut stopped, 2, waiting);
    change(
        &mut stopped,
        2,
        json!({ "metadata": { "labels": { "controller-revision-hash": "broken" } } }),
    );
    assert_eq!(ordinals(&plan(&stopped).replace), [2]);
    // The bridge that drains when the new one fails goes on draining, and is not replaced.
    let mut failed = renewed(2, &[In(3), Leaving(5, 0), In(1)], &[0, 1]);
    unwell(&mut failed, 2);
    let held = plan(&failed);
    assert!(held.replace.is_empty() && held.undrain.is_empty());
}

#[test]
fn where_no_node_has_room_for_one_more_the_one_that_leaves_makes_it() {
    let homeless = |world: &mut PoolWorld, ordinal: i32, ago: u64| {
        let since = jiff_text(NOW - Duration::from_secs(ago));
        let condition =
            json!([{ "type": "PodScheduled", "status": "False", "lastTransitionTime": since }]);
        change(
            world,
            ordinal,
            json!({ "status": { "phase": "Pending", "containerStatuses": [], "conditions": condition } }),
        );
    };
    let mut two = renewed(2, &[In(3), In(1), Silent], &[0, 1]);
    homeless(&mut two, 2, 1);
    assert_eq!(ordinals(&plan(&two).drain), [1]);
    // A bridge that is alone waits as long as a drain may take, for another node may come.
    let mut one = renewed(1, &[In(3), Silent], &[0]);
    homeless(&mut one, 1, 599);
    assert!(plan(&one).drain.is_empty());
    homeless(&mut one, 1, 600);
    assert_eq!(ordinals(&plan(&one).drain), [0]);
}

fn jiff_text(at: Duration) -> String {
    let at = k8s_openapi::jiff::Timestamp::from_second(i64::try_from(at.as_secs()).unwrap());
    at.unwrap().to_string()
}
