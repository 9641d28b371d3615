//! Worlds to build from, and the world after what was built is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Secret, Service};
use operator::build;
use operator::crd::{BridgePool, JitsiCluster, JitsiShard};
use operator::desired::Desired;
use operator::scale;
use operator::validate;
use operator::world::{ClusterWorld, Defaults, Live, PoolWorld, ShardWorld};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) const NOW: Duration = Duration::from_secs(1_800_000_000);

pub(crate) fn defaults() -> Defaults {
    Defaults {
        shoal_image: "example.org/shoal:1".into(),
        haproxy_image: "example.org/haproxy:1".into(),
        pull_policy: "IfNotPresent".into(),
        cluster_domain: "cluster.local".into(),
        operator_namespace: "shoal-system".into(),
    }
}

/// A resource of which the API server filled in what it fills in.
fn resource<K: DeserializeOwned>(kind: &str, name: &str, spec: Value) -> K {
    serde_json::from_value(json!({
        "apiVersion": "shoal.video/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": "meet", "uid": format!("uid-of-{name}") },
        "spec": spec,
    }))
    .unwrap()
}

pub(crate) fn cluster(mut spec: Value) -> JitsiCluster {
    spec["domain"] = json!("meet.example.org");
    resource("JitsiCluster", "default", spec)
}

pub(crate) fn shard(name: &str, spec: Value) -> JitsiShard {
    resource("JitsiShard", name, spec)
}

pub(crate) fn pool(spec: Value) -> BridgePool {
    resource("BridgePool", "bridges", spec)
}

pub(crate) fn cluster_world(spec: Value, shards: &[&str]) -> ClusterWorld {
    ClusterWorld {
        cluster: cluster(spec),
        shards: shards.iter().map(|name| shard(name, json!({}))).collect(),
        pools: Vec::new(),
        live: Live::default(),
        front_door: Default::default(),
        now: NOW,
    }
}

/// A shard beside its cluster, whose authority is there.
pub(crate) fn shard_world(cluster_spec: Value, spec: Value) -> ShardWorld {
    let cluster = cluster_world(cluster_spec, &["a"]);
    ShardWorld {
        shard: shard("a", spec),
        live: after(Live::default(), &build_cluster(&cluster)),
        cluster: Some(cluster.cluster),
        others: Vec::new(),
        pools: Vec::new(),
        focus: None,
        signalling: None,
        now: NOW,
    }
}

/// A pool beside a cluster with shard `a`.
pub(crate) fn pool_world(spec: Value) -> PoolWorld {
    let shard = shard_world(json!({}), json!({}));
    let live = after(shard.live.clone(), &build_shard(&shard));
    PoolWorld {
        pool: pool(spec),
        cluster: shard.cluster,
        shards: vec![shard.shard],
        live,
        nodes: Default::default(),
        bridges: Default::default(),
        now: NOW,
    }
}

/// Another one for each object, so that what is made anew differs.
fn random() -> StdRng {
    static SEED: AtomicU64 = AtomicU64::new(0);
    StdRng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn build_cluster(world: &ClusterWorld) -> Vec<Desired> {
    let valid = validate::cluster(world, &defaults()).unwrap();
    build::cluster(&valid, world, &mut random())
}

pub(crate) fn build_shard(world: &ShardWorld) -> Vec<Desired> {
    let valid = validate::shard(world, &defaults()).unwrap();
    build::shard(&valid, world, &mut random())
}

pub(crate) fn build_pool(world: &PoolWorld) -> Vec<Desired> {
    let valid = validate::pool(world, &defaults()).unwrap();
    build::pool(&valid, world, &scale::plan(world), &mut random())
}

/// The namespace once the API server has the objects.
pub(crate) fn after(mut live: Live, objects: &[Desired]) -> Live {
    for (number, one) in objects.iter().enumerate() {
        let name = one.object.metadata.name.clone().unwrap();
        let value = serde_json::to_value(&one.object).unwrap();
        match one.resource.kind.as_str() {
            "Secret" => drop(live.secrets.insert(name, typed(value))),
            "ConfigMap" => drop(live.config_maps.insert(name, typed(value))),
            "StatefulSet" => drop(live.stateful_sets.insert(name, typed(value))),
            "Deployment" => drop(live.deployments.insert(name, typed(value))),
            "Service" => {
                let mut service: Service = typed(value);
                let spec = service.spec.as_mut().unwrap();
                if spec.cluster_ip.is_none() {
                    spec.cluster_ip = Some(format!("10.96.0.{}", number + 10));
                }
                live.services.insert(name, service);
            }
            _ => {}
        }
    }
    live
}

pub(crate) fn typed<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// The one object of that kind and name.
pub(crate) fn find<K: DeserializeOwned>(objects: &[Desired], kind: &str, name: &str) -> K {
    let one = objects
        .iter()
        .find(|one| one.label() == format!("{kind}/{name}"))
        .unwrap_or_else(|| panic!("{kind}/{name} is built"));
    typed(serde_json::to_value(&one.object).unwrap())
}

pub(crate) fn secret_text(secret: &Secret, key: &str) -> String {
    let data = secret.data.as_ref().unwrap();
    String::from_utf8(data[key].0.clone()).unwrap()
}
