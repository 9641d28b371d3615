//! From credentials to keys.

use media::ice::{IceCredentials, RemoteCandidate};
use media::srtp::{Side, SrtpProfile};
use media::transport::{Event, RemoteError, Setup};

use crate::world::*;

fn with(bridge: Traits, client: Traits) -> World {
    let mut world = World::new(1, good(), bridge, client);
    world.introduce();
    world
}

#[test]
fn two_peers_connect_in_well_under_a_second_on_a_good_network() {
    let mut world = with(Traits::bridge(), Traits::client());
    world.run_until(1.0, World::both_open);
    for peer in &world.peers {
        assert_eq!(peer.count(|e| matches!(e, Event::IceConnected { .. })), 1);
        let profile = SrtpProfile::AeadAes128Gcm;
        assert!(peer.saw(|e| *e == Event::DtlsConnected { profile }));
    }
    assert_eq!(
        world.peers[BRIDGE].transport.route(),
        Some((Traits::bridge().addr, Traits::client().addr))
    );
}

#[test]
fn peers_connect_over_a_network_that_loses_and_reorders() {
    for seed in 0..20 {
        let mut world = World::new(seed, bad(), Traits::bridge(), Traits::client());
        world.introduce();
        world.run_until(30.0, World::both_open);
    }
}

/// RFC 5763 §5.
#[test]
fn the_active_side_is_the_dtls_client_and_both_roles_work() {
    for (bridge, client, expected) in [
        (Setup::Actpass, Setup::Active, Side::Server),
        (Setup::Actpass, Setup::Passive, Side::Client),
        (Setup::Passive, Setup::Actpass, Side::Server),
        (Setup::Active, Setup::Actpass, Side::Client),
    ] {
        let mut world = with(
            Traits {
                setup: bridge,
                ..Traits::bridge()
            },
            Traits {
                setup: client,
                ..Traits::client()
            },
        );
        world.run_until(2.0, World::both_open);
        assert_eq!(world.peers[BRIDGE].transport.dtls_side(), Some(expected));
        world.send_rtp(BRIDGE, 1, 1, b"down");
        world.send_rtp(CLIENT, 2, 1, b"up");
        world.run_for(0.1);
        assert_eq!(world.peers[CLIENT].rtp, [rtp(1, 1, b"down")]);
        assert_eq!(world.peers[BRIDGE].rtp, [rtp(2, 1, b"up")]);
    }
}

#[test]
fn a_client_without_candidates_is_learnt_from_its_checks() {
    let mut world = with(
        Traits::bridge(),
        Traits {
            signals_candidates: false,
            ..Traits::client()
        },
    );
    world.run_until(2.0, World::both_open);
}

/// Browsers hide addresses behind mDNS names, and what is left may be of no use.
#[test]
fn a_client_whose_signalled_candidates_cannot_work_is_waited_for() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    let mut remote = world.signalled(CLIENT);
    let other_family = "[2001:db8::7]:50000".parse().unwrap();
    remote.candidates = vec![RemoteCandidate::host(other_family)];
    let bridge = &mut world.peers[BRIDGE].transport;
    bridge.set_remote(remote, now).unwrap();
    world.run_for(10.0);
    assert!(!world.peers[BRIDGE].saw(|e| *e == Event::IceFailed));
    let remote = world.signalled(BRIDGE);
    let now = world.now;
    let client = &mut world.peers[CLIENT].transport;
    client.set_remote(remote, now).unwrap();
    world.run_until(2.0, World::both_open);
    world.run_for(30.0);
    assert!(!world.peers[BRIDGE].saw(|e| *e == Event::IceFailed));
}

#[test]
fn forty_useless_candidates_delay_the_working_one_by_less_than_a_second() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    let mut remote = world.signalled(CLIENT);
    remote.candidates = (1..=40)
        .map(|n| RemoteCandidate::host(([10, 0, 0, n], 50_000).into()))
        .collect();
    let bridge = &mut world.peers[BRIDGE].transport;
    bridge.set_remote(remote, now).unwrap();
    let remote = world.signalled(BRIDGE);
    let client = &mut world.peers[CLIENT].transport;
    client.set_remote(remote, now).unwrap();
    world.run_until(1.0, World::both_open);
}

#[test]
fn a_client_that_never_checks_is_given_up_once() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    let mut remote = world.signalled(CLIENT);
    let other_family = "[2001:db8::7]:50000".parse().unwrap();
    remote.candidates = vec![RemoteCandidate::host(other_family)];
    let bridge = &mut world.peers[BRIDGE].transport;
    bridge.set_remote(remote, now).unwrap();
    world.run_for(60.0);
    assert_eq!(world.peers[BRIDGE].count(|e| *e == Event::IceFailed), 1);
}

