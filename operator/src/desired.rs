//! An object as the cluster shall have it.

use kube::api::{ApiResource, DynamicObject};
use kube::core::Resource;
use serde::Serialize;

/// An object as the cluster shall have it: everything that the operator owns of it, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Group, version and plural, by which it is found.
    pub resource: ApiResource,
    /// Itself, without status and server-made fields.
    pub object: DynamicObject,
}

impl Desired {
    /// Of a typed object.
    ///
    /// # Panics
    /// When the object cannot be written as JSON, which no Kubernetes type does.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()> + Serialize>(typed: &K) -> Self {
        let resource = ApiResource::erase::<K>(&());
        let mut value = serde_json::to_value(typed)
            .expect("invariant: a Kubernetes object can be written as JSON");
        // Types with a status write an empty one.
        if let Some(map) = value.as_object_mut() {
            map.remove("status");
        }
        let object = serde_json::from_value(value)
            .expect("invariant: a Kubernetes object has metadata and types");
        Self { resource, object }
    }

    /// `Kind/name`, for logs and errors.
    #[must_use]
    pub fn label(&self) -> String {
        let name = self.object.metadata.name.as_deref().unwrap_or_default();
        format!("{}/{name}", self.resource.kind)
    }
}
