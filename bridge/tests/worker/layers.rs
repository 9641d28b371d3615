//! Layers and sources switch without a gap.

use std::collections::BTreeSet;
use std::time::Duration;

use media::simnet::Link;
use serde_json::json;

use crate::world::{Traits, World};

fn lan() -> Link {
    Link::new(Duration::from_millis(5), 0.0)
}

/// Encodings of the client with this tag that a receiver was sent in the last second.
fn encodings(world: &World, receiver: usize, tag: u8) -> BTreeSet<u8> {
    let since = world.now - Duration::from_millis(900);
    let streams = world.clients[receiver].streams.values();
    let packets = streams.flat_map(|s| s.after(since));
    packets
        .filter_map(|p| p.video)
        .filter(|v| v.owner == tag)
        .map(|v| v.encoding)
        .collect()
}

fn stage(world: &mut World, client: usize, source: &str, height: i32) {
    let wants = json!({
        "colibriClass": "ReceiverVideoConstraints",
        "lastN": -1,
        "onStageSources": [source],
        "defaultConstraints": {"maxHeight": 180},
        "constraints": {source: {"maxHeight": height}},
    });
    world.say(client, wants);
}

#[test]
fn the_layer_follows_what_the_receiver_wants_without_a_gap() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        let mut seen = Vec::new();
        for height in [180, 720, 360, 720, 180] {
            stage(&mut world, 1, "client1-v0", height);
            world.run_for(4.0);
            seen.extend(encodings(&world, 1, 1));
        }
        assert_eq!(seen, [0, 2, 1, 2, 0]);
        let receiver = &world.clients[1];
        let streams: Vec<_> = receiver.video_of(1).collect();
        assert_eq!(streams.len(), 1, "all on one SSRC");
        streams[0].assert_unbroken("five layer switches");
    }
}

#[test]
fn picture_ids_count_on_through_switches_between_both_of_their_widths() {
    let mut world = World::new(1, lan());
    world.set_slots(1);
    for _ in 0..3 {
        world.join(Traits::default());
    }
    world.clients[0].encoders[0].short_ids = true;
    world.clients[1].encoders[2].short_ids = true;
    world.run_until(20.0, |w| w.clients.iter().all(|c| c.connected));
    world.open_channel(2);
    for (source, height) in [
        ("client1-v0", 180),
        ("client1-v0", 720),
        ("client1-v0", 180),
        ("client2-v0", 720),
        ("client2-v0", 180),
        ("client1-v0", 180),
    ] {
        stage(&mut world, 2, source, height);
        // Longer than seven bits last.
        world.run_for(6.0);
    }
    let video = world.clients[2].streams.values();
    let video: Vec<_> = video
        .filter(|s| s.packets.values().any(|p| p.video.is_some()))
        .collect();
    assert_eq!(video.len(), 1);
    video[0].assert_unbroken("switches of layer and source");
}

#[test]
fn a_narrow_path_gets_a_lower_layer_and_a_wide_one_the_higher_again() {
    let traits = Traits {
        packets_per_frame: 3,
        packet_len: 1_000,
        ..Traits::default()
    };
    let mut world = World::call(1, 2, lan(), traits);
    stage(&mut world, 1, "client1-v0", 720);
    world.run_for(8.0);
    assert_eq!(encodings(&world, 1, 1), BTreeSet::from([2]));
    let narrow = Link {
        bandwidth: Some(500_000),
        ..lan()
    };
    world.set_downlink(1, narrow);
    world.run_for(20.0);
    let since = world.now - Duration::from_secs(2);
    let packets = world.clients[1].heard_and_seen(1, since).1;
    assert!(
        packets < 140,
        "{packets} packets of video in 2 s through 500 kbit/s"
    );
    world.set_downlink(1, lan());
    world.run_for(40.0);
    assert_eq!(
        encodings(&world, 1, 1),
        BTreeSet::from([2]),
        "probes found the room again"
    );
}

#[test]
fn a_source_that_takes_over_a_slot_shows_nobody_else() {
    let mut world = World::call(1, 3, lan(), Traits::default());
    for round in 0..6 {
        let source = ["client1-v0", "client2-v0"][round % 2];
        let wants = json!({
            "colibriClass": "ReceiverVideoConstraints",
            "lastN": 1,
            "onStageSources": [source],
            "defaultConstraints": {"maxHeight": 0},
            "constraints": {source: {"maxHeight": 720}},
        });
        world.say(2, wants);
        world.run_for(3.0);
        let (shown, other) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
        assert!(!encodings(&world, 2, shown).is_empty());
        assert!(encodings(&world, 2, other).is_empty());
    }
    for stream in world.clients[2]
        .streams
        .values()
        .filter(|s| s.packets.values().any(|p| p.video.is_some()))
    {
        stream.assert_unbroken("source switches");
    }
}

#[test]
fn slots_are_used_again_when_there_are_fewer_than_sources() {
    let mut world = World::new(1, lan());
    world.set_slots(1);
    for _ in 0..3 {
        world.join(Traits::default());
    }
    world.run_until(20.0, |w| w.clients.iter().all(|c| c.connected));
    for client in 0..3 {
        world.open_channel(client);
    }
    for round in 0..4 {
        let source = ["client1-v0", "client2-v0"][round % 2];
        stage(&mut world, 2, source, 720);
        world.run_for(3.0);
        let maps = world.clients[2].texts_of("VideoSourcesMap");
        let mapped = &maps.last().unwrap()["mappedSources"];
        assert_eq!(mapped.as_array().unwrap().len(), 1);
        assert_eq!(mapped[0]["source"], source);
        let shown = if round % 2 == 0 { 1 } else { 2 };
        assert!(!encodings(&world, 2, shown).is_empty(), "round {round}");
    }
    let video = world.clients[2]
        .streams
        .values()
        .filter(|s| s.packets.values().any(|p| p.video.is_some()));
    let video: Vec<_> = video.collect();
    assert_eq!(video.len(), 1, "two people on one SSRC");
    video[0].assert_unbroken("source switches in one slot");
}

#[test]
fn senders_are_told_what_is_wanted_of_them() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 3, lan(), Traits::default());
        let told = |world: &World| {
            let texts = world.clients[0].texts_of("SenderSourceConstraints");
            texts.last().unwrap()["maxHeight"].as_i64().unwrap()
        };
        assert_eq!(told(&world), 0);
        stage(&mut world, 1, "client1-v0", 360);
        assert_eq!(told(&world), 360);
        stage(&mut world, 2, "client1-v0", 720);
        assert_eq!(told(&world), 720);
        world.leave(2);
        assert_eq!(told(&world), 360);
        world.say(1, json!({"colibriClass": "LastNChangedEvent", "lastN": 0}));
        assert_eq!(told(&world), 0);
    }
}

#[test]
fn two_who_may_have_been_direct_peers_are_told_again_when_a_third_comes() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        world.watch_all(720);
        world.run_for(1.0);
        for client in 0..2 {
            world.clients[client].texts.clear();
        }
        world.run_for(5.0);
        assert_eq!(
            world.clients[0].texts_of("SenderSourceConstraints").len(),
            0
        );
        world.join(Traits::default());
        world.run_for(1.0);
        for client in 0..2 {
            let told = world.clients[client].texts_of("SenderSourceConstraints");
            assert_eq!(told.last().unwrap()["maxHeight"], 720);
        }
    }
}
