//! A JitsiShard that can be built.

use super::secret::of_signalling;
use super::{Images, Limits, Problem, no_cluster};
use crate::build::names;
use crate::crd::JitsiClusterSpec;
use crate::secrets::Authority;
use crate::world::{Defaults, ShardWorld};

/// A JitsiShard that can be built.
#[derive(Clone, Debug)]
pub struct ValidShard {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Name of its cluster.
    pub cluster: String,
    /// Its cluster, as written.
    pub cluster_spec: JitsiClusterSpec,
    /// What one address may use.
    pub limits: Limits,
    /// What is pulled.
    pub images: Images,
    /// DNS domain of the Kubernetes cluster.
    pub cluster_domain: String,
    /// From which probes and orders come.
    pub operator_namespace: String,
    /// The cluster's internal authority.
    pub authority: Authority,
    /// Texts that signalling reads only when it starts.
    pub signalling_secrets: Vec<String>,
    /// What is wrong and yet keeps nothing from being built.
    pub warnings: Vec<Problem>,
}

/// Checks a shard.
///
/// # Errors
/// What keeps it from being built, at least one sentence.
pub fn shard(world: &ShardWorld, defaults: &Defaults) -> Result<ValidShard, Vec<Problem>> {
    let meta = &world.shard.metadata;
    let Some(cluster) = &world.cluster else {
        return Err(vec![no_cluster(
            "spec.clusterRef",
            &world.shard.spec.cluster_ref,
        )]);
    };
    let name = meta.name.clone().unwrap_or_default();
    let signalling_secrets = of_signalling(&cluster.spec, &world.live).map_err(|problems| {
        problems
            .into_iter()
            .map(|problem| Problem {
                message: format!(
                    "JitsiCluster {:?}: {}",
                    world.shard.spec.cluster_ref, problem.message
                ),
                ..problem
            })
            .collect::<Vec<_>>()
    })?;
    let mut warnings = Vec::new();
    if world.pools.is_empty() {
        warnings.push(Problem::waiting(
            "NoBridgePool",
            "no BridgePool serves this shard: create one whose spec.clusterRef and spec.shardSelector fit, for without bridges there are no meetings",
        ));
    }
    Ok(ValidShard {
        authority: authority(world, &world.shard.spec.cluster_ref)?,
        namespace: meta.namespace.clone().unwrap_or_default(),
        cluster: world.shard.spec.cluster_ref.clone(),
        cluster_spec: cluster.spec.clone(),
        limits: Limits::of(&cluster.spec),
        images: Images::of(cluster, defaults),
        cluster_domain: defaults.cluster_domain.clone(),
        operator_namespace: defaults.operator_namespace.clone(),
        signalling_secrets,
        warnings,
        name,
    })
}

fn authority(world: &ShardWorld, cluster: &str) -> Result<Authority, Vec<Problem>> {
    let name = names::authority(cluster);
    let Some(secret) = world.live.secrets.get(&name) else {
        return Err(vec![Problem::waiting(
            "WaitingForCluster",
            format!(
                "Secret {name:?} is not there yet: the operator makes it for JitsiCluster {cluster:?}; if it stays away, see `kubectl describe jcl {cluster}`"
            ),
        )]);
    };
    Authority::read(secret).ok_or_else(|| {
        vec![Problem::new(
            "AuthorityUnusable",
            format!("Secret {name:?} has no usable tls.crt and tls.key: delete it, and a new internal authority is made"),
        )]
    })
}
