//! What an operator may say; every field has a default that serves a machine with one network.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use media::units::Bitrate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::WorkerSettings;

/// Configuration of one bridge.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// UDP port of all media, for every endpoint. 0 lets the system choose one.
    #[schemars(range(min = 0, max = 65_535))]
    pub udp_port: u16,
    /// Local IP addresses to bind. Empty: the addresses of the interfaces that are up, at most 16 (of each interface the first
    /// before the second of any), as they come and go; those of dummy interfaces only where there are no others. `0.0.0.0` or
    /// `::` bind all of their family; answers then leave by the address that the routing table chooses.
    pub bind_addresses: Vec<IpAddr>,
    /// Addresses told to clients, best first: `IP` (with `udp_port`) or `IP:PORT`, where a load balancer or NAT forwards
    /// that address to this bridge. Empty: the bound addresses that clients could reach.
    #[schemars(with = "Vec<String>")]
    pub advertised_addresses: Vec<AdvertisedAddress>,
    /// File with addresses to tell clients in place of `advertised_addresses`: a line each, `IP` or `IP:PORT`, with comments
    /// after `#`. It is read again every second. Until it names an address the bridge is unhealthy and joins no brewery; a
    /// change is told to endpoints that are created from then on.
    #[schemars(example = &"/etc/shoal/addresses")]
    pub advertised_addresses_file: Option<PathBuf>,
    /// File with the port of those addresses in `advertised_addresses_file` that have none: one number. It is waited for and
    /// read again in the same way. None: the bridge's own port.
    #[schemars(example = &"/etc/shoal/port")]
    pub advertised_port_file: Option<PathBuf>,
    /// Tells clients loopback addresses too, for clients on this machine. Without it they are told only when there is
    /// nothing else.
    pub advertise_loopback: bool,
    /// Worker threads. 0: one for each core.
    #[schemars(range(min = 0, max = 1_024))]
    pub workers: u16,
    /// Endpoints of one conference that stay on one worker before it spills over to the others.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub spill_endpoints: usize,
    /// Listen address of the private HTTP interface: health, metrics, Colibri2 over REST, drain, shutdown. Orders are taken
    /// from this machine only, unless there is a `private_token_file`; health, version, metrics and statistics are told to
    /// everybody. An IPv4 address may stand in brackets too, for who writes it without knowing its family.
    #[serde(deserialize_with = "listen_address")]
    pub private_http: Option<SocketAddr>,
    /// File with the token that callers from other machines bring to give orders over `private_http`
    /// (`Authorization: Bearer TOKEN`), at least 16 characters; each line is one. Read again when a token is brought. None:
    /// they are refused.
    #[schemars(example = &"/etc/shoal/orders.token")]
    pub private_token_file: Option<PathBuf>,
    /// Listen address of the public HTTP interface: bridge channels over WebSocket (`/colibri-ws/…`).
    /// TLS ends in front of it.
    #[serde(deserialize_with = "listen_address")]
    #[schemars(example = &"0.0.0.0:9090")]
    pub public_http: Option<SocketAddr>,
    /// Proxies in front of `public_http` that add their caller's address to `X-Forwarded-For`: their number, or `true` for one.
    /// Without it everybody who comes through a proxy has the proxy's address, and shares its limits.
    #[schemars(with = "u8", range(min = 0, max = 16))]
    pub trust_forwarded_for: listen::Proxies,
    /// Bridge channels over WebSocket.
    pub websocket: Websocket,
    /// Whether data channels (SCTP) are accepted for the bridge channel when the focus asks for them.
    pub sctp: bool,
    /// Region, published to the focus for bridge selection. Empty: none.
    pub region: String,
    /// Version told to the focus; bridges of different versions are never mixed in one conference. Empty: this build's.
    pub version: String,
    /// Release, the second half of the version told to the focus. Empty: none.
    pub release: String,
    /// Starts in drain mode: takes no new conferences until it is ended by REST.
    pub initial_drain: bool,
    /// Time between two presences with statistics, in seconds. Jitsi's focus takes 45 s of silence for a failure.
    #[schemars(range(min = 1, max = 45))]
    pub presence_interval_seconds: u64,
    /// Shards to serve from the start.
    pub shards: Vec<Shard>,
    /// TOML file with more shards, as `[[shards]]` with the keys of `shards`. It is read again every second: shards that
    /// appear in it are served, those that disappear are left, and calls go on. A file with a mistake changes nothing.
    #[schemars(example = &"/etc/shoal/shards.toml")]
    pub shards_file: Option<PathBuf>,
    /// File with authorities (PEM) that the shards' certificates may come from, read at each connection. None: the public
    /// ones.
    #[schemars(example = &"/etc/shoal/ca.pem")]
    pub tls_ca_file: Option<PathBuf>,
    /// Limits on what others may make the bridge hold.
    pub limits: Limits,
    /// Time spans after which things end by themselves.
    pub expiry: Expiry,
    /// How load is measured.
    pub load: Load,
    /// How media is forwarded.
    pub media: Media,
    /// How HTTP is served. The program sets it from section `[http]`, which all parts share.
    #[serde(skip)]
    pub http: listen::http::Config,
}

