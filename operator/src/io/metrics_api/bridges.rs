//! What this replica knows of bridges, for whoever asks the metrics API.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use parking_lot::Mutex;
use serde_json::Value;

use crate::crd::{AutoscalingSpec, BridgePool};
use crate::io::store::Store;
use crate::metrics_api::readings::{PodName, Reading, Readings};
use crate::metrics_api::refusal::Refusal;
use crate::metrics_api::request::Query;
use crate::metrics_api::values::{Bridge, Moment, values};

/// What is known of bridges.
#[derive(Default)]
pub(crate) struct Bridges {
    pub(super) pods: Arc<Store<Pod>>,
    pub(super) pools: Arc<Store<BridgePool>>,
    readings: Mutex<Readings>,
    /// Since when a pod has been ready.
    ready: Mutex<HashMap<PodName, Instant>>,
}

impl Bridges {
    /// Takes over what a bridge says at `/colibri/stats`.
    pub(crate) fn hear(&self, pod: &PodName, stats: &Value, at: Instant) {
        let count = |key: &str| stats.get(key).and_then(Value::as_u64);
        let (Some(received), Some(sent), Some(stress)) = (
            count("total_bytes_received"),
            count("total_bytes_sent"),
            stats.get("stress_level").and_then(Value::as_f64),
        ) else {
            return;
        };
        let reading = Reading {
            at,
            bytes: received.saturating_add(sent),
            stress,
        };
        let window = self.window(pod);
        self.readings.lock().handle_reading(pod, reading, window);
    }

    /// When a bridge was last heard.
    pub(crate) fn last(&self, pod: &PodName) -> Option<Instant> {
        self.readings.lock().last(pod)
    }

    /// Whether a bridge has numbers.
    pub(crate) fn has_numbers(&self, pod: &PodName, now: Instant) -> bool {
        self.readings.lock().measured(pod, now).is_some()
    }

    /// Forgets pods that are gone, and notes which are ready.
    pub(crate) fn look(&self, now: Instant) {
        let known = |(namespace, name): &PodName| self.pods.get(namespace, name).is_some();
        self.readings.lock().retain(known);
        let mut ready = self.ready.lock();
        ready.retain(|pod, _| known(pod));
        for pod in self.pods.all() {
            let key = name_of(&pod);
            if is_ready(&pod) {
                ready.entry(key).or_insert(now);
            } else {
                ready.remove(&key);
            }
        }
    }

    /// How many bridges have no fresh numbers.
    pub(crate) fn silent(&self, now: Instant) -> usize {
        let pods = self.pods.all();
        let silent = pods.iter().map(|pod| name_of(pod));
        silent.filter(|pod| !self.has_numbers(pod, now)).count()
    }

    /// Answers a question.
    pub(crate) fn values(&self, query: &Query) -> Result<Value, Refusal> {
        let now = tokio::time::Instant::now().into_std();
        let readings = self.readings.lock();
        let ready = self.ready.lock();
        let pods = self.pods.within(&query.namespace).into_iter();
        let bridges: Vec<Bridge> = pods
            .map(|pod| {
                let key = name_of(&pod);
                Bridge {
                    labels: pod.labels().clone(),
                    ready_since: ready.get(&key).copied(),
                    measured: readings.measured(&key, now),
                    name: key.1,
                }
            })
            .collect();
        let wall = Timestamp::now();
        values(query, &bridges, Moment { now, wall })
    }

    fn window(&self, (namespace, name): &PodName) -> Duration {
        let pod = self.pods.get(namespace, name);
        let pool = pod.and_then(|pod| {
            let pool = pod.labels().get("shoal.video/pool")?;
            self.pools.get(namespace, pool)
        });
        let scaling = pool.and_then(|pool| pool.spec.autoscaling.clone());
        scaling
            .map_or(AutoscalingSpec::WINDOW, |scaling| scaling.window)
            .0
    }
}

/// A pod's namespace and name.
pub(crate) fn name_of(pod: &Pod) -> PodName {
    (pod.namespace().unwrap_or_default(), pod.name_any())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| &status.conditions);
    let mut conditions = conditions.flatten();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|one| one.type_ == "Ready" && one.status == "True")
}
