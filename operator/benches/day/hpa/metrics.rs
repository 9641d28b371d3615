//! From the pods' metrics to a number of replicas.

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscalerBehavior, MetricSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// What the controller sees of a pod.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub phase: Phase,
    /// By metric, in the order of the autoscaler's; `None` when the metrics API has none for the pod.
    pub values: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Pending,
    Running,
    /// It has a deletion timestamp.
    Terminating,
}

/// A metric and the value that a pod should have on average.
pub(super) struct Target {
    pub(super) metric: String,
    average: f64,
}

impl Target {
    pub(super) fn of(spec: &MetricSpec) -> Self {
        let pods = spec.pods.as_ref().filter(|_| spec.type_ == "Pods");
        let pods = pods.expect("invariant: a pool is scaled by metrics of its pods");
        let average = pods.target.average_value.as_ref();
        Self {
            metric: pods.metric.name.clone(),
            average: number(average.expect("invariant: a metric of pods has an average")),
        }
    }
}

/// How far the average may be from the target without a change, as a share of it.
#[derive(Clone, Copy)]
pub(super) struct Tolerance {
    up: f64,
    down: f64,
}

impl Tolerance {
    /// 10 % (`--horizontal-pod-autoscaler-tolerance`) where the behaviour says nothing.
    pub(super) fn of(behavior: Option<&HorizontalPodAutoscalerBehavior>) -> Self {
        let own = |rules: Option<&Option<Quantity>>| rules?.as_ref().map(number);
        let up = behavior.and_then(|one| one.scale_up.as_ref());
        let down = behavior.and_then(|one| one.scale_down.as_ref());
        Self {
            up: own(up.map(|rules| &rules.tolerance)).unwrap_or(0.1),
            down: own(down.map(|rules| &rules.tolerance)).unwrap_or(0.1),
        }
    }

    fn has(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// Replicas for one metric; `None` when no pod has it.
pub(super) fn replicas(
    current: i32,
    pods: &[Pod],
    index: usize,
    target: &Target,
    tolerance: Tolerance,
) -> Option<i32> {
    let (mut known, mut sum, mut missing, mut pending) = (0_u32, 0.0, 0_u32, 0_u32);
    for pod in pods {
        match (pod.phase, pod.values.get(index).copied().flatten()) {
            (Phase::Terminating, _) => {}
            (Phase::Pending, _) => pending += 1,
            (Phase::Running, None) => missing += 1,
            (Phase::Running, Some(value)) => {
                known += 1;
                sum += value;
            }
        }
    }
    if known == 0 {
        return None;
    }
    let ratio = sum / (f64::from(known) * target.average);
    if missing == 0 && (pending == 0 || ratio <= 1.0) {
        return Some(if tolerance.has(ratio) {
            current
        } else {
            (ratio * f64::from(known)).ceil() as i32
        });
    }
    // The careful assumption: who is not heard carries nothing when there is too much, and its full share when there is too
    // little; who has not started carries nothing.
    let mut counted = known + missing;
    if ratio < 1.0 {
        sum += f64::from(missing) * target.average;
    } else if ratio > 1.0 {
        counted += pending;
    }
    let careful = sum / (f64::from(counted) * target.average);
    let turned = (ratio < 1.0 && careful > 1.0) || (ratio > 1.0 && careful < 1.0);
    if turned || tolerance.has(careful) {
        return Some(current);
    }
    let wanted = (careful * f64::from(counted)).ceil() as i32;
    let against = (careful < 1.0 && wanted > current) || (careful > 1.0 && wanted < current);
    Some(if against { current } else { wanted })
}

/// A quantity as the API writes it: a number, with `m` for thousandths or a suffix of powers of ten.
fn number(quantity: &Quantity) -> f64 {
    let text = quantity.0.as_str();
    let (digits, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let factor = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => panic!("invariant: the operator writes plain quantities, not {text:?}"),
    };
    digits
        .parse::<f64>()
        .expect("invariant: a quantity is a number")
        * factor
}
