//! What the API server refuses, and what is not there.

use serde_json::json;

use crate::fake::{Failure, FakeApi};
use crate::operator_run::{Run, condition, resource, service, settle};

fn refusal(code: u16, message: &str) -> Failure {
    Failure {
        code,
        reason: "Invalid",
        message: message.into(),
    }
}

fn message(api: &FakeApi, name: &str) -> String {
    let cluster = api.act(|state| state.get("jitsiclusters", "meet", name).cloned());
    let message = cluster.unwrap()["status"]["message"].clone();
    message.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_field_that_cannot_change_makes_a_workload_anew_with_its_pods() {
    let api = FakeApi::default();
    service(&api);
    let run = Run::start(&api, "one");
    settle().await;
    let before = api
        .act(|state| state.get("statefulsets", "meet", "a-focus").cloned())
        .unwrap();
    let uid = before["metadata"]["uid"].clone();
    let sentence = "StatefulSet.apps is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden";
    api.act(|state| {
        state.refusals.insert("statefulsets/a-focus".into(), refusal(422, sentence));
        state.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a-focus-0", "namespace": "meet",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a-focus", "uid": uid}]}}));
        state.put(resource("JitsiShard", "a", json!({"focus": {"participantsPerBridge": 50}})));
    });
    settle().await;
    let after = api
        .act(|state| state.get("statefulsets", "meet", "a-focus").cloned())
        .unwrap();
    assert_ne!(after["metadata"]["uid"], uid);
    assert_eq!(
        api.act(|state| state.get("pods", "meet", "a-focus-0").cloned()),
        None
    );
    let told = api.act(|state| state.all("events"));
    assert!(told.iter().any(|event| event["reason"] == "Recreated"));
    assert_eq!(
        condition(&api, "jitsishards", "a", "Degraded", "True"),
        None
    );
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_reaches_the_reader_and_is_tried_again() {
    let api = FakeApi::default();
    service(&api);
    api.act(|state| {
        let failure = refusal(403, "exceeded quota: small");
        state
            .refusals
            .insert("configmaps/default-web".into(), failure);
    });
    let run = Run::start(&api, "one");
    settle().await;
    let told = api.act(|state| state.all("events"));
    let quota = told.iter().find(|event| event["reason"] == "Forbidden");
    assert!(
        quota.is_some_and(|event| event["note"]
            .as_str()
            .unwrap()
            .contains("exceeded quota: small")),
        "{told:?}"
    );
    assert_eq!(
        condition(&api, "jitsiclusters", "default", "Degraded", "True"),
        None,
        "once was not for ever"
    );
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_object_is_not_taken_over() {
    let api = FakeApi::default();
    service(&api);
    api.act(|state| {
        state.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "default-web", "namespace": "meet"},
            "data": {"mine": "yes"}}));
    });
    let run = Run::start(&api, "one");
    settle().await;
    let degraded = condition(&api, "jitsiclusters", "default", "Degraded", "True");
    assert_eq!(degraded.as_deref(), Some("NameTaken"));
    let map = api
        .act(|state| state.get("configmaps", "meet", "default-web").cloned())
        .unwrap();
    assert_eq!(map["data"], json!({"mine": "yes"}));
    run.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_not_installed_is_named_and_used_when_it_comes() {
    let api = FakeApi::default();
    service(&api);
    let front_door = json!({"exposure": "Gateway", "gatewayRef": {"name": "gate"}});
    api.act(|state| {
        state.put(resource(
            "JitsiCluster",
            "default",
            json!({"frontDoor": front_door}),
        ))
    });
    let run = Run::start(&api, "one");
    settle().await;
    let degraded = condition(&api, "jitsiclusters", "default", "Degraded", "True");
    assert_eq!(degraded.as_deref(), Some("ApiMissing"));
    assert!(message(&api, "default").contains("install the Gateway API"));
    api.act(|state| {
        state
            .optional
            .insert("gateway.networking.k8s.io/v1".into(), vec!["HTTPRoute"]);
    });
    tokio::time::sleep(std::time::Duration::from_secs(400)).await;
    assert_eq!(
        condition(&api, "jitsiclusters", "default", "Degraded", "True"),
        None
    );
    assert!(
        api.act(|state| state.get("httproutes", "meet", "default").cloned())
            .is_some()
    );
    run.stop().await;
}
