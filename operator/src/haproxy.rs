//! The front door's configuration for HAProxy (2.6 or newer).
//!
//! Every replica runs with the same text, so that all come to the same shard for a room: servers have names and numbers
//! of their own, the hash is consistent, and the table of rooms is shared.
//!
//! A process that a reload started knows nothing yet: it gets the rooms from its predecessor, the addresses from DNS, and
//! the shards' health from its first checks. For that long callers wait (`settle.lua`), for otherwise a room could be given
//! to a second shard.

pub mod ids;

mod backends;
mod callers;
mod floods;
mod frontends;
pub mod peers;
mod process;
pub mod regions;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::validate::Region;

/// Name of the configuration file.
pub const FILE: &str = "haproxy.cfg";

/// What the configuration is rendered from.
#[derive(Clone, Debug)]
pub struct FrontDoor {
    /// Public name of the service.
    pub domain: String,
    /// Where it listens.
    pub listen: Listen,
    /// Proxies in front, of which one ends TLS: clear HTTP is served, and their word on the caller's address is taken.
    pub proxies: u32,
    /// Browsers may insist on TLS, because the certificate is one that they trust.
    pub insist_on_tls: bool,
    /// The shards.
    pub servers: Vec<Server>,
    /// The page.
    pub web: Endpoint,
    /// All replicas.
    pub peers: Vec<Peer>,
    /// How callers' regions are found.
    pub regions: Vec<Region>,
    /// So many connections may one address (IPv4, or IPv6 /64) have to one replica.
    pub connections_per_address: u32,
    /// So many rooms that nobody has asked for before may one address ask for in an hour.
    pub new_rooms_per_address_and_hour: u32,
}

/// Addresses to listen on, as HAProxy writes them.
#[derive(Clone, Debug)]
pub struct Listen {
    /// TLS.
    pub https: Vec<String>,
    /// Clear HTTP.
    pub http: Vec<String>,
    /// Health and metrics.
    pub private: Vec<String>,
    /// Other replicas.
    pub peers: Vec<String>,
}

impl Listen {
    /// In a pod, where IPv6 is left out unless the cluster has it: not every kernel does.
    #[must_use]
    pub fn in_pod(ipv6: bool) -> Self {
        let on = |port: u16| {
            let mut addresses = vec![format!("ipv4@*:{port}")];
            if ipv6 {
                addresses.push(format!("ipv6@[::]:{port} v6only"));
            }
            addresses
        };
        Self {
            https: on(8443),
            http: on(8080),
            private: on(8404),
            peers: on(10_001),
        }
    }
}

/// A shard.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name, by which proxies tell each other where a room is.
    pub name: String,
    /// Its number, which no other shard ever had.
    pub id: u32,
    /// Whether it takes new rooms.
    pub active: bool,
    /// Its signalling server.
    pub signalling: Endpoint,
    /// Port at which its signalling server says whether it takes rooms, however many people are on the other.
    pub health: u16,
    /// Where conference requests of the shard go.
    pub focus: Endpoint,
}

/// Where something is reached.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// DNS name or address.
    pub host: String,
    /// TCP.
    pub port: u16,
    /// Its address at the moment, so that a new process need not wait for DNS.
    pub initial: Option<IpAddr>,
}

impl Endpoint {
    /// `HOST:PORT` and how the name is resolved.
    fn render(&self) -> String {
        let Self { host, port, .. } = self;
        if let Ok(address) = host.parse::<IpAddr>() {
            return match address {
                IpAddr::V4(_) => format!("{host}:{port}"),
                IpAddr::V6(_) => format!("[{host}]:{port}"),
            };
        }
        let initial = self
            .initial
            .map_or_else(|| "none".into(), |address| address.to_string());
        format!("{host}:{port} resolvers kubernetes init-addr {initial}")
    }
}

/// A replica.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its pod's name.
    pub name: String,
    /// `HOST:PORT` by which the others reach it; absent as long as it has none.
    pub address: Option<String>,
}

/// The files of the configuration by name, [`FILE`] among them.
#[must_use]
pub fn render(door: &FrontDoor) -> BTreeMap<String, String> {
    let sections = [
        process::section(),
        peers::section(door),
        frontends::section(door),
        backends::section(door),
    ];
    let mut files = regions::files(&door.regions);
    files.insert(backends::NAMES.into(), backends::names(door));
    files.extend(process::SCRIPTS.map(|(file, script)| (file.into(), script.into())));
    files.insert(FILE.into(), sections.join("\n"));
    files
}
