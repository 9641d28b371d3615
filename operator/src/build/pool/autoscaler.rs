//! HorizontalPodAutoscaler of a pool. It speaks to the pool, never to the StatefulSet behind it.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec,
    MetricTarget, PodsMetricSource,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Resource;

use super::{BRIDGE, Context};
use crate::crd::BridgePool;

pub(super) fn autoscaler(context: &Context<'_>) -> Option<HorizontalPodAutoscaler> {
    let scaling = context.spec().autoscaling.as_ref()?;
    // What is not reserved. A percentage, not a number of bridges: so the reserve grows with the pool, the numbers that the
    // autoscaler shows stay those of the bridges, and any source of the metrics will do.
    let used = 100 - i64::from(scaling.reserve_percent);
    let mut metrics = vec![per_bridge(
        "bridge_network_bytes_per_second",
        (scaling.target_network_bytes_per_second * used / 100).to_string(),
    )];
    if let Some(percent) = scaling.target_stress_percent {
        metrics.push(per_bridge(
            "bridge_stress",
            format!("{}m", i64::from(percent) * 10 * used / 100),
        ));
    }
    Some(HorizontalPodAutoscaler {
        metadata: context.origin.meta(context.valid.name.clone(), BRIDGE),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(BridgePool::api_version(&()).into_owned()),
                kind: BridgePool::kind(&()).into_owned(),
                name: context.valid.name.clone(),
            },
            min_replicas: Some(scaling.min_replicas),
            max_replicas: scaling.max_replicas,
            metrics: Some(metrics),
            behavior: Some(scaling.behavior.clone().unwrap_or_else(suits_meetings)),
        }),
        status: None,
    })
}

fn per_bridge(metric: &str, average: String) -> MetricSpec {
    MetricSpec {
        type_: "Pods".into(),
        pods: Some(PodsMetricSource {
            metric: MetricIdentifier {
                name: metric.into(),
                selector: None,
            },
            target: MetricTarget {
                type_: "AverageValue".into(),
                average_value: Some(Quantity(average)),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

/// Meetings begin together and end together: up at once, down slowly.
fn suits_meetings() -> HorizontalPodAutoscalerBehavior {
    let rules = |pods, percent, period_seconds, window| HPAScalingRules {
        policies: Some(
            [("Pods", pods), ("Percent", percent)]
                .map(|(kind, value)| HPAScalingPolicy {
                    type_: kind.into(),
                    value,
                    period_seconds,
                })
                .into(),
        ),
        select_policy: Some("Max".into()),
        stabilization_window_seconds: Some(window),
        ..HPAScalingRules::default()
    };
    HorizontalPodAutoscalerBehavior {
        scale_up: Some(rules(4, 100, 15, 0)),
        scale_down: Some(rules(1, 10, 120, 600)),
    }
}
