//! Kubernetes' HorizontalPodAutoscaler controller, as a pure model.
//!
//! Written from the documentation of its algorithm
//! (<https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/>, sections "Algorithm details" and
//! "Configurable scaling behavior"). Metrics of type `Pods` only, which is what a pool's autoscaler has.

mod behavior;
mod metrics;

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerSpec;

use behavior::Behavior;
pub(crate) use metrics::{Phase, Pod};
use metrics::{Target, Tolerance};

/// Time between two looks (`--horizontal-pod-autoscaler-sync-period`).
pub(crate) const SYNC: Duration = Duration::from_secs(15);

/// The controller's view of one autoscaler.
pub(crate) struct Autoscaler {
    min: i32,
    max: i32,
    targets: Vec<Target>,
    tolerance: Tolerance,
    behavior: Behavior,
}

impl Autoscaler {
    /// # Panics
    /// When the spec has a metric of a type that is not modelled, for then nothing here would be true.
    pub(crate) fn new(spec: &HorizontalPodAutoscalerSpec) -> Self {
        Self {
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas,
            targets: spec.metrics.iter().flatten().map(Target::of).collect(),
            tolerance: Tolerance::of(spec.behavior.as_ref()),
            behavior: Behavior::of(spec.behavior.as_ref()),
        }
    }

    /// Names of its metrics, in the order in which [`Pod::values`] has them.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.metric.as_str())
    }

    /// One look: the number of replicas for the scale subresource, which has `current` in its spec.
    pub(crate) fn handle_sync(&mut self, now: Duration, current: i32, pods: &[Pod]) -> i32 {
        let wanted = if current == 0 {
            // Scaled to zero by hand: the autoscaler is off.
            return 0;
        } else if current > self.max {
            self.max
        } else if current < self.min {
            self.min
        } else {
            match self.proposal(current, pods) {
                Some(wanted) => self
                    .behavior
                    .handle_proposal(now, current, wanted, self.min, self.max),
                None => current,
            }
        };
        self.behavior.handle_change(now, current, wanted);
        wanted
    }

    /// The largest number that any metric asks for; `None` when there is nothing to go by. A metric that is missing
    /// keeps the others from making the pool smaller.
    fn proposal(&self, current: i32, pods: &[Pod]) -> Option<i32> {
        let proposals: Vec<Option<i32>> = self
            .targets
            .iter()
            .enumerate()
            .map(|(index, target)| metrics::replicas(current, pods, index, target, self.tolerance))
            .collect();
        let largest = proposals.iter().copied().flatten().max()?;
        let missing = proposals.iter().any(Option::is_none);
        (!missing || largest >= current).then_some(largest)
    }
}
