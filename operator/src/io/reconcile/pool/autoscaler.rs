//! What the pool's autoscaler wrote, and who writes against it.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::ResourceExt;
use tokio::time::Instant;

use crate::controller::scope::Key;
use crate::io::context::Context;
use crate::status;
use crate::world::PoolWorld;

/// The autoscaler writes its number first and its reasons after: how long they are waited for.
const REASONS: Duration = Duration::from_secs(1);
/// A number that differs from the autoscaler's for this long was written by somebody else.
const CONTESTED: Duration = Duration::from_secs(3);

/// A number of bridges that is not the autoscaler's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contest {
    wanted: i32,
    since: Instant,
    told: bool,
}

impl Context {
    /// Waits for the autoscaler's reasons, so that events can tell them.
    pub(super) async fn hear_autoscaler(&self, world: &mut PoolWorld) {
        let namespace = world.pool.namespace().unwrap_or_default();
        let name = world.pool.name_any();
        let late = Instant::now() + REASONS;
        while status::overruled(world).is_some() && Instant::now() < late {
            tokio::time::sleep(REASONS / 20).await;
            if let Some(heard) = self.cache.autoscalers.get(&namespace, &name) {
                world
                    .live
                    .autoscalers
                    .insert(name.clone(), (*heard).clone());
            }
        }
    }

    /// Tells whoever writes the number against the autoscaler who is the stronger, once. Whether that is yet to be seen.
    pub(super) async fn tell_overruled(
        &self,
        key: &Key,
        world: &PoolWorld,
        about: &ObjectReference,
    ) -> bool {
        let id = key.to_string();
        let Some(word) = status::overruled(world) else {
            self.memory.lock().contests.remove(&id);
            return false;
        };
        let wanted = world.pool.spec.replicas;
        let fresh = Contest {
            wanted,
            since: Instant::now(),
            told: false,
        };
        let contest = {
            let mut memory = self.memory.lock();
            let contest = memory.contests.entry(id.clone()).or_insert(fresh);
            if contest.wanted != wanted {
                *contest = fresh;
            }
            let found = *contest;
            contest.told |= contest.since.elapsed() >= CONTESTED;
            found
        };
        if !contest.told && contest.since.elapsed() >= CONTESTED {
            self.tell(about, word).await;
            return false;
        }
        !contest.told
    }
}
