//! Whom an object belongs to: owner, labels, namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;

use crate::secrets::Content;

/// Value of label `app.kubernetes.io/managed-by`.
pub const MANAGED_BY: &str = "shoal-operator";

/// The resource that objects are made for.
#[derive(Clone, Debug)]
pub struct Origin {
    owner: OwnerReference,
    namespace: String,
    labels: BTreeMap<String, String>,
}

impl Origin {
    /// Of a resource that exists; `labels` are those of all its objects, for instance `shoal.video/shard: a`.
    #[must_use]
    pub fn new<K: Resource<DynamicType = ()>>(resource: &K, labels: &[(&str, &str)]) -> Self {
        let meta = resource.meta();
        let name = meta.name.clone().unwrap_or_default();
        let common = [
            ("app.kubernetes.io/name", "shoal"),
            ("app.kubernetes.io/managed-by", MANAGED_BY),
            ("app.kubernetes.io/instance", name.as_str()),
        ];
        Self {
            labels: common
                .iter()
                .chain(labels)
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            owner: OwnerReference {
                api_version: K::api_version(&()).into_owned(),
                kind: K::kind(&()).into_owned(),
                uid: meta.uid.clone().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: Some(true),
                name,
            },
            namespace: meta.namespace.clone().unwrap_or_default(),
        }
    }

    /// Name, labels and owner, as every object of a component has them.
    #[must_use]
    pub fn meta(&self, name: impl Into<String>, component: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.labels(component)),
            owner_references: Some(vec![self.owner.clone()]),
            ..ObjectMeta::default()
        }
    }

    /// Labels of a component's objects.
    #[must_use]
    pub fn labels(&self, component: &str) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert("app.kubernetes.io/component".into(), component.into());
        labels
    }

    /// Labels that find a component's pods of this resource, and no others. They never change.
    #[must_use]
    pub fn selector(&self, component: &str) -> BTreeMap<String, String> {
        self.labels(component)
            .into_iter()
            .filter(|(key, _)| {
                ["app.kubernetes.io/component", "app.kubernetes.io/instance"]
                    .contains(&key.as_str())
            })
            .collect()
    }

    /// The same as a selector object.
    #[must_use]
    pub fn label_selector(&self, component: &str) -> LabelSelector {
        LabelSelector {
            match_labels: Some(self.selector(component)),
            ..LabelSelector::default()
        }
    }

    /// A Secret with what is generated.
    #[must_use]
    pub fn secret(&self, name: String, component: &str, kind: &str, content: &Content) -> Secret {
        let mut metadata = self.meta(name, component);
        if !content.annotations.is_empty() {
            metadata.annotations = Some(content.annotations.clone());
        }
        Secret {
            metadata,
            type_: Some(kind.into()),
            data: Some(content.bytes()),
            ..Secret::default()
        }
    }
}

/// The value of annotation [`crate::secrets::ROTATE`] of a resource.
pub(super) fn rotate<K: Resource>(resource: &K) -> Option<&str> {
    let annotations = resource.meta().annotations.as_ref()?;
    annotations.get(crate::secrets::ROTATE).map(String::as_str)
}
