//! Files that are read again every second. Kubernetes changes a mounted file by swapping a link, so that only its content
//! tells.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::addresses;
use super::control::Control;
use super::shards::Shards;
use crate::advertised;
use crate::config::Shard;
use crate::shards_file;

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

fn ticks() -> Interval {
    let mut interval = tokio::time::interval(LOOK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    })
}

/// Serves the shards that `path` names, as they come and go.
pub(crate) async fn follow_shards(control: Arc<Control>, shards: Arc<Shards>, path: &Path) {
    let mut served: BTreeMap<String, Shard> = BTreeMap::new();
    let mut last = None;
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let content = read(path);
        if last.as_ref() == Some(&content) {
            continue;
        }
        match content
            .as_deref()
            .map_err(Clone::clone)
            .and_then(shards_file::parse)
        {
            Ok(wanted) => {
                let changes = shards_file::changes(&served, &wanted);
                if changes != shards_file::Changes::default() {
                    tracing::info!(file = %path.display(), leaves = ?changes.leave, shards = ?wanted.keys(), "the file of shards changed");
                }
                shards.remove(&control, &changes.leave).await;
                for shard in &changes.serve {
                    if let Err(error) = shards.add(&control, shard, None) {
                        tracing::error!(file = %path.display(), %error, "this shard is not served");
                    }
                }
                served = wanted;
            }
            Err(error) => {
                tracing::error!(file = %path.display(), %error, serves = ?served.keys(), "the file of shards cannot be used; those of before stay");
            }
        }
        last = Some(content);
    }
}

/// Tells the addresses of `addresses_file` (and the port of `port_file`) to clients, as they change.
pub(crate) async fn follow_addresses(
    control: Arc<Control>,
    addresses_file: &Path,
    port_file: Option<&Path>,
    own_port: u16,
) {
    let mut last = None;
    let mut ticks = ticks();
    loop {
        ticks.tick().await;
        let content = (read(addresses_file), port_file.map(read));
        if last.as_ref() == Some(&content) {
            continue;
        }
        match advertised_in(&content, port_file, own_port) {
            Ok(told) => {
                tracing::info!(addresses = ?told.addresses, "these addresses are told to clients from here on");
                let candidates = addresses::candidates(told.addresses);
                control.set_candidates(candidates);
                control.waits_for(None);
            }
            Err(error) => {
                let sentence = format!(
                    "waiting for the addresses that clients shall reach, from {}: {error}",
                    addresses_file.display()
                );
                if control.waits_for(Some(&sentence)) {
                    tracing::warn!("{sentence}");
                } else {
                    tracing::error!(file = %addresses_file.display(), %error, "the addresses told to clients stay as they were");
                }
            }
        }
        last = Some(content);
    }
}

fn advertised_in(
    (addresses, port): &(Result<String, String>, Option<Result<String, String>>),
    port_file: Option<&Path>,
    own_port: u16,
) -> Result<advertised::Advertised, String> {
    let addresses = addresses.as_deref().map_err(Clone::clone)?;
    let said = |error: String| match port_file {
        Some(path) if error.starts_with("the port's file") => {
            format!("{error} ({})", path.display())
        }
        _ => error,
    };
    // A port file that is not there says nothing yet.
    let port = port
        .as_ref()
        .map(|port| port.as_deref().unwrap_or_default());
    advertised::parse(addresses, port, own_port).map_err(said)
}
