//! Everything that the operator knows of the API server's objects, in memory.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DynamicObject, ObjectMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::Context;
use super::routes::Concerning;
use super::store::Store;
use crate::controller::scope::Scope;
use crate::crd::{BridgePool, JitsiCluster, JitsiShard};

/// A store per kind.
#[derive(Default)]
pub(crate) struct Cache {
    pub clusters: Arc<Store<JitsiCluster>>,
    pub shards: Arc<Store<JitsiShard>>,
    pub pools: Arc<Store<BridgePool>>,
    pub pods: Arc<Store<Pod>>,
    pub nodes: Arc<Store<Node>>,
    pub secrets: Arc<Store<Secret>>,
    pub services: Arc<Store<Service>>,
    pub config_maps: Arc<Store<ConfigMap>>,
    pub stateful_sets: Arc<Store<StatefulSet>>,
    pub deployments: Arc<Store<Deployment>>,
    pub budgets: Arc<Store<PodDisruptionBudget>>,
    pub policies: Arc<Store<NetworkPolicy>>,
    pub autoscalers: Arc<Store<HorizontalPodAutoscaler>>,
    pub ingresses: Arc<Store<Ingress>>,
}

/// A store of a kind that the operator makes, without its type.
pub(crate) trait Owned: Send + Sync {
    /// One object, as JSON.
    fn value(&self, namespace: &str, name: &str) -> Option<Value>;
    /// Metadata of those that belong to a resource.
    fn metas(&self, namespace: &str, scope: &Scope) -> Vec<ObjectMeta>;
    /// See [`Context::learn`].
    fn learn(&self, context: &Context, object: &DynamicObject);
}

impl<K: Concerning + Serialize + DeserializeOwned> Owned for Store<K> {
    fn value(&self, namespace: &str, name: &str) -> Option<Value> {
        let object = self.get(namespace, name)?;
        serde_json::to_value(&*object).ok()
    }

    fn metas(&self, namespace: &str, scope: &Scope) -> Vec<ObjectMeta> {
        let objects = self.of(namespace, scope);
        objects.iter().map(|object| object.meta().clone()).collect()
    }

    fn learn(&self, context: &Context, object: &DynamicObject) {
        let value = serde_json::to_value(object);
        if let Ok(object) = value.and_then(serde_json::from_value::<K>) {
            context.learn(self, object);
        }
    }
}

impl Cache {
    /// The store of a kind that the operator makes; `None` for kinds that it does not watch.
    pub(crate) fn owned(&self, kind: &str) -> Option<&dyn Owned> {
        let store: &dyn Owned = match kind {
            "Secret" => &*self.secrets,
            "Service" => &*self.services,
            "ConfigMap" => &*self.config_maps,
            "StatefulSet" => &*self.stateful_sets,
            "Deployment" => &*self.deployments,
            "PodDisruptionBudget" => &*self.budgets,
            "NetworkPolicy" => &*self.policies,
            "HorizontalPodAutoscaler" => &*self.autoscalers,
            "Ingress" => &*self.ingresses,
            _ => return None,
        };
        Some(store)
    }
}

/// Kinds that the operator makes and watches, in the order in which they are removed.
pub(crate) const OWNED_KINDS: [&str; 9] = [
    "Ingress",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "StatefulSet",
    "Deployment",
    "Service",
    "NetworkPolicy",
    "ConfigMap",
    "Secret",
];
