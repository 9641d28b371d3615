//! How each bridge fares: what Kubernetes knows of its pod, and what it says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator::build::names;
use operator::crd::{BridgeExposure, BridgePool};
use serde::Serialize;

use super::answers::{BridgeStats, Heard, Silence};
use super::seen::{self, Seen};

/// How long a bridge may be silent after its start.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a bridge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Takes new meetings.
    Ready,
    /// Takes no new meetings, and leaves when nobody is on it.
    Draining,
    /// Its pod does not run yet, or it waits for what it needs.
    Starting,
    /// Its pod was told to end.
    Ending,
    /// Answers that it is unwell, crashes, or does not answer.
    Failed,
    /// It could not be asked.
    Unknown,
}

impl State {
    /// As people write it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Ending => "ending",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A bridge at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bridge {
    /// Name of its pod.
    pub name: String,
    /// `metadata.name` of its BridgePool.
    pub pool: String,
    /// What it does.
    pub state: State,
    /// Why it failed or starts, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The node that it is on; empty before it is on one.
    pub node: String,
    /// Where browsers send media, as `ADDRESS:PORT`.
    pub addresses: Vec<String>,
    /// What it says of itself; absent when it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
}

/// How much a bridge carries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Load {
    /// 1 = full.
    pub stress: f64,
    /// Received and sent.
    pub bytes_per_second: f64,
    /// Meetings.
    pub conferences: u64,
    /// People.
    pub participants: u64,
}

impl From<&BridgeStats> for Load {
    fn from(stats: &BridgeStats) -> Self {
        Self {
            stress: stats.stress,
            bytes_per_second: stats.bytes_per_second(),
            conferences: stats.conferences,
            participants: stats.participants,
        }
    }
}

/// All bridges of `seen`, by pool and number.
pub(super) fn bridges(seen: &Seen, heard: &BTreeMap<String, Heard<BridgeStats>>) -> Vec<Bridge> {
    let all = seen.bridges().map(|(pool, pod)| {
        let name = pod.name_any();
        let heard = heard.get(&name);
        let (state, why) = state(pod, heard, seen.now);
        Bridge {
            state,
            why,
            pool: pool.name_any(),
            node: seen::node(pod),
            addresses: addresses(seen, pool, pod),
            load: heard.and_then(|heard| heard.as_ref().ok()).map(Load::from),
            name,
        }
    });
    all.collect()
}

fn state(pod: &Pod, heard: Option<&Heard<BridgeStats>>, now: Duration) -> (State, Option<String>) {
    if pod.metadata.deletion_timestamp.is_some() {
        return (State::Ending, None);
    }
    let ready = seen::ready_since(pod);
    match heard {
        Some(Ok(stats)) => match &stats.unwell {
            _ if stats.draining() => (State::Draining, None),
            None if ready.is_some() => (State::Ready, None),
            // So it says while it has no shard or no address yet.
            Some(text) if !text.starts_with("waiting for") => {
                (State::Failed, Some(format!("it is unwell: {text}")))
            }
            text => (State::Starting, text.clone()),
        },
        Some(Err(silence @ Silence::NoAnswer { .. }))
            if ready.is_some_and(|since| now.saturating_sub(since) > PATIENCE) =>
        {
            (State::Failed, Some(silence.to_string()))
        }
        Some(Err(Silence::Forbidden { .. })) if ready.is_some() => (State::Unknown, None),
        _ => match waits(pod) {
            Some((true, why)) => (State::Failed, Some(why)),
            Some((false, why)) => (State::Starting, Some(why)),
            None => (State::Starting, None),
        },
    }
}

/// What keeps a pod from running, in Kubernetes' words, and whether that is a failure.
fn waits(pod: &Pod) -> Option<(bool, String)> {
    let status = pod.status.as_ref()?;
    let failed = status.phase.as_deref() == Some("Failed");
    for container in status.container_statuses.iter().flatten() {
        let waiting = container
            .state
            .as_ref()
            .and_then(|one| one.waiting.as_ref());
        let Some(reason) = waiting.and_then(|one| one.reason.clone()) else {
            continue;
        };
        if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") {
            return Some((failed, "its container is being made".into()));
        }
        let message = waiting.and_then(|one| one.message.clone());
        let why = message.map_or(reason.clone(), |message| format!("{reason}: {message}"));
        let fatal = ["CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff"];
        return Some((failed || fatal.contains(&reason.as_str()), why));
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.clone().unwrap_or_default();
        return Some((failed, format!("no node takes it: {message}")));
    }
    failed.then(|| {
        (
            true,
            status
                .message
                .clone()
                .unwrap_or_else(|| "its pod failed".into()),
        )
    })
}

/// Where browsers reach a bridge, as the operator tells it.
fn addresses(seen: &Seen, pool: &BridgePool, pod: &Pod) -> Vec<String> {
    let name = pod.name_any();
    let told = seen.addresses.get(&names::addresses(&pool.name_any()));
    let Some(told) = told else {
        return Vec::new();
    };
    let exposure = &pool.spec.exposure;
    let key = match exposure.kind {
        BridgeExposure::LoadBalancer => format!("pod.{name}"),
        _ => format!("node.{}", seen::node(pod)),
    };
    let port = match told.get(&format!("port.{name}")) {
        Some(port) => port.trim().to_owned(),
        None => exposure.port.to_string(),
    };
    let lines = told.get(&key).into_iter().flat_map(|text| text.lines());
    lines
        .map(|address| match address.contains(':') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        })
        .collect()
}
