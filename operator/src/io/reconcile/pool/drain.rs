//! Carries out a scale plan: tells bridges to drain or not to, and has their people moved.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::build::names;
use crate::crd::DrainPolicy;
use crate::io::apply::refusal;
use crate::io::context::{Context, MANAGER};
use crate::io::pod_http::PodHttp;
use crate::io::poll::{BRIDGE_HTTP, FOCUS_HTTP, address};
use crate::scale::{DRAINING_SINCE, ScalePlan};
use crate::status::Word;
use crate::world::PoolWorld;

/// Pause before a bridge is told the same again: its next report shows whether it heard.
const PATIENCE: Duration = Duration::from_secs(6);
/// Participants that each focus moves from a leaving bridge at a time.
const AT_A_TIME: usize = 10;

/// How a bridge took an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It takes it, for the first time.
    News,
    /// It has it already.
    Before,
    /// It did not take it.
    Refused,
}

fn word(pod: &str, drain: bool) -> Word {
    if drain {
        let note = format!("bridge {pod} takes no new meetings, because it is not needed any more");
        Word::normal("Draining", note)
    } else {
        let note = format!("bridge {pod} takes meetings again, because it is needed after all");
        Word::normal("BackInUse", note)
    }
}

impl Context {
    /// Whether bridges leave, so that this is to be looked at again soon.
    pub(super) async fn follow_plan(
        &self,
        http: &PodHttp,
        world: &PoolWorld,
        plan: &ScalePlan,
        about: &ObjectReference,
    ) -> Result<bool, kube::Error> {
        let namespace = world.pool.namespace().unwrap_or_default();
        for (pods, drain) in [(&plan.drain, true), (&plan.undrain, false)] {
            for pod in pods {
                let known = world.live.pods.get(pod);
                let marked =
                    known.is_some_and(|pod| pod.annotations().contains_key(DRAINING_SINCE));
                if drain && !marked {
                    // Whole seconds, rounded up: nobody's time ends early.
                    let since = world.now.as_secs() + u64::from(world.now.subsec_nanos() > 0);
                    self.mark(&namespace, pod, Some(since)).await?;
                }
                let Some(address) = known.and_then(address) else {
                    continue;
                };
                let told = self
                    .tell_bridge(http, &namespace, pod, address, drain)
                    .await;
                // The mark is what an order to drain is remembered by: it stays until the bridge has taken the opposite.
                if !drain && marked && told != Told::Refused {
                    self.mark(&namespace, pod, None).await?;
                }
                if told == Told::News {
                    self.tell(about, word(pod, drain)).await;
                }
            }
        }
        // Those whose time is over leave whatever the policy: better moved than cut.
        let moved = match world.pool.spec.drain.policy {
            DrainPolicy::Migrate => &plan.leaving,
            DrainPolicy::WaitForEmpty => &plan.overdue,
        };
        for pod in moved {
            let report = world.bridges.get(pod);
            if report.is_some_and(|report| report.draining && report.participants > 0) {
                self.move_away(http, world, &namespace, pod).await;
            }
        }
        Ok(!plan.leaving.is_empty() || !plan.drain.is_empty() || !plan.undrain.is_empty())
    }

    /// Notes on a pod since when its bridge drains.
    async fn mark(
        &self,
        namespace: &str,
        pod: &str,
        since: Option<u64>,
    ) -> Result<(), kube::Error> {
        let since = since.map_or(Value::Null, |since| since.to_string().into());
        let patch = Patch::Merge(json!({"metadata": {"annotations": {DRAINING_SINCE: since}}}));
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        self.metrics.wrote("Pod", "patch");
        match api.patch(pod, &params, &patch).await {
            Ok(mut answer) => {
                crate::io::trim::pod(&mut answer);
                self.learn(&self.cache.pods, answer);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => {
                tracing::warn!(
                    pod,
                    why = refusal("the pod", &error).message,
                    "cannot note that a bridge drains"
                );
                Err(error)
            }
        }
    }

    async fn tell_bridge(
        &self,
        http: &PodHttp,
        namespace: &str,
        pod: &str,
        address: IpAddr,
        drain: bool,
    ) -> Told {
        let key = format!("{namespace}/{pod}");
        let last = self.memory.lock().told.get(&key).copied();
        if last.is_some_and(|(told, at)| told == drain && at.elapsed() < PATIENCE) {
            return Told::Before;
        }
        let path = if drain {
            "/colibri/drain/enable"
        } else {
            "/colibri/drain/disable"
        };
        let answer = http.post((address, BRIDGE_HTTP), path, None).await;
        if answer.is_none_or(|answer| answer.status != 200) {
            tracing::warn!(
                pod,
                drain,
                "the bridge did not take the order; it is given again"
            );
            return Told::Refused;
        }
        let order = (drain, Instant::now());
        self.memory.lock().told.insert(key, order);
        match last {
            Some((told, _)) if told == drain => Told::Before,
            _ => Told::News,
        }
    }

    /// Lets every focus that uses a leaving bridge move some of its people.
    async fn move_away(&self, http: &PodHttp, world: &PoolWorld, namespace: &str, pod: &str) {
        for shard in &world.shards {
            let focus = format!("{}-0", names::focus(&shard.name_any()));
            let focus = self.cache.pods.get(namespace, &focus);
            let Some(address) = focus.and_then(|focus| address(&focus)) else {
                continue;
            };
            let path =
                format!("/move-endpoints/move-endpoints?bridge={pod}&numEndpoints={AT_A_TIME}");
            if let Some(answer) = http.get((address, FOCUS_HTTP), &path).await
                && answer.status != 200
            {
                // A focus that has nobody there says 404.
                tracing::debug!(
                    pod,
                    shard = shard.name_any(),
                    answer = answer.text,
                    "nobody was moved"
                );
            }
        }
    }
}
