//! Wakes the kubelets whose pods mount something that changed: a change of a pod's annotation makes its kubelet look at
//! the mounts at once, which it otherwise does each minute or so.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Volume};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::Value;

use super::{Trouble, annotation, compare, refusal};
use crate::controller::scope::Key;
use crate::desired::Desired;
use crate::io::context::{Context, MANAGER};

/// Annotation of pods with the fingerprint of what they mount.
const POKE: &str = "shoal.video/poke";
/// A kubelet must have heard of new content before it is woken, or it mounts the old one again.
const HEARD: Duration = Duration::from_millis(700);

impl Context {
    /// Whether some are to be woken soon.
    pub(super) async fn poke(&self, key: &Key, desired: &[Desired]) -> Result<bool, Trouble> {
        let mut soon = false;
        for workload in desired {
            let kind = workload.resource.kind.as_str();
            let template = match kind {
                "StatefulSet" | "Deployment" => workload.object.data.pointer("/spec/template"),
                _ => None,
            };
            let Some(template) = template else { continue };
            let mounted = mounted(template);
            if mounted.is_empty() {
                continue;
            }
            let labels = template.pointer("/metadata/labels");
            let labels: BTreeMap<String, String> = labels
                .and_then(|labels| serde_json::from_value(labels.clone()).ok())
                .unwrap_or_default();
            let content = self.content(&key.namespace, &mounted);
            let early = {
                let memory = self.memory.lock();
                mounted.iter().any(|(kind, name)| {
                    let written = memory
                        .written
                        .get(&format!("{}/{kind}/{name}", key.namespace));
                    written.is_some_and(|at| at.elapsed() < HEARD)
                })
            };
            let print = compare::fingerprint(&content);
            for pod in self.cache.pods.of(&key.namespace, &key.scope) {
                let has = pod.annotations().get(POKE);
                let own = pod.labels();
                if has == Some(&print)
                    || pod.metadata.deletion_timestamp.is_some()
                    || !labels
                        .iter()
                        .all(|(key, value)| own.get(key) == Some(value))
                {
                    continue;
                }
                if early {
                    soon = true;
                    continue;
                }
                self.wake(&key.namespace, &pod.name_any(), &print).await?;
            }
        }
        Ok(soon)
    }

    async fn wake(&self, namespace: &str, pod: &str, print: &str) -> Result<(), Trouble> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let patch = Patch::Merge(annotation(POKE, print));
        self.metrics.wrote("Pod", "patch");
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        match api.patch(pod, &params, &patch).await {
            Ok(mut answer) => {
                crate::io::trim::pod(&mut answer);
                self.learn(&self.cache.pods, answer);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(refusal(&format!("Pod/{pod}"), &error)),
        }
    }

    /// What is in the mounted objects.
    fn content(&self, namespace: &str, mounted: &[(&'static str, String)]) -> Value {
        let parts = mounted.iter().map(|(kind, name)| {
            let store = self.cache.owned(kind);
            let value = store.and_then(|store| store.value(namespace, name));
            value
                .and_then(|value| value.get("data").cloned())
                .unwrap_or_default()
        });
        Value::Array(parts.collect())
    }
}

/// Kind and name of the ConfigMaps and Secrets that a pod template mounts.
fn mounted(template: &Value) -> Vec<(&'static str, String)> {
    let volumes = template.pointer("/spec/volumes").cloned();
    let volumes: Vec<Volume> = volumes
        .and_then(|volumes| serde_json::from_value(volumes).ok())
        .unwrap_or_default();
    let mut found = Vec::new();
    for volume in volumes {
        if let Some(map) = volume.config_map {
            found.push(("ConfigMap", map.name));
        }
        if let Some(name) = volume.secret.and_then(|secret| secret.secret_name) {
            found.push(("Secret", name));
        }
        for source in volume
            .projected
            .into_iter()
            .flat_map(|all| all.sources)
            .flatten()
        {
            if let Some(map) = source.config_map {
                found.push(("ConfigMap", map.name));
            }
            if let Some(secret) = source.secret {
                found.push(("Secret", secret.name));
            }
        }
    }
    found
}
