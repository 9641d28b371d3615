//! What a pool's HorizontalPodAutoscaler says.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, MetricSpec, MetricStatus,
};

use super::Word;
use super::conditions::Conditions;
use crate::world::PoolWorld;

const KIND: &str = "Autoscaling";
/// Reason of the event when somebody writes a number that the autoscaler overrules.
const OVERRULED: &str = "ReplicasOverruled";

fn autoscaler(world: &PoolWorld) -> Option<&HorizontalPodAutoscaler> {
    world.pool.spec.autoscaling.as_ref()?;
    world
        .live
        .autoscalers
        .get(world.pool.metadata.name.as_ref()?)
}

fn condition<'a>(
    autoscaler: &'a HorizontalPodAutoscaler,
    kind: &str,
) -> Option<&'a HorizontalPodAutoscalerCondition> {
    let all = autoscaler.status.as_ref()?.conditions.as_ref()?;
    all.iter().find(|one| one.type_ == kind)
}

/// The number that the autoscaler asks for; `None` while it asks for none.
fn asked(world: &PoolWorld) -> Option<i32> {
    let autoscaler = autoscaler(world)?;
    let active = condition(autoscaler, "ScalingActive")?.status == "True";
    active.then(|| {
        autoscaler
            .status
            .as_ref()
            .map(|status| status.desired_replicas)
    })?
}

/// What the autoscaler measures, when the number that is wanted is what it asks for.
pub(super) fn measured(world: &PoolWorld) -> Option<String> {
    let autoscaler = autoscaler(world)?;
    if asked(world) != Some(world.pool.spec.replicas) {
        return None;
    }
    let targets = autoscaler
        .spec
        .as_ref()?
        .metrics
        .as_deref()
        .unwrap_or_default();
    let status = autoscaler.status.as_ref()?;
    let told = status
        .current_metrics
        .iter()
        .flatten()
        .filter_map(|current| {
            let (name, value) = now(current)?;
            let target = targets
                .iter()
                .filter_map(aim)
                .find(|(known, _)| *known == name);
            let target = target.map(|(_, target)| format!(", target {target}"));
            Some(format!(
                "{name} is {value} per bridge{}",
                target.unwrap_or_default()
            ))
        });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("the autoscaler sees that {}", told.join(" and ")))
}

fn now(metric: &MetricStatus) -> Option<(&str, &str)> {
    let (name, current) = match (&metric.pods, &metric.object, &metric.external) {
        (Some(pods), ..) => (&pods.metric.name, &pods.current),
        (_, Some(object), _) => (&object.metric.name, &object.current),
        (.., Some(external)) => (&external.metric.name, &external.current),
        _ => return None,
    };
    let value = current.average_value.as_ref().or(current.value.as_ref())?;
    Some((name, &value.0))
}

fn aim(metric: &MetricSpec) -> Option<(&str, &str)> {
    let (name, target) = match (&metric.pods, &metric.object, &metric.external) {
        (Some(pods), ..) => (&pods.metric.name, &pods.target),
        (_, Some(object), _) => (&object.metric.name, &object.target),
        (.., Some(external)) => (&external.metric.name, &external.target),
        _ => return None,
    };
    let value = target.average_value.as_ref().or(target.value.as_ref())?;
    Some((name, &value.0))
}

/// Whether the number of bridges follows traffic, when it is to.
pub(super) fn state(conditions: &mut Conditions<'_>, world: &PoolWorld) {
    if world.pool.spec.autoscaling.is_none() {
        return;
    }
    let seen = autoscaler(world).and_then(|it| Some((it, condition(it, "ScalingActive")?)));
    let Some((autoscaler, active)) = seen else {
        return conditions.keep(
            KIND,
            "Starting",
            "the autoscaler has not looked at the pool yet",
        );
    };
    let fails = |one: &HorizontalPodAutoscalerCondition| one.status == "False";
    let failed = condition(autoscaler, "AbleToScale").filter(|one| fails(one));
    if let Some(failed) = failed.or_else(|| fails(active).then_some(active)) {
        let said = failed.message.as_deref().unwrap_or("it does not say why");
        return conditions.set(
            KIND,
            false,
            failed.reason.as_deref().unwrap_or("Unknown"),
            format!(
                "the number of bridges stays as it is, because the autoscaler cannot work: {said}"
            ),
        );
    }
    match condition(autoscaler, "ScalingLimited").filter(|one| one.status == "True") {
        Some(limited) => conditions.set(
            KIND,
            true,
            limited.reason.as_deref().unwrap_or("Limited"),
            limited.message.as_deref().unwrap_or_default(),
        ),
        None => conditions.set(
            KIND,
            true,
            "Active",
            "the number of bridges follows traffic",
        ),
    }
}

/// Somebody wrote another number than the autoscaler, which will write its own again.
#[must_use]
pub(crate) fn overruled(world: &PoolWorld) -> Option<Word> {
    let (wanted, asked) = (world.pool.spec.replicas, asked(world)?);
    (wanted != asked).then(|| {
        let note = format!(
            "spec.replicas is {wanted}, and the autoscaler asks for {asked} and writes that: to hold a number, set spec.autoscaling.minReplicas and maxReplicas to it, or take spec.autoscaling away"
        );
        Word::warning(OVERRULED, note)
    })
}
