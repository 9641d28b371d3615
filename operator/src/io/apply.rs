//! Makes the cluster what a build asks for: server-side apply where something differs, and removal of what nobody asks for
//! any more. Where nothing differs there is no request.

pub(crate) mod compare;
mod poke;
mod prune;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{
    Api, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PropagationPolicy,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::apis;
use super::context::{Context, MANAGER};
use crate::controller::scope::{Key, MANAGED_BY};
use crate::desired::Desired;
use crate::status::Word;

/// Annotation that holds the fingerprint of what was asked for.
const APPLIED: &str = "shoal.video/applied";

/// The resource that objects are made for.
pub(crate) struct Owner<'a> {
    /// Which it is.
    pub key: &'a Key,
    /// `metadata.uid` of the owner.
    pub uid: &'a str,
    /// For events.
    pub reference: ObjectReference,
}

/// What could not be done, for the resource's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A CamelCase word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

/// What came of applying.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// What could not be done.
    pub troubles: Vec<Trouble>,
    /// Something is under way, and is to be looked at again soon.
    pub soon: bool,
}

enum Live {
    Absent,
    Known(Value),
    /// In the cluster, and not in memory yet.
    Unseen(Box<DynamicObject>),
}

impl Context {
    /// Applies all objects of a resource, removes those that are not wanted any more, and wakes kubelets whose pods mount
    /// something that changed.
    pub(crate) async fn apply(&self, owner: &Owner<'_>, desired: &[Desired]) -> Applied {
        let mut applied = Applied::default();
        for object in desired {
            match self.apply_one(owner, object).await {
                Ok(soon) => applied.soon |= soon,
                Err(trouble) => applied.troubles.push(trouble),
            }
        }
        if let Err(trouble) = self.prune(owner, desired).await {
            applied.troubles.push(trouble);
        }
        match self.poke(owner.key, desired).await {
            Ok(soon) => applied.soon |= soon,
            Err(trouble) => applied.troubles.push(trouble),
        }
        applied
    }

    /// Whether it is to be looked at again soon.
    async fn apply_one(&self, owner: &Owner<'_>, desired: &Desired) -> Result<bool, Trouble> {
        let refused = |error: &kube::Error| refusal(&desired.label(), error);
        if !self.is_served(desired).await.map_err(|e| refused(&e))? {
            return Err(Trouble {
                reason: "ApiMissing",
                message: apis::missing(&desired.resource),
            });
        }
        let api = self.api_of(&owner.key.namespace, desired);
        let name = desired.object.metadata.name.as_deref().unwrap_or_default();
        let wanted = serde_json::to_value(&desired.object).map_err(|error| Trouble {
            reason: "ApplyFailed",
            message: format!("{} cannot be written as JSON: {error}", desired.label()),
        })?;
        let print = compare::fingerprint(&wanted);
        let live = self.live(&api, &owner.key.namespace, desired, name);
        let live = match live.await.map_err(|error| refused(&error))? {
            Live::Unseen(found) => {
                if !is_ours(&found.metadata) {
                    return Err(foreign(desired, owner));
                }
                // What is in it may be worth more than what was just made up: look again, and take it over.
                if let Some(store) = self.cache.owned(&desired.resource.kind) {
                    store.learn(self, &found);
                    return Ok(true);
                }
                serde_json::to_value(&found).unwrap_or_default()
            }
            Live::Known(value) => {
                let meta = value.get("metadata").cloned().unwrap_or_default();
                let meta: ObjectMeta = serde_json::from_value(meta).unwrap_or_default();
                if !is_ours(&meta) {
                    return Err(foreign(desired, owner));
                }
                let owners = meta.owner_references.iter().flatten();
                let mut controllers = owners.filter(|one| one.controller == Some(true));
                let of_former = controllers.any(|one| one.uid != owner.uid);
                if of_former || meta.deletion_timestamp.is_some() {
                    // It must go, with the resource of the same name that there was, before its successor can come.
                    return Ok(true);
                }
                value
            }
            Live::Absent => Value::Null,
        };
        let settled_key = format!("{}/{}", owner.key.namespace, desired.label());
        let had = live.pointer("/metadata/annotations/shoal.video~1applied");
        let had = had.and_then(Value::as_str);
        let difference = compare::difference(&wanted, &live);
        if had == Some(print.as_str()) {
            let settled = self.memory.lock().settled.get(&settled_key).cloned();
            let settled = settled.is_some_and(|settled| difference.as_ref() == Some(&settled));
            if difference.is_none() || settled {
                return Ok(false);
            }
        }
        let mut object = desired.object.clone();
        object
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(APPLIED.to_owned(), print);
        let params = PatchParams::apply(MANAGER).force();
        tracing::info!(owner = %owner.key, object = desired.label(), field = difference.as_deref().unwrap_or("(removed)"), "applying");
        self.metrics.wrote(&desired.resource.kind, "apply");
        match api.patch(name, &params, &Patch::Apply(&object)).await {
            Ok(answer) => {
                if let Some(store) = self.cache.owned(&desired.resource.kind) {
                    store.learn(self, &answer);
                }
                let kept = serde_json::to_value(&answer).unwrap_or_default();
                let mut memory = self.memory.lock();
                match compare::difference(&wanted, &kept) {
                    Some(field) => {
                        tracing::warn!(object = desired.label(), %field, "the API server keeps this field otherwise than it was asked for");
                        memory.settled.insert(settled_key.clone(), field);
                    }
                    None => {
                        memory.settled.remove(&settled_key);
                    }
                }
                memory.written.insert(settled_key, Instant::now());
                Ok(false)
            }
            Err(kube::Error::Api(status)) if status.code == 422 && is_fixed(&status.message) => {
                self.replace(owner, desired, &api, name, &status.message)
                    .await
                    .map_err(|error| refused(&error))?;
                Ok(true)
            }
            Err(error) => Err(refused(&error)),
        }
    }

