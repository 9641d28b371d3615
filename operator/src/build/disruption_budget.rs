//! PodDisruptionBudgets: a node that is emptied takes one pod of a component at a time, and a bridge when it may go.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Origin;
use crate::scale::{DRAINED, STATE};

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

/// Bridges that have drained may be evicted, and so many of the others.
pub(super) fn of_bridges(
    origin: &Origin,
    name: String,
    component: &str,
    evictable: i32,
) -> PodDisruptionBudget {
    let mut budget = one_at_a_time(origin, name, component);
    if let Some(spec) = &mut budget.spec {
        spec.max_unavailable = Some(IntOrString::Int(evictable));
        let selector = spec.selector.get_or_insert_default();
        // Pods without the label are selected too: while the operator is away, nobody who has people goes.
        selector.match_expressions = Some(vec![LabelSelectorRequirement {
            key: STATE.into(),
            operator: "NotIn".into(),
            values: Some(vec![DRAINED.into()]),
        }]);
    }
    budget
}
