//! HTTPRoute of the Gateway API: TLS ends at the Gateway.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Map, json};

use super::{Context, FRONT_DOOR};
use crate::build::names;
use crate::desired::Desired;

pub(super) fn route(context: &Context<'_>) -> Option<Desired> {
    let door = &context.spec().front_door;
    let gateway = door.gateway_ref.as_ref()?;
    let mut parent = Map::new();
    parent.insert("group".into(), json!("gateway.networking.k8s.io"));
    parent.insert("kind".into(), json!("Gateway"));
    parent.insert("name".into(), json!(gateway.name));
    if let Some(namespace) = &gateway.namespace {
        parent.insert("namespace".into(), json!(namespace));
    }
    if let Some(section) = &gateway.section_name {
        parent.insert("sectionName".into(), json!(section));
    }
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let resource = ApiResource::from_gvk_with_plural(&kind, "httproutes");
    let mut object = DynamicObject::new(&context.valid.name, &resource).data(json!({
        "spec": {
            "parentRefs": [parent],
            "hostnames": [context.spec().domain],
            "rules": [{
                "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }],
                "backendRefs": [{
                    "group": "",
                    "kind": "Service",
                    "name": names::front_door(&context.valid.name),
                    "port": 80,
                    "weight": 1,
                }],
                // A WebSocket lasts as long as a meeting.
                "timeouts": { "request": "0s" },
            }],
        },
    }));
    object.metadata = context.origin.meta(context.valid.name.clone(), FRONT_DOOR);
    if !door.annotations.is_empty() {
        object.metadata.annotations = Some(door.annotations.clone());
    }
    Some(Desired { resource, object })
}
