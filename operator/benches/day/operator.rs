//! The operator of a pool: its own plan, over a world that is kept as the real one keeps it.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStatus, Pod, PodStatus,
};
use operator::build::{self, names};
use operator::crd::BridgePoolSpec;
use operator::scale::{self, DRAINING_SINCE, ScalePlan};
use operator::validate;
use operator::world::{BridgeReport, Defaults, Live, PoolWorld};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cluster::{Change, Cluster};

/// Name of the pool.
const POOL: &str = "bridges";
/// Second 0, since the Unix epoch.
const EPOCH: u64 = 1_800_000_000;
/// Seconds between two looks at each bridge.
pub(crate) const POLL: u32 = 5;
/// Shards that the pool serves. Each has a focus, which moves its own conferences.
const SHARDS: usize = 20;
/// Participants that a focus is asked to move from a leaving bridge at a time.
const AT_A_TIME: usize = 10;
/// Participants that a focus moves per second.
const MOVES_PER_SECOND: usize = 50;

/// The operator of a pool.
pub(crate) struct Operator {
    world: PoolWorld,
    plan: ScalePlan,
    /// Something changed since the plan was made.
    stale: bool,
}

impl Operator {
    /// With a pool's spec as a person writes it.
    pub(crate) fn new(spec: &Value) -> Self {
        let world = PoolWorld {
            pool: resource("BridgePool", POOL, spec),
            cluster: Some(resource(
                "JitsiCluster",
                "default",
                &json!({ "domain": "meet.example.org" }),
            )),
            shards: vec![resource("JitsiShard", "a", &json!({}))],
            live: Live::default(),
            nodes: Default::default(),
            bridges: Default::default(),
            now: Duration::from_secs(EPOCH),
        };
        Self {
            world,
            plan: ScalePlan::default(),
            stale: true,
        }
    }

    pub(crate) fn spec(&self) -> &BridgePoolSpec {
        &self.world.pool.spec
    }

    /// The autoscaler that it builds for the pool.
    pub(crate) fn autoscaler(&self) -> HorizontalPodAutoscaler {
        let defaults = Defaults {
            shoal_image: String::new(),
            haproxy_image: String::new(),
            pull_policy: String::new(),
            cluster_domain: "cluster.local".into(),
            operator_namespace: "shoal-system".into(),
        };
        let valid = validate::pool(&self.world, &defaults).expect("the pool is valid");
        let objects = build::pool(
            &valid,
            &self.world,
            &scale::plan(&self.world),
            &mut StdRng::seed_from_u64(0),
        );
        let autoscaler = objects
            .iter()
            .find(|one| one.resource.kind == "HorizontalPodAutoscaler")
            .expect("the pool has autoscaling");
        typed(serde_json::to_value(&autoscaler.object).expect("an object can be written"))
    }

    /// The autoscaler wrote the scale subresource.
    pub(crate) fn handle_wanted(&mut self, replicas: i32) {
        self.stale |= self.world.pool.spec.replicas != replicas;
        self.world.pool.spec.replicas = replicas;
    }

    /// Something happened to a pod.
    pub(crate) fn handle_change(&mut self, change: Change) {
        self.stale = true;
        match change {
            Change::Created(ordinal) => {
                drop(self.world.live.pods.insert(name(ordinal), pod(ordinal)))
            }
            Change::Serves(ordinal) => {
                if let Some(pod) = self.world.live.pods.get_mut(&name(ordinal)) {
                    pod.status = Some(running());
                }
            }
            Change::Gone(ordinal) => {
                self.world.live.pods.remove(&name(ordinal));
                self.world.bridges.remove(&name(ordinal));
            }
        }
    }

