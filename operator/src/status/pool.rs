//! The status of a BridgePool.

use k8s_openapi::api::core::v1::Pod;

use super::conditions::Conditions;
use super::pods::{Workload, counted, is_ready, of_component, ready_since, why};
use super::{COMPLETE, Met};
use crate::build::names;
use crate::crd::{BridgeExposure, BridgesByState, PoolStatus};
use crate::world::{BridgeReport, PoolWorld};

/// How long a bridge may be silent after its start, in seconds.
const PATIENCE: i64 = 15;

/// What is seen of a pool. `selector` is that of its pods.
#[must_use]
pub fn pool(world: &PoolWorld, selector: &str, met: &Met) -> PoolStatus {
    let meta = &world.pool.metadata;
    let name = meta.name.clone().unwrap_or_default();
    let before = world.pool.status.clone().unwrap_or_default();
    let workload = Workload::of_set(world.live.stateful_sets.get(&names::bridge(&name)));
    let bridges = by_state(world);
    let deleting = meta.deletion_timestamp.is_some();
    let draining = deleting || bridges.draining > 0;

    let missing = why_not_ready(world, met, &name, &bridges);
    let complaint = met.complaint();
    let media = unreachable(world, met);
    let mut conditions = Conditions::new(&before.conditions, meta.generation, world.now);
    match &missing {
        None => conditions.set(
            "Ready",
            true,
            "Ready",
            format!(
                "{} {} meetings",
                counted(bridges.ready, "bridge", "bridges"),
                if bridges.ready == 1 { "takes" } else { "take" }
            ),
        ),
        Some((reason, message)) => conditions.set("Ready", false, reason, message.clone()),
    }
    if workload.settled() && bridges.starting == 0 && bridges.draining == 0 {
        conditions.set("Progressing", false, "Complete", COMPLETE);
    } else {
        conditions.set(
            "Progressing",
            true,
            "RollingOut",
            "bridges start, drain or are brought to what the spec says",
        );
    }
    match &complaint {
        Some((reason, message)) => conditions.set("Degraded", true, reason, message.clone()),
        None => conditions.set("Degraded", false, "AsExpected", ""),
    }
    let why_draining = match (deleting, draining) {
        (true, _) => (
            "Deleted",
            "its bridges take no new meetings, because it is being deleted; it goes when nobody is on them",
        ),
        (false, true) => (
            "Surplus",
            "bridges that are not needed any more leave when nobody is on them",
        ),
        (false, false) => ("Active", ""),
    };
    conditions.set("Draining", draining, why_draining.0, why_draining.1);
    reachability(&mut conditions, world, media.as_ref());

    let reports = || world.bridges.values();
    let participants = reports().map(|one| one.participants).sum();
    let (stress_percent, bytes_per_second) = if participants == 0 {
        // What an idle bridge's machine does is noise, and each change would be a write.
        (0, 0)
    } else {
        let ready: Vec<&BridgeReport> = reports()
            .filter(|one| one.unwell.is_none() && !one.draining)
            .collect();
        let mean = ready.iter().map(|one| one.stress).sum::<f64>() / ready.len().max(1) as f64;
        let bytes = reports().map(|one| one.bytes_per_second).sum();
        ((mean * 100.0).round() as i32, bytes)
    };
    PoolStatus {
        observed_generation: meta.generation,
        conditions: conditions.done(),
        message: missing
            .or(complaint)
            .map(|(_, message)| message)
            .or(media)
            .unwrap_or_default(),
        replicas: bridges.starting + bridges.ready + bridges.draining + bridges.failed,
        selector: selector.to_owned(),
        summary: summary(&bridges),
        bridges,
        conferences: reports().map(|one| one.conferences).sum(),
        participants,
        stress_percent,
        bytes_per_second,
    }
}

fn state_of(pod: &Pod, report: Option<&BridgeReport>, now: i64, count: &mut BridgesByState) {
    let place = match report {
        Some(report) if report.draining => &mut count.draining,
        Some(report) => match &report.unwell {
            None if is_ready(pod) => &mut count.ready,
            Some(text) if !text.starts_with("waiting for") => &mut count.failed,
            _ => &mut count.starting,
        },
        None if ready_since(pod).is_some_and(|since| now - since > PATIENCE) => &mut count.failed,
        None if crashes(pod) => &mut count.failed,
        None => &mut count.starting,
    };
    *place += 1;
}

