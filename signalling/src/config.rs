//! What an operator writes. [`Config`] is turned once into [`crate::settings::Settings`], which is what the server uses.
//!
//! Every field has a default, so an empty file is a working guest-only server; an unknown key is refused by name.

mod auth;
mod limits;
mod turn;

pub use auth::{AuthConfig, AuthMode, KeySource, TokenConfig};
pub use limits::LimitsConfig;
pub use turn::{TurnConfig, TurnService};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Configuration of the signalling server.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Main XMPP domain (D): guests live here, and clients discover everything from it.
    pub domain: String,
    /// Domain of conference rooms. Default `muc.D`.
    #[schemars(example = &"muc.meet.example.org")]
    pub muc_domain: Option<String>,
    /// Domain of the services' own rooms (breweries). Default `internal-muc.D`.
    #[schemars(example = &"internal-muc.meet.example.org")]
    pub internal_muc_domain: Option<String>,
    /// Domain of service accounts. Default `auth.D`.
    #[schemars(example = &"auth.meet.example.org")]
    pub auth_domain: Option<String>,
    /// Domain of guests where the login mode is `both`: who has a token is on D itself, so that a focus sees by the address
    /// who may open rooms. Default `guest.D`.
    #[schemars(example = &"guest.meet.example.org")]
    pub guest_domain: Option<String>,
    /// Address that forwards conference requests to the focus. Default `focus.D`.
    #[schemars(example = &"focus.meet.example.org")]
    pub focus_domain: Option<String>,
    /// Account name of the focus on the auth domain.
    pub focus_account: String,
    /// Sockets that the server opens by itself.
    pub listen: ListenConfig,
    /// Certificate for STARTTLS and direct TLS. New connections get a changed one within seconds.
    pub tls: Option<TlsConfig>,
    /// Service accounts (focus, bridges, recorders).
    pub accounts: Vec<Account>,
    /// Whether PLAIN and SCRAM are offered on an unencrypted connection that is not loopback.
    pub plaintext_auth: bool,
    /// Who may log in on the main domain.
    pub auth: AuthConfig,
    /// TURN and STUN servers handed to clients (XEP-0215).
    pub turn: TurnConfig,
    /// What one client, address or room may use.
    pub limits: LimitsConfig,
    /// How long a session outlives its socket (XEP-0198).
    pub hibernation: HibernationConfig,
    /// Room behaviour.
    pub rooms: RoomsConfig,
    /// Name of this shard: disco identity and `x-jitsi-shard` header. Empty: none.
    pub shard: String,
    /// Region of this shard, as a disco identity. Empty: none.
    pub region: String,
    /// Release of this shard, as a disco identity. Empty: none.
    pub release: String,
    /// Push the domain's disco#info right after bind. Clients that know it save two round trips.
    pub push_disco: bool,
    /// Proxies in front of `listen.http` that add their caller's address to `X-Forwarded-For`: their number, or `true` for
    /// one. The client's address is the entry of the outermost of them. Without it everybody who comes through a proxy has
    /// the proxy's address, and shares its limits.
    #[schemars(with = "u8", range(min = 0, max = 16))]
    pub trust_forwarded_for: listen::Proxies,
    /// How HTTP is served. The program sets it from section `[http]`, which all parts share.
    #[serde(skip)]
    pub http: listen::http::Config,
    /// For this long after its start the shard tells front doors that it is dead (`/about/front-door`), in seconds, so that
    /// all of them have given its rooms to other shards before it returns. Set it to more than they need to notice that a
    /// shard is dead, where there are several front doors or shards.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 0, max = 3600))]
    pub return_after_seconds: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            domain: "meet.shoal".into(),
            muc_domain: None,
            internal_muc_domain: None,
            auth_domain: None,
            guest_domain: None,
            focus_domain: None,
            focus_account: "focus".into(),
            listen: ListenConfig::default(),
            tls: None,
            accounts: Vec::new(),
            plaintext_auth: false,
            auth: AuthConfig::default(),
            turn: TurnConfig::default(),
            limits: LimitsConfig::default(),
            hibernation: HibernationConfig::default(),
            rooms: RoomsConfig::default(),
            shard: String::new(),
            region: String::new(),
            release: String::new(),
            push_disco: false,
            trust_forwarded_for: listen::Proxies::NONE,
            http: listen::http::Config::default(),
            return_after_seconds: Duration::ZERO,
        }
    }
}

