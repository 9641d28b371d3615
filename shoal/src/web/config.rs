//! What a person sets for the front.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[web]` of the configuration file.
#[derive(Debug, Clone, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
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
    /// Folder for what is made when nobody names it: the self-signed certificate, and with `shoal all` the secret under which
    /// pages keep the locks of their room (`signalling.rooms.memory_secret_file`).
    pub state: PathBuf,
    /// Address under which browsers reach this origin, without a path, for
    /// instance `https://meet.example.org`. Needed only where it differs from
    /// `listen`, as behind a proxy.
    #[schemars(example = &"https://meet.example.org")]
    pub public_url: Option<String>,
    /// Proxies in front of `listen` that add their caller's address to `X-Forwarded-For`: their number, or `true` for one.
    /// Without it everybody who comes through a proxy has the proxy's address, and shares its limits.
    #[schemars(with = "u8", range(min = 0, max = 16))]
    pub trust_forwarded_for: listen::Proxies,
    /// Address of health, metrics and debugging of all parts, below `/signalling`,
    /// `/focus` and `/bridge` (subcommand `all`); of the page's own `/about/health`
    /// (subcommand `web`). Connections here are counted apart, so that probes are
    /// answered however many people there are. Orders and debugging are for
    /// this machine only, unless there is a `private_token_file`.
    #[schemars(example = &"127.0.0.1:9000")]
    pub private_listen: Option<SocketAddr>,
    /// File with the token that callers from other machines bring to give orders
    /// over `private_listen` (`Authorization: Bearer TOKEN`), at least 16
    /// characters; each line is one. Read again when a token is brought.
    #[schemars(example = &"/etc/shoal/orders.token")]
    pub private_token_file: Option<PathBuf>,
    /// Origins whose pages may show this one in a frame, for instance `https://intranet.example.org`, beside its own; `*` is
    /// any.
    pub frame_ancestors: Vec<String>,
    /// Origins that the page may connect to, beside its own and those of the URLs in `page`, for instance
    /// `wss://bridge-1.example.org` of a bridge that is reached by WebSocket.
    pub connect_sources: Vec<String>,
    /// How long browsers shall insist on HTTPS for this name (HSTS), in seconds; 0: not at all. Absent: a year where
    /// `certificate` is set, not at all elsewhere. Set it where TLS ends in front.
    #[schemars(range(min = 0, max = 315_360_000), example = &31_536_000)]
    pub hsts_seconds: Option<u64>,
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
pub(crate) enum Tls {
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
            trust_forwarded_for: listen::Proxies::NONE,
            private_listen: None,
            private_token_file: None,
            frame_ancestors: Vec::new(),
            connect_sources: Vec::new(),
            hsts_seconds: None,
            signalling_url: None,
            focus_url: None,
            bridges: BTreeMap::new(),
            page: serde_json::Map::new(),
        }
    }
}

impl Config {
    /// Whether requests are passed on to parts in other processes.
    pub(crate) fn passes_on(&self) -> bool {
        self.signalling_url.is_some() || self.focus_url.is_some() || !self.bridges.is_empty()
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
