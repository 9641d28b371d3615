//! Two associations, without the layers below.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::abort::crc32c;
use super::association::{MAX_MESSAGE, MAX_PENDING, RECEIVE_WINDOW, Sctp, SctpEvent};
use super::dcep::Dcep;
use super::{BRIDGE_CHANNEL, SctpConfig};

fn pair(now: Instant) -> (Sctp, Sctp) {
    let opening = SctpConfig {
        open: Some(("label".into(), "protocol".into())),
        ..SctpConfig::default()
    };
    (
        Sctp::new(SctpConfig::default(), false, now),
        Sctp::new(opening, true, now),
    )
}

fn open() -> SctpEvent {
    SctpEvent::Open {
        label: "label".into(),
        protocol: "protocol".into(),
    }
}

fn exchange(one: &mut Sctp, other: &mut Sctp, now: Instant) {
    loop {
        let mut moved = false;
        while let Some(packet) = one.poll_transmit() {
            other.handle_packet(packet.to_vec(), now);
            moved = true;
        }
        while let Some(packet) = other.poll_transmit() {
            one.handle_packet(packet.to_vec(), now);
            moved = true;
        }
        if !moved {
            return;
        }
    }
}

#[test]
fn a_channel_opens_without_waiting_for_a_timer() {
    let now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(open()));
    assert_eq!(client.poll_event(), Some(open()));
}

#[test]
fn an_init_that_arrives_twice_does_not_stop_the_handshake() {
    let now = Instant::now();
    let (mut server, mut client) = pair(now);
    while let Some(init) = client.poll_transmit() {
        server.handle_packet(init.to_vec(), now);
        server.handle_packet(init.to_vec(), now);
    }
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(open()));
    assert_eq!(client.poll_event(), Some(open()));
}

#[test]
fn a_client_that_begins_anew_gets_a_new_channel() {
    let now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(open()));
    let (_, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(SctpEvent::Closed));
    assert_eq!(server.poll_event(), Some(open()));
}

/// RFC 8841 §9.3: some peers wait to be begun with.
#[test]
fn a_peer_that_waits_is_begun_with() {
    let mut now = Instant::now();
    let (mut server, _) = pair(now);
    let mut waiting = Sctp::new(SctpConfig::default(), true, now);
    waiting.handle_packet(Vec::new(), now);
    assert!(
        server.poll_transmit().is_none(),
        "most peers begin themselves"
    );
    now = server.poll_timeout().unwrap();
    server.handle_timeout(now);
    exchange(&mut server, &mut waiting, now);
    assert!(server.is_established() && waiting.is_established());
}

/// RFC 9260 §5.2.1.
#[test]
fn two_that_begin_at_once_have_one_association() {
    let (mut server, _) = pair(Instant::now());
    let now = server.poll_timeout().unwrap();
    server.handle_timeout(now);
    let (_, mut client) = pair(now);
    // Both are on the way before either arrives.
    let crossing: Vec<_> = [&mut client, &mut server]
        .map(|side| side.poll_transmit().unwrap().to_vec())
        .into();
    server.handle_packet(crossing[0].clone(), now);
    client.handle_packet(crossing[1].clone(), now);
    exchange(&mut server, &mut client, now);
    assert!(server.is_established() && client.is_established());
    assert!(server.send_text("text", now).is_ok());
    exchange(&mut server, &mut client, now);
    let text = SctpEvent::Text("text".into());
    assert!(std::iter::from_fn(|| client.poll_event()).any(|event| event == text));
}

/// Moves time on until what is on the way has arrived.
fn settle(one: &mut Sctp, other: &mut Sctp, now: &mut Instant) {
    for _ in 0..200 {
        exchange(one, other, *now);
        *now += Duration::from_millis(50);
        one.handle_timeout(*now);
        other.handle_timeout(*now);
    }
}

#[test]
fn the_longest_message_arrives_both_ways() {
    let mut now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    let long = "x".repeat(MAX_MESSAGE);
    for _ in 0..2 {
        std::mem::swap(&mut server, &mut client);
        let (from, to) = (&mut server, &mut client);
        while from.poll_event().is_some() || to.poll_event().is_some() {}
        from.send_text(&long, now).unwrap();
        settle(from, to, &mut now);
        assert!(to.poll_event() == Some(SctpEvent::Text(long.clone())));
        assert_eq!(to.kept(), 0);
    }
}

