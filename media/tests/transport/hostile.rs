//! What strangers and liars send is dropped under its name, and has no effect.

use std::net::SocketAddr;
use std::time::Duration;

use media::transport::{DropReason, Event, Received};
use rand::{Rng, RngCore};

use crate::world::*;

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 66], 6666))
}

/// The first datagram of a kind that one peer sends to the other while they connect.
fn overheard(first_byte: std::ops::RangeInclusive<u8>) -> (World, Vec<u8>) {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    world.introduce();
    loop {
        let at = world.net.poll_timeout().unwrap_or(world.now);
        world.now = world.now.max(at);
        while let Some(datagram) = world.net.poll_receive(world.now) {
            let to = usize::from(datagram.to == Traits::client().addr);
            if to == BRIDGE && first_byte.contains(&datagram.payload[0]) {
                return (world, datagram.payload);
            }
            let _ = world.deliver(to, datagram.from, &datagram.payload);
        }
        world.run_for(0.001);
        assert!(world.now - world.start < Duration::from_secs(5));
    }
}

fn unaffected(world: &mut World) {
    world.run_until(5.0, World::both_open);
    world.send_rtp(CLIENT, 9, 1, b"fine");
    world.run_for(0.1);
    assert_eq!(world.peers[BRIDGE].rtp, [rtp(9, 1, b"fine")]);
    assert!(
        world.peers[BRIDGE].saw(|e| matches!(e, Event::IceConnected { remote }
        if *remote == Traits::client().addr))
    );
}

#[test]
fn forged_checks_are_dropped_under_their_name() {
    let (mut world, check) = overheard(0..=3);
    let mut forged = check.clone();
    let last = forged.len() - 9;
    forged[last] ^= 1;
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &forged),
        Err(DropReason::BadIntegrity)
    );
    let mut foreign = check.clone();
    let at = foreign
        .windows(8)
        .position(|w| w == world.peers[BRIDGE].credentials.ufrag.as_bytes())
        .unwrap();
    foreign[at] ^= 1;
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &foreign),
        Err(DropReason::UnknownStun)
    );
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &check[..check.len() - 4]),
        Err(DropReason::UnknownStun)
    );
    assert_eq!(
        world.deliver(BRIDGE, Traits::client().addr, &check),
        Ok(Received::Handled)
    );
    unaffected(&mut world);
}

#[test]
fn an_answer_that_nobody_asked_for_is_dropped() {
    let (mut world, check) = overheard(0..=3);
    let mut answer = check;
    answer[0] = 1;
    answer[1] = 1;
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &answer),
        Err(DropReason::UnknownStun)
    );
    unaffected(&mut world);
}

#[test]
fn a_handshake_from_an_address_that_no_check_came_from_is_dropped() {
    let (mut world, hello) = overheard(20..=63);
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &hello),
        Err(DropReason::UnexpectedDtls)
    );
    assert_eq!(
        world.deliver(BRIDGE, Traits::client().addr, &hello),
        Ok(Received::Handled)
    );
    unaffected(&mut world);
}

#[test]
fn rubbish_in_dtls_records_does_not_disturb_the_association() {
    let mut world = World::connected(1, good());
    for _ in 0..2000 {
        let mut rubbish = vec![0; world.rng.random_range(13..200)];
        world.rng.fill_bytes(&mut rubbish);
        rubbish[0] = world.rng.random_range(20..=25);
        rubbish[1] = 254;
        rubbish[2] = 253;
        let from = Traits::client().addr;
        let _ = world.deliver(BRIDGE, from, &rubbish);
    }
    let now = world.now;
    world.peers[BRIDGE]
        .transport
        .send_channel_text("well", now)
        .unwrap();
    unaffected(&mut world);
    assert_eq!(world.peers[CLIENT].texts(), ["well"]);
}

/// Someone who knows the client's address, which passed its checks, sends handshake records in
/// its name while it connects.
#[test]
fn rubbish_in_the_clients_name_does_not_stop_the_handshake() {
    for seed in 0..30 {
        let mut world = World::new(seed, good(), Traits::bridge(), Traits::client());
        world.introduce();
        for _ in 0..300 {
            world.run_for(0.001);
            let mut rubbish = vec![0; world.rng.random_range(14..120)];
            world.rng.fill_bytes(&mut rubbish);
            rubbish[0] = world.rng.random_range(20..=24);
            rubbish[1..3].copy_from_slice(&[254, 253]);
            rubbish[3..5].fill(0);
            let len = rubbish.len() as u16 - 13;
            rubbish[11..13].copy_from_slice(&len.to_be_bytes());
            let to = usize::from(seed % 2 == 1);
            let from = world.peers[1 - to].traits.addr;
            let _ = world.deliver(to, from, &rubbish);
        }
        world.run_until(10.0, World::both_open);
    }
}

#[test]
fn media_is_dropped_under_its_name_when_early_forged_or_repeated() {
    let mut world = World::new(1, good(), Traits::bridge(), Traits::client());
    let early = rtp(1, 1, &[0; 40]);
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &early),
        Err(DropReason::BeforeDtls)
    );
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &[0x80, 200, 0, 1, 0, 0, 0, 1]),
        Err(DropReason::BeforeDtls)
    );
    world.introduce();
    world.run_until(2.0, World::both_open);
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &early),
        Err(DropReason::SrtpAuth)
    );
    let mut malformed = early.clone();
    malformed[0] = 0xbf;
    assert_eq!(
        world.deliver(BRIDGE, stranger(), &malformed),
        Err(DropReason::MalformedMedia)
    );
    let genuine = world.sealed(CLIENT, 1, 1, b"genuine");
    assert!(
        world
            .deliver(BRIDGE, Traits::client().addr, &genuine)
            .is_ok()
    );
    assert_eq!(
        world.deliver(BRIDGE, Traits::client().addr, &genuine),
        Err(DropReason::SrtpReplay)
    );
    world.peers[BRIDGE].rtp.clear();
    unaffected(&mut world);
}

#[test]
fn a_datagram_that_is_no_protocol_of_ours_is_dropped() {
    let mut world = World::connected(1, good());
    for datagram in [&[][..], &[0xff; 40], &[70; 40], &[0x80], &[22; 5]] {
        assert_eq!(
            world.deliver(BRIDGE, stranger(), datagram),
            Err(DropReason::UnknownProtocol)
        );
    }
}

#[test]
fn a_peer_cannot_have_more_addresses_than_the_bound() {
    let (mut world, check) = overheard(0..=3);
    let mut refused = 0;
    for port in 1..=200 {
        let from = SocketAddr::from(([203, 0, 113, 66], port));
        match world.deliver(BRIDGE, from, &check) {
            Ok(_) => {}
            Err(reason) => {
                assert_eq!(reason, DropReason::TooManyAddresses);
                refused += 1;
            }
        }
    }
    assert!(refused >= 130, "{refused}");
}

#[test]
fn random_datagrams_do_nothing_at_all() {
    let mut world = World::connected(1, good());
    for _ in 0..20_000 {
        let mut datagram = vec![0; world.rng.random_range(0..100)];
        world.rng.fill_bytes(&mut datagram);
        if let Some(first) = datagram.first_mut() {
            *first = [0, 1, 22, 0x80, 0x90, *first][world.rng.random_range(0..6)];
        }
        assert!(world.deliver(BRIDGE, stranger(), &datagram).is_err());
    }
    unaffected(&mut world);
}
