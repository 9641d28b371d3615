//! Staying connected: keepalives, consent, restarts.

use media::ice::IceCredentials;
use media::simnet::Link;
use media::transport::{Event, RemoteError};

use crate::world::*;

#[test]
fn an_idle_connection_stays_up_for_ten_minutes_of_a_bad_network() {
    let mut world = World::connected(1, bad());
    world.run_for(600.0);
    assert!(world.both_connected());
    for peer in &world.peers {
        assert_eq!(peer.count(|e| *e == Event::IceFailed), 0);
        assert_eq!(peer.count(|e| matches!(e, Event::RouteChanged { .. })), 1);
    }
    world.send_rtp(BRIDGE, 1, 1, b"still here");
}

#[test]
fn an_idle_transport_wakes_seldom_and_sends_little() {
    let mut world = World::connected(1, good());
    world.run_for(30.0);
    let (woken, sent) = (world.wakes, world.net.stats().sent);
    world.run_for(60.0);
    let woken = world.wakes - woken;
    let sent = world.net.stats().sent - sent;
    // For two peers: a check and an answer each three seconds or so.
    assert!(woken < 120, "{woken} wake-ups");
    assert!(sent < 120, "{sent} datagrams");
}

/// RFC 7675 §5.1: consent expires 30 s after the last answer.
#[test]
fn a_peer_that_falls_silent_is_given_up_within_thirty_seconds() {
    let mut world = World::connected(1, good());
    world.net.set_default(Link::cut());
    let lost = world.now;
    world.run_until(31.0, |world| {
        world
            .peers
            .iter()
            .all(|peer| peer.saw(|e| *e == Event::IceFailed))
    });
    let took = (world.now - lost).as_secs();
    assert!(took >= 5, "a short gap is no loss: {took} s");
    for peer in &world.peers {
        assert_eq!(peer.transport.route(), None);
        assert!(!peer.transport.is_connected());
    }
}

#[test]
fn a_gap_of_five_seconds_is_survived() {
    let mut world = World::connected(1, good());
    world.net.set_default(Link::cut());
    world.run_for(5.0);
    world.net.set_default(good());
    world.run_for(30.0);
    assert!(world.both_connected());
    assert!(
        world
            .peers
            .iter()
            .all(|peer| !peer.saw(|e| *e == Event::IceFailed))
    );
}

#[test]
fn media_follows_a_client_whose_nat_gives_it_another_address() {
    let client = Traits {
        signals_candidates: false,
        ..Traits::client()
    };
    let mut world = World::new(1, good(), Traits::bridge(), client);
    let outside = ["203.0.113.9:1111", "203.0.113.9:2222"].map(|addr| addr.parse().unwrap());
    world.nat = Some(outside[0]);
    world.introduce();
    world.run_until(3.0, World::both_open);
    world.run_for(20.0);
    assert_eq!(world.peers[BRIDGE].transport.route().unwrap().1, outside[0]);
    world.nat = Some(outside[1]);
    world.run_until(13.0, |world| {
        world.peers[BRIDGE].transport.route().unwrap().1 == outside[1]
    });
    world.send_rtp(BRIDGE, 1, 1, b"found you");
    world.run_for(0.1);
    assert_eq!(world.peers[CLIENT].rtp.len(), 1);
    world.run_for(60.0);
    for peer in &world.peers {
        assert!(!peer.saw(|e| *e == Event::IceFailed));
    }
    assert_eq!(
        world.peers[BRIDGE].count(|e| matches!(e, Event::RouteChanged { .. })),
        2
    );
}

#[test]
fn checks_to_nowhere_end_in_failure() {
    let mut world = World::new(1, Link::cut(), Traits::bridge(), Traits::client());
    world.introduce();
    world.run_until(60.0, |world| {
        world
            .peers
            .iter()
            .all(|peer| peer.saw(|e| *e == Event::IceFailed))
    });
}

