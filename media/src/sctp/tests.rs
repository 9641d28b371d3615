//! Two associations, without the layers below.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::SctpConfig;
use super::association::{MAX_PENDING, Sctp, SctpEvent};

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

/// RFC 9260 §6.8, appendix A.
fn with_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    if packet.len() < 12 {
        return packet;
    }
    packet[8..12].fill(0);
    let mut crc = u32::MAX;
    for byte in &packet {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    packet[8..12].copy_from_slice(&(!crc).to_le_bytes());
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
