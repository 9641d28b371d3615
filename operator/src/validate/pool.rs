//! A BridgePool that can be built.

use super::{Images, Problem, no_cluster};
use crate::crd::{BridgeExposure, BridgePoolSpec, JitsiClusterSpec};
use crate::world::{Defaults, PoolWorld};

/// A BridgePool that can be built.
#[derive(Clone, Debug)]
pub struct ValidPool {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Name of its cluster.
    pub cluster: String,
    /// Its cluster, as written.
    pub cluster_spec: JitsiClusterSpec,
    /// What is pulled.
    pub images: Images,
    /// DNS domain of the Kubernetes cluster.
    pub cluster_domain: String,
    /// From which probes and orders come.
    pub operator_namespace: String,
    /// What is wrong and yet keeps nothing from being built.
    pub warnings: Vec<Problem>,
}

/// Checks a pool.
///
/// # Errors
/// What keeps it from being built, at least one sentence.
pub fn pool(world: &PoolWorld, defaults: &Defaults) -> Result<ValidPool, Vec<Problem>> {
    let meta = &world.pool.metadata;
    let spec = &world.pool.spec;
    let Some(cluster) = &world.cluster else {
        return Err(vec![no_cluster("spec.clusterRef", &spec.cluster_ref)]);
    };
    let problems: Vec<_> = [ports(spec), selector(spec)]
        .into_iter()
        .flatten()
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut warnings = Vec::new();
    if world.shards.is_empty() {
        warnings.push(Problem::waiting(
            "NoShard",
            format!(
                "no JitsiShard of cluster {:?} fits spec.shardSelector: nobody uses these bridges",
                spec.cluster_ref
            ),
        ));
    }
    warnings.extend(balancers_without_address(world));
    Ok(ValidPool {
        name: meta.name.clone().unwrap_or_default(),
        namespace: meta.namespace.clone().unwrap_or_default(),
        cluster: spec.cluster_ref.clone(),
        cluster_spec: cluster.spec.clone(),
        images: Images::of(cluster, defaults),
        cluster_domain: defaults.cluster_domain.clone(),
        operator_namespace: defaults.operator_namespace.clone(),
        warnings,
    })
}

/// The greatest number of bridges that there may be at a time.
fn most(spec: &BridgePoolSpec) -> i32 {
    let scaled = spec
        .autoscaling
        .as_ref()
        .map_or(0, |scaling| scaling.max_replicas);
    spec.replicas.max(scaled)
}

fn ports(spec: &BridgePoolSpec) -> Option<Problem> {
    let base = spec.exposure.base_port?;
    let last = base.saturating_add(most(spec)).saturating_sub(1);
    (spec.exposure.kind == BridgeExposure::NodePort && last > 65_535).then(|| {
        Problem::new(
            "PortsExhausted",
            format!("spec.exposure.basePort is {base}, so the last of {} bridges would need port {last}: choose a lower basePort or fewer bridges", most(spec)),
        )
    })
}

fn selector(spec: &BridgePoolSpec) -> Option<Problem> {
    let expressions = spec.shard_selector.as_ref()?.match_expressions.as_ref()?;
    let wrong = expressions.iter().find(|one| {
        let values = one.values.as_ref().is_some_and(|values| !values.is_empty());
        match one.operator.as_str() {
            "In" | "NotIn" => !values,
            "Exists" | "DoesNotExist" => values,
            _ => true,
        }
    })?;
    Some(Problem::new(
        "SelectorInvalid",
        format!(
            "spec.shardSelector: the expression on {:?} is wrong: operators In and NotIn need values, Exists and DoesNotExist have none, and there are no others",
            wrong.key
        ),
    ))
}

/// Load balancers that were given a host name where media needs an IP address.
fn balancers_without_address(world: &PoolWorld) -> Option<Problem> {
    let named = world.live.services.values().find_map(|service| {
        let ingress = service
            .status
            .as_ref()?
            .load_balancer
            .as_ref()?
            .ingress
            .as_ref()?;
        let only_name = !ingress.is_empty() && ingress.iter().all(|one| one.ip.is_none());
        only_name.then(|| service.metadata.name.clone().unwrap_or_default())
    })?;
    (world.pool.spec.exposure.kind == BridgeExposure::LoadBalancer
        && world.pool.spec.exposure.addresses.fixed.is_empty())
    .then(|| {
        Problem::new(
            "LoadBalancerWithoutAddress",
            format!("the load balancer of Service {named:?} has a host name and no IP address, and media needs one: ask your provider for an address (by spec.exposure.annotations), or name it in spec.exposure.addresses.static"),
        )
    })
}
