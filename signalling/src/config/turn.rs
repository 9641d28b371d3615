//! TURN and STUN servers handed to clients (XEP-0215).

use super::{Secret, seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Servers for clients that cannot reach a bridge directly.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnConfig {
    /// Secret shared with the TURN servers (coturn's `static-auth-secret`).
    #[schemars(example = &"a long random text")]
    pub secret: Option<Secret>,
    /// File whose first line is that secret.
    #[schemars(example = &"/etc/shoal/turn.secret")]
    pub secret_file: Option<PathBuf>,
    /// Life of credentials.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 60, max = 604_800))]
    pub ttl: Duration,
    /// Servers, in the order in which clients are told of them.
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

/// A STUN or TURN server as clients are told of it.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnService {
    /// `stun`, `turn` or `turns`.
    #[serde(rename = "type")]
    #[schemars(example = &"turns")]
    pub kind: String,
    /// Host name or address.
    #[schemars(example = &"turn.example.org")]
    pub host: String,
    /// Port, by custom 3478 for STUN and TURN, and 5349 for TURNS.
    #[schemars(range(min = 1, max = 65_535))]
    #[schemars(example = 443)]
    pub port: u16,
    /// `udp` or `tcp`.
    #[serde(default = "udp")]
    pub transport: String,
}

fn udp() -> String {
    "udp".into()
}
