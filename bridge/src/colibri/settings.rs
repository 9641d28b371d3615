//! What the manager must know of this bridge to answer requests.

use std::time::Duration;

use media::dtls::Fingerprint;

use crate::config::Limits;
use crate::io::addresses::LocalCandidate;

/// What the bridge says of itself and what it allows, for Colibri2.
#[derive(Clone, Debug)]
pub struct ControlSettings {
    /// Worker threads.
    pub workers: u16,
    /// Endpoints of one conference that stay on one worker before it spills over.
    pub spill_endpoints: usize,
    /// Candidates told to clients; all but these is fixed at the start.
    pub candidates: Vec<LocalCandidate>,
    /// Fingerprint of the process's certificate.
    pub fingerprint: Fingerprint,
    /// Base URLs of bridge channels over WebSocket; none: not offered.
    pub websocket_urls: Vec<String>,
    /// Name of this bridge in those URLs' path.
    pub server_id: String,
    /// Whether data channels are offered when asked for.
    pub sctp: bool,
    /// What one request and one conference may take.
    pub limits: Limits,
    /// A conference without endpoints ends after this long.
    pub empty_conference: Duration,
}
