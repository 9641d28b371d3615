//! However a bridge leaves, nobody on it is cut, and every decision is told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fake::FakeApi;
use crate::operator_run::{Run, condition, resource, service, settle};
use crate::pods::Pods;

/// Longest time for anything here, in virtual time.
const LONG: Duration = Duration::from_secs(600);

/// A pool of `replicas` bridges that take meetings, each with so many people.
async fn pool(replicas: usize, people: i64) -> (FakeApi, Pods, Run) {
    let api = FakeApi::default();
    service(&api);
    scale(&api, replicas);
    let pods = Pods::start(&api);
    let run = Run::with(&api, pods.http(), "one");
    until("the pool is ready", || is_ready(&api)).await;
    for (pod, _) in pods.people() {
        pods.join(&pod, people);
    }
    // The operator has asked everybody.
    settle().await;
    pods.least();
    (api, pods, run)
}

fn scale(api: &FakeApi, replicas: usize) {
    api.act(|state| state.put(resource("BridgePool", "p", json!({"replicas": replicas}))));
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(
        tokio::time::timeout(LONG, wait).await.is_ok(),
        "never: {what}"
    );
}

fn is_ready(api: &FakeApi) -> bool {
    condition(api, "bridgepools", "p", "Ready", "True").is_some()
}

