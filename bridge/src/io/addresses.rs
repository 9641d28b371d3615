//! Which addresses the bridge listens on, and which it tells to clients.

use std::net::{IpAddr, SocketAddr};

use super::socket::InterfaceAddress;
use crate::config::Config;

/// Most addresses of this machine that are bound without being named, each by every worker. A machine may have thousands:
/// one for each Service of a cluster, one for each customer of a host.
pub const MAX_BOUND: usize = 16;

/// The addresses to bind, and those that are too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToBind {
    /// Best first.
    pub addresses: Vec<IpAddr>,
    /// Usable as well, but not bound.
    pub left_out: Vec<IpAddr>,
}

/// The addresses to bind: those configured, else the usable ones of this machine, of each interface the first before the
/// second of any, and both families in turns.
#[must_use]
pub fn to_bind(config: &Config, all: &[InterfaceAddress]) -> ToBind {
    if !config.bind_addresses.is_empty() {
        return ToBind {
            addresses: config.bind_addresses.clone(),
            left_out: Vec::new(),
        };
    }
    let usable: Vec<&InterfaceAddress> = all.iter().filter(|a| is_usable(&a.ip)).collect();
    let (loopback, mut outside): (Vec<_>, Vec<_>) =
        usable.into_iter().partition(|a| a.ip.is_loopback());
    // A dummy holds addresses that are somebody else's, unless there is nothing else.
    if outside.iter().any(|a| !a.dummy) {
        outside.retain(|a| !a.dummy);
    }
    let place = |address: &InterfaceAddress| {
        let before = outside.iter().take_while(|a| a.ip != address.ip);
        let same = |a: &&&InterfaceAddress| {
            a.interface == address.interface && a.ip.is_ipv4() == address.ip.is_ipv4()
        };
        before.filter(same).count()
    };
    let mut placed: Vec<(usize, IpAddr)> = outside.iter().map(|a| (place(a), a.ip)).collect();
    placed.sort_by_key(|(place, _)| *place);
    let mut addresses = in_turns(
        placed.into_iter().map(|(_, ip)| ip).collect(),
        IpAddr::is_ipv4,
    );
    let left_out = addresses.split_off(addresses.len().min(MAX_BOUND));
    for ipv4 in [true, false] {
        let first = loopback.iter().find(|a| a.ip.is_ipv4() == ipv4);
        addresses.extend(first.map(|a| a.ip));
    }
    ToBind {
        addresses,
        left_out,
    }
}

/// IPv6 and IPv4 in turns, IPv6 first (RFC 8421 section 4), so that many of one family do not keep the other from being tried.
fn in_turns<T>(addresses: Vec<T>, is_ipv4: impl Fn(&T) -> bool) -> Vec<T> {
    let (ipv4, ipv6): (Vec<T>, Vec<T>) = addresses.into_iter().partition(is_ipv4);
    let (mut ipv4, mut ipv6) = (ipv4.into_iter(), ipv6.into_iter());
    let mut out = Vec::new();
    loop {
        let pair = [ipv6.next(), ipv4.next()];
        if pair.iter().all(Option::is_none) {
            return out;
        }
        out.extend(pair.into_iter().flatten());
    }
}

/// Link-local IPv6 addresses need a zone that no client knows; the rest can be bound and reached.
fn is_usable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