/// Sockets. An absent one is not opened; port 0 lets the system choose (see [`crate::Server::addresses`]).
#[derive(Clone, Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// Plain HTTP: WebSocket, BOSH, and what `private` has. Absent where another HTTP server mounts the router.
    #[schemars(example = &"127.0.0.1:5280")]
    pub http: Option<SocketAddr>,
    /// Plain HTTP for those who run the service: `/about/health`, `/about/front-door`, `/metrics`. Connections here are
    /// counted apart, so that probes are answered however many clients there are.
    #[schemars(example = &"127.0.0.1:5281")]
    pub private: Option<SocketAddr>,
    /// XMPP over TCP, with STARTTLS when a certificate is configured (5222).
    #[schemars(example = &"127.0.0.1:5222")]
    pub tcp: Option<SocketAddr>,
    /// XMPP over TLS from the first byte (XEP-0368, 5223). Needs `tls`.
    #[schemars(example = &"0.0.0.0:5223")]
    pub tls: Option<SocketAddr>,
}

/// PEM files.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain, leaf first.
    #[schemars(example = &"/etc/shoal/certificate.pem")]
    pub certificate: PathBuf,
    /// Private key.
    #[schemars(example = &"/etc/shoal/key.pem")]
    pub key: PathBuf,
}

/// One service account. Give `password` or `password_file`, not both.
#[derive(Clone, Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// User name on the auth domain, or a bare JID on a domain of its own (`recorder@hidden.D`).
    #[schemars(example = &"jvb", length(min = 1))]
    pub name: String,
    /// The password itself.
    #[schemars(example = &"a long random text")]
    pub password: Option<Secret>,
    /// File whose first line is the password. When it changes, the password of before is good for another minute, and
    /// sessions stay.
    #[schemars(example = &"/etc/shoal/account.password")]
    pub password_file: Option<PathBuf>,
    /// Admins own every room, may create rooms and may list them. Default: yes on the auth domain, else no.
    #[schemars(example = true)]
    pub admin: Option<bool>,
    /// Whether the account may log in over WebSocket and BOSH (recorders do).
    pub web: bool,
}

/// A text that never appears in logs.
#[derive(Clone, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// How long a session whose socket broke can be resumed. Seconds.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HibernationConfig {
    /// Guests: long enough to change from Wi-Fi to mobile.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 0, max = 3600))]
    pub guests: Duration,
    /// The focus: longer, because clients reload their page when they see it leave. One that starts anew takes the
    /// place of its predecessor at once.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 0, max = 3600))]
    pub focus: Duration,
    /// Other service accounts: short, because the focus learns from it that a bridge is gone. A bridge that has only lost
    /// its socket is back sooner, and who is moved off one that was late keeps its media.
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 0, max = 60))]
    pub services: Duration,
}

impl Default for HibernationConfig {
    fn default() -> Self {
        Self {
            guests: Duration::from_secs(60),
            focus: Duration::from_secs(15),
            services: Duration::from_millis(500),
        }
    }
}

/// Behaviour of conference rooms.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomsConfig {
    /// Who may create a conference room.
    pub creation: RoomCreation,
    /// Joins wait silently until the focus is in the room.
    pub focus_lock: bool,
    /// Most occupants of a conference room, admins and allow-listed accounts not counted. Absent: no limit.
    #[schemars(range(min = 1, max = 100_000))]
    #[schemars(example = 500)]
    pub max_occupants: Option<usize>,
    /// The nick of a guest must be the first eight characters of its user name.
    pub strict_nicks: bool,
    /// Messages kept for people who join later (0–20).
    #[schemars(range(min = 0, max = 20))]
    pub history: usize,
    /// Bare JIDs or domains let into rooms without the password.
    pub password_allow_list: Vec<String>,
    /// Secret under which pages keep the locks and owners of their room, for when this server and the focus are lost
    /// together, or the room goes to another server: the same for all servers of a cluster, and after a restart. At least 32
    /// characters. Absent: pages keep nothing, and such a room begins anew.
    #[schemars(example = &"a long random text, of 32 characters")]
    pub memory_secret: Option<Secret>,
    /// File whose first line is that secret.
    #[schemars(example = &"/etc/shoal/memory.secret")]
    pub memory_secret_file: Option<PathBuf>,
}

impl Default for RoomsConfig {
    fn default() -> Self {
        Self {
            creation: RoomCreation::Admins,
            focus_lock: true,
            max_occupants: None,
            strict_nicks: false,
            history: 20,
            password_allow_list: Vec::new(),
            memory_secret: None,
            memory_secret_file: None,
        }
    }
}

/// Who may create a conference room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomCreation {
    /// Only admin accounts: the focus creates a room when it answers a conference request.
    Admins,
    /// Anybody.
    Anyone,
}

/// Durations as a number of seconds.
pub(crate) mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(value.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let number = f64::deserialize(from)?;
        Duration::try_from_secs_f64(number).map_err(|_| {
            serde::de::Error::custom(format!("{number} is not a number of seconds (0 or more)"))
        })
    }
}
