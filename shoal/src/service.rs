//! How a focus that is a process of its own reaches its signalling server, and
//! is reached over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[focus_service]`.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FocusService {
    /// `HOST:PORT` of the signalling server's XMPP port for services.
    pub address: String,
    /// How that connection is protected: `starttls`, `direct` or `plain`.
    pub tls: bridge::config::Tls,
    /// PEM file with the authorities that may have signed the server's certificate; the public ones
    /// when absent. Read at each connection.
    #[schemars(example = &"/etc/shoal/ca.pem")]
    pub tls_ca_file: Option<PathBuf>,
    /// Listen address of the HTTP interface: conference requests, health, metrics, and orders (moving of participants,
    /// debugging), which are taken from this machine only, unless there is a `private_token_file`.
    pub http: SocketAddr,
    /// File with the token that callers from other machines bring to give orders over `http`
    /// (`Authorization: Bearer TOKEN`), at least 16 characters; each line is one. Read again when a token is brought.
    #[schemars(example = &"/etc/shoal/orders.token")]
    pub private_token_file: Option<PathBuf>,
}

impl Default for FocusService {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:5222".into(),
            tls: bridge::config::Tls::Starttls,
            tls_ca_file: None,
            http: SocketAddr::from(([127, 0, 0, 1], 8888)),
            private_token_file: None,
        }
    }
}
