//! The status of a BridgePool.

use k8s_openapi::api::core::v1::Pod;

use super::conditions::Conditions;
use super::frame::{Because, Frame};
use super::pods::{Workload, counted, failing, is_ready, of_component, ready_since, why};
use super::{Met, autoscaling, bridges};
use crate::build::names;
use crate::crd::{BridgeExposure, BridgesByState, PoolStatus};
use crate::scale::{ScalePlan, Update, Why};
use crate::world::{BridgeReport, PoolWorld};

/// How long a bridge may be silent after its start, in seconds.
const PATIENCE: i64 = 15;

/// What is seen of a pool that goes on as `plan` says. `selector` is that of its pods.
#[must_use]
pub(crate) fn pool(world: &PoolWorld, plan: &ScalePlan, selector: &str, met: &Met) -> PoolStatus {
    let meta = &world.pool.metadata;
    let name = meta.name.clone().unwrap_or_default();
    let before = world.pool.status.clone().unwrap_or_default();
    let workload = Workload::of_set(world.live.stateful_sets.get(&names::bridge(&name)));
    let count = by_state(world);

    let missing = why_not_ready(world, met, &name, &count);
    let update = plan.update.as_ref();
    let complaint = met.complaint().or_else(|| update_stopped(world, update?));
    let media = unreachable(world, met);
    let leaving = bridges::leaving(world, plan);
    let updating = update.map(|update| how_far(world, update));
    let rolling = match (&updating, &leaving) {
        (Some(text), _) => Some(("Updating", text.as_str())),
        (None, Some(text)) => Some(("RollingOut", text.as_str())),
        (None, None) if workload.settled() && count.starting == 0 => None,
        (None, None) => Some(("RollingOut", "bridges start")),
    };
    let mut conditions = Conditions::new(&before.conditions, meta.generation, world.now);
    Frame {
        missing: missing.as_ref(),
        ready: format!(
            "{} {} meetings",
            counted(count.ready, "bridge", "bridges"),
            if count.ready == 1 { "takes" } else { "take" }
        ),
        rolling,
        complaint: complaint.as_ref(),
    }
    .set(&mut conditions);
    let deleting = meta.deletion_timestamp.is_some();
    draining(&mut conditions, plan, deleting, leaving.as_deref());
    reachability(&mut conditions, world, media.as_ref());
    autoscaling::state(&mut conditions, world);

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
            .or(updating)
            .or(leaving)
            .unwrap_or_default(),
        replicas: count.starting + count.ready + count.failed,
        selector: selector.to_owned(),
        summary: summary(&count),
        bridges: count,
        conferences: reports().map(|one| one.conferences).sum(),
        participants,
        stress_percent,
        bytes_per_second,
    }
}

/// How far the pool is brought to a new spec.
fn how_far(world: &PoolWorld, update: &Update) -> String {
    let left = counted(update.left, "bridge is", "bridges are");
    match &update.waits_for {
        None => format!("{left} yet to be replaced by one of the new spec"),
        Some(pod) => {
            let known = world.live.pods.get(pod);
            let because = match known
                .filter(|pod| !is_ready(pod))
                .and_then(|pod| why([pod].into_iter()))
            {
                Some(text) => text,
                None => format!("{pod} does not take meetings yet"),
            };
            format!(
                "{left} yet to be replaced by one of the new spec; the next one waits: {because}"
            )
        }
    }
}

/// The new spec does not work.
fn update_stopped(world: &PoolWorld, update: &Update) -> Option<Because> {
    let pod = world.live.pods.get(update.waits_for.as_ref()?)?;
    let because = failing(pod)?;
    let left = counted(
        update.left,
        "bridge of the old spec goes",
        "bridges of the old spec go",
    );
    let note = format!("the update has stopped, and {left} on: {because}");
    Some(("UpdateStopped".into(), note))
}

fn draining(
    conditions: &mut Conditions<'_>,
    plan: &ScalePlan,
    deleting: bool,
    leaving: Option<&str>,
) {
    let kind = "Draining";
    if deleting {
        let message = "its bridges take no new meetings, because it is being deleted; it goes when nobody is on them";
        return conditions.set(kind, true, "Deleted", message);
    }
    let reason = match plan.why.values().next() {
        None => return conditions.set(kind, false, "Active", ""),
        Some(Why::Surplus | Why::Deleted) => "Surplus",
        Some(Why::Update) => "Updating",
        Some(Why::Node(_)) => "NodeLeaves",
        Some(Why::ByHand) => "ByHand",
    };
    conditions.set(kind, true, reason, leaving.unwrap_or_default());
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
) -> Option<Because> {
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
