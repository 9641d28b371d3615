//! An endpoint is made anew under a name that the others know: a focus does so with one that has lost
//! its network. What they were told of the name must be true of the new endpoint.

use std::time::Duration;

use media::simnet::Link;
use serde_json::{Value, json};

use crate::client::Microphone;
use crate::world::{Traits, World};

fn lan() -> Link {
    Link::new(Duration::from_millis(5), 0.0)
}

fn cut(world: &mut World, client: usize, link: Link) {
    let (address, bridge) = (world.clients[client].addr.ip(), world.bridge.ip());
    world.net.set_link(address, bridge, link);
}

/// Client 2 has no network for so long that all are told, then its endpoint is made anew.
fn lost_and_found(world: &mut World) {
    cut(world, 1, Link::cut());
    world.run_for(12.0);
    world.leave(1);
    world.run_for(0.5);
    cut(world, 1, lan());
    world.rejoin(1, Traits::default());
    world.run_until(20.0, |w| w.clients[1].connected);
    world.open_channel(1);
}

fn told(world: &World, client: usize, class: &str, field: &str) -> Vec<Value> {
    let texts = world.clients[client].texts_of(class);
    texts.iter().map(|t| t[field].clone()).collect()
}

const CONNECTIVITY: &str = "EndpointConnectivityStatusChangeEvent";
const SPEAKER: &str = "DominantSpeakerEndpointChangeEvent";

#[test]
fn one_who_was_lost_and_is_there_again_is_told_to_be_so() {
    for workers in [1, 2, 3] {
        let mut world = World::call(workers, 3, lan(), Traits::default());
        lost_and_found(&mut world);
        world.run_for(1.0);
        for client in [0, 2] {
            assert_eq!(
                told(&world, client, CONNECTIVITY, "active"),
                ["false", "true"]
            );
            assert_eq!(told(&world, client, CONNECTIVITY, "endpoint")[1], "client2");
        }
        // And so is one whose own channel was away meanwhile.
        world.clients[2].texts.clear();
        world.open_channel(2);
        assert_eq!(told(&world, 2, CONNECTIVITY, "active"), ["true"]);
        // Of those who never were lost nothing is told.
        assert_eq!(told(&world, 2, CONNECTIVITY, "endpoint"), ["client2"]);
    }
}

#[test]
fn an_older_life_of_a_name_that_falls_silent_says_nothing_of_the_newer() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        let (worker, key) = (world.clients[1].worker, world.clients[1].key);
        cut(&mut world, 1, Link::cut());
        world.run_for(2.0);
        cut(&mut world, 1, lan());
        world.rejoin(1, Traits::default());
        world.run_for(12.0);
        let expire = bridge::command::Command::ExpireEndpoint(key);
        world.command(worker, expire);
        world.run_for(1.0);
        assert!(told(&world, 0, CONNECTIVITY, "active").is_empty());
    }
}

#[test]
fn the_dominant_speaker_is_in_office_again_unless_somebody_took_over() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 3, lan(), Traits::default());
        world.clients[1].microphone = Microphone::Loud;
        world.run_for(4.0);
        assert_eq!(
            told(&world, 0, SPEAKER, "dominantSpeakerEndpoint"),
            ["client2"]
        );
        lost_and_found(&mut world);
        let speakers = told(&world, 0, SPEAKER, "dominantSpeakerEndpoint");
        assert_eq!(speakers.last(), Some(&json!("client2")));
        world.clients[2].texts.clear();
        world.open_channel(2);
        assert_eq!(
            told(&world, 2, SPEAKER, "dominantSpeakerEndpoint"),
            ["client2"]
        );

        world.clients[1].microphone = Microphone::Loud;
        world.run_for(4.0);
        world.clients[0].microphone = Microphone::Loud;
        world.clients[1].microphone = Microphone::Quiet;
        world.run_for(4.0);
        lost_and_found(&mut world);
        world.run_for(1.0);
        let speakers = told(&world, 2, SPEAKER, "dominantSpeakerEndpoint");
        assert_eq!(speakers.last(), Some(&json!("client1")));
    }
}

