//! Stable ids of shards in the front door's tables.
//!
//! Proxies tell each other "this room is on server 7", so a number that meant one shard must never mean another
//! (HAProxy, "peers").

use std::collections::BTreeMap;

use crate::build::names;
use crate::world::ClusterWorld;

/// Annotation of the front door's ConfigMap: the ids that its configuration uses, as JSON. It changes together with the
/// configuration, so no id is lost between the two.
pub const ANNOTATION: &str = "shoal.video/shard-ids";

/// Ids of all shards that the status and the configuration in use know, and new ones for the shards that they do not.
#[must_use]
pub fn assign(world: &ClusterWorld) -> BTreeMap<String, u32> {
    let mut ids = in_use(world);
    if let Some(status) = &world.cluster.status {
        for (name, id) in &status.shard_ids {
            ids.entry(name.clone()).or_insert(*id);
        }
    }
    let mut next = ids.values().max().map_or(1, |most| most + 1);
    for name in world
        .shards
        .iter()
        .filter_map(|shard| shard.metadata.name.clone())
    {
        ids.entry(name).or_insert_with(|| {
            next += 1;
            next - 1
        });
    }
    ids
}

/// Ids in the configuration in use.
pub(crate) fn in_use(world: &ClusterWorld) -> BTreeMap<String, u32> {
    let cluster = world.cluster.metadata.name.as_deref().unwrap_or_default();
    let annotation = || {
        let map = world.live.config_maps.get(&names::front_door(cluster))?;
        map.metadata.annotations.as_ref()?.get(ANNOTATION)
    };
    annotation()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
