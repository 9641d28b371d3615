//! From apply to delete, with restarts in between.

use serde_json::{Value, json};

use crate::fake::FakeApi;
use crate::operator_run::{Run, condition, resource, service, settle};

/// Writes that change objects of the service; events and leases are not among them.
fn objects_written(api: &FakeApi) -> Vec<String> {
    let mut writes = api.act(|state| state.take_writes());
    writes.retain(|write| !write.contains("events/"));
    writes
}

/// Everything of the service, without what differs from run to run: secrets' content, versions, uids, times.
fn shape(api: &FakeApi) -> Vec<String> {
    let mut names = api.act(|state| state.names());
    names.retain(|name| !name.starts_with("events/") && !name.starts_with("leases/"));
    names
}

#[tokio::test(start_paused = true)]
async fn three_resources_become_a_service_and_a_second_pass_writes_nothing() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    let names = shape(&api);
    for name in [
        "statefulsets/a-signalling",
        "statefulsets/a-focus",
        "statefulsets/p-bridge",
        "statefulsets/default-front-door",
        "deployments/default-web",
        "secrets/default-ca",
        "secrets/a-accounts",
        "secrets/p-shards",
        "configmaps/p-addresses",
    ] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} in {names:?}"
        );
    }
    assert!(!objects_written(&api).is_empty());
    run.stop().await;

    let run = Run::start(&api, "two");
    settle().await;
    assert_eq!(objects_written(&api), Vec::<String>::new());
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_is_killed_midway_leaves_nothing_that_the_next_one_does_not_finish() {
    let whole = FakeApi::default();
    service(&whole);
    let run = Run::start(&whole, "one");
    settle().await;
    run.stop().await;

    for writes in [1, 5, 12, 20] {
        let api = FakeApi::default();
        service(&api);
        let run = Run::start(&api, "one");
        while api.act(|state| state.version()) < 4 + writes {
            tokio::task::yield_now().await;
        }
        run.kill().await;
        let password = api.act(|state| state.get("secrets", "meet", "a-accounts").cloned());
        // Its lease runs out first.
        let run = Run::start(&api, "two");
        settle().await;
        assert_eq!(shape(&api), shape(&whole), "after {writes} writes");
        if let Some(before) = password {
            let after = api.act(|state| state.get("secrets", "meet", "a-accounts").cloned());
            assert_eq!(after.unwrap()["data"], before["data"], "generated once");
        }
        run.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let api = FakeApi::default();
    service(&api);
    let first = Run::start(&api, "one");
    settle().await;
    let second = Run::start(&api, "two");
    settle().await;
    let holder = |api: &FakeApi| {
        let lease = api.act(|state| {
            state
                .get("leases", "shoal-system", "shoal-operator")
                .cloned()
        });
        lease.unwrap()["spec"]["holderIdentity"].clone()
    };
    assert_eq!(holder(&api), "one");
    first.stop().await;
    let start = tokio::time::Instant::now();
    while holder(&api) != "two" {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(start.elapsed().as_secs() < 3);
    second.kill().await;
    let start = tokio::time::Instant::now();
    let third = Run::start(&api, "three");
    while holder(&api) != "three" {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    third.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_any_more_goes_and_what_is_needed_stays() {
    let api = FakeApi::default();
    service(&api);
    let exposure = json!({"type": "NodePort", "basePort": 31000});
    api.act(|state| state.put(resource("BridgePool", "p", json!({"exposure": exposure}))));
    let run = Run::start(&api, "one");
    settle().await;
    let has = |name: &str| shape(&api).iter().any(|known| known == name);
    assert!(has("services/p-bridge-0") && has("services/p-bridge-1"));
    // One bridge runs; its Service stays, though the exposure needs none any more.
    api.act(|state| {
        state.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p-bridge-0", "namespace": "meet", "labels": {
            "app.kubernetes.io/managed-by": "shoal-operator", "app.kubernetes.io/component": "bridge", "shoal.video/pool": "p"}}}));
        state.put(resource("BridgePool", "p", json!({"exposure": {"type": "HostPort", "basePort": null}})));
    });
    settle().await;
    assert!(has("services/p-bridge-0") && !has("services/p-bridge-1"));
    api.act(|state| state.delete("pods", "meet", "p-bridge-0"));
    settle().await;
    assert!(!has("services/p-bridge-0"));
    assert!(has("secrets/p-shards"));
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_s_change_is_undone_and_a_field_of_others_left_alone() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    objects_written(&api);
    let set = |key: &str, value: Value| {
        api.act(|state| {
            let mut object = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"name": "a-focus", "namespace": "meet"}});
            object["metadata"]["annotations"] = json!({"somebody.example/else": "stays"});
            object["spec"] = json!({});
            object["spec"][key] = value;
            state.put(object);
        });
    };
    set("replicas", 5.into());
    settle().await;
    let focus = api
        .act(|state| state.get("statefulsets", "meet", "a-focus").cloned())
        .unwrap();
    assert_eq!(focus["spec"]["replicas"], 1);
    assert_eq!(
        focus["metadata"]["annotations"]["somebody.example/else"],
        "stays"
    );
    assert_eq!(objects_written(&api), ["Apply statefulsets/a-focus"]);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_resources_drain_and_go_with_all_that_was_made() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    let shard = api
        .act(|state| state.get("jitsishards", "meet", "a").cloned())
        .unwrap();
    assert_eq!(
        shard["metadata"]["finalizers"],
        json!(["shoal.video/drain"])
    );
    api.act(|state| state.delete("bridgepools", "meet", "p"));
    api.act(|state| state.delete("jitsishards", "meet", "a"));
    settle().await;
    let names = shape(&api);
    assert!(
        !names
            .iter()
            .any(|name| name.contains("/a") || name.contains("/p")),
        "{names:?}"
    );
    api.act(|state| state.delete("jitsiclusters", "meet", "default"));
    settle().await;
    assert_eq!(shape(&api), ["nodes/node1"]);
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_their_cluster_the_others_say_so_and_work_again_when_it_is_back() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    assert_eq!(
        condition(&api, "jitsishards", "a", "Degraded", "True"),
        None
    );
    api.act(|state| state.delete("jitsiclusters", "meet", "default"));
    settle().await;
    let shard = condition(&api, "jitsishards", "a", "Degraded", "True");
    assert_eq!(shard.as_deref(), Some("NoSuchCluster"));
    let pool = condition(&api, "bridgepools", "p", "Degraded", "True");
    assert_eq!(pool.as_deref(), Some("NoSuchCluster"));
    api.act(|state| {
        state.put(resource(
            "JitsiCluster",
            "default",
            json!({"domain": "meet.example.org"}),
        ))
    });
    settle().await;
    assert_eq!(
        condition(&api, "jitsishards", "a", "Degraded", "True"),
        None
    );
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_pods_mount_changes_and_their_kubelet_is_woken_once() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    let set = api.act(|state| state.get("statefulsets", "meet", "p-bridge").cloned());
    let labels = set.unwrap()["spec"]["template"]["metadata"]["labels"].clone();
    api.act(|state| {
        state.put(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p-bridge-0", "namespace": "meet", "labels": labels}}));
    });
    settle().await;
    let poke = |api: &FakeApi| {
        let pod = api.act(|state| state.get("pods", "meet", "p-bridge-0").cloned());
        pod.unwrap()["metadata"]["annotations"]["shoal.video/poke"].clone()
    };
    let before = poke(&api);
    assert!(before.is_string());
    objects_written(&api);
    api.act(|state| state.put(resource("JitsiShard", "b", json!({}))));
    settle().await;
    assert_ne!(
        poke(&api),
        before,
        "a second shard changes what bridges mount"
    );
    let woken = objects_written(&api)
        .iter()
        .filter(|write| *write == "Merge pods/p-bridge-0")
        .count();
    assert!((1..=2).contains(&woken), "{woken}");
    settle().await;
    assert_eq!(objects_written(&api), Vec::<String>::new());
    run.stop().await;
}
