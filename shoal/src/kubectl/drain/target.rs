//! What an order to drain is about, and what is said of it.

use anyhow::bail;
use kube::ResourceExt;
use operator::scale::DRAIN;

use super::{Order, Target};
use crate::kubectl::moves::no_bridge;
use crate::kubectl::seen::{self, Seen};

impl Target {
    /// Names of the pods of bridges, or of the shard; an error when there is nothing of that name.
    pub(crate) fn names(&self, seen: &Seen) -> anyhow::Result<Vec<String>> {
        let place = &seen.namespace;
        let bridges = |wanted: &dyn Fn(&str, &k8s_openapi::api::core::v1::Pod) -> bool| {
            let found = seen
                .bridges()
                .filter(|(pool, pod)| wanted(&pool.name_any(), pod));
            found.map(|(_, pod)| pod.name_any()).collect::<Vec<_>>()
        };
        match self {
            Self::Bridge { name } => match seen.bridge(name) {
                Some(_) => Ok(vec![name.clone()]),
                None => bail!(no_bridge(seen, name)),
            },
            Self::Node { name } => {
                let found = bridges(&|_, pod| seen::node(pod) == *name);
                if found.is_empty() {
                    bail!(
                        "no bridge of namespace {place} is on node {name}: bridges are on {}",
                        nodes(seen)
                    );
                }
                Ok(found)
            }
            Self::Pool { name } => {
                let all: Vec<String> = seen.pools.iter().map(ResourceExt::name_any).collect();
                if !all.contains(name) {
                    bail!(
                        "there is no pool {name} in namespace {place}: {}",
                        which(&all)
                    );
                }
                let found = bridges(&|pool, _| pool == name);
                if found.is_empty() {
                    bail!("pool {name} has no bridges");
                }
                Ok(found)
            }
            Self::Shard { name } => {
                let all: Vec<String> = seen.shards.iter().map(ResourceExt::name_any).collect();
                if !all.contains(name) {
                    bail!(
                        "there is no shard {name} in namespace {place}: {}",
                        which(&all)
                    );
                }
                Ok(vec![name.clone()])
            }
        }
    }

    /// What a person should know before it begins.
    pub(crate) fn warning(&self, seen: &Seen, order: Order, names: &[String]) -> Option<String> {
        if order == Order::Undrain {
            return None;
        }
        if let Self::Shard { name } = self {
            let other = seen.shards.iter().any(|shard| {
                shard.name_any() != *name && shard.spec.state == operator::crd::ShardState::Active
            });
            return (!other).then(|| {
                "warning: no other shard is active, so nobody can open a new room until one is"
                    .into()
            });
        }
        let other = seen.bridges().any(|(_, pod)| {
            !names.contains(&pod.name_any())
                && seen::ready_since(pod).is_some()
                && !pod.annotations().contains_key(DRAIN)
                && !pod
                    .annotations()
                    .contains_key(operator::scale::DRAINING_SINCE)
        });
        (!other).then(|| {
            "warning: no other bridge takes meetings, so people stay where they are, and new meetings get no bridge, until \
             one does"
                .into()
        })
    }

    /// That the order is given.
    pub(crate) fn ordered(&self, name: &str, order: Order) -> String {
        match (self, order) {
            (Self::Shard { .. }, Order::Drain) => {
                format!(
                    "shard {name} is to drain: it keeps its rooms until they are empty, and gets no new ones"
                )
            }
            (Self::Shard { .. }, Order::Undrain) => format!("shard {name} is to take new rooms"),
            (_, Order::Drain) => {
                format!(
                    "bridge {name} is to drain: it takes no new meetings, and its people are moved"
                )
            }
            (_, Order::Undrain) => format!("bridge {name} is to take meetings again"),
        }
    }

    /// For somebody who does not wait for the end.
    pub(crate) fn left_on(&self, order: Order) -> String {
        let (word, name) = match self {
            Self::Bridge { name } => ("bridge", name),
            Self::Node { name } => ("node", name),
            Self::Pool { name } => ("pool", name),
            Self::Shard { name } => ("shard", name),
        };
        match order {
            Order::Drain => format!(
                "not waiting any longer; the drain goes on, and `kubectl shoal undrain {word} {name}` ends it"
            ),
            Order::Undrain => format!("not waiting any longer; the order for {word} {name} stays"),
        }
    }
}

fn which(all: &[String]) -> String {
    match all.is_empty() {
        true => "it has none at all".into(),
        false => format!("name one of {}", all.join(", ")),
    }
}

fn nodes(seen: &Seen) -> String {
    let mut nodes: Vec<String> = seen.bridges().map(|(_, pod)| seen::node(pod)).collect();
    nodes.retain(|node| !node.is_empty());
    nodes.sort_unstable();
    nodes.dedup();
    match nodes.is_empty() {
        true => "no node".into(),
        false => nodes.join(", "),
    }
}
