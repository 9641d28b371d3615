//! What is wrong, in plain sentences.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::bridges::{Bridge, State};
use super::seen::Seen;

/// Conditions that say something wrong when they are `False`.
const WISHED: [&str; 3] = ["Ready", "MediaReachable", "CertificateTrusted"];
/// Conditions that say something wrong when they are `True`.
const FEARED: [&str; 1] = ["Degraded"];

/// Condition `Ready`, as it stands in a column.
pub(super) fn ready<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> &'static str {
    let mut conditions = conditions.into_iter();
    match conditions
        .find(|one| one.type_ == "Ready")
        .map(|one| one.status.as_str())
    {
        Some("True") => "yes",
        Some("False") => "no",
        _ => "unknown",
    }
}

/// Sentences, the ones that stop most people first: clusters, shards, pools, bridges.
pub(super) fn sentences(seen: &Seen, bridges: &[Bridge]) -> Vec<String> {
    let mut told = missing(seen);
    for one in &seen.clusters {
        let conditions = one.status.as_ref().map(|status| &status.conditions[..]);
        of_resource(
            &mut told,
            &format!("cluster {}", one.name_any()),
            conditions,
        );
    }
    for one in &seen.shards {
        let conditions = one.status.as_ref().map(|status| &status.conditions[..]);
        let what = format!("shard {}", one.name_any());
        of_resource(&mut told, &what, conditions);
        if one.metadata.deletion_timestamp.is_some() {
            told.push(format!(
                "{what} is being deleted: it goes when its meetings have ended"
            ));
        }
    }
    for one in &seen.pools {
        let conditions = one.status.as_ref().map(|status| &status.conditions[..]);
        let name = one.name_any();
        of_resource(&mut told, &format!("pool {name}"), conditions);
        autoscaling(&mut told, seen, &name);
        let mut of_pool = bridges
            .iter()
            .filter(|bridge| bridge.pool == name)
            .peekable();
        if of_pool.peek().is_some() && of_pool.all(|bridge| bridge.state == State::Draining) {
            told.push(format!(
                "pool {name}: all its bridges drain, so no new meeting gets one of it"
            ));
        }
    }
    for bridge in bridges
        .iter()
        .filter(|bridge| bridge.state == State::Failed)
    {
        let why = bridge.why.as_deref().unwrap_or("nobody says why");
        told.push(format!("bridge {}: {why}", bridge.name));
    }
    told
}

fn missing(seen: &Seen) -> Vec<String> {
    let place = &seen.namespace;
    let what = if seen.clusters.is_empty() {
        "JitsiCluster"
    } else if seen.shards.is_empty() {
        "JitsiShard"
    } else if seen.pools.is_empty() {
        "BridgePool"
    } else {
        return Vec::new();
    };
    vec![format!(
        "there is no {what} in namespace {place}, so nobody can meet: apply one, or look elsewhere with --namespace"
    )]
}

fn of_resource(told: &mut Vec<String>, what: &str, conditions: Option<&[Condition]>) {
    let Some(conditions) = conditions else {
        told.push(format!(
            "{what}: the operator has not looked at it: does it run (kubectl get pods --all-namespaces \
             --selector app.kubernetes.io/component=operator)?"
        ));
        return;
    };
    let mut before: Vec<&str> = Vec::new();
    for condition in conditions {
        let kind = condition.type_.as_str();
        let bad = WISHED.contains(&kind) && condition.status == "False"
            || FEARED.contains(&kind) && condition.status == "True";
        // `Ready` and `Degraded` often say the same.
        if bad && !before.contains(&condition.message.as_str()) {
            before.push(&condition.message);
            told.push(format!("{what}: {}", condition.message));
        }
    }
}

fn autoscaling(told: &mut Vec<String>, seen: &Seen, pool: &str) {
    let status = seen.autoscaler(pool).and_then(|one| one.status.as_ref());
    for condition in status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
    {
        let message = condition.message.as_deref().unwrap_or_default();
        let sentence = match (condition.type_.as_str(), condition.status.as_str()) {
            ("ScalingActive" | "AbleToScale", "False") => {
                format!("pool {pool}: its HorizontalPodAutoscaler does nothing: {message}")
            }
            ("ScalingLimited", "True")
                if condition.reason.as_deref() == Some("TooManyReplicas") =>
            {
                format!(
                    "pool {pool}: traffic asks for more bridges than spec.autoscaling.maxReplicas allows: {message}"
                )
            }
            _ => continue,
        };
        told.push(sentence);
    }
}
