//! Beside each HAProxy: reloads it when its configuration changes, and tells when a configuration is refused.
//!
//! HAProxy runs in master-worker mode. The master starts new workers with the new configuration; the old ones keep their
//! connections, so a reload drops no WebSocket. A configuration that is refused leaves the old workers serving.

mod master;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use master::Master;

/// How often the configuration is read.
const PERIOD: Duration = Duration::from_millis(500);
/// How long new workers may take to start.
const START: Duration = Duration::from_secs(10);

/// What to watch.
#[derive(Clone, Debug)]
pub struct FrontDoor {
    /// Folder whose files make HAProxy's configuration: maps and certificates too.
    pub config_dirs: Vec<PathBuf>,
    /// Socket of the master's command line.
    pub master: PathBuf,
    /// Where `/metrics` and `/about/health` are served.
    pub listen: SocketAddr,
}

/// Why it ended.
#[derive(Debug, Error)]
pub enum FrontDoorError {
    /// The HTTP interface.
    #[error("cannot serve metrics on {address}: {error}; choose another --listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
}

#[derive(Default)]
struct Counts {
    reloads: AtomicU64,
    refused: AtomicU64,
    /// Whether the configuration that lies there is the one in use.
    current: AtomicBool,
}

/// Watches until `stop`.
///
/// # Errors
/// When the HTTP interface cannot listen.
pub async fn run(front_door: FrontDoor, stop: CancellationToken) -> Result<(), FrontDoorError> {
    let counts = Arc::new(Counts::default());
    let address = front_door.listen;
    let listener =
        super::server::bind(address).map_err(|error| FrontDoorError::Listen { address, error })?;
    let shown = counts.clone();
    let router = Router::new()
        .route("/about/health", get(|| async { "OK" }))
        .route("/metrics", get(move || async move { shown.render() }));
    let server = tokio::spawn(super::server::own().serve(listener, router));
    tokio::select! {
        () = follow(&front_door, &counts) => {}
        () = stop.cancelled() => {}
    }
    server.abort();
    Ok(())
}

impl Counts {
    fn render(&self) -> String {
        let reloads = self.reloads.load(Ordering::Relaxed);
        let refused = self.refused.load(Ordering::Relaxed);
        let current = u8::from(self.current.load(Ordering::Relaxed));
        format!(
            "# TYPE front_door_reloads counter\nfront_door_reloads_total {reloads}\n\
             # TYPE front_door_reloads_refused counter\nfront_door_reloads_refused_total {refused}\n\
             # TYPE front_door_configuration_current gauge\nfront_door_configuration_current {current}\n# EOF\n"
        )
    }
}

async fn follow(front_door: &FrontDoor, counts: &Counts) {
    let master = Master::new(&front_door.master);
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut waited = false;
    while !master.answers().await {
        if !waited {
            tracing::info!(master = %front_door.master.display(), "waiting for HAProxy's master");
            waited = true;
        }
        tick.tick().await;
    }
    // The first look reloads, for what HAProxy started with may be older than what lies there.
    let mut used: Option<[u8; 32]> = None;
    loop {
        tick.tick().await;
        let Some(print) = fingerprint(&front_door.config_dirs) else {
            continue;
        };
        if used == Some(print) {
            continue;
        }
        used = Some(print);
        match master.reload(START).await {
            Ok(()) => {
                counts.reloads.fetch_add(1, Ordering::Relaxed);
                counts.current.store(true, Ordering::Relaxed);
                tracing::info!("HAProxy took the new configuration");
            }
            Err(error) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                counts.current.store(false, Ordering::Relaxed);
                tracing::error!(%error, "HAProxy did not take the new configuration; the old one still serves (its log says which line)");
            }
        }
    }
}

/// A hash of every file's name and content; `None` while they are being exchanged.
fn fingerprint(dirs: &[PathBuf]) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    for dir in dirs {
        let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            // Kubernetes keeps versions in hidden folders and links to them.
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| !name.starts_with('.')) && path.is_file()
            })
            .collect();
        files.sort();
        for file in files {
            hash.update(file.as_os_str().as_encoded_bytes());
            hash.update([0]);
            hash.update(std::fs::read(&file).ok()?);
            hash.update([0]);
        }
    }
    Some(hash.finalize().into())
}