/// This build's version as it is told to others.
pub const VERSION: &str = concat!("shoal-", env!("CARGO_PKG_VERSION"));

impl Default for Config {
    fn default() -> Self {
        Self {
            udp_port: 10_000,
            bind_addresses: Vec::new(),
            advertised_addresses: Vec::new(),
            advertised_addresses_file: None,
            advertised_port_file: None,
            advertise_loopback: false,
            workers: 0,
            spill_endpoints: 50,
            private_http: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            private_token_file: None,
            public_http: None,
            trust_forwarded_for: listen::Proxies::NONE,
            websocket: Websocket::default(),
            sctp: true,
            region: String::new(),
            version: String::new(),
            release: String::new(),
            initial_drain: false,
            presence_interval_seconds: 5,
            shards: Vec::new(),
            shards_file: None,
            tls_ca_file: None,
            limits: Limits::default(),
            expiry: Expiry::default(),
            load: Load::default(),
            media: Media::default(),
            http: listen::http::Config::default(),
        }
    }
}

impl Config {
    /// The version told to the focus and by `/about/version`.
    #[must_use]
    pub fn version(&self) -> &str {
        if self.version.is_empty() {
            VERSION
        } else {
            &self.version
        }
    }

    /// Whether the settings go together.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Media {
            initial_bandwidth_kbps: initial,
            min_bandwidth_kbps: least,
            max_bandwidth_kbps: most,
            ..
        } = self.media;
        if !(least..=most).contains(&initial) {
            return Err(format!(
                "media.initial_bandwidth_kbps ({initial}) is not between media.min_bandwidth_kbps ({least}) and \
                 media.max_bandwidth_kbps ({most})"
            ));
        }
        let (ping, idle) = (
            self.expiry.channel_ping_seconds,
            self.expiry.channel_idle_seconds,
        );
        if ping >= idle {
            return Err(format!(
                "expiry.channel_ping_seconds ({ping}) is not below expiry.channel_idle_seconds ({idle}): every quiet \
                 channel would be closed"
            ));
        }
        Ok(())
    }

    /// What the workers need of this, on top of their defaults.
    pub(crate) fn apply_to(&self, settings: &mut WorkerSettings) {
        let Media {
            max_last_n,
            loudest_only,
            trust_bandwidth_estimate,
            initial_bandwidth_kbps,
            min_bandwidth_kbps,
            max_bandwidth_kbps,
            oversend_on_stage,
            assumed_bandwidth_limit_kbps,
        } = self.media;
        settings.max_last_n = max_last_n;
        settings.loudest_only = loudest_only;
        settings.trust_bandwidth_estimate = trust_bandwidth_estimate;
        settings.initial_bandwidth = Bitrate::from_kbps(initial_bandwidth_kbps);
        settings.min_bandwidth = Bitrate::from_kbps(min_bandwidth_kbps);
        settings.max_bandwidth = Bitrate::from_kbps(max_bandwidth_kbps);
        settings.oversend_on_stage = oversend_on_stage;
        settings.assumed_bandwidth_limit = assumed_bandwidth_limit_kbps.map(Bitrate::from_kbps);
        settings.silence_expiry = Duration::from_secs(self.expiry.silent_endpoint_seconds);
        settings.connect_expiry = Duration::from_secs(self.expiry.unconnected_endpoint_seconds);
    }

    /// How many worker threads to run.
    #[must_use]
    pub fn worker_count(&self) -> u16 {
        if self.workers > 0 {
            return self.workers.min(MAX_WORKERS);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        u16::try_from(cores).unwrap_or(MAX_WORKERS).min(MAX_WORKERS)
    }
}

