//! Media arrives, decrypts and is continuous.

use std::time::Duration;

use bridge::event::Event;
use media::simnet::Link;

use crate::client::Microphone;
use crate::world::{Traits, World};

fn lan() -> Link {
    Link::new(Duration::from_millis(5), 0.0)
}

fn everyone_hears_and_sees_everyone(workers: usize, rewriting: bool) {
    let traits = Traits {
        rewriting,
        ..Traits::default()
    };
    let mut world = World::call(workers, 4, lan(), traits);
    world.watch_all(180);
    world.run_for(3.0);
    let since = world.now;
    world.run_for(5.0);
    for receiver in &world.clients {
        for sender in world.clients.iter().filter(|s| s.tag != receiver.tag) {
            let (audio, video) = receiver.heard_and_seen(sender.tag, since);
            assert!(
                (245..=255).contains(&audio),
                "{audio} packets of audio in 5 s"
            );
            assert!(
                (145..=160).contains(&video),
                "{video} packets of video in 5 s"
            );
        }
        let own = receiver.heard_and_seen(receiver.tag, since);
        assert_eq!(own, (0, 0), "nobody is sent what is their own");
        for (ssrc, stream) in receiver
            .streams
            .iter()
            .filter(|(_, s)| !s.packets.is_empty())
        {
            stream.assert_unbroken(&format!("{ssrc}"));
        }
        assert_eq!(receiver.dropped, 0, "everything decrypts");
    }
}

#[test]
fn everyone_hears_and_sees_everyone_on_one_worker() {
    everyone_hears_and_sees_everyone(1, true);
}

#[test]
fn everyone_hears_and_sees_everyone_across_two_workers() {
    everyone_hears_and_sees_everyone(2, true);
}

#[test]
fn receivers_without_ssrc_rewriting_get_the_sources_own_ssrcs() {
    everyone_hears_and_sees_everyone(1, false);
    everyone_hears_and_sees_everyone(2, false);
    let traits = Traits {
        rewriting: false,
        ..Traits::default()
    };
    let mut world = World::call(1, 2, lan(), traits);
    world.watch_all(720);
    world.run_for(3.0);
    let sender = &world.clients[0];
    let expected = [sender.encoders[0].ssrc, sender.audio_ssrc];
    let got: Vec<_> = world.clients[1].streams.keys().copied().collect();
    assert_eq!(got, expected);
}

#[test]
fn the_dominant_speaker_follows_who_talks_and_all_are_told() {
    for workers in [1, 2] {
        let mut world = World::call(
            workers,
            3,
            lan(),
            Traits {
                encodings: 0,
                ..Traits::default()
            },
        );
        world.run_for(2.0);
        for speaker in [1, 2, 1] {
            for client in &mut world.clients {
                client.microphone = Microphone::Quiet;
            }
            world.clients[speaker].microphone = Microphone::Loud;
            world.run_for(5.0);
            let id = world.clients[speaker].id.clone();
            for client in &world.clients {
                let told = client.texts_of("DominantSpeakerEndpointChangeEvent");
                assert_eq!(told.last().unwrap()["dominantSpeakerEndpoint"], id.as_str());
            }
        }
        let changes = world
            .events
            .iter()
            .filter(|e| matches!(e, Event::DominantSpeaker { .. }));
        assert!(
            (3..=4).contains(&changes.count()),
            "steady while one speaks"
        );
    }
}

#[test]
fn one_who_leaves_is_no_longer_sent_and_one_who_comes_later_is() {
    let mut world = World::call(2, 3, lan(), Traits::default());
    world.watch_all(180);
    world.run_for(2.0);
    world.leave(1);
    world.run_for(0.5);
    let since = world.now;
    let late = world.join(Traits::default());
    world.run_until(10.0, |w| w.clients[late].connected);
    world.open_channel(late);
    world.watch(late, 180);
    world.run_for(4.0);
    assert_eq!(world.clients[0].heard_and_seen(2, since), (0, 0));
    let (audio, video) = world.clients[0].heard_and_seen(4, since);
    assert!(audio > 100 && video > 60, "the newcomer: {audio} {video}");
    let (audio, video) = world.clients[late].heard_and_seen(1, since);
    assert!(
        audio > 100 && video > 60,
        "to the newcomer: {audio} {video}"
    );
}

