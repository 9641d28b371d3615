//! The status of a JitsiShard.

use super::Met;
use super::conditions::Conditions;
use super::frame::Frame;
use super::pods::{Workload, of_component, why};
use crate::build::names;
use crate::crd::{ShardState, ShardStatus};
use crate::world::ShardWorld;

/// What is seen of a shard.
#[must_use]
pub(crate) fn shard(world: &ShardWorld, met: &Met) -> ShardStatus {
    let meta = &world.shard.metadata;
    let name = meta.name.clone().unwrap_or_default();
    let before = world.shard.status.clone().unwrap_or_default();
    let set = |name: &str| Workload::of_set(world.live.stateful_sets.get(name));
    let (signalling, focus) = (set(&names::signalling(&name)), set(&names::focus(&name)));
    let deleting = meta.deletion_timestamp.is_some();
    let draining = deleting || world.shard.spec.state == ShardState::Draining;
    let report = world.focus.clone().unwrap_or_default();
    let empty = world.focus.is_some() && report.conferences == 0;

    let missing = why_not_ready(world, met, &name, &signalling, &focus);
    let complaint = met.complaint();
    let mut conditions = Conditions::new(&before.conditions, meta.generation, world.now);
    let rolling = "signalling and focus are brought to what the spec says";
    let settled = signalling.settled() && focus.settled();
    Frame {
        missing: missing.as_ref(),
        ready: "signalling and focus run, and bridges are there".into(),
        rolling: (!settled).then_some(("RollingOut", rolling)),
        complaint: complaint.as_ref(),
    }
    .set(&mut conditions);
    let why_draining = match (deleting, draining) {
        (true, _) => (
            "Deleted",
            "takes no new rooms, because it is being deleted; it goes when its meetings have ended",
        ),
        (false, true) => ("Asked", "takes no new rooms, because spec.state says so"),
        (false, false) => ("Active", ""),
    };
    conditions.set("Draining", draining, why_draining.0, why_draining.1);
    match (draining, empty) {
        (true, true) => conditions.set("Drained", true, "Empty", "no meetings are left"),
        (true, false) => conditions.set("Drained", false, "Occupied", "meetings are still held"),
        (false, _) => conditions.set("Drained", false, "Active", ""),
    }
    let state = match (deleting, draining, empty) {
        (true, ..) => "Deleting",
        (false, true, true) => "Drained",
        (false, true, false) => "Draining",
        (false, false, _) => "Active",
    };
    ShardStatus {
        observed_generation: meta.generation,
        conditions: conditions.done(),
        message: missing
            .or(complaint)
            .map(|(_, message)| message)
            .unwrap_or_default(),
        state: state.into(),
        bridges: report.bridges,
        conferences: report.conferences,
        participants: report.participants,
    }
}

fn why_not_ready(
    world: &ShardWorld,
    met: &Met,
    name: &str,
    signalling: &Workload,
    focus: &Workload,
) -> Option<(String, String)> {
    if let Some(problem) = met.problems.first() {
        return Some(problem.clone());
    }
    let (signalling_name, focus_name) = (names::signalling(name), names::focus(name));
    for (workload, own, component, reason) in [
        (
            signalling,
            &signalling_name,
            "signalling",
            "SignallingNotReady",
        ),
        (focus, &focus_name, "focus", "FocusNotReady"),
    ] {
        if workload.ready >= 1 {
            continue;
        }
        let pods = of_component(world.live.pods.values(), component);
        let because = met.blocked.get(own).cloned().or_else(|| why(pods));
        let because = because.unwrap_or_else(|| "its pod is being made".into());
        return Some((
            reason.into(),
            format!("{component} does not run: {because}"),
        ));
    }
    if let Some(wait) = met.waits.first() {
        return Some(wait.clone());
    }
    match (&world.signalling, &world.focus) {
        (None, _) => Some((
            "SignallingSilent".into(),
            "the signalling server runs, and does not answer the operator at port 5281: look at its log, and whether a network policy keeps the operator out".into(),
        )),
        (Some(report), _) if !report.takes_rooms => {
            let reason = if report.reason.is_empty() {
                "it gives no reason"
            } else {
                &report.reason
            };
            Some(("TakesNoRooms".into(), format!("takes no new rooms: {reason}")))
        }
        (_, None) => Some((
            "FocusSilent".into(),
            "the focus runs, and does not answer the operator at port 8889: look at its log, and whether a network policy keeps the operator out".into(),
        )),
        (_, Some(report)) => {
            let unfit = report.unfit.as_ref()?;
            Some(("FocusUnfit".into(), format!("the focus cannot hold meetings: {unfit}")))
        }
    }
}
