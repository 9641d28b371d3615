//! Two sides of ours, and one of ours with stacks of others.

#![allow(clippy::unwrap_used, reason = "tests")]

mod dimpl;
mod openssl;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::record::{HANDSHAKE, records};
use super::session::{Dtls, DtlsEvent};
use super::{Certificate, Fingerprint};
use crate::srtp::{KeyMaterial, MAX_OVERHEAD, Side, SrtpProfile};

static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    [
        Certificate::generate().unwrap(),
        Certificate::generate().unwrap(),
    ]
});

fn own(side: Side) -> usize {
    usize::from(side == Side::Server)
}

fn one(side: Side) -> Dtls {
    let theirs = CERTIFICATES[1 - own(side)].fingerprint().clone();
    Dtls::new(&CERTIFICATES[own(side)], side, vec![theirs])
}

fn pair() -> [Dtls; 2] {
    [Side::Client, Side::Server].map(one)
}

/// What came of one side.
#[derive(Default)]
struct Outcome {
    connected: Option<(SrtpProfile, KeyMaterial)>,
    failed: Option<String>,
    closed: bool,
    data: Vec<Vec<u8>>,
}

impl Outcome {
    fn gather(&mut self, side: &mut Dtls) {
        while let Some(event) = side.poll_event() {
            match event {
                DtlsEvent::Connected(profile, keys) => self.connected = Some((profile, keys)),
                DtlsEvent::Failed(reason) => self.failed = Some(reason),
                DtlsEvent::Closed => self.closed = true,
                DtlsEvent::Data(data) => self.data.push(data),
            }
        }
    }
}

/// Carries datagrams both ways, each lost where `lost` says so, until nothing moves for a minute.
fn run(
    sides: &mut [Dtls; 2],
    now: &mut Instant,
    mut lost: impl FnMut(&[u8]) -> bool,
) -> [Outcome; 2] {
    let mut outcomes = [Outcome::default(), Outcome::default()];
    for _ in 0..1200 {
        for side in 0..2 {
            sides[side].handle_timeout(*now);
            while let Some(packet) = sides[side].poll_transmit() {
                if !lost(&packet) {
                    let _ = sides[1 - side].handle_packet(&packet, *now);
                }
            }
        }
        *now += Duration::from_millis(50);
    }
    for (side, outcome) in sides.iter_mut().zip(&mut outcomes) {
        outcome.gather(side);
    }
    outcomes
}

/// Whether what one side protects opens at the other, both ways.
fn keys_agree(client: (SrtpProfile, KeyMaterial), server: (SrtpProfile, KeyMaterial)) -> bool {
    let contexts = [
        client.1.into_contexts(Side::Client, 8),
        server.1.into_contexts(Side::Server, 8),
    ];
    let [mut client, mut server] = contexts;
    let agrees = |from: &mut crate::srtp::Protector, to: &mut crate::srtp::Unprotector| {
        let packet = [0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4];
        let mut buf = [0; 16 + MAX_OVERHEAD];
        buf[..16].copy_from_slice(&packet);
        let len = from.protect_rtp(&mut buf, 16).unwrap();
        let opened = to.unprotect_rtp(&mut buf[..len]);
        opened.is_ok_and(|len| buf[..len] == packet)
    };
    agrees(&mut client.0, &mut server.1) && agrees(&mut server.0, &mut client.1)
}

#[test]
fn two_sides_agree_on_keys_and_the_cheaper_profile_and_exchange_data() {
    let mut now = Instant::now();
    let mut sides = pair();
    let [client, server] = run(&mut sides, &mut now, |_| false);
    let (client, server) = (client.connected.unwrap(), server.connected.unwrap());
    assert_eq!(client.0, SrtpProfile::AeadAes128Gcm);
    assert_eq!(server.0, SrtpProfile::AeadAes128Gcm);
    assert!(keys_agree(client, server));
    sides[0].send(b"up");
    sides[1].send(b"down");
    let [client, server] = run(&mut sides, &mut now, |_| false);
    assert_eq!(client.data, [b"down"]);
    assert_eq!(server.data, [b"up"]);
    sides[0].close();
    let [_, server] = run(&mut sides, &mut now, |_| false);
    assert!(server.closed);
}

#[test]
fn a_handshake_survives_the_loss_of_a_third_of_its_datagrams() {
    for seed in 0..50 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut now = Instant::now();
        let outcomes = run(&mut pair(), &mut now, |_| rng.random_range(0..3) == 0);
        for outcome in outcomes {
            assert!(
                outcome.connected.is_some(),
                "seed {seed}: {:?}",
                outcome.failed
            );
        }
    }
}