    async fn is_served(&self, desired: &Desired) -> Result<bool, kube::Error> {
        if self.cache.owned(&desired.resource.kind).is_some() {
            return Ok(true);
        }
        self.apis.has(&self.client, &desired.resource).await
    }

    fn api_of(&self, namespace: &str, desired: &Desired) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &desired.resource)
    }

    async fn live(
        &self,
        api: &Api<DynamicObject>,
        namespace: &str,
        desired: &Desired,
        name: &str,
    ) -> Result<Live, kube::Error> {
        let store = self.cache.owned(&desired.resource.kind);
        if let Some(value) = store.and_then(|store| store.value(namespace, name)) {
            return Ok(Live::Known(value));
        }
        let found = api.get_opt(name).await?;
        Ok(found.map_or(Live::Absent, |found| Live::Unseen(Box::new(found))))
    }

    /// Removes an object that has a field which cannot change, so that it can be made anew, with the pods of a workload: a
    /// StatefulSet cannot give a volume to a pod that runs, and is stuck with one that it adopts.
    async fn replace(
        &self,
        owner: &Owner<'_>,
        desired: &Desired,
        api: &Api<DynamicObject>,
        name: &str,
        why: &str,
    ) -> Result<(), kube::Error> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        self.metrics.wrote(&desired.resource.kind, "delete");
        match api.delete(name, &params).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
        let note = format!(
            "{} is made anew, because a field of it cannot change in place; its pods are replaced: {why}",
            desired.label()
        );
        self.tell(&owner.reference, Word::warning("Recreated", note))
            .await;
        Ok(())
    }
}

/// Whether the API server refused because a field cannot change.
fn is_fixed(message: &str) -> bool {
    [
        "field is immutable",
        "updates to statefulset spec for fields other than",
        "may not change once set",
        "Forbidden: may not be changed",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

fn is_ours(meta: &ObjectMeta) -> bool {
    let labels = meta.labels.as_ref();
    labels.is_some_and(|labels| {
        labels
            .get(MANAGED_BY.0)
            .is_some_and(|by| by == MANAGED_BY.1)
    })
}

fn foreign(desired: &Desired, owner: &Owner<'_>) -> Trouble {
    Trouble {
        reason: "NameTaken",
        message: format!(
            "{} exists in namespace {} and was not made by the operator: remove or rename it, or give the {} another name",
            desired.label(),
            owner.key.namespace,
            owner.key.scope.kind(),
        ),
    }
}

/// What the API server said, in a sentence.
pub(crate) fn refusal(what: &str, error: &kube::Error) -> Trouble {
    let message = match error {
        kube::Error::Api(status) => format!("the API server refused {what}: {}", status.message),
        other => format!("the API server cannot be asked for {what}: {other}"),
    };
    Trouble {
        reason: match error {
            kube::Error::Api(status) if status.code == 403 => "Forbidden",
            _ => "ApplyFailed",
        },
        message,
    }
}

/// The merge patch that sets one annotation.
fn annotation(key: &str, value: &str) -> Value {
    json!({"metadata": {"annotations": {key: value}}})
}
