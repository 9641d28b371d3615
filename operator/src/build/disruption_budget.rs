//! PodDisruptionBudgets: a node that is emptied takes one pod of a component at a time.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Origin;

/// One pod at a time may be evicted.
pub(super) fn one_at_a_time(origin: &Origin, name: String, component: &str) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: origin.meta(name, component),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(origin.label_selector(component)),
            // A pod that does not work anyway may go.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