/// `IP:PORT`, in which the IP may stand in brackets whatever its family.
fn listen_address<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let Some(text) = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"));
    let address = match bracketed {
        Some((ip, port)) => ip
            .parse::<IpAddr>()
            .ok()
            .zip(port.parse().ok())
            .map(SocketAddr::from),
        None => text.parse().ok(),
    };
    address.map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "{text:?} is no address to listen on: write IP:PORT, for example 127.0.0.1:8080 or [::1]:8080"
        ))
    })
}

/// A local ufrag has room for this many workers.
const MAX_WORKERS: u16 = 1024;

/// One address told to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertisedAddress {
    /// IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// Port, when it differs from the bridge's own.
    pub port: Option<u16>,
}

impl std::str::FromStr for AdvertisedAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse() {
            return Ok(Self { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(Self {
                ip: address.ip(),
                port: Some(address.port()),
            }),
            _ => Err(format!(
                "{text:?} is no address to advertise: write an IP address or IP:PORT, for example 203.0.113.7 or [2001:db8::7]:10000"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for AdvertisedAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for AdvertisedAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.port {
            None => serializer.collect_str(&self.ip),
            Some(port) => serializer.collect_str(&SocketAddr::new(self.ip, port)),
        }
    }
}

/// Bridge channels over WebSocket.
#[derive(Clone, Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Websocket {
    /// Base URLs by which clients reach the public HTTP interface, best first, for example `wss://bridge-0.example.org`.
    /// Empty: no WebSocket is offered, and clients use the data channel.
    pub base_urls: Vec<String>,
    /// Name of this bridge in the path (`/colibri-ws/SERVERID/…`), by which a front door can route. Empty: a random one.
    pub server_id: String,
}

/// A signalling server to serve.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Name for logs and metrics.
    #[schemars(example = &"a")]
    pub name: String,
    /// `HOST:PORT` of its XMPP port for services. Not needed where the program connects by itself.
    #[serde(default)]
    #[schemars(example = &"signalling.example.org:5222")]
    pub address: String,
    /// How the connection is protected: `starttls`, `direct` or `plain`.
    #[serde(default)]
    pub tls: Tls,
    /// XMPP domain of the bridge's account, for example `auth.meet.shoal`.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// User name of the account.
    #[serde(default = "default_user")]
    pub user: String,
    /// File with the password, on its first line; read at each login.
    #[serde(default)]
    #[schemars(example = &"/etc/shoal/jvb.password")]
    pub password_file: Option<PathBuf>,
    /// The password itself, from a program that embeds the bridge; it wins over the file.
    #[serde(skip)]
    pub password: Option<Password>,
    /// Room in which bridges present themselves.
    #[serde(default = "default_brewery")]
    pub brewery: String,
    /// Nickname in that room, unique among bridges. Empty: the WebSocket server id.
    #[serde(default)]
    pub nick: String,
}

fn default_domain() -> String {
    "auth.meet.shoal".into()
}

fn default_user() -> String {
    "jvb".into()
}

fn default_brewery() -> String {
    "jvbbrewery@internal-muc.meet.shoal".into()
}

/// A password. Never printed, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Protection of an XMPP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// STARTTLS, and no connection without it.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Direct,
    /// None: only where the network itself is protected.
    Plain,
}

