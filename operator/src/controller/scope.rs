//! Which resource an object belongs to.

use std::fmt;

use kube::api::ObjectMeta;

/// Label of everything that the operator makes.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "shoal-operator");

/// A resource that owns objects, without its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A JitsiCluster.
    Cluster(String),
    /// A JitsiShard.
    Shard(String),
    /// A BridgePool.
    Pool(String),
}

impl Scope {
    /// Its kind, as Kubernetes writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "JitsiCluster",
            Self::Shard(_) => "JitsiShard",
            Self::Pool(_) => "BridgePool",
        }
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        let (Self::Cluster(name) | Self::Shard(name) | Self::Pool(name)) = self;
        name
    }
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// `metadata.namespace`.
    pub namespace: String,
    /// Itself.
    pub scope: Scope,
}

impl Key {
    /// Of a resource.
    pub fn new(namespace: &str, scope: Scope) -> Self {
        Self {
            namespace: namespace.to_owned(),
            scope,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, scope } = self;
        write!(f, "{} {namespace}/{}", scope.kind(), scope.name())
    }
}

/// Whom an object says it belongs to: the resource of ours that controls it, or else the most particular label, for pods
/// are controlled by what stands between.
pub fn scope(meta: &ObjectMeta) -> Option<Scope> {
    let owners = meta.owner_references.iter().flatten();
    for owner in owners.filter(|owner| owner.api_version.starts_with("shoal.video/")) {
        let name = owner.name.clone();
        match owner.kind.as_str() {
            "JitsiCluster" => return Some(Scope::Cluster(name)),
            "JitsiShard" => return Some(Scope::Shard(name)),
            "BridgePool" => return Some(Scope::Pool(name)),
            _ => {}
        }
    }
    let label = |key: &str| meta.labels.as_ref()?.get(key).cloned();
    label("shoal.video/pool")
        .map(Scope::Pool)
        .or_else(|| label("shoal.video/shard").map(Scope::Shard))
        .or_else(|| label("shoal.video/cluster").map(Scope::Cluster))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_owner_counts_and_then_the_most_particular_label() {
        let meta = |value| serde_json::from_value::<ObjectMeta>(value).unwrap();
        let labels =
            serde_json::json!({"labels": {"shoal.video/cluster": "c", "shoal.video/pool": "p"}});
        assert_eq!(scope(&meta(labels)), Some(Scope::Pool("p".into())));
        let owned = serde_json::json!({
            "labels": {"shoal.video/cluster": "c", "shoal.video/shard": "s"},
            "ownerReferences": [{"apiVersion": "shoal.video/v1alpha1", "kind": "JitsiCluster", "name": "c", "uid": "1"}],
        });
        assert_eq!(scope(&meta(owned)), Some(Scope::Cluster("c".into())));
        assert_eq!(scope(&ObjectMeta::default()), None);
    }
}
