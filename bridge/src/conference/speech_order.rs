//! Who spoke last comes first; those who never spoke follow in the order in which they came.

use std::collections::BTreeMap;

use crate::ids::EndpointKey;

/// A place in the order: the less, the earlier. An endpoint keeps it until it speaks or leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank(i64);

/// See the module. A change costs the same however many endpoints there are, but for the depth of
/// a tree.
#[derive(Debug, Default)]
pub struct SpeechOrder {
    endpoints: BTreeMap<Rank, EndpointKey>,
    /// The rank of the latest speaker, below all that were given before.
    first: i64,
    /// The rank of the latest arrival, above all that were given before.
    last: i64,
}

impl SpeechOrder {
    /// An endpoint comes.
    pub fn arrive(&mut self, endpoint: EndpointKey) -> Rank {
        self.last += 1;
        self.endpoints.insert(Rank(self.last), endpoint);
        Rank(self.last)
    }

    /// The endpoint of this rank speaks. Returns its new rank.
    pub fn speak(&mut self, before: Rank) -> Rank {
        match self.endpoints.first_key_value() {
            Some((first, _)) if *first == before => before,
            _ => {
                self.first -= 1;
                let rank = Rank(self.first);
                let endpoint = self.endpoints.remove(&before);
                self.endpoints.extend(endpoint.map(|e| (rank, e)));
                rank
            }
        }
    }

    /// The endpoint of this rank leaves.
    pub fn leave(&mut self, rank: Rank) {
        self.endpoints.remove(&rank);
    }

    /// All endpoints, the latest speaker first.
    pub fn iter(&self) -> impl Iterator<Item = EndpointKey> + '_ {
        self.endpoints.values().copied()
    }
}
