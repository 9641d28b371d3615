//! Which receivers may get something else when a video source comes, goes, or moves in the order.
//!
//! Whoever gets a source already is known by its [`super::demand::Demand`]. A source that comes, or
//! moves up, matters besides to those who name it, and to those whose last-N reaches as far down
//! the order as its place.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::speech_order::Rank;
use crate::ids::SourceName;

/// The place of a source that shows something: by speech of its owner, then as the owner lists it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Its owner's rank.
    pub rank: Rank,
    /// Its position among the owner's sources.
    pub position: usize,
}

/// How far down the order a receiver's last-N reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Reach {
    /// It gets only what it names.
    #[default]
    Named,
    /// To this source.
    To(Place),
    /// It would get more than there is.
    All,
}

/// See the module. Receivers are indices of the worker's endpoints.
#[derive(Debug, Default)]
pub struct Attention {
    by_name: FxHashMap<SourceName, BTreeSet<usize>>,
    by_reach: BTreeSet<(Reach, usize)>,
    receivers: BTreeMap<usize, Receiver>,
}

#[derive(Debug, Default)]
struct Receiver {
    names: BTreeSet<SourceName>,
    reach: Reach,
}

impl Attention {
    /// A receiver names these sources, in whatever way.
    pub fn set_names(&mut self, receiver: usize, names: BTreeSet<SourceName>) {
        let entry = self.receivers.entry(receiver).or_default();
        let before = std::mem::replace(&mut entry.names, names);
        for name in entry.names.difference(&before) {
            self.by_name
                .entry(name.clone())
                .or_default()
                .insert(receiver);
        }
        for name in before.difference(&entry.names) {
            forget_name(&mut self.by_name, name, receiver);
        }
    }

    /// A receiver's last-N reaches so far.
    pub fn set_reach(&mut self, receiver: usize, reach: Reach) {
        let entry = self.receivers.entry(receiver).or_default();
        let before = std::mem::replace(&mut entry.reach, reach);
        if before != reach {
            self.by_reach.remove(&(before, receiver));
        }
        if reach != Reach::Named {
            self.by_reach.insert((reach, receiver));
        }
    }

    /// A receiver is gone.
    pub fn forget(&mut self, receiver: usize) {
        if let Some(entry) = self.receivers.remove(&receiver) {
            self.by_reach.remove(&(entry.reach, receiver));
            for name in &entry.names {
                forget_name(&mut self.by_name, name, receiver);
            }
        }
    }

    /// Whether nothing is known of anybody.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.receivers.is_empty() && self.by_name.is_empty() && self.by_reach.is_empty()
    }

    /// Receivers that name a source.
    pub fn naming(&self, name: &SourceName) -> impl Iterator<Item = usize> + '_ {
        self.by_name.get(name).into_iter().flatten().copied()
    }

    /// Receivers whose last-N reaches as far as this place, or farther.
    pub fn reaching(&self, place: Place) -> impl Iterator<Item = usize> + '_ {
        let far = self.by_reach.range((Reach::To(place), 0)..);
        far.map(|(_, receiver)| *receiver)
    }
}

fn forget_name(
    by_name: &mut FxHashMap<SourceName, BTreeSet<usize>>,
    name: &SourceName,
    receiver: usize,
) {
    if let Some(receivers) = by_name.get_mut(name) {
        receivers.remove(&receiver);
        if receivers.is_empty() {
            by_name.remove(name);
        }
    }
}