/// The sender's own limit is taken away, as a hostile sender has none.
#[test]
fn a_message_beyond_the_limit_ends_the_association_for_both_and_another_one_follows() {
    let mut now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    while server.poll_event().is_some() || client.poll_event().is_some() {}
    client.send_beyond_limits(&vec![b'x'; MAX_MESSAGE + 1], now);
    settle(&mut server, &mut client, &mut now);
    for side in [&mut server, &mut client] {
        assert_eq!(side.poll_event(), Some(SctpEvent::Closed));
        assert_eq!(side.poll_event(), Some(open()));
    }
}

#[test]
fn what_a_peer_leaves_unfinished_is_known_and_given_up_on_demand() {
    let mut now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    client.send_text(&"x".repeat(MAX_MESSAGE), now).unwrap();
    for _ in 0..20 {
        while let Some(packet) = server.poll_transmit() {
            client.handle_packet(packet.to_vec(), now);
        }
        let packets: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
        for packet in &packets[..packets.len().saturating_sub(1)] {
            server.handle_packet(packet.to_vec(), now);
        }
        now += Duration::from_millis(250);
        server.handle_timeout(now);
    }
    assert!(server.kept() > 3_000, "{}", server.kept());
    assert!(server.kept() <= RECEIVE_WINDOW as usize);
    server.give_up(now);
    assert_eq!(server.kept(), 0);
    while server.poll_event().is_some() || client.poll_event().is_some() {}
    settle(&mut server, &mut client, &mut now);
    assert_eq!(server.poll_event(), Some(open()));
}

#[test]
fn another_data_channel_does_not_take_the_bridge_channels_place() {
    let now = Instant::now();
    let (mut server, mut client) = pair(now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(open()));
    let another = |stream, protocol: &str| {
        let (label, protocol) = ("another".to_owned(), protocol.to_owned());
        (stream, Dcep::Open { label, protocol })
    };
    let (stream, other) = another(6, "files");
    client.send_on(stream, &other, now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), None);
    client.send_text("still", now).unwrap();
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(SctpEvent::Text("still".into())));
    let (stream, bridge) = another(8, BRIDGE_CHANNEL);
    client.send_on(stream, &bridge, now);
    exchange(&mut server, &mut client, now);
    assert_eq!(server.poll_event(), Some(SctpEvent::Closed));
    assert!(matches!(server.poll_event(), Some(SctpEvent::Open { .. })));
}

#[test]
fn init_after_init_keeps_a_bounded_number_of_handshakes() {
    let now = Instant::now();
    let (mut server, _) = pair(now);
    for _ in 0..100 {
        let (_, mut client) = pair(now);
        while let Some(init) = client.poll_transmit() {
            server.handle_packet(init.to_vec(), now);
        }
    }
    assert_eq!(server.pending.len(), MAX_PENDING);
}

fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    if packet.len() < 12 {
        return packet;
    }
    packet[8..12].fill(0);
    let checksum = crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

fn mangled(packet: &[u8], rng: &mut SmallRng) -> Vec<u8> {
    let mut packet = packet.to_vec();
    for _ in 0..rng.random_range(1..4) {
        // The ports and the tag are kept, or nobody would look further.
        let at = rng.random_range(12..packet.len().max(13));
        match rng.random_range(0..5) {
            0 => packet.truncate(at.max(12)),
            1 => packet.extend_from_within(at.min(packet.len())..),
            2 if at < packet.len() => packet[at] = rng.random(),
            3 if at < packet.len() => packet[at] = [0, 0xff, 1, 0x80][at % 4],
            _ if at < packet.len() => packet[at] ^= 1 << rng.random_range(0..8),
            _ => {}
        }
        if packet.len() < 13 {
            break;
        }
    }
    with_checksum(packet)
}

/// A peer that passed the handshake of DTLS may still be hostile.
#[test]
fn a_peer_that_sends_mangled_packets_harms_nobody_but_itself() {
    for seed in 0..3000 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut now = Instant::now();
        let (mut server, mut client) = pair(now);
        for round in 0..12 {
            now += Duration::from_millis(700);
            server.handle_timeout(now);
            client.handle_timeout(now);
            let _ = client.send_text(&"x".repeat(round * 300), now);
            let _ = server.send_text("y", now);
            for _ in 0..20 {
                let mut moved = false;
                while let Some(packet) = client.poll_transmit() {
                    moved = true;
                    if rng.random_range(0..4) == 0 {
                        server.handle_packet(mangled(&packet, &mut rng), now);
                    }
                    server.handle_packet(packet.to_vec(), now);
                }
                while let Some(packet) = server.poll_transmit() {
                    moved = true;
                    client.handle_packet(packet.to_vec(), now);
                }
                if !moved {
                    break;
                }
            }
            while server.poll_event().is_some() {}
            while client.poll_event().is_some() {}
        }
    }
}
