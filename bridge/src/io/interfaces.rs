//! Addresses of this machine that come and go while the bridge runs: a lease ends, a prefix is renumbered, a link comes up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::MissedTickBehavior;

use super::control::Control;
use super::{Driver, addresses};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// Receives media on new addresses and tells them to clients, as far as neither is configured.
pub(crate) async fn follow_interfaces(control: Arc<Control>, driver: Arc<Mutex<Option<Driver>>>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = told_by(&control, &driver);
    loop {
        ticks.tick().await;
        let changed = match &mut *driver.lock() {
            Some(driver) => driver.look_at_interfaces(&control.config),
            None => return,
        };
        match changed {
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot list this machine's network interfaces; a change of addresses is not noticed");
                continue;
            }
        }
        let candidates = told_by(&control, &driver);
        if candidates == told {
            continue;
        }
        let names = |list: &[addresses::LocalCandidate]| -> Vec<SocketAddr> {
            list.iter().map(|candidate| candidate.address).collect()
        };
        let (before, now) = (names(&told), names(&candidates));
        told = candidates;
        // A file says what clients are told, whatever this machine has.
        if control.config.advertised_addresses_file.is_none() {
            tracing::warn!(
                ?before,
                ?now,
                "the addresses of this machine changed: new participants are told these, and those who used one that is gone have to connect anew"
            );
            control.set_candidates(told.clone());
        }
    }
}

fn told_by(control: &Control, driver: &Mutex<Option<Driver>>) -> Vec<addresses::LocalCandidate> {
    match &*driver.lock() {
        Some(driver) => {
            addresses::to_advertise(&control.config, driver.bound(), &driver.interfaces())
        }
        None => Vec::new(),
    }
}
