//! StatefulSets.

use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::Origin;

/// A StatefulSet whose pods start all at once and are replaced one by one.
pub(super) fn stateful_set(
    origin: &Origin,
    name: String,
    component: &str,
    replicas: i32,
    template: PodTemplateSpec,
) -> StatefulSet {
    StatefulSet {
        metadata: origin.meta(name.clone(), component),
        spec: Some(StatefulSetSpec {
            service_name: Some(name),
            replicas: Some(replicas),
            selector: origin.label_selector(component),
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateStatefulSetStrategy {
                    partition: Some(0),
                    ..RollingUpdateStatefulSetStrategy::default()
                }),
            }),
            revision_history_limit: Some(5),
            template,
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}