/// RFC 6347 §4.2.4: the last flight has no answer that could be missed.
#[test]
fn a_last_flight_that_is_lost_is_sent_again_when_the_client_repeats_its_own() {
    let mut now = Instant::now();
    let mut last_flights = 0;
    let [client, _] = run(&mut pair(), &mut now, |packet| {
        let last = packet[0] == 20;
        last_flights += usize::from(last);
        last && last_flights < 3
    });
    assert!(client.connected.is_some());
    assert_eq!(last_flights, 3);
}

#[test]
fn a_peer_that_does_not_answer_is_given_up_after_half_a_minute() {
    let mut now = Instant::now();
    let mut sent = 0;
    let mut sides = pair();
    let [client, server] = run(&mut sides, &mut now, |_| {
        sent += 1;
        true
    });
    assert!(client.failed.unwrap().contains("in time"));
    assert!(server.failed.is_none());
    assert_eq!(sent, 11, "twice as patient each time, and then no more");
    assert_eq!(sides[0].poll_timeout(), None);
}

#[test]
fn a_certificate_that_nobody_signalled_ends_the_handshake_on_both_sides() {
    for liar in 0..2 {
        let mut now = Instant::now();
        let mut sides = pair();
        let other = Certificate::generate().unwrap().fingerprint().clone();
        sides[1 - liar].set_fingerprints(vec![other]);
        let outcomes = run(&mut sides, &mut now, |_| false);
        assert!(
            outcomes[1 - liar]
                .failed
                .as_ref()
                .unwrap()
                .contains("fingerprint")
        );
        assert!(outcomes[liar].failed.as_ref().unwrap().contains("alert 42"));
    }
}

#[test]
fn after_the_handshake_nothing_that_is_not_authentic_matters() {
    let mut now = Instant::now();
    let mut sides = pair();
    let mut heard = Vec::new();
    run(&mut sides, &mut now, |packet| {
        heard.push(packet.to_vec());
        false
    });
    let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40];
    for side in &mut sides {
        side.handle_packet(&alert, now).unwrap();
        for packet in &heard {
            side.handle_packet(packet, now).unwrap();
        }
        while side.poll_transmit().is_some() {}
    }
    sides[0].send(b"well");
    let [_, server] = run(&mut sides, &mut now, |_| false);
    assert_eq!(server.data, [b"well"]);
    assert!(!server.closed);
}

fn mangled(packet: &[u8], rng: &mut SmallRng) -> Vec<u8> {
    let mut packet = packet.to_vec();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..packet.len());
        match rng.random_range(0..4) {
            0 => packet[at] = rng.random(),
            1 => packet[at] ^= 1 << rng.random_range(0..8),
            2 => packet[at] = [0, 0xff][at % 2],
            _ => {
                // A record whose length is told rightly passes the first look.
                let len = rng.random_range(13..=packet.len());
                packet.truncate(len);
                packet[11..13].copy_from_slice(&((len - 13) as u16).to_be_bytes());
            }
        }
    }
    packet
}

/// Whoever passed the checks of ICE may be hostile.
#[test]
fn mangled_handshakes_end_one_way_or_the_other_and_never_deceive() {
    for seed in 0..400 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut now = Instant::now();
        let mut sides = pair();
        let hostile = (seed % 2) as usize;
        for _ in 0..130 {
            for side in 0..2 {
                sides[side].handle_timeout(now);
                while let Some(packet) = sides[side].poll_transmit() {
                    if side == hostile && rng.random_range(0..3) == 0 {
                        let mangled = mangled(&packet, &mut rng);
                        let _ = sides[1 - side].handle_packet(&mangled, now);
                    }
                    let _ = sides[1 - side].handle_packet(&packet, now);
                }
            }
            now += Duration::from_millis(300);
        }
        for (at, side) in sides.iter_mut().enumerate() {
            let mut outcome = Outcome::default();
            outcome.gather(side);
            assert!(outcome.data.is_empty(), "nobody sent {:?}", outcome.data);
            // A server that got no ClientHello waits for one.
            let waits = at == 1 && side.poll_timeout().is_none();
            let over = outcome.connected.is_some() || outcome.failed.is_some();
            assert!(waits || over, "seed {seed}");
        }
    }
}

/// The handshake messages of a datagram in the clear.
fn messages(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    records(datagram)
        .filter(|record| record.kind == HANDSHAKE && record.epoch == 0)
        .map(|record| record.body)
}