/// Begins a restart on both sides, with the credentials not yet exchanged.
fn begin_restart(world: &mut World) {
    let now = world.now;
    for peer in &mut world.peers {
        peer.credentials = IceCredentials::generate(&mut world.rng);
        peer.transport.restart_ice(peer.credentials.clone(), now);
        assert_eq!(*peer.transport.local_credentials(), peer.credentials);
    }
}

/// Media each 20 ms both ways for so many seconds; how many packets each side sent.
fn stream(world: &mut World, sequence: &mut u16, seconds: f64) -> usize {
    let count = (seconds * 50.0) as usize;
    for _ in 0..count {
        for peer in [BRIDGE, CLIENT] {
            world.send_rtp(peer, 5, *sequence, b"media");
        }
        *sequence += 1;
        world.run_for(0.02);
    }
    count
}

/// RFC 8445 §9: media goes on over the old pair until the new one is there.
#[test]
fn an_ice_restart_loses_no_media_and_moves_the_route() {
    let mut world = World::connected(1, good());
    let mut sequence = 0;
    let mut sent = stream(&mut world, &mut sequence, 1.0);
    begin_restart(&mut world);
    sent += stream(&mut world, &mut sequence, 1.0);
    world.introduce();
    sent += stream(&mut world, &mut sequence, 6.0);
    world.run_for(0.1);
    for peer in &world.peers {
        assert_eq!(peer.rtp.len(), sent);
        assert_eq!(peer.count(|e| matches!(e, Event::RouteChanged { .. })), 2);
        assert!(!peer.saw(|e| matches!(e, Event::IceFailed | Event::RestartFailed)));
        assert_eq!(peer.count(|e| matches!(e, Event::DtlsConnected { .. })), 1);
    }
    assert!(world.both_connected());
}

#[test]
fn an_ice_restart_works_on_a_bad_network_and_the_channel_survives_it() {
    for seed in 0..10 {
        let mut world = World::connected(seed, bad());
        begin_restart(&mut world);
        world.introduce();
        world.run_until(19.0, |world| {
            world
                .peers
                .iter()
                .all(|peer| peer.count(|e| matches!(e, Event::RouteChanged { .. })) >= 2)
        });
        world.run_for(10.0);
        let now = world.now;
        world.peers[BRIDGE]
            .transport
            .send_channel_text("on", now)
            .unwrap();
        world.run_until(20.0, |world| world.peers[CLIENT].texts() == ["on"]);
    }
}

#[test]
fn a_restart_brings_a_failed_transport_back() {
    let mut world = World::connected(1, good());
    world.net.set_default(Link::cut());
    world.run_for(60.0);
    assert!(!world.both_connected());
    world.net.set_default(good());
    begin_restart(&mut world);
    world.introduce();
    world.run_until(2.0, World::both_connected);
    for peer in &world.peers {
        assert_eq!(peer.count(|e| matches!(e, Event::IceConnected { .. })), 2);
    }
}

#[test]
fn a_restart_that_the_peer_does_not_follow_fails_and_the_old_route_stays() {
    let mut world = World::connected(1, good());
    let now = world.now;
    let credentials = IceCredentials::generate(&mut world.rng);
    world.peers[BRIDGE].transport.restart_ice(credentials, now);
    world.run_for(25.0);
    assert!(world.peers[BRIDGE].saw(|e| *e == Event::RestartFailed));
    assert!(world.both_connected());
    world.send_rtp(BRIDGE, 1, 1, b"x");
    world.run_for(0.1);
    assert_eq!(world.peers[CLIENT].rtp.len(), 1);
}

#[test]
fn credentials_of_an_abandoned_restart_are_stale() {
    let mut world = World::connected(1, good());
    let old = world.signalled(CLIENT);
    begin_restart(&mut world);
    world.introduce();
    world.run_for(5.0);
    let now = world.now;
    let bridge = &mut world.peers[BRIDGE].transport;
    assert_eq!(bridge.set_remote(old, now), Err(RemoteError::Unexpected));
}
