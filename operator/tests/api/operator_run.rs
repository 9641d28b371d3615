//! An operator that runs, and the resources of a small service.

use std::time::Duration;

use operator::config::Settings;
use operator::io::pod_http::PodHttp;
use operator::io::{OperatorError, run_with};
use operator::world::Defaults;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake::FakeApi;

/// Long enough for everything that is under way, in virtual time.
pub(crate) const SETTLED: Duration = Duration::from_secs(40);

pub(crate) struct Run {
    stop: CancellationToken,
    task: JoinHandle<Result<(), OperatorError>>,
}

pub(crate) fn settings(identity: &str) -> Settings {
    Settings {
        namespace: None,
        defaults: Defaults {
            shoal_image: "registry.example/shoal:1".into(),
            haproxy_image: "registry.example/haproxy:2.6".into(),
            pull_policy: "IfNotPresent".into(),
            cluster_domain: "cluster.local".into(),
            operator_namespace: "shoal-system".into(),
        },
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_api: None,
        default_cluster: None,
        identity: identity.into(),
    }
}

impl Run {
    pub(crate) fn start(api: &FakeApi, identity: &str) -> Self {
        Self::with(api, PodHttp::default(), identity)
    }

    /// With pods that answer.
    pub(crate) fn with(api: &FakeApi, pods: PodHttp, identity: &str) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run_with(
            api.client(),
            pods,
            settings(identity),
            stop.clone(),
        ));
        Self { stop, task }
    }

    /// SIGTERM.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// `kill -9`.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) async fn settle() {
    tokio::time::sleep(SETTLED).await;
}

pub(crate) fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "shoal.video/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "meet"}, "spec": spec,
    })
}

/// A cluster, a shard and a pool of two bridges, and a node.
pub(crate) fn service(api: &FakeApi) {
    api.act(|state| {
        state.put(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1"},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}),
        );
        state.put(resource(
            "JitsiCluster",
            "default",
            json!({"domain": "meet.example.org"}),
        ));
        state.put(resource("JitsiShard", "a", json!({})));
        state.put(resource("BridgePool", "p", json!({"replicas": 2})));
    });
}

/// The reason of a condition that has a status, else nothing.
pub(crate) fn condition(
    api: &FakeApi,
    resource: &str,
    name: &str,
    kind: &str,
    status: &str,
) -> Option<String> {
    api.act(|state| {
        let object = state.get(resource, "meet", name)?;
        let conditions = object.pointer("/status/conditions")?.as_array()?;
        let found = conditions
            .iter()
            .find(|one| one["type"] == kind && one["status"] == status)?;
        Some(found["reason"].as_str()?.to_owned())
    })
}