/// Limits; what goes over one is refused with the error that the protocol has for it.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Conferences at once.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub conferences: usize,
    /// Endpoints that one conference may have.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub endpoints_per_conference: usize,
    /// Endpoints of all conferences.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub endpoints: usize,
    /// SSRCs that one endpoint may announce.
    #[schemars(range(min = 2, max = 1_000))]
    pub ssrcs_per_endpoint: usize,
    /// Bytes of one message on a bridge channel.
    #[schemars(range(min = 1_024, max = 1_048_576))]
    pub channel_message_bytes: usize,
    /// Messages waiting for a slow reader of a bridge channel before it is closed.
    #[schemars(range(min = 1, max = 100_000))]
    pub channel_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            conferences: 10_000,
            endpoints_per_conference: 2_000,
            endpoints: 20_000,
            ssrcs_per_endpoint: 64,
            channel_message_bytes: 64 * 1024,
            channel_queue: 256,
        }
    }
}

/// Time spans, in seconds.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expiry {
    /// A conference without endpoints ends after this long.
    #[schemars(range(min = 1, max = 86_400))]
    pub empty_conference_seconds: u64,
    /// An endpoint of which nothing is heard for this long after it was connected ends.
    #[schemars(range(min = 1, max = 86_400))]
    pub silent_endpoint_seconds: u64,
    /// An endpoint that does not connect for this long ends.
    #[schemars(range(min = 1, max = 86_400))]
    pub unconnected_endpoint_seconds: u64,
    /// A bridge channel from which nothing came for this long is closed.
    #[schemars(range(min = 1, max = 86_400))]
    pub channel_idle_seconds: u64,
    /// Time between two WebSocket pings.
    #[schemars(range(min = 1, max = 86_400))]
    pub channel_ping_seconds: u64,
    /// A graceful shutdown ends after this long even if conferences still run.
    #[schemars(range(min = 0, max = 2_592_000))]
    pub graceful_shutdown_seconds: u64,
    /// Time between telling the focus `shutting_down` and leaving, for the focus to move everybody (shutdown by REST).
    #[schemars(range(min = 0, max = 3600))]
    pub shutting_down_seconds: u64,
    /// The same when the process is told to end (SIGTERM, Ctrl-C). Keep it some seconds below the patience of who tells
    /// it: Kubernetes' `terminationGracePeriodSeconds`.
    #[schemars(range(min = 0, max = 3600))]
    pub farewell_seconds: u64,
}

impl Default for Expiry {
    fn default() -> Self {
        Self {
            empty_conference_seconds: 20,
            silent_endpoint_seconds: 60,
            unconnected_endpoint_seconds: 120,
            channel_idle_seconds: 60,
            channel_ping_seconds: 15,
            graceful_shutdown_seconds: 24 * 3600,
            shutting_down_seconds: 60,
            farewell_seconds: 25,
        }
    }
}

impl Expiry {
    /// See [`Expiry::empty_conference_seconds`].
    #[must_use]
    pub fn empty_conference(&self) -> Duration {
        Duration::from_secs(self.empty_conference_seconds)
    }
}

/// The load that counts as a stress of 1; the larger stress of the two is published.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Share of CPU in use, 0 to 1: of this machine's, or of what this process may use of it, whichever is larger. 0
    /// leaves CPU out of the stress level.
    #[schemars(range(min = 0, max = 1))]
    pub cpu_threshold: f64,
    /// RTP packets per second, received and sent. 0 leaves packets out of the stress level.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub packet_rate_threshold: f64,
    /// Stress that one participant is said to add, for the focus to foresee load before it is measured.
    #[schemars(range(min = 0, max = 1))]
    pub average_participant_stress: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            cpu_threshold: 0.9,
            packet_rate_threshold: 0.0,
            average_participant_stress: 0.01,
        }
    }
}

