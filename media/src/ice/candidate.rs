use std::net::{IpAddr, SocketAddr};

/// Candidate type of RFC 8445 §5.1.1, as `type` in Jingle's ICE-UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the peer's own interface.
    Host,
    /// The peer's address as a STUN server sees it.
    ServerReflexive,
    /// The peer's address as learnt from a check.
    PeerReflexive,
    /// An address on the peer's TURN server.
    Relayed,
}

impl CandidateKind {
    /// Type preference of RFC 8445 §5.1.2.2.
    fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }
}

/// Where a peer says that it can be reached. UDP only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoteCandidate {
    /// Address to send checks to.
    pub addr: SocketAddr,
    /// Where the address comes from.
    pub kind: CandidateKind,
    /// Priority that the peer gives to it (RFC 8445 §5.1.2).
    pub priority: u32,
}

impl RemoteCandidate {
    /// A host candidate with the priority that RFC 8445 §5.1.2.1 recommends.
    pub fn host(addr: SocketAddr) -> Self {
        Self::of_kind(addr, CandidateKind::Host)
    }

    /// A candidate with the priority that RFC 8445 §5.1.2.1 recommends.
    pub fn of_kind(addr: SocketAddr, kind: CandidateKind) -> Self {
        Self {
            addr,
            kind,
            priority: (kind.preference() << 24) | (65_535 << 8) | 255,
        }
    }

    /// Reads the attributes of a signalled candidate.
    ///
    /// `None` for what cannot be checked from a UDP port and is not an error either: TCP, an
    /// unknown type, an mDNS or other host name instead of an IP address, port 0, an
    /// unspecified or multicast address.
    pub fn from_signalling(
        ip: &str,
        port: u16,
        protocol: &str,
        kind: &str,
        priority: u32,
    ) -> Option<Self> {
        if !protocol.eq_ignore_ascii_case("udp") || port == 0 {
            return None;
        }
        let ip: IpAddr = ip.parse::<IpAddr>().ok()?.to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            return None;
        }
        let kind = match kind {
            "host" => CandidateKind::Host,
            "srflx" => CandidateKind::ServerReflexive,
            "prflx" => CandidateKind::PeerReflexive,
            "relay" => CandidateKind::Relayed,
            _ => return None,
        };
        Some(Self {
            addr: SocketAddr::new(ip, port),
            kind,
            priority,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_that_is_no_udp_address_is_ignored() {
        let read = RemoteCandidate::from_signalling;
        assert!(read("192.0.2.1", 5000, "udp", "host", 1).is_some());
        assert!(read("2001:db8::1", 5000, "UDP", "relay", 1).is_some());
        assert!(
            read(
                "3e2f1a5c-0000-4000-8000-000000000000.local",
                5000,
                "udp",
                "host",
                1
            )
            .is_none()
        );
        assert!(read("192.0.2.1", 9, "tcp", "host", 1).is_none());
        assert!(read("192.0.2.1", 0, "udp", "host", 1).is_none());
        assert!(read("0.0.0.0", 5000, "udp", "host", 1).is_none());
        assert!(read("224.0.0.1", 5000, "udp", "host", 1).is_none());
        assert!(read("192.0.2.1", 5000, "udp", "token", 1).is_none());
    }
}
