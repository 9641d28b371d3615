//! Which addresses the bridge listens on, and which it tells to clients.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::socket::interface_addresses;
use crate::config::Config;

/// The addresses to bind: those configured, else every usable one of this machine.
///
/// # Errors
/// When the interfaces cannot be listed.
pub fn to_bind(config: &Config) -> io::Result<Vec<IpAddr>> {
    if config.bind_addresses.is_empty() {
        Ok(usable(interface_addresses()?))
    } else {
        Ok(config.bind_addresses.clone())
    }
}

/// Link-local IPv6 addresses need a zone that no client knows; the rest can be bound and reached.
fn usable(mut all: Vec<IpAddr>) -> Vec<IpAddr> {
    all.retain(|ip| match ip {
        IpAddr::V4(v4) => !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_unspecified(),
    });
    all
}

/// The address by which a socket is known to ICE: its own, or for one bound to all addresses the first of its family.
#[must_use]
pub fn name_of(bound: SocketAddr, interfaces: &[IpAddr]) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let same_family = |ip: &&IpAddr| ip.is_ipv4() == bound.is_ipv4();
    let usable = usable(interfaces.to_vec());
    let chosen = usable
        .iter()
        .filter(same_family)
        .min_by_key(|ip| ip.is_loopback())
        .copied();
    let loopback = if bound.is_ipv4() {
        IpAddr::from([127, 0, 0, 1])
    } else {
        IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])
    };
    SocketAddr::new(chosen.unwrap_or(loopback), bound.port())
}

/// A candidate as told to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// Address that clients send to.
    pub address: SocketAddr,
    /// Priority of a host candidate (RFC 8445 section 5.1.2.1).
    pub priority: u32,
}

/// The candidates told to clients: the configured ones, else the bound addresses without loopback (unless it is asked for
/// or is all there is).
#[must_use]
pub fn to_advertise(
    config: &Config,
    bound: &[SocketAddr],
    interfaces: &[IpAddr],
) -> Vec<LocalCandidate> {
    let port = bound.first().map_or(config.udp_port, SocketAddr::port);
    let mut addresses: Vec<SocketAddr> = config
        .advertised_addresses
        .iter()
        .map(|advertised| SocketAddr::new(advertised.ip, advertised.port.unwrap_or(port)))
        .collect();
    if addresses.is_empty() {
        for socket in bound {
            if socket.ip().is_unspecified() {
                let family = usable(interfaces.to_vec());
                let family = family
                    .into_iter()
                    .filter(|ip| ip.is_ipv4() == socket.is_ipv4());
                addresses.extend(family.map(|ip| SocketAddr::new(ip, socket.port())));
            } else {
                addresses.push(*socket);
            }
        }
        let outside = addresses.iter().any(|address| !address.ip().is_loopback());
        if outside && !config.advertise_loopback {
            addresses.retain(|address| !address.ip().is_loopback());
        }
        // A browser on this machine tries loopback last; IPv6 goes first as RFC 8421 has it.
        addresses.sort_by_key(|address| (address.ip().is_loopback(), address.is_ipv4()));
    } else if config.advertise_loopback {
        addresses.extend(bound.iter().filter(|socket| socket.ip().is_loopback()));
    }
    candidates(addresses)
}

/// Candidates for these addresses, best first.
#[must_use]
pub fn candidates(mut addresses: Vec<SocketAddr>) -> Vec<LocalCandidate> {
    let mut seen = Vec::new();
    addresses.retain(|address| {
        let new = !seen.contains(address);
        seen.push(*address);
        new
    });
    addresses
        .into_iter()
        .take(MAX_CANDIDATES)
        .enumerate()
        .map(|(i, address)| LocalCandidate {
            address,
            priority: host_priority(65_535 - i as u32),
        })
        .collect()
}

/// More addresses than this only slow a client's checks down.
const MAX_CANDIDATES: usize = 16;

/// Type preference 126 (host), the local preference, component 1 (RFC 8445 section 5.1.2.1).
fn host_priority(local_preference: u32) -> u32 {
    (126 << 24) + (local_preference << 8) + 255
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn told(config: &Config, bound: &[&str], interfaces: &[&str]) -> Vec<String> {
        let interfaces: Vec<IpAddr> = interfaces
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        to_advertise(config, &addresses(bound), &interfaces)
            .iter()
            .map(|candidate| candidate.address.to_string())
            .collect()
    }

    #[test]
    fn loopback_is_told_only_when_asked_for_or_when_there_is_nothing_else() {
        let mut config = Config::default();
        let both = ["127.0.0.1:10000", "192.0.2.5:10000"];
        assert_eq!(told(&config, &both, &[]), ["192.0.2.5:10000"]);
        assert_eq!(told(&config, &both[..1], &[]), ["127.0.0.1:10000"]);
        config.advertise_loopback = true;
        assert_eq!(
            told(&config, &both, &[]),
            ["192.0.2.5:10000", "127.0.0.1:10000"]
        );
    }

    #[test]
    fn configured_addresses_replace_those_of_the_machine_and_may_map_the_port() {
        let config = Config {
            advertised_addresses: vec![
                "203.0.113.7".parse().unwrap(),
                "203.0.113.8:31000".parse().unwrap(),
            ],
            ..Config::default()
        };
        assert_eq!(
            told(&config, &["10.0.0.2:4000"], &[]),
            ["203.0.113.7:4000", "203.0.113.8:31000"]
        );
    }

    #[test]
    fn a_socket_bound_to_everything_is_told_as_each_address_of_its_family() {
        let interfaces = ["127.0.0.1", "192.0.2.5", "2001:db8::5", "fe80::1"];
        let config = Config::default();
        assert_eq!(told(&config, &["0.0.0.0:9"], &interfaces), ["192.0.2.5:9"]);
        assert_eq!(
            told(&config, &["0.0.0.0:9", "[::]:9"], &interfaces),
            ["[2001:db8::5]:9", "192.0.2.5:9"]
        );
        let interfaces: Vec<IpAddr> = interfaces
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(
            name_of("0.0.0.0:9".parse().unwrap(), &interfaces).to_string(),
            "192.0.2.5:9"
        );
    }

    #[test]
    fn the_first_candidate_has_the_priority_that_jitsis_bridge_gives() {
        let candidates = to_advertise(
            &Config::default(),
            &addresses(&["192.0.2.5:1", "192.0.2.6:1"]),
            &[],
        );
        assert_eq!(candidates[0].priority, 2_130_706_431);
        assert!(candidates[1].priority < candidates[0].priority);
    }
}
