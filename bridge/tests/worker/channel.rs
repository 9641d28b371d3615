//! The bridge channel.

use std::time::Duration;

use bridge::command::Command;
use media::simnet::Link;
use serde_json::json;

use crate::client::Microphone;
use crate::world::{Traits, World};

fn lan() -> Link {
    Link::new(Duration::from_millis(5), 0.0)
}

#[test]
fn a_channel_is_greeted_with_all_that_it_must_know() {
    let mut world = World::call(2, 3, lan(), Traits::default());
    world.clients[1].microphone = Microphone::Loud;
    world.watch_all(180);
    world.run_for(5.0);
    world.clients[0].texts.clear();
    world.open_channel(0);
    let classes: Vec<_> = world.clients[0]
        .texts
        .iter()
        .map(|t| t["colibriClass"].as_str().unwrap())
        .collect();
    assert_eq!(
        classes,
        [
            "ServerHello",
            "SenderSourceConstraints",
            "ForwardedSources",
            "VideoSourcesMap",
            "AudioSourcesMap",
            "DominantSpeakerEndpointChangeEvent",
        ]
    );
    let audio = world.clients[0].texts_of("AudioSourcesMap")[0];
    assert_eq!(audio["mappedSources"].as_array().unwrap().len(), 2);
    world.say(0, json!({"colibriClass": "ClientHello"}));
    assert_eq!(world.clients[0].texts_of("ServerHello").len(), 2);
}

#[test]
fn messages_reach_those_they_are_meant_for_with_the_true_sender() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 3, lan(), Traits::default());
        let message = |to: &str| {
            json!({"colibriClass": "EndpointMessage", "to": to, "from": "forged",
                   "msgPayload": {"type": "hi"}, "more": 1})
        };
        world.say(0, message(""));
        world.say(0, message("client3"));
        world.say(0, message("nobody"));
        let counts: Vec<_> = world
            .clients
            .iter()
            .map(|c| c.texts_of("EndpointMessage").len())
            .collect();
        assert_eq!(counts, [0, 1, 2]);
        let got = world.clients[2].texts_of("EndpointMessage")[1];
        assert_eq!(got["from"], "client1");
        assert_eq!(
            (&got["msgPayload"]["type"], &got["more"]),
            (&json!("hi"), &json!(1))
        );
        world.say(
            1,
            json!({"colibriClass": "EndpointStats", "bitrate": {"upload": 1}}),
        );
        assert_eq!(
            world.clients[0].texts_of("EndpointStats")[0]["from"],
            "client2"
        );
    }
}

/// What is passed on is longer by its sender's name; what grows by more is passed on to nobody.
#[test]
fn a_message_as_long_as_clients_may_send_is_passed_on() {
    for workers in [1, 2] {
        let mut world = World::call(workers, 2, lan(), Traits::default());
        let around = |payload: &str| {
            format!(r#"{{"colibriClass":"EndpointMessage","to":"","msgPayload":{payload}}}"#)
        };
        let long = "x".repeat(262_144 - around(r#""""#).len());
        let numbers = vec!["1e15"; 30_000].join(",");
        let (worker, key) = (world.clients[0].worker, world.clients[0].key);
        for payload in [format!("\"{long}\""), format!("[{numbers}]")] {
            let text = around(&payload);
            assert!(text.len() <= 262_144);
            world.command(worker, Command::ChannelText(key, text));
            world.run_for(5.0);
        }
        let [got] = world.clients[1].texts_of("EndpointMessage")[..] else {
            panic!("one of them is passed on");
        };
        assert_eq!(got["msgPayload"], long.as_str());
        assert_eq!(got["from"], "client1");
        let counters = world.statistics(worker.index()).counters;
        assert_eq!(counters.channel_messages_refused, 1);
    }
}

#[test]
fn all_are_told_when_someones_packets_stop_and_come_again() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    world.run_for(1.0);
    let address = world.clients[1].addr.ip();
    let bridge = world.bridge.ip();
    world.net.set_link(address, bridge, Link::cut());
    world.run_for(9.5);
    let told = |world: &World| {
        let texts = world.clients[0].texts_of("EndpointConnectivityStatusChangeEvent");
        texts
            .iter()
            .map(|t| t["active"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&world), ["false"]);
    world.net.set_link(address, bridge, lan());
    world.run_for(2.0);
    assert_eq!(told(&world), ["false", "true"]);
}

#[test]
fn an_audio_subscription_chooses_who_is_heard() {
    for rewriting in [true, false] {
        let mut world = World::call(
            1,
            3,
            lan(),
            Traits {
                rewriting,
                encodings: 0,
                ..Traits::default()
            },
        );
        world.run_for(1.0);
        let exclude = json!({"colibriClass": "ReceiverAudioSubscription", "all": true,
                             "include": [], "exclude": ["client2-a0"]});
        world.say(0, exclude);
        let since = world.now + Duration::from_millis(50);
        world.run_for(1.0);
        let heard = |world: &World, tag, since| world.clients[0].heard_and_seen(tag, since).0;
        assert_eq!(heard(&world, 2, since), 0);
        assert!(heard(&world, 3, since) > 40);
        world.say(
            0,
            json!({"colibriClass": "ReceiverAudioSubscription", "all": true}),
        );
        let since = world.now;
        world.run_for(1.0);
        assert!(heard(&world, 2, since) > 40);
    }
}

#[test]
fn a_disabled_source_is_not_sent_and_a_shared_screen_is_told() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    world.watch_all(180);
    world.run_for(2.0);
    let say = |shows: &str| {
        json!({"colibriClass": "SourceVideoTypeMessage", "sourceName": "client1-v0",
               "videoType": shows})
    };
    world.say(0, say("desktop"));
    world.run_for(1.0);
    let map = world.clients[1].texts_of("VideoSourcesMap");
    assert_eq!(
        map.last().unwrap()["mappedSources"][0]["videoType"],
        "DESKTOP"
    );
    world.say(0, say("none"));
    world.run_for(0.2);
    let forwarded = world.clients[1].texts_of("ForwardedSources");
    assert_eq!(forwarded.last().unwrap()["forwardedSources"], json!([]));
    let since = world.now;
    world.run_for(1.0);
    assert_eq!(world.clients[1].heard_and_seen(1, since).1, 0);
}
