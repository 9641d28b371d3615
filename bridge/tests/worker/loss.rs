//! Loss is repaired on both legs.

use std::time::Duration;

use media::simnet::Link;

use crate::world::{Traits, World};

fn lossy() -> Link {
    Link {
        latency: Duration::from_millis(20),
        loss: 0.05,
        reorder: 0.02,
        ..Link::default()
    }
}

#[test]
fn five_percent_loss_on_every_link_is_repaired_by_nack_and_rtx() {
    for (workers, rewriting) in [(1, true), (2, true), (1, false)] {
        let traits = Traits {
            rewriting,
            encodings: 1,
            ..Traits::default()
        };
        let mut world = World::call(workers, 3, lossy(), traits);
        world.watch_all(180);
        world.run_for(30.0);
        for receiver in &world.clients {
            for sender in world.clients.iter().filter(|s| s.tag != receiver.tag) {
                let stream = receiver.video_of(sender.tag).next().unwrap();
                let (first, last) = (stream.packets.keys().next(), stream.packets.keys().last());
                let span = (last.unwrap() - first.unwrap() + 1) as f64;
                let share = stream.packets.len() as f64 / span;
                assert!(stream.repaired > 20, "{} repaired", stream.repaired);
                assert!(share > 0.995, "{share} of what was sent arrived in the end");
            }
        }
        let upstream: u64 = (0..workers)
            .map(|w| world.statistics(w).counters.nacks_sent)
            .sum();
        assert!(upstream > 50, "{upstream} asked of the senders");
    }
}

#[test]
fn receivers_without_rtx_are_sent_the_same_packet_again() {
    let traits = Traits {
        rtx: false,
        encodings: 1,
        rewriting: false,
        ..Traits::default()
    };
    let mut world = World::call(1, 2, Link::new(Duration::from_millis(20), 0.0), traits);
    world.set_downlink(1, Link::new(Duration::from_millis(20), 0.05));
    world.watch_all(180);
    world.run_for(20.0);
    let statistics = world.statistics(0);
    let asked = world.clients[1].asked_again;
    let sent = statistics.counters.retransmissions_sent;
    assert!(sent > 15, "{sent} sent again of {asked} asked for");
    let stream = world.clients[1].video_of(1).next().unwrap();
    stream.assert_unbroken("plain resend");
}
