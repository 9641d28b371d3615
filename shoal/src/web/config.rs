//! What a person sets for the front.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long running requests may take once the process has been asked to stop.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Section `[web]` of the configuration file.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of the page. `[::]` serves IPv4 as well.
    pub listen: SocketAddr,
    /// Whether the page is served over TLS: `auto` or `off`.
    pub tls: Tls,
    /// PEM file with the certificate chain. With `key`, HTTPS on any address.
    #[schemars(example = &"/etc/shoal/certificate.pem")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of `certificate`.
    #[schemars(example = &"/etc/shoal/key.pem")]
    pub key: Option<PathBuf>,
    /// Where the self-signed certificate is kept when none is named.
    pub state: PathBuf,
    /// Address under which browsers reach this origin, without a path, for
    /// instance `https://meet.example.org`. Needed only where it differs from
    /// `listen`, as behind a proxy.
    #[schemars(example = &"https://meet.example.org")]
    pub public_url: Option<String>,
    /// Address of health, metrics and debugging of all parts, below `/signalling`,
    /// `/focus` and `/bridge` (subcommand `all` only). Orders and debugging are for
    /// this machine only, unless there is a `private_token_file`.
    #[schemars(example = &"127.0.0.1:9000")]
    pub private_listen: Option<SocketAddr>,
    /// File with the token that callers from other machines bring to give orders
    /// over `private_listen` (`Authorization: Bearer TOKEN`), at least 16
    /// characters; each line is one. Read again when a token is brought.
    #[schemars(example = &"/etc/shoal/orders.token")]
    pub private_token_file: Option<PathBuf>,
    /// Base URL of the signalling part's HTTP listener, for instance
    /// `http://127.0.0.1:5280` (subcommand `web` only). Absent: this origin
    /// does not pass signalling on, because a front door in front of it does.
    #[schemars(example = &"http://127.0.0.1:5280")]
    pub signalling_url: Option<String>,
    /// Base URL of the focus part's HTTP listener, for instance
    /// `http://127.0.0.1:8888` (subcommand `web` only). Absent: as above.
    #[schemars(example = &"http://127.0.0.1:8888")]
    pub focus_url: Option<String>,
    /// Bridges whose channel is reached through this origin: server id → base
    /// URL of the bridge's public listener (subcommand `web` only).
    pub bridges: BTreeMap<String, String>,
    /// Merged into what the page receives as `config.json`.
    pub page: serde_json::Map<String, serde_json::Value>,
}

/// Whether the page is served over TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// A loopback address is served in clear text, any other over TLS, because
    /// browsers give the camera only to secure pages.
    #[default]
    Auto,
    /// Clear text on any address: TLS ends in a front door in front of it, and
    /// nobody else reaches this address.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls: Tls::default(),
            certificate: None,
            key: None,
            state: default_state(),
            public_url: None,
            private_listen: None,
            private_token_file: None,
            signalling_url: None,
            focus_url: None,
            bridges: BTreeMap::new(),
            page: serde_json::Map::new(),
        }
    }
}

fn default_state() -> PathBuf {
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| {
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local").join("state"))
        })
        .unwrap_or_else(|| PathBuf::from("."))
        .join("shoal")
}
