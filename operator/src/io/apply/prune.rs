//! Removal of what is not wanted any more.

use std::collections::BTreeSet;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta};

use super::{Owner, Trouble, refusal};
use crate::controller::scope::{MANAGED_BY, Scope};
use crate::desired::Desired;
use crate::io::cache::OWNED_KINDS;
use crate::io::context::Context;

impl Context {
    /// Removes the owner's objects that are not `desired`. Secrets stay until their owner goes, for their content cannot be
    /// made again; a bridge's own Service stays until its pod is gone, for people's media comes through it.
    pub(super) async fn prune(
        &self,
        owner: &Owner<'_>,
        desired: &[Desired],
    ) -> Result<(), Trouble> {
        let wanted: BTreeSet<(&str, &str)> = desired
            .iter()
            .filter_map(|one| {
                let name = one.object.metadata.name.as_deref()?;
                Some((one.resource.kind.as_str(), name))
            })
            .collect();
        let space = &owner.key.namespace;
        for kind in OWNED_KINDS {
            let Some(store) = self.cache.owned(kind) else {
                continue;
            };
            for meta in store.metas(space, &owner.key.scope) {
                let name = meta.name.clone().unwrap_or_default();
                if wanted.contains(&(kind, name.as_str()))
                    || !is_owned(&meta, owner.uid)
                    || self.stays(kind, space, &name)
                {
                    continue;
                }
                self.remove(owner, &resource(kind), &name).await?;
            }
        }
        if matches!(owner.key.scope, Scope::Cluster(_)) {
            self.prune_optional(owner, &wanted).await?;
        }
        Ok(())
    }

    fn stays(&self, kind: &str, namespace: &str, name: &str) -> bool {
        match kind {
            "Secret" => true,
            "Service" => self.cache.pods.get(namespace, name).is_some(),
            _ => false,
        }
    }

    /// Kinds that are not watched, because the cluster may not have them.
    async fn prune_optional(
        &self,
        owner: &Owner<'_>,
        wanted: &BTreeSet<(&str, &str)>,
    ) -> Result<(), Trouble> {
        for resource in optional() {
            let failed = |error: &kube::Error| refusal(&resource.plural, error);
            let has = self.apis.has(&self.client, &resource).await;
            if !has.map_err(|error| failed(&error))? {
                continue;
            }
            let space = &owner.key.namespace;
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client.clone(), space, &resource);
            let params =
                ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
            let found = api.list(&params).await.map_err(|error| failed(&error))?;
            for object in found {
                let name = object.metadata.name.clone().unwrap_or_default();
                let kind = resource.kind.as_str();
                if is_owned(&object.metadata, owner.uid) && !wanted.contains(&(kind, &name)) {
                    self.remove(owner, &resource, &name).await?;
                }
            }
        }
        Ok(())
    }

    async fn remove(
        &self,
        owner: &Owner<'_>,
        resource: &ApiResource,
        name: &str,
    ) -> Result<(), Trouble> {
        let space = &owner.key.namespace;
        let kind = &resource.kind;
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), space, resource);
        tracing::info!(owner = %owner.key, object = format!("{kind}/{name}"), "removing, for nothing asks for it");
        self.metrics.wrote(kind, "delete");
        match api.delete(name, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(refusal(&format!("{kind}/{name}"), &error)),
        }
    }
}

fn is_owned(meta: &ObjectMeta, uid: &str) -> bool {
    let owners = meta.owner_references.iter().flatten();
    let label = meta.labels.as_ref().and_then(|all| all.get(MANAGED_BY.0));
    meta.deletion_timestamp.is_none()
        && label.is_some_and(|by| by == MANAGED_BY.1)
        && owners.into_iter().any(|owner| owner.uid == uid)
}

fn kind(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    let api_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    ApiResource {
        group: group.into(),
        version: version.into(),
        api_version,
        kind: kind.into(),
        plural: plural.into(),
    }
}

/// Kinds that a cluster may have.
fn optional() -> [ApiResource; 2] {
    [
        kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
        kind("cert-manager.io", "v1", "Certificate", "certificates"),
    ]
}

/// The API of one of [`OWNED_KINDS`].
fn resource(name: &str) -> ApiResource {
    use k8s_openapi::api::{apps, autoscaling, core, networking, policy};
    match name {
        "Ingress" => ApiResource::erase::<networking::v1::Ingress>(&()),
        "HorizontalPodAutoscaler" => {
            ApiResource::erase::<autoscaling::v2::HorizontalPodAutoscaler>(&())
        }
        "PodDisruptionBudget" => ApiResource::erase::<policy::v1::PodDisruptionBudget>(&()),
        "StatefulSet" => ApiResource::erase::<apps::v1::StatefulSet>(&()),
        "Deployment" => ApiResource::erase::<apps::v1::Deployment>(&()),
        "Service" => ApiResource::erase::<core::v1::Service>(&()),
        "NetworkPolicy" => ApiResource::erase::<networking::v1::NetworkPolicy>(&()),
        "ConfigMap" => ApiResource::erase::<core::v1::ConfigMap>(&()),
        _ => ApiResource::erase::<core::v1::Secret>(&()),
    }
}