fn message(api: &FakeApi) -> String {
    let pool = api
        .act(|state| state.get("bridgepools", "meet", "p").cloned())
        .unwrap();
    pool["status"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn pod(api: &FakeApi, name: &str) -> Value {
    let pod = api.act(|state| state.get("pods", "meet", name).cloned());
    pod.unwrap_or_default()
}

/// What the events of a reason say, in order of time.
fn told(api: &FakeApi, reason: &str) -> Vec<String> {
    let events = api.act(|state| state.all("events"));
    let of_reason = events.iter().filter(|event| event["reason"] == reason);
    of_reason
        .map(|event| event["note"].as_str().unwrap().to_owned())
        .collect()
}

fn total(pods: &Pods) -> i64 {
    pods.people().iter().map(|(_, people)| people).sum()
}

#[tokio::test(start_paused = true)]
async fn a_smaller_number_moves_people_first_and_says_why() {
    let (api, pods, run) = pool(3, 12).await;
    scale(&api, 1);
    until("people are on bridge 0 alone", || {
        pods.people() == [("p-bridge-0".into(), 36)]
    })
    .await;
    settle().await;
    assert_eq!((pods.cut(), message(&api).as_str()), (0, ""));
    let drained = told(&api, "Draining");
    assert_eq!(drained.len(), 2, "{drained:?}");
    assert!(drained[0].starts_with("bridge p-bridge-2 takes no new meetings, because 1 is wanted; 12 people on it are moved, other bridges are"), "{drained:?}");
    let removed = told(&api, "BridgeRemoved");
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(
        removed[0].contains("bridge p-bridge-2 is removed: nobody is on it")
            && removed[0].contains("12 people were moved"),
        "{removed:?}"
    );
    scale(&api, 2);
    until("two are ready", || {
        pods.people().len() == 2 && is_ready(&api)
    })
    .await;
    let started = told(&api, "BridgeStarts");
    assert_eq!(
        started.last().unwrap(),
        "bridge p-bridge-1 starts, because 2 are wanted"
    );
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_operator_is_away_nobody_is_cut_and_it_catches_up() {
    let (api, pods, run) = pool(2, 5).await;
    run.stop().await;
    // Growth that nobody carries out.
    scale(&api, 3);
    settle().await;
    assert_eq!((pods.people().len(), pods.cut()), (2, 0));
    let run = Run::with(&api, pods.http(), "two");
    until("it catches up", || {
        pods.people().len() == 3 && is_ready(&api)
    })
    .await;
    pods.join("p-bridge-2", 40);
    // It is killed while bridge 2 drains.
    scale(&api, 1);
    let since = |api: &FakeApi| {
        pod(api, "p-bridge-2")["metadata"]["annotations"]["shoal.video/draining-since"].clone()
    };
    until("bridge 2 drains", || since(&api).is_string()).await;
    run.kill().await;
    let before = since(&api);
    settle().await;
    assert_eq!((pods.people().len(), pods.cut()), (3, 0));
    assert_eq!(since(&api), before);
    let run = Run::with(&api, pods.http(), "three");
    until("it goes on", || pods.people().len() == 1).await;
    assert_eq!((total(&pods), pods.cut()), (50, 0));
    assert_eq!(
        told(&api, "Draining").len(),
        2,
        "each once, whoever the operator is"
    );
    run.stop().await;
}

fn image(api: &FakeApi, image: &str) {
    let spec = json!({"pods": {"image": image}});
    api.act(|state| state.put(resource("BridgePool", "p", spec)));
}

fn revisions(api: &FakeApi) -> Vec<String> {
    let pods = api.act(|state| state.all("pods"));
    let bridges = pods
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["shoal.video/pool"] == "p");
    bridges
        .map(|pod| {
            pod["spec"]["containers"][0]["image"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_update_cuts_nobody_and_leaves_no_fewer_bridges_than_wanted() {
    for bridges in [1, 3] {
        let (api, pods, run) = pool(bridges, 7).await;
        image(&api, "registry.example/shoal:2");
        until("all are new", || {
            revisions(&api) == vec!["registry.example/shoal:2"; bridges]
        })
        .await;
        assert_eq!((pods.cut(), total(&pods)), (0, bridges as i64 * 7));
        assert!(pods.least() >= bridges, "of {bridges}");
        settle().await;
        assert_eq!(pods.people().len(), bridges);
        assert_eq!(told(&api, "BridgeReplaced").len(), bridges);
        let started = told(&api, "BridgeStarts");
        assert!(
            started
                .last()
                .unwrap()
                .contains("because the pool has a new spec"),
            "{started:?}"
        );
        run.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_work_stops_and_says_so() {
    let (api, pods, run) = pool(2, 7).await;
    image(&api, "registry.example/broken:2");
    let degraded = || condition(&api, "bridgepools", "p", "Degraded", "True");
    until("it says so", || {
        degraded().as_deref() == Some("UpdateStopped")
    })
    .await;
    settle().await;
    assert_eq!((pods.least(), pods.cut(), total(&pods)), (2, 0, 14));
    assert!(is_ready(&api) && message(&api).contains("the update has stopped, and 2 bridges of the old spec go on: pod p-bridge-2, container bridge: ImagePullBackOff"), "{}", message(&api));
    image(&api, "registry.example/shoal:3");
    until("all are new", || {
        revisions(&api) == ["registry.example/shoal:3"; 2]
    })
    .await;
    assert_eq!((pods.cut(), total(&pods), degraded()), (0, 14, None));
    run.stop().await;
}

fn cordon(api: &FakeApi, node: &str, unschedulable: bool) {
    api.act(|state| {
        state.put(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node},
            "spec": {"unschedulable": unschedulable}}),
        );
    });
}

#[tokio::test(start_paused = true)]
async fn a_node_is_drained_without_a_cut_also_when_it_has_the_only_bridge() {
    for bridges in [1, 4] {
        let (api, pods, run) = pool(bridges, 6).await;
        cordon(&api, "node2", false);
        cordon(&api, "node1", true);
        // An operator that has heard of the cordon: the first eviction may be faster, and the bridge then helps itself.
        until("bridges drain", || !told(&api, "Draining").is_empty()).await;
        let refused = !pods.evict("node1");
        assert!(refused, "people are on it");
        until("all are off the node", || pods.evict("node1")).await;
        settle().await;
        assert_eq!((pods.cut(), total(&pods)), (0, bridges as i64 * 6));
        let drained = told(&api, "Draining");
        assert!(
            drained[0].contains("because its node node1 is cordoned"),
            "{drained:?}"
        );
        until("as many as wanted are left", || {
            pods.people().len() == bridges
        })
        .await;
        run.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bridge_is_drained_by_hand_and_comes_back() {
    let (api, pods, run) = pool(2, 6).await;
    let annotate = |value: Value| {
        api.act(|state| {
            state.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p-bridge-0", "namespace": "meet",
                "annotations": {"shoal.video/drain": value}}}));
        });
    };
    annotate("true".into());
    let state =
        |api: &FakeApi| pod(api, "p-bridge-0")["metadata"]["labels"]["shoal.video/state"].clone();
    until("it is drained", || state(&api) == "drained").await;
    settle().await;
    assert!(
        pods.people().contains(&("p-bridge-0".into(), 0)),
        "{:?}",
        pods.people()
    );
    assert!(
        pods.people().len() == 3 && is_ready(&api),
        "another one is in its place"
    );
    assert_eq!(
        message(&api),
        "2 of 3 bridges take meetings: 1 drains (nobody left), because its pod has annotation shoal.video/drain"
    );
    annotate(Value::Null);
    until("it takes meetings again", || state(&api).is_null()).await;
    until("the third one goes", || pods.people().len() == 2).await;
    assert_eq!(
        (pods.cut(), total(&pods), told(&api, "BackInUse").len()),
        (0, 12, 1)
    );
    run.stop().await;
}