    /// It asks every bridge how it is.
    pub(crate) fn handle_poll(&mut self, cluster: &Cluster) {
        for (ordinal, bridge) in cluster.bridges.iter().enumerate() {
            let Some(bridge) = bridge.as_ref().filter(|bridge| bridge.serves()) else {
                continue;
            };
            let report = BridgeReport {
                conferences: bridge.conferences.len() as i64,
                participants: bridge.participants.into(),
                stress: bridge.stress(),
                bytes_per_second: bridge.rate as i64,
                draining: bridge.draining,
                ..BridgeReport::default()
            };
            self.world.bridges.insert(name(ordinal), report);
        }
        self.stale |= !self.plan.why.is_empty() || self.wishes_change();
    }

    fn wishes_change(&self) -> bool {
        self.world.pool.spec.replicas != self.plan.replicas
    }

    /// It reconciles, and does what the plan says.
    pub(crate) fn handle_second(&mut self, cluster: &mut Cluster, now: u32) {
        if std::mem::take(&mut self.stale) {
            self.world.now = Duration::from_secs(EPOCH + u64::from(now));
            let set = json!({ "metadata": {}, "spec": { "replicas": cluster.replicas(), "selector": {}, "template": {} } });
            let sets = &mut self.world.live.stateful_sets;
            sets.insert(names::bridge(POOL), typed(set));
            self.plan = scale::plan(&self.world);
            self.carry_out(cluster, now);
        }
        self.move_people(cluster, now);
    }

    fn carry_out(&mut self, cluster: &mut Cluster, now: u32) {
        for (pods, drain) in [(&self.plan.drain, true), (&self.plan.undrain, false)] {
            for name in pods {
                let Some(pod) = self.world.live.pods.get_mut(name) else {
                    continue;
                };
                let marks = pod.metadata.annotations.get_or_insert_default();
                if drain {
                    let since = self.world.now.as_secs().to_string();
                    marks.entry(DRAINING_SINCE.into()).or_insert(since);
                } else {
                    marks.remove(DRAINING_SINCE);
                }
                cluster.handle_drain(ordinal(name), drain, now);
            }
        }
        let replicas = usize::try_from(self.plan.replicas).unwrap_or_default();
        if replicas != cluster.replicas() {
            cluster.handle_replicas(replicas, now);
        }
    }

    /// Each focus moves some of its conferences from each leaving bridge, the largest first.
    fn move_people(&self, cluster: &mut Cluster, now: u32) {
        let mut left = [MOVES_PER_SECOND; SHARDS];
        for name in &self.plan.moved {
            let Some(bridge) = &cluster.bridges[ordinal(name)] else {
                continue;
            };
            let mut conferences = bridge.conferences.clone();
            conferences.sort_by_key(|one| std::cmp::Reverse(cluster.size(*one)));
            let mut asked = [AT_A_TIME; SHARDS];
            for conference in conferences {
                let shard = conference as usize % SHARDS;
                if asked[shard] > 0 && left[shard] > 0 {
                    let moved = cluster.handle_move(conference, now);
                    asked[shard] = asked[shard].saturating_sub(moved);
                    left[shard] = left[shard].saturating_sub(moved);
                }
            }
        }
    }
}

fn resource<K: DeserializeOwned>(kind: &str, name: &str, spec: &Value) -> K {
    typed(json!({
        "apiVersion": "shoal.video/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": "meet", "uid": format!("uid-of-{name}") },
        "spec": spec,
    }))
}

fn typed<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("what is written here is what the type says")
}

fn name(ordinal: usize) -> String {
    names::bridge_pod(POOL, ordinal as i32)
}

fn ordinal(pod: &str) -> usize {
    let number = pod
        .rsplit('-')
        .next()
        .and_then(|number| number.parse().ok());
    number.expect("a pod of a StatefulSet ends in its ordinal")
}

fn pod(ordinal: usize) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.name = Some(name(ordinal));
    pod
}

fn running() -> PodStatus {
    PodStatus {
        phase: Some("Running".into()),
        container_statuses: Some(vec![ContainerStatus {
            name: "bridge".into(),
            ready: true,
            state: Some(ContainerState {
                running: Some(ContainerStateRunning::default()),
                ..ContainerState::default()
            }),
            ..ContainerStatus::default()
        }]),
        ..PodStatus::default()
    }
}