#[test]
fn sender_reports_arrive_on_the_rewritten_clock() {
    let mut world = World::call(
        1,
        2,
        lan(),
        Traits {
            encodings: 0,
            ..Traits::default()
        },
    );
    world.run_for(6.0);
    let stream = world.clients[1]
        .streams
        .values()
        .find(|s| !s.reports.is_empty())
        .unwrap();
    assert!(stream.reports.len() >= 4);
    for pair in stream.reports.windows(2) {
        let seconds = (pair[1].ntp.0 - pair[0].ntp.0) as f64 / f64::from(u32::MAX);
        let ticks = f64::from(pair[1].timestamp.0.wrapping_sub(pair[0].timestamp.0));
        assert!(
            (ticks - seconds * 48_000.0).abs() < 1_500.0,
            "{ticks} ticks in {seconds} s"
        );
    }
    let last = stream.reports.last().unwrap().timestamp.0;
    let newest = stream.packets.values().last().unwrap().timestamp;
    assert!((newest.wrapping_sub(last) as i32).abs() < 60_000);
}

#[test]
fn a_visitor_is_sent_everything_and_sends_nothing() {
    let mut world = World::new(1, lan());
    world.join(Traits::default());
    world.join(Traits {
        visitor: true,
        ..Traits::default()
    });
    world.run_until(20.0, |w| w.clients.iter().all(|c| c.connected));
    for client in 0..2 {
        world.open_channel(client);
        world.watch(client, 180);
    }
    world.run_for(3.0);
    let (audio, video) = world.clients[1].heard_and_seen(1, world.now - Duration::from_secs(1));
    assert!(audio > 40 && video > 20);
    assert!(world.clients[0].streams.is_empty());
}

#[test]
fn a_ten_minute_call_with_loss_stays_whole() {
    let link = Link {
        latency: Duration::from_millis(15),
        jitter: Duration::from_millis(3),
        loss: 0.01,
        reorder: 0.01,
        ..Link::default()
    };
    let traits = Traits {
        encodings: 1,
        packet_len: 200,
        ..Traits::default()
    };
    let mut world = World::call(2, 3, link, traits);
    world.watch_all(180);
    for minute in 0..10 {
        let speaker = minute % 3;
        for (index, client) in world.clients.iter_mut().enumerate() {
            client.microphone = if index == speaker {
                Microphone::Loud
            } else {
                Microphone::Quiet
            };
        }
        let since = world.now;
        world.run_for(60.0);
        for receiver in &world.clients {
            for sender in world.clients.iter().filter(|s| s.tag != receiver.tag) {
                let (audio, video) = receiver.heard_and_seen(sender.tag, since);
                assert!(audio > 2_850, "minute {minute}: {audio} packets of audio");
                assert!(video > 1_700, "minute {minute}: {video} packets of video");
            }
        }
    }
    let failed = world
        .events
        .iter()
        .any(|e| matches!(e, Event::EndpointFailed { .. }));
    assert!(!failed, "nobody fails");
}

#[test]
fn an_endpoint_whose_client_closed_its_connection_ends_within_seconds() {
    let mut world = World::call(2, 2, lan(), Traits::default());
    world.run_for(2.0);
    let now = world.now;
    world.clients[0].close(now);
    let gone = |world: &World| {
        let failed = world.events.iter().filter_map(|event| match event {
            Event::EndpointFailed { endpoint, .. } => Some(*endpoint),
            _ => None,
        });
        failed.collect::<Vec<_>>() == [world.clients[0].key]
    };
    assert!(!gone(&world));
    world.run_until(6.0, gone);
    world.run_for(6.0);
    assert!(gone(&world), "the other one stays");
}

/// A handshake costs what a thousand packets of media do: a crowd's must not be done at once.
#[test]
fn a_crowd_connects_at_a_rate_that_leaves_the_worker_time_for_media() {
    let mut world = World::call(
        1,
        2,
        Link::new(Duration::from_millis(5), 0.0),
        Traits::default(),
    );
    let visitor = Traits {
        visitor: true,
        encodings: 1,
        ..Traits::default()
    };
    for _ in 0..200 {
        world.join(visitor);
    }
    let connected = |world: &World| world.clients.iter().filter(|c| c.connected).count();
    world.run_for(1.0);
    let soon = connected(&world);
    assert!(soon < 130, "{soon} of 202 after a second");
    world.run_until(10.0, |w| w.clients.iter().all(|c| c.connected));
}
