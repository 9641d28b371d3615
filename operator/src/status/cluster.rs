//! The status of a JitsiCluster.

use std::collections::BTreeMap;

use super::Met;
use super::conditions::Conditions;
use super::frame::Frame;
use super::pods::{Workload, of_component, why};
use crate::build::names;
use crate::crd::{ClusterStatus, FrontDoorExposure};
use crate::validate::{PublicCertificate, ValidCluster};
use crate::world::ClusterWorld;

/// What is seen of a cluster. `valid` is absent when it cannot be built.
#[must_use]
pub(crate) fn cluster(
    world: &ClusterWorld,
    valid: Option<&ValidCluster>,
    met: &Met,
) -> ClusterStatus {
    let meta = &world.cluster.metadata;
    let name = meta.name.clone().unwrap_or_default();
    let before = world.cluster.status.clone().unwrap_or_default();
    let front_door = Workload::of_set(world.live.stateful_sets.get(&names::front_door(&name)));
    let web = Workload::of_deployment(world.live.deployments.get(&names::web(&name)));
    let taking = world
        .front_door
        .values()
        .filter(|status| **status == 200)
        .count();
    let total = world.shards.len();

    let missing = why_not_ready(world, met, &name, &front_door, &web, taking);
    let complaint = met.complaint();
    let mut conditions = Conditions::new(&before.conditions, meta.generation, world.now);
    let few = |workload: &Workload| workload.ready < workload.wanted;
    let partial = missing_pods(world, met, &name, [&front_door, &web], few);
    let rolling = partial.as_ref().map_or(
        "front door and page are brought to what the spec says",
        |(_, message)| message.as_str(),
    );
    let settled = front_door.settled() && web.settled();
    Frame {
        missing: missing.as_ref(),
        ready: format!("people can meet at {}", url(world)),
        rolling: (!settled).then_some(("RollingOut", rolling)),
        complaint: complaint.as_ref(),
    }
    .set(&mut conditions);
    trust(&mut conditions, world, valid);

    let shard_statuses = || {
        world
            .shards
            .iter()
            .filter_map(|shard| shard.status.as_ref())
    };
    let pool_statuses = || world.pools.iter().filter_map(|pool| pool.status.as_ref());
    ClusterStatus {
        observed_generation: meta.generation,
        conditions: conditions.done(),
        message: missing
            .or(complaint)
            .or(partial)
            .map(|(_, message)| message)
            .unwrap_or_default(),
        shards: format!("{taking}/{total}"),
        bridges: pool_statuses()
            .map(|pool| pool.bridges.ready + pool.bridges.draining)
            .sum(),
        conferences: shard_statuses().map(|shard| shard.conferences).sum(),
        participants: shard_statuses().map(|shard| shard.participants).sum(),
        shard_ids: valid.map_or(before.shard_ids, |valid| valid.shard_ids.clone()),
        url: url(world),
    }
}

/// Why pods of the front door or the page do not run, where `counts`.
fn missing_pods(
    world: &ClusterWorld,
    met: &Met,
    name: &str,
    workloads: [&Workload; 2],
    counts: fn(&Workload) -> bool,
) -> Option<(String, String)> {
    let [front_door, web] = workloads;
    let all = [
        (
            front_door,
            "front door",
            names::front_door(name),
            "front-door",
            "FrontDoorNotReady",
        ),
        (web, "web", names::web(name), "web", "WebNotReady"),
    ];
    let (workload, what, own, component, reason) =
        all.into_iter().find(|(workload, ..)| counts(workload))?;
    let pods = of_component(world.live.pods.values(), component);
    let because = met.blocked.get(&own).cloned().or_else(|| why(pods));
    let because = because.unwrap_or_else(|| "its pods are being made".into());
    let missing = workload.wanted - workload.ready;
    let message = format!(
        "{missing} of {} {what} pods do not run: {because}",
        workload.wanted
    );
    Some((reason.into(), message))
}

fn why_not_ready(
    world: &ClusterWorld,
    met: &Met,
    name: &str,
    front_door: &Workload,
    web: &Workload,
    taking: usize,
) -> Option<(String, String)> {
    if let Some(problem) = met.problems.first() {
        return Some(problem.clone());
    }
    let none = |workload: &Workload| workload.ready == 0;
    if let Some(missing) = missing_pods(world, met, name, [front_door, web], none) {
        return Some(missing);
    }
    if let Some(wait) = met.waits.first() {
        return Some(wait.clone());
    }
    if taking > 0 {
        return None;
    }
    let shards: Vec<String> = world
        .shards
        .iter()
        .filter_map(|shard| {
            let message = &shard.status.as_ref()?.message;
            let name = shard.metadata.name.as_ref()?;
            (!message.is_empty()).then(|| format!("{name}: {message}"))
        })
        .collect();
    let detail = shards
        .first()
        .map(|first| format!(" ({first})"))
        .unwrap_or_default();
    Some((
        "NoShardReady".into(),
        format!(
            "none of {} shards takes new rooms{detail}",
            world.shards.len()
        ),
    ))
}

/// Whether browsers will trust the certificate, as far as the operator knows.
fn trust(conditions: &mut Conditions<'_>, world: &ClusterWorld, valid: Option<&ValidCluster>) {
    let kind = "CertificateTrusted";
    let spec = &world.cluster.spec;
    if matches!(
        spec.front_door.exposure,
        FrontDoorExposure::Ingress | FrontDoorExposure::Gateway
    ) && spec.tls.is_none()
    {
        return conditions.set(
            kind,
            true,
            "EndsInFront",
            "TLS ends at the ingress or Gateway, with the certificate that it has",
        );
    }
    match (valid.map(|valid| &valid.certificate), &spec.tls) {
        (Some(PublicCertificate::Given { .. }), _) => conditions.set(kind, true, "FromSecret", ""),
        (_, None) => conditions.set(
            kind,
            false,
            "SelfSigned",
            "browsers warn of the self-signed certificate: name one in spec.tls.secretName, or a cert-manager issuer in spec.tls.issuerRef",
        ),
        (_, Some(tls)) => {
            let message = if tls.issuer_ref.is_some() {
                "cert-manager has not written the certificate yet, and a self-signed one is shown meanwhile: see kubectl describe certificate"
            } else {
                "the Secret of spec.tls.secretName has no usable certificate"
            };
            conditions.set(kind, false, "NotThere", message);
        }
    }
}

fn url(world: &ClusterWorld) -> String {
    let spec = &world.cluster.spec;
    let domain = &spec.domain;
    if spec.front_door.exposure != FrontDoorExposure::NodePort {
        return format!("https://{domain}");
    }
    let name = world.cluster.metadata.name.as_deref().unwrap_or_default();
    let port = https_port(world.live.services.get(&names::front_door(name)));
    port.map_or_else(
        || format!("https://{domain}"),
        |port| format!("https://{domain}:{port}"),
    )
}

fn https_port(service: Option<&k8s_openapi::api::core::v1::Service>) -> Option<i32> {
    let ports = service?.spec.as_ref()?.ports.as_ref()?;
    let named: BTreeMap<&str, Option<i32>> = ports
        .iter()
        .filter_map(|port| Some((port.name.as_deref()?, port.node_port)))
        .collect();
    named.get("https").copied().flatten()
}
