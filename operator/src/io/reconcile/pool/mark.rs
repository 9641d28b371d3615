//! What is noted on the pods of bridges that leave. It survives the operator, and tells Kubernetes whom it may end.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use crate::io::apply::refusal;
use crate::io::context::{Context, MANAGER};
use crate::scale::{DRAINED, DRAINING, DRAINING_SINCE, STATE, ScalePlan};
use crate::world::PoolWorld;

/// What a pod is marked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its bridge drains since this second of the Unix epoch.
    Since(u64),
    /// It drains, as before.
    Draining,
    /// It may be ended at any time.
    Drained,
    /// Nothing: it is used.
    Clear,
}

impl Mark {
    fn patch(self) -> Value {
        let state = match self {
            Self::Since(_) | Self::Draining => DRAINING.into(),
            Self::Drained => DRAINED.into(),
            Self::Clear => Value::Null,
        };
        let mut metadata = json!({"labels": {STATE: state}});
        match self {
            Self::Since(at) => metadata["annotations"] = json!({DRAINING_SINCE: at.to_string()}),
            Self::Clear => metadata["annotations"] = json!({DRAINING_SINCE: null}),
            Self::Draining | Self::Drained => {}
        }
        json!({ "metadata": metadata })
    }
}

/// Which mark a pod that drains lacks.
pub(super) fn lacking(world: &PoolWorld, plan: &ScalePlan, pod: &str) -> Option<Mark> {
    let known = world.live.pods.get(pod)?;
    if !known.annotations().contains_key(DRAINING_SINCE) {
        return None;
    }
    let mark = if plan.free.iter().any(|free| free == pod) {
        (Mark::Drained, DRAINED)
    } else {
        (Mark::Draining, DRAINING)
    };
    (known.labels().get(STATE).map(String::as_str) != Some(mark.1)).then_some(mark.0)
}

impl Context {
    pub(super) async fn mark(
        &self,
        namespace: &str,
        pod: &str,
        mark: Mark,
    ) -> Result<(), kube::Error> {
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        self.metrics.wrote("Pod", "patch");
        match api.patch(pod, &params, &Patch::Merge(mark.patch())).await {
            Ok(mut answer) => {
                crate::io::trim::pod(&mut answer);
                self.learn(&self.cache.pods, answer);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => {
                tracing::warn!(
                    pod,
                    why = refusal("the pod", &error).message,
                    "cannot note on a pod how its bridge leaves"
                );
                Err(error)
            }
        }
    }

    /// Deletes just this pod, so that the StatefulSet makes it anew. Whether it was there.
    pub(super) async fn replace_pod(
        &self,
        namespace: &str,
        pod: &Pod,
    ) -> Result<bool, kube::Error> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: pod.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        self.metrics.wrote("Pod", "delete");
        match api.delete(&pod.name_any(), &params).await {
            Ok(_) => Ok(true),
            // It is gone, or another one has its name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
