//! A pool is brought to a new spec bridge by bridge.
//!
//! One more bridge is started first, of the new spec: it shows whether that works, and takes the people of the first that
//! leaves. Then one bridge at a time drains and is made anew, the highest ordinal first.

use std::time::Duration;

use super::bridge::Bridge;
use crate::build::names;
use crate::world::PoolWorld;

/// How far the pool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Bridges that are yet to be replaced.
    pub left: i32,
    /// The bridge that must take meetings before the next one drains. `None`: one drains.
    pub waits_for: Option<String>,
}

/// The bridge among the first `base` that is replaced next: one that drains already, then one that is of no use as it is,
/// then the highest ordinal.
pub(super) fn candidate(bridges: &[Bridge], base: i32) -> Option<i32> {
    let outdated = (0..base)
        .zip(bridges)
        .filter(|(_, bridge)| replaceable(bridge));
    let best =
        outdated.max_by_key(|(ordinal, bridge)| (bridge.since.is_some(), !bridge.able, *ordinal));
    best.map(|(ordinal, _)| ordinal)
}

/// Whether it is of the old spec and leaves for no other reason.
fn replaceable(bridge: &Bridge) -> bool {
    bridge.outdated && bridge.may_run && !bridge.ending && bridge.going.is_none()
}

/// `at` is the candidate, `target` the number of pods that there shall be meanwhile.
pub(super) fn plan(world: &PoolWorld, bridges: &[Bridge], at: i32, target: i32) -> Update {
    let left = bridges.iter().filter(|bridge| replaceable(bridge)).count();
    let others = || {
        let ordinals = (0..target).filter(move |ordinal| *ordinal != at);
        ordinals.map(|ordinal| {
            (
                ordinal,
                usize::try_from(ordinal).ok().and_then(|at| bridges.get(at)),
            )
        })
    };
    let takes = |bridge: &Bridge| bridge.able && !bridge.draining && bridge.since.is_none();
    let company = others().any(|(_, bridge)| bridge.is_some_and(takes));
    // Where no node has room for one more, the one that leaves makes it. It is not left alone at once, for another node
    // may be on its way.
    let patience = if company {
        Duration::ZERO
    } else {
        world.pool.spec.drain.timeout.0
    };
    let excused = |bridge: &Bridge| {
        let homeless = bridge
            .homeless
            .is_some_and(|since| world.now >= since + patience);
        // What is of the old spec is replaced itself.
        homeless || bridge.going.is_some() || replaceable(bridge)
    };
    let waits_for =
        others().find(|(_, bridge)| !bridge.is_some_and(|bridge| takes(bridge) || excused(bridge)));
    let pool = world.pool.metadata.name.as_deref().unwrap_or_default();
    Update {
        left: i32::try_from(left).unwrap_or(i32::MAX),
        waits_for: waits_for.map(|(ordinal, _)| names::bridge_pod(pool, ordinal)),
    }
}