/// How media is forwarded; the defaults are those of Jitsi's bridge.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Most video sources that any receiver gets. None: no limit but the receiver's own.
    #[schemars(range(min = 0, max = 100_000))]
    #[schemars(example = 25)]
    pub max_last_n: Option<u32>,
    /// Audio of only so many loudest speakers is forwarded. None: all audio.
    #[schemars(range(min = 1, max = 100_000))]
    #[schemars(example = 3)]
    pub loudest_only: Option<usize>,
    /// Whether the bandwidth estimate limits what a receiver gets. Without it all that is asked for is sent.
    pub trust_bandwidth_estimate: bool,
    /// Estimate before the first feedback, in kilobits per second. Probes find within a second what more there is; a guess that is
    /// too high costs a narrow link its first seconds.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub initial_bandwidth_kbps: u64,
    /// Least that is ever assumed, in kilobits per second.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub min_bandwidth_kbps: u64,
    /// Most that is ever assumed, in kilobits per second.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_bandwidth_kbps: u64,
    /// A shared screen on stage may be sent past the estimate.
    pub oversend_on_stage: bool,
    /// Most, in kilobits per second, that a client may have assumed in place of the estimate (`assumedBandwidthBps`). None:
    /// what clients say of it is ignored.
    #[schemars(range(min = 1, max = 10_000_000))]
    #[schemars(example = 10_000)]
    pub assumed_bandwidth_limit_kbps: Option<u64>,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            max_last_n: None,
            loudest_only: None,
            trust_bandwidth_estimate: true,
            initial_bandwidth_kbps: 400,
            min_bandwidth_kbps: 30,
            max_bandwidth_kbps: 20_000,
            oversend_on_stage: true,
            assumed_bandwidth_limit_kbps: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_empty_configuration_is_the_default_and_unknown_keys_are_refused_by_name() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config.udp_port, 10_000);
        assert!(config.worker_count() > 0);
        let error = serde_json::from_str::<Config>(r#"{"udp_prot": 1}"#).unwrap_err();
        assert!(error.to_string().contains("udp_prot"), "{error}");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_by_name() {
        let check = |text: &str| serde_json::from_str::<Config>(text).unwrap().check();
        check("{}").unwrap();
        let error = check(r#"{"media": {"max_bandwidth_kbps": 100}}"#).unwrap_err();
        assert!(error.contains("media.max_bandwidth_kbps"), "{error}");
        let error = check(r#"{"expiry": {"channel_ping_seconds": 60}}"#).unwrap_err();
        assert!(error.contains("expiry.channel_ping_seconds"), "{error}");
    }

    #[test]
    fn a_listen_address_may_stand_in_brackets_whatever_its_family() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[192.0.2.7]:8080", "192.0.2.7:8080"),
            ("[2001:db8::7]:8080", "[2001:db8::7]:8080"),
        ] {
            let config: Config =
                serde_json::from_value(serde_json::json!({"private_http": text})).unwrap();
            assert_eq!(config.private_http, Some(address.parse().unwrap()));
        }
        for text in ["2001:db8::7:8080", "localhost:8080", "[]:8080", "[::1]:x"] {
            let config = serde_json::json!({"private_http": text});
            let error = serde_json::from_value::<Config>(config).unwrap_err();
            assert!(error.to_string().contains("IP:PORT"), "{error}");
        }
    }

    #[test]
    fn an_advertised_address_is_an_ip_with_or_without_port() {
        let parse = |text: &str| text.parse::<AdvertisedAddress>();
        assert_eq!(parse("203.0.113.7").unwrap().port, None);
        assert_eq!(parse("203.0.113.7:31000").unwrap().port, Some(31_000));
        assert_eq!(parse("[2001:db8::7]:31000").unwrap().port, Some(31_000));
        assert_eq!(parse("2001:db8::7").unwrap().port, None);
        for wrong in ["", "bridge.example.org", "203.0.113.7:0", "203.0.113.7:x"] {
            assert!(
                parse(wrong)
                    .unwrap_err()
                    .contains("no address to advertise")
            );
        }
    }

    #[test]
    fn a_shard_needs_only_name_address_and_password() {
        let config: Config = serde_json::from_str(
            r#"{"shards": [{"name": "a", "address": "127.0.0.1:5222", "password_file": "jvb.pass", "tls": "plain"}]}"#,
        )
        .unwrap();
        assert_eq!(
            config.shards[0].brewery,
            "jvbbrewery@internal-muc.meet.shoal"
        );
        assert_eq!(config.shards[0].tls, Tls::Plain);
    }
}
