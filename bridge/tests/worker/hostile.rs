//! What strangers and misbehaving clients send does nothing.

use std::net::SocketAddr;
use std::time::Duration;

use bridge::command::{Command, EndpointUpdate, ForceMute, UpdateEndpoint};
use bridge::ids::WorkerId;
use bridge::statistics::{DropReason, WorkerStatistics};
use media::simnet::Link;
use media::transport::DropReason as TransportDrop;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::world::{Traits, World};

fn lan() -> Link {
    Link::new(Duration::from_millis(5), 0.0)
}

#[test]
fn forged_and_random_datagrams_are_counted_and_change_nothing() {
    let mut world = World::call(1, 2, lan(), Traits::default());
    world.watch_all(180);
    world.run_for(2.0);
    let before = world.statistics(0);
    let (client, bridge) = (world.clients[0].addr, world.bridge);
    let stranger = SocketAddr::from(([203, 0, 113, 9], 6_666));
    let mut rng = SmallRng::seed_from_u64(1);
    for round in 0..2_000_usize {
        let len = rng.random_range(0..1_400);
        let mut datagram: Vec<u8> = (0..len).map(|_| rng.random()).collect();
        if let Some(first) = datagram.first_mut() {
            *first = [0x80, 0x90, 0x00, 0x16, 0x17][round % 5];
        }
        if round % 5 < 2 && datagram.len() > 12 {
            let ssrc = world.clients[0].audio_ssrc.to_be_bytes();
            datagram[8..12].copy_from_slice(&ssrc);
        }
        let from = if round % 2 == 0 { client } else { stranger };
        let now = world.now;
        world.workers[0].handle_datagram(&mut datagram, from, bridge, now);
    }
    world.drain();
    let after = world.statistics(0);
    assert_eq!(
        after.counters.media_packets_received,
        before.counters.media_packets_received
    );
    let dropped = |reason| after.drops.get(reason) - before.drops.get(reason);
    assert!(dropped(DropReason::UnknownAddress) > 500);
    let refused = |reason| after.drops.refused(reason) - before.drops.refused(reason);
    assert!(refused(TransportDrop::SrtpAuth) > 100);
    assert!(TransportDrop::ALL.into_iter().map(refused).sum::<u64>() > 500);
    let since = world.now;
    world.run_for(2.0);
    let (audio, video) = world.clients[1].heard_and_seen(1, since);
    assert!(
        audio > 95 && video > 55,
        "the call goes on: {audio} {video}"
    );
}

#[test]
fn a_check_for_nobody_and_a_replayed_packet_are_dropped() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    let bridge = world.bridge;
    let stranger = SocketAddr::from(([203, 0, 113, 9], 6_666));
    let mut check = vec![
        0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    check.extend([0, 6, 0, 20]);
    check.extend(b"aaaaaaaaaaaaaaa:peer");
    let now = world.now;
    world.workers[0].handle_datagram(&mut check, stranger, bridge, now);
    assert_eq!(world.statistics(0).drops.get(DropReason::UnknownUfrag), 1);
}

/// A binding request with a USERNAME and a MESSAGE-INTEGRITY that nobody made.
fn forged_check(ufrag: &str) -> Vec<u8> {
    let username = format!("{ufrag}:peer");
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, username.len() as u8]);
    check.extend(username.as_bytes());
    check.extend([0, 8, 0, 20]);
    check.extend([9; 20]);
    let len = (check.len() - 20) as u16;
    check[2..4].copy_from_slice(&len.to_be_bytes());
    check
}

/// What is copied for another worker must be authentic: an unauthenticated datagram costs no memory.
#[test]
fn a_check_for_another_workers_endpoint_is_handed_over_only_if_it_is_authentic() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    let bridge = world.bridge;
    let stranger = SocketAddr::from(([203, 0, 113, 9], 6_666));
    let theirs = WorkerId(1).in_ufrag(world.clients[1].key.0 * 977);
    let nobodys = [WorkerId(1), WorkerId(7)].map(|worker| worker.in_ufrag(1));
    let before = world.statistics(0);
    let now = world.now;
    for ufrag in nobodys.iter().chain([&theirs]) {
        let mut check = forged_check(ufrag);
        world.workers[0].handle_datagram(&mut check, stranger, bridge, now);
        assert!(world.workers[0].poll_message().is_none(), "{ufrag}");
    }
    let after = world.statistics(0);
    assert_eq!(
        after.counters.datagrams_handed_over,
        before.counters.datagrams_handed_over
    );
    let forged = |s: &WorkerStatistics| s.drops.refused(TransportDrop::BadIntegrity);
    assert_eq!(forged(&after) - forged(&before), 1);
    let unknown = |s: &WorkerStatistics| s.drops.get(DropReason::UnknownUfrag);
    assert_eq!(unknown(&after) - unknown(&before), 2);
}

#[test]
fn channel_messages_that_make_no_sense_are_refused_and_floods_cut() {
    let mut world = World::call(1, 2, lan(), Traits::default());
    let (worker, key) = (world.clients[0].worker, world.clients[0].key);
    let nonsense = [
        "",
        "{",
        "[]",
        "{\"colibriClass\":\"ServerHello\"}",
        "{\"colibriClass\":\"Nothing\"}",
        "{\"colibriClass\":\"LastNChangedEvent\",\"lastN\":\"x\"}",
    ];
    for text in nonsense {
        world.command(worker, Command::ChannelText(key, text.to_owned()));
    }
    assert_eq!(
        world.statistics(0).counters.channel_messages_refused,
        nonsense.len() as u64
    );
    for _ in 0..1_000 {
        world.say(
            0,
            serde_json::json!({"colibriClass": "EndpointMessage", "msgPayload": {}}),
        );
    }
    let got = world.clients[1].texts_of("EndpointMessage").len();
    assert!((100..300).contains(&got), "{got} of 1000 at once");
}

#[test]
fn a_force_muted_microphone_is_not_heard() {
    let mut world = World::call(1, 2, lan(), Traits::default());
    world.run_for(1.0);
    let (worker, endpoint) = (world.clients[0].worker, world.clients[0].key);
    let update = EndpointUpdate {
        force_mute: Some(ForceMute {
            audio: true,
            video: false,
        }),
        ..EndpointUpdate::default()
    };
    world.command(
        worker,
        Command::UpdateEndpoint(Box::new(UpdateEndpoint { endpoint, update })),
    );
    world.run_for(0.1);
    let since = world.now;
    world.run_for(1.0);
    assert_eq!(world.clients[1].heard_and_seen(1, since).0, 0);
    assert!(world.statistics(0).drops.get(DropReason::ForceMuted) > 40);
}

#[test]
fn a_client_that_asks_for_keyframes_without_end_gets_one_a_second() {
    let mut world = World::call(
        1,
        2,
        lan(),
        Traits {
            encodings: 1,
            ..Traits::default()
        },
    );
    world.watch_all(180);
    world.run_for(2.0);
    let ssrc = *world.clients[1]
        .streams
        .iter()
        .find(|(_, s)| s.packets.values().any(|p| p.video.is_some()))
        .unwrap()
        .0;
    let before = world.clients[0].encoders[0].keyframes;
    for _ in 0..100 {
        world.clients[1].send_pli(ssrc);
        world.drain();
        world.run_for(0.1);
    }
    let asked = world.clients[0].encoders[0].keyframes - before;
    assert!((9..=13).contains(&asked), "{asked} keyframes in 10 s");
}
