//! The video sources that a receiver may get: those it chose, then the first of the order that fill
//! its last-N. The rest of a large conference is not looked at.

use rustc_hash::FxHashSet;

use super::Conference;
use super::attention::Reach;
use crate::allocation::Candidate;
use crate::allocation::effective::ReceiverConstraints;
use crate::ids::{EndpointKey, SourceKey};

impl Conference {
    /// What allocating to `receiver` needs to know, in the order of speech, and how far down the
    /// order that is. `last_n` is the limit besides the receiver's own.
    pub fn candidates(
        &self,
        receiver: EndpointKey,
        constraints: &ReceiverConstraints,
        last_n: Option<usize>,
    ) -> (Vec<Candidate<'_, SourceKey>>, Reach) {
        let limits = [constraints.last_n, last_n];
        let limit = limits.into_iter().flatten().min().unwrap_or(usize::MAX);
        let mut taken = Taken {
            conference: self,
            receiver,
            constraints,
            left: limit,
            slots: FxHashSet::default(),
            candidates: Vec::new(),
        };
        for name in constraints.on_stage.iter().chain(&constraints.selected) {
            if let Some(slot) = self.by_name.get(name) {
                taken.take(*slot);
            }
        }
        let reach = if constraints.default.is_nothing() {
            let named = constraints.by_source.keys();
            let named = named.filter_map(|name| self.by_name.get(name));
            let mut named: Vec<_> = named
                .filter_map(|slot| Some((self.source(*slot)?.place?, *slot)))
                .collect();
            named.sort_unstable();
            for (_, slot) in named {
                taken.take(slot);
            }
            Reach::Named
        } else {
            let mut reach = Reach::Named;
            let mut shown = self.shown.iter();
            while taken.left > 0 {
                let Some((place, slot)) = shown.next() else {
                    reach = Reach::All;
                    break;
                };
                if taken.take(*slot) {
                    reach = Reach::To(*place);
                }
            }
            reach
        };
        (taken.candidates, reach)
    }
}

struct Taken<'a, 'c> {
    conference: &'a Conference,
    receiver: EndpointKey,
    constraints: &'c ReceiverConstraints,
    left: usize,
    slots: FxHashSet<usize>,
    candidates: Vec<Candidate<'a, SourceKey>>,
}

impl Taken<'_, '_> {
    /// Takes a source, if it shows something to the receiver that it wants and has not got yet.
    fn take(&mut self, slot: usize) -> bool {
        let source = self.conference.source(slot);
        let Some(source) = source.filter(|s| s.place.is_some()) else {
            return false;
        };
        let info = &source.info;
        if self.left == 0
            || info.key.owner == self.receiver
            || self.constraints.of(&info.name).is_nothing()
            || !self.slots.insert(slot)
        {
            return false;
        }
        self.left -= 1;
        self.candidates.push(Candidate {
            source: info.key,
            name: &info.name,
            owner: info.key.owner,
            video_type: info.video_type,
            layers: &source.layers,
            held: None,
        });
        true
    }
}