#[test]
fn a_bridge_that_learns_of_the_client_late_answers_the_checks_that_came_before() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let remote = world.signalled(BRIDGE);
    let now = world.now;
    world.peers[CLIENT]
        .transport
        .set_remote(remote, now)
        .unwrap();
    world.run_for(2.0);
    assert!(!world.peers[CLIENT].transport.is_connected());
    let remote = world.signalled(CLIENT);
    let now = world.now;
    world.peers[BRIDGE]
        .transport
        .set_remote(remote, now)
        .unwrap();
    world.run_until(1.5, World::both_open);
}

/// RFC 8445 §7.3.1.1.
#[test]
fn a_role_conflict_ends_with_one_controlling_side() {
    for controlling in [true, false] {
        let mut world = with(
            Traits {
                controlling,
                ..Traits::bridge()
            },
            Traits {
                controlling,
                ..Traits::client()
            },
        );
        world.run_until(5.0, World::both_open);
        assert_ne!(
            world.peers[BRIDGE].transport.ice_controlling(),
            world.peers[CLIENT].transport.ice_controlling()
        );
    }
}

#[test]
fn peers_connect_over_ipv6() {
    let mut world = with(
        Traits {
            addr: "[2001:db8::1]:10000".parse().unwrap(),
            ..Traits::bridge()
        },
        Traits {
            addr: "[2001:db8::7]:50000".parse().unwrap(),
            ..Traits::client()
        },
    );
    world.run_until(2.0, World::both_open);
}

/// RFC 8827 §6.5.
#[test]
fn a_certificate_that_was_not_signalled_is_refused() {
    for (deceived, liar) in [(BRIDGE, CLIENT), (CLIENT, BRIDGE)] {
        let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
        let now = world.now;
        let truth = world.signalled(deceived);
        world.peers[liar].transport.set_remote(truth, now).unwrap();
        let mut lie = world.signalled(liar);
        lie.fingerprints = world.signalled(deceived).fingerprints;
        world.peers[deceived]
            .transport
            .set_remote(lie, now)
            .unwrap();
        world.run_for(5.0);
        let deceived = &world.peers[deceived];
        assert!(deceived.saw(|e| matches!(e, Event::DtlsFailed(reason)
            if reason.contains("fingerprint"))));
        assert!(!deceived.saw(|e| matches!(e, Event::DtlsConnected { .. })));
        assert!(!deceived.transport.is_connected());
    }
}

#[test]
fn one_matching_fingerprint_among_others_suffices() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    for (to, of) in [(BRIDGE, CLIENT), (CLIENT, BRIDGE)] {
        let mut remote = world.signalled(of);
        let mut unknown = remote.fingerprints[0].clone();
        unknown.hash = "md5".into();
        let own = world.signalled(to).fingerprints;
        remote.fingerprints.insert(0, unknown);
        remote.fingerprints.extend(own);
        world.peers[to].transport.set_remote(remote, now).unwrap();
    }
    world.run_until(2.0, World::both_open);
}

#[test]
fn a_remote_that_cannot_be_used_is_refused_by_name() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    let bridge = &mut world.peers[BRIDGE].transport;
    let good = RemoteOf::client(&mut world.rng);
    let mut remote = good.clone();
    remote.fingerprints.clear();
    assert_eq!(
        bridge.set_remote(remote, now),
        Err(RemoteError::Fingerprints)
    );
    let mut remote = good.clone();
    remote.credentials.ufrag = "x".into();
    assert!(matches!(
        bridge.set_remote(remote, now),
        Err(RemoteError::Credentials(_))
    ));
    assert_eq!(bridge.set_remote(good.clone(), now), Ok(()));
    assert_eq!(bridge.set_remote(good.clone(), now), Ok(()));
    let mut remote = good;
    remote.credentials = IceCredentials::generate(&mut world.rng);
    assert_eq!(bridge.set_remote(remote, now), Err(RemoteError::Unexpected));
}

struct RemoteOf;

impl RemoteOf {
    fn client(rng: &mut rand::rngs::SmallRng) -> media::transport::RemoteTransport {
        let fingerprint = media::dtls::Fingerprint::of("sha-256", b"a certificate").unwrap();
        media::transport::RemoteTransport {
            credentials: IceCredentials::generate(rng),
            candidates: Vec::new(),
            fingerprints: vec![fingerprint],
            setup: Setup::Active,
        }
    }
}
