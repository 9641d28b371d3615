//! The finalizer by which a shard and a pool drain before they go.

use std::fmt::Debug;

use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::io::context::{Context, MANAGER};
use crate::io::routes::Concerning;
use crate::io::store::Store;

/// The finalizer's name.
pub(super) const DRAIN: &str = "shoal.video/drain";

impl Context {
    /// Puts the finalizer on a resource that lives and has none. Whether it had to.
    pub(super) async fn hold<K>(&self, store: &Store<K>, resource: &K) -> Result<bool, kube::Error>
    where
        K: Concerning + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let mut finalizers = resource.finalizers().to_vec();
        if resource.meta().deletion_timestamp.is_some() || finalizers.iter().any(|f| f == DRAIN) {
            return Ok(false);
        }
        finalizers.push(DRAIN.into());
        self.set_finalizers(store, resource, &finalizers).await?;
        Ok(true)
    }

    /// Takes the finalizer away, so that the resource can go.
    pub(super) async fn release<K>(&self, store: &Store<K>, resource: &K) -> Result<(), kube::Error>
    where
        K: Concerning + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let mut finalizers = resource.finalizers().to_vec();
        if !finalizers.iter().any(|f| f == DRAIN) {
            return Ok(());
        }
        finalizers.retain(|finalizer| finalizer != DRAIN);
        self.set_finalizers(store, resource, &finalizers).await
    }

    async fn set_finalizers<K>(
        &self,
        store: &Store<K>,
        resource: &K,
        finalizers: &[String],
    ) -> Result<(), kube::Error>
    where
        K: Concerning + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let namespace = resource.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        // With the version, so that a finalizer that somebody else sets at the same moment is not lost.
        let patch = Patch::Merge(json!({"metadata": {
            "finalizers": finalizers,
            "resourceVersion": resource.resource_version(),
        }}));
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        self.metrics.wrote(&K::kind(&()), "patch");
        match api.patch(&resource.name_any(), &params, &patch).await {
            Ok(answer) => {
                self.learn(store, answer);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }
}
