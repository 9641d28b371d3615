//! A peer's transport: datagrams of all kinds from the peer's own address. STUN messages can be
//! signed, so that they reach the ICE agent.
#![no_main]

use std::net::SocketAddr;
use std::sync::OnceLock;

use aws_lc_rs::hmac;
use libfuzzer_sys::fuzz_target;
use media::transport::{RemoteTransport, Setup, Transport, TransportConfig};
use media::{CandidateKind, Certificate, IceCredentials, RemoteCandidate};

const LOCAL_PWD: &str = "local-0123456789abcdefgh";

fn certificate() -> Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE
        .get_or_init(|| Certificate::generate().expect("a certificate"))
        .clone()
}

fn credentials(ufrag: &str, pwd: &str) -> IceCredentials {
    IceCredentials {
        ufrag: ufrag.to_owned(),
        pwd: pwd.replace('-', "/"),
    }
}

/// Appends a right MESSAGE-INTEGRITY (RFC 8489 §14.5).
fn sign(message: &mut Vec<u8>) {
    if message.len() < 20 {
        return;
    }
    let length = (message.len() - 20 + 24) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let key = LOCAL_PWD.replace('-', "/");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let tag = hmac::sign(&key, message);
    message.extend([0x00, 0x08, 0x00, 20]);
    message.extend(tag.as_ref());
}

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let mut clock = fuzz::Clock::start();
    let local: SocketAddr = ([192, 0, 2, 1], 10000).into();
    let remote: SocketAddr = ([192, 0, 2, 2], 5000).into();
    let config = TransportConfig {
        local: credentials("local", LOCAL_PWD),
        ice_controlling: mode & 1 == 0,
        certificate: certificate(),
        local_candidates: vec![local],
        setup: Setup::Actpass,
        sctp: Some(Default::default()),
        max_ssrcs: 16,
    };
    let mut transport = Transport::new(config, 7, clock.after(0));
    let candidate = RemoteCandidate {
        addr: remote,
        kind: CandidateKind::Host,
        priority: 1,
    };
    let peer = RemoteTransport {
        credentials: credentials("peer", "peer-0123456789abcdefghi"),
        candidates: vec![candidate],
        fingerprints: vec![certificate().fingerprint().clone()],
        setup: if mode & 2 == 0 {
            Setup::Active
        } else {
            Setup::Passive
        },
    };
    transport
        .set_remote(peer, clock.after(0))
        .expect("the peer's side is valid");
    for packet in fuzz::packets(data) {
        let mut packet = packet.to_vec();
        if mode & 4 != 0 && packet.first().is_some_and(|first| *first < 4) {
            sign(&mut packet);
        }
        let _ = transport.handle_datagram(&mut packet, remote, local, clock.after(1));
        transport.handle_timeout(clock.after(20));
        while transport.poll_transmit().is_some() {}
        while transport.poll_event().is_some() {}
        let _ = transport.poll_timeout();
    }
    transport.close(clock.after(1));
});
