//! Why Kubernetes makes no pods for a workload: quotas, Pod Security, webhooks. Only its events say so.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};

use crate::io::context::Context;
use crate::world::Live;

/// What is missing.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    /// Why, by workload, where somebody says so.
    pub(super) why: BTreeMap<String, String>,
    /// Pods of some workload are not there. Nothing tells when the reason is written or changes: it is to be asked again.
    pub(super) short: bool,
}

impl Context {
    /// Nothing is asked where all pods are there.
    pub(super) async fn blocked(&self, namespace: &str, live: &Live) -> Blocked {
        let mut blocked = Blocked::default();
        for (name, set) in &live.stateful_sets {
            let wanted = set
                .spec
                .as_ref()
                .and_then(|spec| spec.replicas)
                .unwrap_or(1);
            let made = set.status.as_ref().map_or(0, |status| status.replicas);
            if made >= wanted {
                continue;
            }
            blocked.short = true;
            if let Some(why) = self.refused(namespace, name).await {
                blocked.why.insert(name.clone(), why);
            }
        }
        for (name, deployment) in &live.deployments {
            let conditions = deployment
                .status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten());
            let failure = conditions
                .filter(|one| one.type_ == "ReplicaFailure" && one.status == "True")
                .find_map(|one| one.message.clone());
            if let Some(why) = failure {
                blocked.why.insert(name.clone(), why);
            }
        }
        blocked
    }

    /// What the last event about a StatefulSet's pods says.
    async fn refused(&self, namespace: &str, set: &str) -> Option<String> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let fields = format!(
            "involvedObject.kind=StatefulSet,involvedObject.name={set},reason=FailedCreate"
        );
        let events = match api.list(&ListParams::default().fields(&fields)).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "events cannot be read, so the status does not say why pods are not made");
                return None;
            }
        };
        let last = events.items.into_iter().max_by_key(|event| {
            let time = event.last_timestamp.as_ref().map(|time| time.0);
            time.or_else(|| event.event_time.as_ref().map(|time| time.0))
        });
        last?.message
    }
}