#[test]
fn forwarded_sources_and_source_maps_are_told_again() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        world.watch_all(180);
        world.run_for(2.0);
        world.clients[0].texts.clear();
        lost_and_found(&mut world);
        world.watch(1, 180);
        let since = world.now;
        world.run_for(3.0);
        let forwarded = told(&world, 0, "ForwardedSources", "forwardedSources");
        assert_eq!(forwarded.last(), Some(&json!(["client2-v0"])));
        for (class, source) in [
            ("VideoSourcesMap", "client2-v0"),
            ("AudioSourcesMap", "client2-a0"),
        ] {
            let maps = told(&world, 0, class, "mappedSources");
            let mapped = maps.last().map(|map| (&map[0]["source"], &map[0]["owner"]));
            assert_eq!(mapped, Some((&json!(source), &json!("client2"))), "{class}");
        }
        for (receiver, sender) in [(0, 2), (1, 1)] {
            let (audio, video) = world.clients[receiver].heard_and_seen(sender, since);
            assert!(
                audio > 100 && video > 60,
                "{receiver} of {sender}: {audio} {video}"
            );
        }
    }
}

#[test]
fn what_is_asked_of_a_sender_is_told_again() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        world.watch_all(360);
        world.run_for(2.0);
        lost_and_found(&mut world);
        world.run_for(1.0);
        let asked = told(&world, 1, "SenderSourceConstraints", "maxHeight");
        assert_eq!(asked.last(), Some(&json!(360)));
    }
}

#[test]
fn what_a_receiver_wants_of_a_name_holds_for_its_new_endpoint() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    world.say(
        0,
        json!({"colibriClass": "ReceiverVideoConstraints", "lastN": -1,
               "selectedSources": ["client2-v0"], "defaultConstraints": {"maxHeight": 0},
               "constraints": {"client2-v0": {"maxHeight": 180}}}),
    );
    world.say(
        0,
        json!({"colibriClass": "ReceiverAudioSubscription", "all": true, "exclude": ["client2-a0"]}),
    );
    lost_and_found(&mut world);
    let since = world.now + Duration::from_millis(500);
    world.run_for(3.0);
    let (audio, video) = world.clients[0].heard_and_seen(2, since);
    assert_eq!(audio, 0);
    assert!(video > 60, "{video}");
}

#[test]
fn a_screen_is_told_as_one_though_its_source_is_signalled_after_the_channel_said_so() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        world.watch_all(180);
        world.run_for(1.0);
        cut(&mut world, 1, Link::cut());
        world.leave(1);
        cut(&mut world, 1, lan());
        world.rejoin(
            1,
            Traits {
                encodings: 0,
                ..Traits::default()
            },
        );
        world.run_until(20.0, |w| w.clients[1].connected);
        world.open_channel(1);
        world.say(
            1,
            json!({"colibriClass": "SourceVideoTypeMessage", "sourceName": "client2-v0",
                   "videoType": "DESKTOP"}),
        );
        world.add_camera(1, Traits::default());
        world.run_for(2.0);
        let maps = told(&world, 0, "VideoSourcesMap", "mappedSources");
        assert_eq!(maps.last().unwrap()[0]["videoType"], "DESKTOP");
    }
}

#[test]
fn a_worker_that_comes_late_learns_what_sources_send() {
    let mut world = World::new(3, lan());
    for _ in 0..2 {
        world.join(Traits::default());
    }
    world.run_until(20.0, |w| w.clients.iter().all(|c| c.connected));
    for client in 0..2 {
        world.open_channel(client);
    }
    // Only the middle encoding is sent, from before the third worker has anybody on it.
    world.clients[0].encoders[0].active = false;
    world.clients[0].encoders[2].active = false;
    world.watch_all(720);
    world.run_for(6.0);
    world.join(Traits::default());
    world.run_until(20.0, |w| w.clients[2].connected);
    world.open_channel(2);
    world.watch(2, 720);
    let since = world.now + Duration::from_millis(300);
    world.run_for(1.5);
    let (_, video) = world.clients[2].heard_and_seen(1, since);
    assert!(
        video > 30,
        "{video} packets of the only encoding that is sent"
    );
}
