//! What a person asks about.

use anyhow::bail;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator::crd::{BridgePool, JitsiCluster, JitsiShard};

use crate::kubectl::seen::Seen;

/// A resource, or a bridge with its pool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Cluster(&'a JitsiCluster),
    Shard(&'a JitsiShard),
    Pool(&'a BridgePool),
    Bridge(&'a BridgePool, &'a Pod),
}

impl Subject<'_> {
    /// Kinds of objects whose events are of interest.
    pub(crate) fn kinds(&self) -> &'static [&'static str] {
        match self {
            Self::Cluster(_) => &["JitsiCluster"],
            Self::Shard(_) => &["JitsiShard"],
            Self::Pool(_) => &["BridgePool", "HorizontalPodAutoscaler"],
            Self::Bridge(..) => &["BridgePool", "Pod"],
        }
    }

    /// The short name of its kind, which tells it from another of its name.
    fn short(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "jcl",
            Self::Shard(_) => "jsh",
            Self::Pool(_) => "bp",
            Self::Bridge(..) => "pod",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Cluster(one) => one.name_any(),
            Self::Shard(one) => one.name_any(),
            Self::Pool(one) => one.name_any(),
            Self::Bridge(_, pod) => pod.name_any(),
        }
    }

    /// Whether `pod` is a bridge that has to do with it.
    pub(crate) fn concerns(&self, seen: &Seen, pod: &str) -> bool {
        match self {
            Self::Cluster(_) | Self::Shard(_) => false,
            Self::Pool(pool) => seen
                .bridge(pod)
                .is_some_and(|(of, _)| of.name_any() == pool.name_any()),
            Self::Bridge(_, one) => one.name_any() == pod,
        }
    }

    /// Names of the objects whose events are read: an autoscaler has the name of its pool.
    pub(crate) fn with_events(&self) -> Vec<String> {
        match self {
            Self::Bridge(pool, pod) => vec![pool.name_any(), pod.name_any()],
            other => vec![other.name()],
        }
    }

    /// The bridge alone that an event must be about.
    pub(crate) fn bridge(&self) -> Option<String> {
        match self {
            Self::Bridge(_, pod) => Some(pod.name_any()),
            _ => None,
        }
    }
}

/// What a name means, written `NAME` or `KIND/NAME`. Without a name: every pool.
pub(crate) fn meant<'a>(seen: &'a Seen, name: Option<&str>) -> anyhow::Result<Vec<Subject<'a>>> {
    let place = &seen.namespace;
    let Some(text) = name else {
        if seen.pools.is_empty() {
            bail!("there is no BridgePool in namespace {place}: choose another with --namespace");
        }
        return Ok(seen.pools.iter().map(Subject::Pool).collect());
    };
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, text),
    };
    let clusters = seen.clusters.iter().map(Subject::Cluster);
    let shards = seen.shards.iter().map(Subject::Shard);
    let pools = seen.pools.iter().map(Subject::Pool);
    let bridges = seen.bridges().map(|(pool, pod)| Subject::Bridge(pool, pod));
    let all = clusters.chain(shards).chain(pools).chain(bridges);
    let found: Vec<Subject<'a>> = all
        .filter(|one| one.name() == name && kind.is_none_or(|kind| kind == one.short()))
        .collect();
    match found.as_slice() {
        [] => bail!(
            "namespace {place} has no cluster, shard, pool or bridge {text}: `kubectl shoal status` lists them \
             (jcl/NAME, jsh/NAME, bp/NAME and pod/NAME tell one kind from another)"
        ),
        [_] => Ok(found),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|one| format!("{}/{name}", one.short()))
                .collect();
            bail!(
                "{name} is the name of several: write {}",
                names.join(" or ")
            )
        }
    }
}
