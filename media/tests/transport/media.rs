//! RTP and RTCP through a connected pair.

use media::srtp::{MAX_OVERHEAD, ProtectError};
use media::transport::DropReason;

use crate::world::*;

#[test]
fn media_and_control_pass_both_ways() {
    let mut world = World::connected(1, good());
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    for peer in [BRIDGE, CLIENT] {
        for sequence in 0..50 {
            world.send_rtp(peer, 7, sequence, &[peer as u8; 1100]);
        }
        world.send_rtcp(peer, &report);
    }
    world.run_for(0.2);
    for (peer, other) in [(BRIDGE, CLIENT), (CLIENT, BRIDGE)] {
        let got = &world.peers[peer].rtp;
        assert_eq!(got.len(), 50);
        assert_eq!(got[49], rtp(7, 49, &[other as u8; 1100]));
        assert_eq!(world.peers[peer].rtcp, [report]);
    }
}

#[test]
fn on_a_bad_network_each_packet_that_arrives_is_taken_exactly_once() {
    let mut world = World::connected(3, bad());
    for sequence in 0..1000u16 {
        world.send_rtp(
            CLIENT,
            7,
            sequence.wrapping_add(65_000),
            &sequence.to_be_bytes(),
        );
        world.run_for(0.005);
    }
    world.run_for(1.0);
    let mut got = world.peers[BRIDGE].rtp.clone();
    assert!((850..=950).contains(&got.len()), "{}", got.len());
    got.sort();
    got.dedup();
    assert_eq!(got.len(), world.peers[BRIDGE].rtp.len());
    let drops = &world.peers[BRIDGE].drops;
    assert!(drops.iter().all(|reason| *reason == DropReason::SrtpReplay));
    assert!(!drops.is_empty(), "the network duplicates");
}

#[test]
fn nothing_can_be_protected_before_the_handshake() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let mut packet = rtp(1, 1, b"x");
    let len = packet.len();
    packet.resize(len + MAX_OVERHEAD, 0);
    let transport = &mut world.peers[BRIDGE].transport;
    assert_eq!(
        transport.protect_rtp(&mut packet, len),
        Err(ProtectError::BeforeDtls)
    );
    assert!(transport.route().is_none());
}
