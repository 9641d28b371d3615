//! Whose datagram is this: by remote address, by local ufrag, and at which other worker.

use std::net::SocketAddr;
use std::sync::Arc;

use ::media::ice::IceCredentials;
use rustc_hash::FxHashMap;

use crate::ids::WorkerId;

/// Addresses of one endpoint that are remembered; a client has a handful.
const MAX_PER_ENDPOINT: usize = 16;
/// Addresses, and ufrags, of other workers' endpoints that are remembered.
const MAX_ELSEWHERE: usize = 100_000;

/// See the module. Only addresses from which an authenticated check came are in it.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    local: FxHashMap<SocketAddr, usize>,
    ufrags: FxHashMap<String, usize>,
    elsewhere: FxHashMap<SocketAddr, WorkerId>,
    ufrags_elsewhere: FxHashMap<String, (Arc<IceCredentials>, WorkerId)>,
    changed: bool,
}

impl Addresses {
    /// The endpoint that an address belongs to.
    pub(super) fn endpoint(&self, address: &SocketAddr) -> Option<usize> {
        self.local.get(address).copied()
    }

    /// The endpoint that a ufrag belongs to.
    pub(super) fn endpoint_of_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.ufrags.get(ufrag).copied()
    }

    /// The other worker that an address belongs to.
    pub(super) fn worker(&self, address: &SocketAddr) -> Option<WorkerId> {
        self.elsewhere.get(address).copied()
    }

    /// The password that goes with a ufrag of another worker's.
    pub(super) fn password_elsewhere(&self, ufrag: &str, worker: WorkerId) -> Option<&str> {
        let (credentials, owner) = self.ufrags_elsewhere.get(ufrag)?;
        (*owner == worker).then_some(credentials.pwd.as_str())
    }

    pub(super) fn add_ufrag(&mut self, ufrag: &str, endpoint: usize) {
        self.ufrags.insert(ufrag.to_owned(), endpoint);
    }

    /// An authenticated check of an endpoint came from here. `known` are its addresses so far, of
    /// which the oldest may be forgotten. Returns whether the address is news, and who was forgotten.
    pub(super) fn learn(
        &mut self,
        address: SocketAddr,
        endpoint: usize,
        known: &mut Vec<SocketAddr>,
    ) -> (bool, Option<SocketAddr>) {
        if self.local.insert(address, endpoint) == Some(endpoint) {
            return (false, None);
        }
        self.changed = true;
        self.elsewhere.remove(&address);
        known.push(address);
        let forgotten = (known.len() > MAX_PER_ENDPOINT).then(|| known.remove(0));
        if let Some(oldest) = forgotten
            && self.local.get(&oldest) == Some(&endpoint)
        {
            self.local.remove(&oldest);
        }
        (true, forgotten)
    }

    /// All known addresses with their owners (`here`: those of this worker), if any address is new since the last
    /// call. What is gone may stay: nothing comes from there.
    pub(super) fn take_owners(&mut self, here: WorkerId) -> Option<Vec<(SocketAddr, WorkerId)>> {
        std::mem::take(&mut self.changed).then(|| {
            let local = self.local.keys().map(|address| (*address, here));
            local
                .chain(
                    self.elsewhere
                        .iter()
                        .map(|(address, worker)| (*address, *worker)),
                )
                .collect()
        })
    }

    /// The next [`Self::take_owners`] tells of all, whatever was told before.
    pub(super) fn tell_anew(&mut self) {
        self.changed = true;
    }

    /// An endpoint is gone.
    pub(super) fn forget(&mut self, endpoint: usize, addresses: &[SocketAddr], ufrags: &[String]) {
        for address in addresses {
            if self.local.get(address) == Some(&endpoint) {
                self.local.remove(address);
            }
        }
        for ufrag in ufrags {
            self.ufrags.remove(ufrag);
        }
    }

    /// An address belongs to another worker's endpoint.
    pub(super) fn learn_elsewhere(&mut self, address: SocketAddr, worker: WorkerId) {
        if self.elsewhere.len() < MAX_ELSEWHERE || self.elsewhere.contains_key(&address) {
            self.changed |= self.elsewhere.insert(address, worker) != Some(worker);
            self.local.remove(&address);
        }
    }

    /// A ufrag belongs to another worker's endpoint.
    pub(super) fn learn_ufrag_elsewhere(
        &mut self,
        credentials: Arc<IceCredentials>,
        worker: WorkerId,
    ) {
        if self.ufrags_elsewhere.len() < MAX_ELSEWHERE {
            let ufrag = credentials.ufrag.clone();
            self.ufrags_elsewhere.insert(ufrag, (credentials, worker));
        }
    }

    /// No longer.
    pub(super) fn forget_ufrag_elsewhere(&mut self, ufrag: &str, worker: WorkerId) {
        if self.password_elsewhere(ufrag, worker).is_some() {
            self.ufrags_elsewhere.remove(ufrag);
        }
    }

    /// No longer.
    pub(super) fn forget_elsewhere(&mut self, address: SocketAddr, worker: WorkerId) {
        if self.elsewhere.get(&address) == Some(&worker) {
            self.elsewhere.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn an_address_moves_with_the_latest_authenticated_check() {
        let mut addresses = Addresses::default();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        assert_eq!(addresses.learn(address(1), 7, &mut a), (true, None));
        assert_eq!(addresses.learn(address(1), 7, &mut a), (false, None));
        assert_eq!(addresses.learn(address(1), 8, &mut b), (true, None));
        assert_eq!(addresses.endpoint(&address(1)), Some(8));
        addresses.forget(7, &a, &[]);
        assert_eq!(addresses.endpoint(&address(1)), Some(8));
        addresses.learn_elsewhere(address(1), WorkerId(3));
        assert_eq!(addresses.endpoint(&address(1)), None);
        assert_eq!(addresses.worker(&address(1)), Some(WorkerId(3)));
        addresses.forget_elsewhere(address(1), WorkerId(2));
        assert_eq!(addresses.worker(&address(1)), Some(WorkerId(3)));
    }

    #[test]
    fn owners_are_told_once_after_each_new_address() {
        let mut addresses = Addresses::default();
        assert_eq!(addresses.take_owners(WorkerId(0)), None);
        addresses.learn(address(1), 7, &mut Vec::new());
        addresses.learn_elsewhere(address(2), WorkerId(3));
        let mut owners = addresses.take_owners(WorkerId(0)).unwrap_or_default();
        owners.sort_unstable();
        assert_eq!(
            owners,
            [(address(1), WorkerId(0)), (address(2), WorkerId(3))]
        );
        addresses.learn_elsewhere(address(2), WorkerId(3));
        assert_eq!(addresses.take_owners(WorkerId(0)), None);
    }

    #[test]
    fn one_endpoint_has_few_addresses() {
        let mut addresses = Addresses::default();
        let mut known = Vec::new();
        for port in 1..=100 {
            addresses.learn(address(port), 1, &mut known);
        }
        assert_eq!(known.len(), MAX_PER_ENDPOINT);
        assert_eq!(addresses.local.len(), MAX_PER_ENDPOINT);
        assert_eq!(addresses.endpoint(&address(1)), None);
    }
}
