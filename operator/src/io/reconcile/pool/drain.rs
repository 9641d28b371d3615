//! Carries out a scale plan: tells bridges to drain or not to, has their people moved, and ends pods that are replaced.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use tokio::time::Instant;

use super::mark::{Mark, lacking};
use crate::build::names;
use crate::io::context::Context;
use crate::io::pod_http::PodHttp;
use crate::io::poll::{BRIDGE_HTTP, FOCUS_HTTP, address};
use crate::scale::{DRAINING_SINCE, ScalePlan, Why};
use crate::status::bridges;
use crate::world::PoolWorld;

/// Pause before a bridge is told the same again: its next report shows whether it heard.
const PATIENCE: Duration = Duration::from_secs(6);
/// Participants that each focus is asked to move from a leaving bridge at a time. It moves no faster than it thinks right.
const AT_A_TIME: i64 = 10;

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
        let marked = |pod: &str| {
            let known = world.live.pods.get(pod);
            known.is_some_and(|pod| pod.annotations().contains_key(DRAINING_SINCE))
        };
        for pod in &plan.drain {
            if !marked(pod) {
                // Whole seconds, rounded up: nobody's time ends early.
                let since = world.now.as_secs() + u64::from(world.now.subsec_nanos() > 0);
                self.mark(&namespace, pod, Mark::Since(since)).await?;
                if let Some(why) = plan.why.get(pod) {
                    self.tell(about, bridges::drain(world, pod, why)).await;
                }
            }
            self.tell_bridge(http, world, &namespace, pod, true).await;
        }
        for pod in &plan.undrain {
            // The mark is what an order to drain is remembered by: it stays until the bridge has taken the opposite.
            if self.tell_bridge(http, world, &namespace, pod, false).await && marked(pod) {
                self.mark(&namespace, pod, Mark::Clear).await?;
                self.forget_moved(&namespace, pod);
                self.tell(about, bridges::back_in_use(world, pod)).await;
            }
        }
        for pod in plan.why.keys() {
            let Some(mark) = lacking(world, plan, pod) else {
                continue;
            };
            self.mark(&namespace, pod, mark).await?;
            if mark == Mark::Drained {
                let moved = self.moved(&namespace, pod);
                self.tell(about, bridges::drained(world, pod, moved)).await;
            }
        }
        for pod in &plan.moved {
            self.move_away(http, world, plan, &namespace, pod).await;
        }
        for name in &plan.replace {
            let Some(pod) = world.live.pods.get(name) else {
                continue;
            };
            if self.replace_pod(&namespace, pod).await? {
                let moved = self.moved(&namespace, name);
                self.forget_moved(&namespace, name);
                self.tell(about, bridges::end(world, plan, name, moved))
                    .await;
            }
        }
        Ok(!plan.leaving.is_empty() || !plan.drain.is_empty() || !plan.undrain.is_empty())
    }

    /// Whether the bridge has taken the order, at this time or before.
    async fn tell_bridge(
        &self,
        http: &PodHttp,
        world: &PoolWorld,
        namespace: &str,
        pod: &str,
        drain: bool,
    ) -> bool {
        let Some(address) = world.live.pods.get(pod).and_then(address) else {
            return false;
        };
        let key = format!("{namespace}/{pod}");
        let last = self.memory.lock().told.get(&key).copied();
        if last.is_some_and(|(told, at)| told == drain && at.elapsed() < PATIENCE) {
            return true;
        }
        let path = if drain {
            "/colibri/drain/enable"
        } else {
            "/colibri/drain/disable"
        };
        let orders = names::orders(&world.pool.name_any());
        let http = self.authorised(http, namespace, &orders);
        let answer = http.post((address, BRIDGE_HTTP), path, None).await;
        if answer.is_none_or(|answer| answer.status != 200) {
            tracing::warn!(
                pod,
                drain,
                "the bridge did not take the order; it is given again"
            );
            return false;
        }
        let order = (drain, Instant::now());
        self.memory.lock().told.insert(key, order);
        true
    }

    /// Lets every focus that uses a leaving bridge move some of its people.
    async fn move_away(
        &self,
        http: &PodHttp,
        world: &PoolWorld,
        plan: &ScalePlan,
        namespace: &str,
        pod: &str,
    ) {
        let people = world.bridges.get(pod).map_or(0, |it| it.participants);
        let count = match plan.why.get(pod) {
            // A node that leaves does not wait.
            Some(Why::Node(_)) => people.max(AT_A_TIME),
            _ => AT_A_TIME,
        };
        for shard in &world.shards {
            let Some(address) = self.focus_address(namespace, &shard.name_any()) else {
                continue;
            };
            let path = format!("/move-endpoints/move-endpoints?bridge={pod}&numEndpoints={count}");
            let accounts = names::accounts(&shard.name_any());
            let http = self.authorised(http, namespace, &accounts);
            let Some(answer) = http.get((address, FOCUS_HTTP), &path).await else {
                continue;
            };
            let moved = answer.json().and_then(|it| it["movedEndpoints"].as_u64());
            match moved {
                Some(moved) => {
                    let mut memory = self.memory.lock();
                    *memory
                        .moved
                        .entry(format!("{namespace}/{pod}"))
                        .or_default() += moved;
                }
                // A focus that has nobody there says 404.
                None => tracing::debug!(
                    pod,
                    shard = shard.name_any(),
                    answer = answer.text,
                    "nobody was moved"
                ),
            }
        }
    }

    fn focus_address(&self, namespace: &str, shard: &str) -> Option<IpAddr> {
        let focus = format!("{}-0", names::focus(shard));
        address(&*self.cache.pods.get(namespace, &focus)?)
    }

    /// How many people of a leaving bridge were moved, since the operator leads.
    pub(super) fn moved(&self, namespace: &str, pod: &str) -> u64 {
        let memory = self.memory.lock();
        let moved = memory.moved.get(&format!("{namespace}/{pod}"));
        moved.copied().unwrap_or_default()
    }

    pub(super) fn forget_moved(&self, namespace: &str, pod: &str) {
        self.memory
            .lock()
            .moved
            .remove(&format!("{namespace}/{pod}"));
    }
}
