//! Which worker takes a conference, and which an endpoint.

use crate::ids::WorkerId;

/// How loaded each worker is, as far as control knows.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    /// Endpoints of each worker.
    endpoints: Vec<usize>,
    /// Conferences whose home each worker is.
    conferences: Vec<usize>,
    spill: usize,
}

impl Placement {
    pub(super) fn new(workers: u16, spill: usize) -> Self {
        let workers = usize::from(workers.max(1));
        Self {
            endpoints: vec![0; workers],
            conferences: vec![0; workers],
            spill: spill.max(1),
        }
    }

    /// The home of a new conference: the worker with the fewest endpoints, each conference counting as one to come.
    pub(super) fn home(&self) -> WorkerId {
        self.least(|worker| self.endpoints[worker] + self.conferences[worker])
    }

    /// The owner of a new endpoint of a conference that has `size` endpoints: its home while it is small, so that packets
    /// need not cross threads; then whoever has the fewest endpoints.
    pub(super) fn owner(&self, home: WorkerId, size: usize) -> WorkerId {
        if size < self.spill {
            home
        } else {
            self.least(|worker| self.endpoints[worker])
        }
    }

    fn least(&self, load: impl Fn(usize) -> usize) -> WorkerId {
        let worker = (0..self.endpoints.len())
            .min_by_key(|&worker| load(worker))
            .unwrap_or(0);
        WorkerId(worker as u16)
    }

    pub(super) fn conference_added(&mut self, home: WorkerId) {
        self.conferences[home.index()] += 1;
    }

    pub(super) fn conference_removed(&mut self, home: WorkerId) {
        self.conferences[home.index()] -= 1;
    }

    pub(super) fn endpoint_added(&mut self, owner: WorkerId) {
        self.endpoints[owner.index()] += 1;
    }

    pub(super) fn endpoint_removed(&mut self, owner: WorkerId) {
        self.endpoints[owner.index()] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conferences_spread_over_the_workers() {
        let mut placement = Placement::new(2, 50);
        let mut homes = [0; 2];
        for _ in 0..10 {
            let home = placement.home();
            homes[home.index()] += 1;
            placement.conference_added(home);
            placement.endpoint_added(placement.owner(home, 0));
        }
        assert_eq!(homes, [5, 5]);
    }

    #[test]
    fn a_conference_stays_on_one_worker_until_it_is_large_and_then_uses_all() {
        let mut placement = Placement::new(2, 50);
        let home = placement.home();
        placement.conference_added(home);
        let mut owners = [0; 2];
        for size in 0..120 {
            let owner = placement.owner(home, size);
            assert!(size >= 50 || owner == home);
            owners[owner.index()] += 1;
            placement.endpoint_added(owner);
        }
        assert_eq!(owners, [60, 60]);
    }
}