/// Whether a pod has failed, or its bridge ends again and again.
fn crashes(pod: &Pod) -> bool {
    let Some(status) = &pod.status else {
        return false;
    };
    let containers = status.container_statuses.iter().flatten();
    let waiting =
        containers.filter_map(|one| one.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    status.phase.as_deref() == Some("Failed")
        || waiting
            .into_iter()
            .any(|reason| reason == "CrashLoopBackOff")
}

fn by_state(world: &PoolWorld) -> BridgesByState {
    let now = i64::try_from(world.now.as_secs()).unwrap_or_default();
    let mut count = BridgesByState::default();
    for (name, pod) in &world.live.pods {
        if pod.metadata.deletion_timestamp.is_some() {
            continue;
        }
        state_of(pod, world.bridges.get(name), now, &mut count);
    }
    count
}

fn summary(bridges: &BridgesByState) -> String {
    let parts = [
        (bridges.ready, "ready"),
        (bridges.starting, "starting"),
        (bridges.draining, "draining"),
        (bridges.failed, "failed"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {state}"))
        .collect();
    if told.is_empty() {
        "none".into()
    } else {
        told.join(", ")
    }
}

fn why_not_ready(
    world: &PoolWorld,
    met: &Met,
    name: &str,
    bridges: &BridgesByState,
) -> Option<(String, String)> {
    if let Some(problem) = met.problems.first() {
        return Some(problem.clone());
    }
    let wanted = world.pool.spec.replicas;
    if bridges.ready >= wanted {
        return met.waits.first().cloned();
    }
    let pods = of_component(world.live.pods.values(), "bridge");
    let unwell = || {
        world.bridges.iter().find_map(|(pod, report)| {
            let text = report.unwell.as_ref()?;
            Some(format!("{pod} is unwell: {text}"))
        })
    };
    let silent = || {
        let silent = world
            .live
            .pods
            .iter()
            .find(|(name, pod)| is_ready(pod) && !world.bridges.contains_key(*name));
        silent.map(|(name, _)| format!("{name} does not answer the operator at port 8080 yet"))
    };
    let because = met
        .blocked
        .get(&names::bridge(name))
        .cloned()
        .or_else(|| why(pods))
        .or_else(unwell)
        .or_else(silent)
        .unwrap_or_else(|| "pods are being made".into());
    let verb = if wanted - bridges.ready == 1 {
        "does"
    } else {
        "do"
    };
    let message = format!(
        "{} of {} {verb} not run: {because}",
        wanted - bridges.ready,
        counted(wanted, "bridge", "bridges"),
    );
    Some(("BridgesNotReady".into(), message))
}

/// The sentence about media that does not arrive.
fn unreachable(world: &PoolWorld, met: &Met) -> Option<String> {
    let reports = world.bridges.iter();
    let silent: Vec<&String> = reports
        .filter(|(_, report)| report.media_reachable == Some(false))
        .map(|(pod, _)| pod)
        .collect();
    let first = *silent.first()?;
    let unknown = String::from("its address");
    let addresses = met.silent.get(first).unwrap_or(&unknown);
    let more = match silent.len() {
        1 => String::new(),
        many => format!(" (and {} more)", many - 1),
    };
    let port = match world.pool.spec.exposure.kind {
        BridgeExposure::NodePort => {
            "the node port of each bridge (spec.exposure.basePort plus its number)"
        }
        BridgeExposure::LoadBalancer => "the load balancers' UDP port",
        BridgeExposure::HostPort | BridgeExposure::HostNetwork => {
            "the UDP port spec.exposure.port of the nodes"
        }
    };
    Some(format!(
        "UDP does not reach {first}{more}: nothing answers at {addresses}. Let {port} through firewalls and security groups, check that the address is right (spec.exposure.addresses), and that nodes reach their own public address"
    ))
}

fn reachability(conditions: &mut Conditions<'_>, world: &PoolWorld, sentence: Option<&String>) {
    let kind = "MediaReachable";
    if let Some(sentence) = sentence {
        return conditions.set(kind, false, "NoAnswer", sentence.clone());
    }
    let probed = world
        .bridges
        .values()
        .filter(|report| report.media_reachable.is_some())
        .count();
    if probed > 0 && probed == world.bridges.len() {
        conditions.set(
            kind,
            true,
            "Answered",
            "every bridge answered a check sent to its advertised address",
        );
    } else {
        conditions.keep(kind, "NotProbed", "no bridge was probed yet");
    }
}
