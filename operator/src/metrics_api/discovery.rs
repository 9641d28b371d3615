//! What the API says of itself.

use serde_json::{Value, json};

use super::{GROUP, Metric, VERSION};

/// `/apis`.
#[must_use]
pub fn groups() -> Value {
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_of()]})
}

/// `/apis/custom.metrics.k8s.io`.
#[must_use]
pub fn group() -> Value {
    let mut group = group_of();
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    group
}

fn group_of() -> Value {
    let version = json!({"groupVersion": format!("{GROUP}/{VERSION}"), "version": VERSION});
    json!({"name": GROUP, "versions": [version], "preferredVersion": version})
}

/// `/apis/custom.metrics.k8s.io/v1beta2`.
#[must_use]
pub fn resources() -> Value {
    let resources = Metric::ALL.map(|metric| {
        json!({
            "name": format!("pods/{}", metric.name()), "singularName": "", "namespaced": true,
            "kind": "MetricValueList", "verbs": ["get"],
        })
    });
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": format!("{GROUP}/{VERSION}"), "resources": resources,
    })
}
