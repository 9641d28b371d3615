//! A JitsiCluster that can be built.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::secret::{named, of_signalling};
use super::{Images, Limits, Problem};
use crate::crd::{RegionSpec, ShardState};
use crate::haproxy::ids;
use crate::world::{ClusterWorld, Defaults};

/// A JitsiCluster that can be built.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidCluster {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// What is pulled.
    pub images: Images,
    /// DNS domain of the Kubernetes cluster.
    pub cluster_domain: String,
    /// From which probes and orders come.
    pub operator_namespace: String,
    /// Shards that the front door knows, by name.
    pub shards: Vec<FrontDoorShard>,
    /// Ids of all shards that there ever were, for the status: see [`ids::assign`].
    pub shard_ids: BTreeMap<String, u32>,
    /// What browsers see.
    pub certificate: PublicCertificate,
    /// How callers' regions are found.
    pub regions: Vec<Region>,
    /// What one address may use.
    pub limits: Limits,
    /// What is wrong and yet keeps nothing from being built.
    pub warnings: Vec<Problem>,
}

/// A shard as the front door sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontDoorShard {
    /// Its name, which is that of its server.
    pub name: String,
    /// Id of its server, which no other shard ever has.
    pub id: u32,
    /// Whether it takes new rooms, as far as its owner is concerned.
    pub active: bool,
    /// Whether the configuration in use has it already.
    pub known: bool,
}

/// What browsers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicCertificate {
    /// One of our own making, which browsers warn of.
    SelfSigned,
    /// From the Secret that the spec names.
    Given {
        /// Chain, PEM.
        certificate: String,
        /// Private key, PEM.
        key: String,
    },
}

/// Callers of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// As in `spec.frontDoor.regions`.
    pub name: String,
    /// Networks, as `ADDRESS/BITS`.
    pub networks: Vec<String>,
    /// Values of request headers, by lower-case name of the header.
    pub headers: BTreeMap<String, Vec<String>>,
}

/// Checks a cluster.
///
/// # Errors
/// What keeps it from being built, at least one sentence.
pub fn cluster(world: &ClusterWorld, defaults: &Defaults) -> Result<ValidCluster, Vec<Problem>> {
    let meta = &world.cluster.metadata;
    let spec = &world.cluster.spec;
    let name = meta.name.clone().unwrap_or_default();
    let mut problems = Vec::new();
    if let Some(label) = spec.domain.split('.').find(|label| label.len() > 63) {
        problems.push(Problem::new(
            "DomainInvalid",
            format!("spec.domain: {label:?} is longer than the 63 letters that DNS allows between two dots"),
        ));
    }
    let certificate = certificate(world).unwrap_or_else(|problem| {
        problems.push(problem);
        PublicCertificate::SelfSigned
    });
    if let Err(more) = of_signalling(spec, &world.live) {
        problems.extend(more);
    }
    let mut regions = Vec::new();
    for region in &spec.front_door.regions {
        match self::region(region) {
            Ok(region) => regions.push(region),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let shard_ids = ids::assign(world);
    let known = ids::in_use(world);
    let shards = world
        .shards
        .iter()
        .filter_map(|shard| {
            let name = shard.metadata.name.clone()?;
            Some(FrontDoorShard {
                id: *shard_ids.get(&name)?,
                known: known.contains_key(&name),
                active: shard.spec.state == ShardState::Active
                    && shard.metadata.deletion_timestamp.is_none(),
                name,
            })
        })
        .collect();
    let mut warnings = Vec::new();
    if world.shards.is_empty() {
        warnings.push(Problem::waiting(
            "NoShard",
            format!("no JitsiShard has spec.clusterRef {name:?}: create one, for without it there is nothing that holds meetings"),
        ));
    }
    Ok(ValidCluster {
        namespace: meta.namespace.clone().unwrap_or_default(),
        images: Images::of(&world.cluster, defaults),
        cluster_domain: defaults.cluster_domain.clone(),
        operator_namespace: defaults.operator_namespace.clone(),
        shards,
        shard_ids,
        certificate,
        regions,
        limits: Limits::of(spec),
        warnings,
        name,
    })
}

/// The certificate that is to be shown. One that cert-manager has yet to write is no fault.
fn certificate(world: &ClusterWorld) -> Result<PublicCertificate, Problem> {
    let Some(tls) = &world.cluster.spec.tls else {
        return Ok(PublicCertificate::SelfSigned);
    };
    let field = "spec.tls.secretName";
    let name = tls.secret_name.clone().unwrap_or_else(|| {
        crate::build::names::issued_certificate(
            world.cluster.metadata.name.as_deref().unwrap_or_default(),
        )
    });
    if tls.issuer_ref.is_some() && !world.live.secrets.contains_key(&name) {
        return Ok(PublicCertificate::SelfSigned);
    }
    let part = |key: &str, mark: &str| {
        let text = named(&world.live, field, &name, key)?;
        if text.contains("-----BEGIN ") && text.contains(mark) {
            Ok(format!("{text}\n"))
        } else {
            Err(Problem::new(
                "SecretIncomplete",
                format!(
                    "{field}: key {key:?} of Secret {name:?} is not PEM with a {mark}: a Secret of type kubernetes.io/tls has the certificate chain in tls.crt and its key in tls.key"
                ),
            ))
        }
    };
    Ok(PublicCertificate::Given {
        certificate: part("tls.crt", "CERTIFICATE-----")?,
        key: part("tls.key", "PRIVATE KEY-----")?,
    })
}

fn region(spec: &RegionSpec) -> Result<Region, Problem> {
    let wrong = |what: String| {
        Problem::new(
            "RegionInvalid",
            format!("spec.frontDoor.regions, {:?}: {what}", spec.name),
        )
    };
    for network in &spec.cidrs {
        if !is_network(network) {
            return Err(wrong(format!(
                "{network:?} is no network: write ADDRESS/BITS, for instance 203.0.113.0/24 or 2001:db8::/32"
            )));
        }
    }
    let mut headers = BTreeMap::new();
    for (header, values) in &spec.headers {
        let token = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if header.is_empty() || !token(header) {
            return Err(wrong(format!(
                "{header:?} is no name of a request header: use letters, digits and hyphens"
            )));
        }
        let known: BTreeSet<_> = values
            .iter()
            .map(|value| value.to_ascii_lowercase())
            .collect();
        if let Some(value) = known.iter().find(|value| {
            value.is_empty() || !value.chars().all(|c| c.is_ascii_graphic() && c != '#')
        }) {
            return Err(wrong(format!(
                "value {value:?} of header {header:?} cannot be matched: use visible ASCII without spaces and without #"
            )));
        }
        headers.insert(header.to_ascii_lowercase(), known.into_iter().collect());
    }
    Ok(Region {
        name: spec.name.clone(),
        networks: spec.cidrs.clone(),
        headers,
    })
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
