//! The packet path allocates nothing once it is warm.

use std::time::Duration;

use media::simnet::Link;

use crate::world::{Traits, World};

#[test]
fn forwarding_allocates_nothing_per_packet_after_warm_up() {
    for workers in [1, 2] {
        let link = Link::new(Duration::from_millis(5), 0.0);
        let mut world = World::call(
            workers,
            3,
            link,
            Traits {
                encodings: 1,
                ..Traits::default()
            },
        );
        world.watch_all(180);
        world.run_for(12.0);
        let (mut datagrams, mut allocations) = (0, 0);
        // Between the timers: only datagrams in, datagrams out, and those handed over.
        for _ in 0..200 {
            let (count, allocated) = world.forward_counted(0.01);
            datagrams += count;
            allocations += allocated;
        }
        assert!(datagrams > 300, "{datagrams} datagrams");
        assert_eq!(
            allocations, 0,
            "for {datagrams} datagrams on {workers} workers"
        );
    }
}
