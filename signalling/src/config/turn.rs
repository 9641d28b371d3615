//! TURN and STUN servers handed to clients (XEP-0215).

use super::{Secret, seconds};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Servers for clients that cannot reach a bridge directly.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnConfig {
    /// Secret shared with the TURN servers (coturn's `static-auth-secret`).
    pub secret: Option<Secret>,
    /// File whose first line is that secret.
    pub secret_file: Option<PathBuf>,
    /// Life of credentials.
    #[serde(with = "seconds")]
    pub ttl: Duration,
    /// The servers.
    pub services: Vec<TurnService>,
}

impl Default for TurnConfig {
    fn default() -> Self {
        Self {
            secret: None,
            secret_file: None,
            ttl: Duration::from_secs(86_400),
            services: Vec::new(),
        }
    }
}

/// One server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnService {
    /// `stun`, `turn` or `turns`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `udp` or `tcp`.
    #[serde(default = "udp")]
    pub transport: String,
}

fn udp() -> String {
    "udp".into()
}
