//! How a focus that is a process of its own reaches its signalling server, and
//! is reached over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[focus_service]`.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FocusService {
    /// `HOST:PORT` of the signalling server's XMPP port for services.
    pub address: String,
    /// How that connection is protected: `starttls`, `direct` or `plain`.
    pub tls: bridge::config::Tls,
    /// PEM file with the authorities that may have signed the server's certificate; the public ones
    /// when absent. Read at each connection.
    #[schemars(example = &"/etc/shoal/ca.pem")]
    pub tls_ca_file: Option<PathBuf>,
    /// Listen address of the HTTP interface: conference requests, and what `private_http` has.
    pub http: SocketAddr,
    /// Listen address for those who run the service: health, version, metrics, and orders (moving of participants,
    /// debugging), which are taken from this machine only, unless there is a `private_token_file`. Connections here are
    /// counted apart, so that probes are answered however many clients there are.
    #[schemars(example = &"127.0.0.1:8889")]
    pub private_http: Option<SocketAddr>,
    /// File with the token that callers from other machines bring to give orders over `http` and `private_http`
    /// (`Authorization: Bearer TOKEN`), at least 16 characters; each line is one. Read again when a token is brought.
    #[schemars(example = &"/etc/shoal/orders.token")]
    pub private_token_file: Option<PathBuf>,
    /// Proxies in front of `http` that add their caller's address to `X-Forwarded-For`: their number, or `true` for one.
    /// Without it everybody who comes through a proxy has the proxy's address, and shares its limits.
    #[schemars(with = "u8", range(min = 0, max = 16))]
    pub trust_forwarded_for: listen::Proxies,
}

impl Default for FocusService {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:5222".into(),
            tls: bridge::config::Tls::Starttls,
            tls_ca_file: None,
            http: SocketAddr::from(([127, 0, 0, 1], 8888)),
            private_token_file: None,
            private_http: None,
            trust_forwarded_for: listen::Proxies::NONE,
        }
    }
}
