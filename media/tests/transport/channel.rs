//! The data channel (RFC 8831, RFC 8832).

use media::sctp::{ChannelError, MAX_MESSAGE, SctpConfig};
use media::transport::Event;

use crate::world::*;

#[test]
fn the_bridge_sees_label_and_protocol_of_the_clients_channel() {
    let world = World::connected(1, good());
    assert!(world.peers[BRIDGE].saw(|e| *e
        == Event::ChannelOpen {
            label: "JVB data channel".into(),
            protocol: PROTOCOL.into()
        }));
}

#[test]
fn texts_arrive_in_order_and_whole_both_ways_over_a_bad_network() {
    for seed in 0..5 {
        let mut world = World::connected(seed, bad());
        // What pages and stock clients signal.
        let long = "x".repeat(262_144);
        let texts: Vec<String> = (0..30)
            .map(|n| match n % 10 {
                3 => String::new(),
                7 => long.clone(),
                _ => format!("{{\"colibriClass\":\"EndpointMessage\",\"n\":{n}}}"),
            })
            .collect();
        for text in &texts {
            for peer in &mut world.peers {
                peer.transport.send_channel_text(text, world.now).unwrap();
            }
        }
        world.run_until(120.0, |world| {
            world.peers.iter().all(|peer| peer.texts().len() == 30)
        });
        for peer in &world.peers {
            assert_eq!(peer.texts(), texts);
        }
    }
}

#[test]
fn texts_are_refused_by_name_before_the_channel_is_open_and_beyond_its_bounds() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let now = world.now;
    let send = |world: &mut World, text: &str| {
        let now = world.now;
        world.peers[BRIDGE].transport.send_channel_text(text, now)
    };
    assert_eq!(send(&mut world, "early"), Err(ChannelError::NotOpen));
    let _ = now;
    world.introduce();
    world.run_until(2.0, World::both_open);
    let long = "x".repeat(MAX_MESSAGE + 1);
    assert_eq!(send(&mut world, &long), Err(ChannelError::TooLong));
    let longest = &long[..MAX_MESSAGE];
    let mut sent = 0;
    while send(&mut world, longest).is_ok() {
        sent += 1;
        assert!(sent < 100, "the queue is bounded");
    }
    assert_eq!(send(&mut world, longest), Err(ChannelError::Full));
    world.run_until(60.0, |world| world.peers[CLIENT].texts().len() == sent);
    assert_eq!(send(&mut world, "room again"), Ok(()));
}

#[test]
fn closing_one_side_closes_the_other() {
    for (closer, other) in [(BRIDGE, CLIENT), (CLIENT, BRIDGE)] {
        let mut world = World::connected(1, good());
        let now = world.now;
        world.peers[closer].transport.close(now);
        world.run_for(1.0);
        assert!(world.peers[other].saw(|e| *e == Event::ChannelClosed));
        assert!(world.peers[other].saw(|e| *e == Event::Closed));
        assert!(!world.peers[other].transport.is_connected());
        assert_eq!(world.peers[closer].transport.poll_timeout(), None);
    }
}

#[test]
fn a_peer_without_sctp_connects_all_the_same() {
    let mut world = World::new(
        1,
        good(),
        Traits::bridge(),
        Traits {
            sctp: None,
            ..Traits::client()
        },
    );
    world.introduce();
    world.run_until(2.0, World::both_connected);
    world.run_for(2.0);
    assert!(!world.peers[BRIDGE].saw(|e| matches!(e, Event::ChannelOpen { .. })));
}

#[test]
fn the_bridge_can_be_the_one_that_opens_the_channel() {
    let open = Some(("bridge".to_owned(), "relay".to_owned()));
    let mut world = World::new(
        1,
        bad(),
        Traits {
            sctp: Some(SctpConfig {
                open,
                ..SctpConfig::default()
            }),
            ..Traits::bridge()
        },
        Traits {
            sctp: Some(SctpConfig::default()),
            ..Traits::client()
        },
    );
    world.introduce();
    world.run_until(30.0, World::both_open);
}