/// The address by which a socket is known to ICE: its own, or for one bound to all addresses the first of its family.
#[must_use]
pub fn name_of(bound: SocketAddr, interfaces: &[IpAddr]) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    let same_family = |ip: &&IpAddr| ip.is_ipv4() == bound.is_ipv4();
    let usable = interfaces.iter().filter(|ip| is_usable(ip));
    let chosen = usable
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
                let family = interfaces
                    .iter()
                    .filter(|ip| is_usable(ip) && ip.is_ipv4() == socket.is_ipv4());
                addresses.extend(family.map(|ip| SocketAddr::new(*ip, socket.port())));
            } else {
                addresses.push(*socket);
            }
        }
        let outside = addresses.iter().any(|address| !address.ip().is_loopback());
        if outside && !config.advertise_loopback {
            addresses.retain(|address| !address.ip().is_loopback());
        }
        // A browser on this machine tries loopback last.
        addresses = in_turns(addresses, SocketAddr::is_ipv4);
        addresses.sort_by_key(|address| address.ip().is_loopback());
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
    if addresses.len() > MAX_CANDIDATES {
        // Not only the first that somebody named: nobody is to be left without an address of its family.
        addresses = in_turns(addresses, SocketAddr::is_ipv4);
        tracing::warn!(
            left_out = ?&addresses[MAX_CANDIDATES..],
            "clients are told the first {MAX_CANDIDATES} of these addresses; name fewer in `advertised_addresses`"
        );
    }
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

    fn machine(list: &[(&str, &str)]) -> Vec<InterfaceAddress> {
        let address = |(interface, ip): &(&str, &str)| InterfaceAddress {
            ip: ip.parse().unwrap(),
            interface: (*interface).to_owned(),
            dummy: interface.starts_with("kube-ipvs") || interface.starts_with("dummy"),
        };
        list.iter().map(address).collect()
    }

    fn bound(list: &[(&str, &str)]) -> Vec<String> {
        let chosen = to_bind(&Config::default(), &machine(list)).addresses;
        chosen.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_that_a_dummy_holds_are_bound_only_where_there_is_nothing_else() {
        let node = [
            ("lo", "127.0.0.1"),
            ("eth0", "192.0.2.5"),
            ("kube-ipvs0", "10.96.0.1"),
            ("kube-ipvs0", "10.96.0.10"),
            ("eth0", "fe80::1"),
            ("lo", "::1"),
        ];
        assert_eq!(bound(&node), ["192.0.2.5", "127.0.0.1", "::1"]);
        assert_eq!(bound(&[node[0], node[2]]), ["10.96.0.1", "127.0.0.1"]);
    }

    #[test]
    fn of_very_many_addresses_the_first_of_each_interface_and_family_are_bound() {
        let many: Vec<String> = (1..=70).map(|i| format!("10.96.1.{i}")).collect();
        let mut node: Vec<(&str, &str)> = many.iter().map(|ip| ("lo", ip.as_str())).collect();
        node.extend([
            ("lo", "127.0.0.1"),
            ("eth0", "192.0.2.5"),
            ("eth0", "2001:db8::5"),
        ]);
        let chosen = to_bind(&Config::default(), &machine(&node));
        let texts: Vec<_> = chosen.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(texts[..3], ["2001:db8::5", "10.96.1.1", "192.0.2.5"]);
        assert_eq!(texts.len(), MAX_BOUND + 1, "and loopback");
        assert_eq!(chosen.left_out.len(), 72 - MAX_BOUND);
        let named = Config {
            bind_addresses: many.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..Config::default()
        };
        assert_eq!(to_bind(&named, &machine(&node)).addresses.len(), 70);
    }

    #[test]
    fn many_addresses_of_one_family_do_not_push_the_other_out() {
        let many: Vec<String> = (1..=20).map(|i| format!("[2001:db8::{i:x}]:9")).collect();
        let mut all: Vec<&str> = many.iter().map(String::as_str).collect();
        all.push("192.0.2.5:9");
        let told = told(&Config::default(), &all, &[]);
        assert_eq!(
            told[..3],
            ["[2001:db8::1]:9", "192.0.2.5:9", "[2001:db8::2]:9"]
        );
        assert_eq!(told.len(), MAX_CANDIDATES);
        let named = candidates(addresses(&all));
        assert!(named.iter().any(|candidate| candidate.address.is_ipv4()));
        let few = candidates(addresses(&[
            "192.0.2.5:9",
            "192.0.2.6:9",
            "[2001:db8::1]:9",
        ]));
        assert!(few[1].address.is_ipv4(), "what is named keeps its order");
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
