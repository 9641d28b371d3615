//! ICE restarts in place.

use std::net::SocketAddr;
use std::time::Duration;

use bridge::command::{
    Command, EndpointUpdate, IceCredentials, RemoteTransport, RestartIce, UpdateEndpoint,
};
use bridge::event::Event;
use media::simnet::Link;
use media::transport;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::world::{Traits, World};

#[test]
fn media_flows_on_through_an_ice_restart_and_untagged_credentials_are_ignored() {
    for workers in [1, 2] {
        let link = Link::new(Duration::from_millis(5), 0.0);
        let mut world = World::call(workers, 2, link, Traits::default());
        world.watch_all(180);
        world.run_for(2.0);
        let mut rng = SmallRng::seed_from_u64(8);
        let (worker, endpoint) = (world.clients[1].worker, world.clients[1].key);
        let ours = IceCredentials {
            ufrag: worker.in_ufrag(99),
            ..IceCredentials::generate(&mut rng)
        };
        let theirs = IceCredentials::generate(&mut rng);
        let restart = RestartIce {
            endpoint,
            local_ice: ours.clone(),
            generation: 1,
        };
        world.command(worker, Command::RestartIce(restart));
        let answered = |e: &Event| matches!(e, Event::IceRestarted { started: true, .. });
        assert!(world.events.iter().any(answered));

        let mut update = |generation, credentials: IceCredentials| {
            let transport = RemoteTransport {
                ice: Some(credentials),
                generation,
                ..RemoteTransport::default()
            };
            let update = EndpointUpdate {
                transport: Some(transport),
                ..EndpointUpdate::default()
            };
            world.command(
                worker,
                Command::UpdateEndpoint(Box::new(UpdateEndpoint { endpoint, update })),
            );
        };
        update(None, IceCredentials::generate(&mut rng));
        update(Some(1), theirs.clone());

        let now = world.now;
        let remote = transport::RemoteTransport {
            credentials: ours,
            ..world.signalled_bridge()
        };
        let client = &mut world.clients[1].transport;
        client.restart_ice(theirs, now);
        client.set_remote(remote, now).unwrap();
        let since = world.now;
        world.run_for(10.0);
        for (receiver, sender) in [(0, 2), (1, 1)] {
            let (audio, video) = world.clients[receiver].heard_and_seen(sender, since);
            assert!(audio > 490 && video > 290, "without a gap: {audio} {video}");
        }
        let failed = world
            .events
            .iter()
            .any(|e| matches!(e, Event::EndpointFailed { .. }));
        assert!(!failed);
    }
}

/// Both sides of a restart of ICE, signalled as the focus does.
fn restart(world: &mut World, client: usize, rng: &mut SmallRng) {
    let (worker, endpoint) = (world.clients[client].worker, world.clients[client].key);
    let ours = IceCredentials {
        ufrag: worker.in_ufrag(1_000 + client as u64),
        ..IceCredentials::generate(rng)
    };
    let theirs = IceCredentials::generate(rng);
    let restart = RestartIce {
        endpoint,
        local_ice: ours.clone(),
        generation: 1,
    };
    world.command(worker, Command::RestartIce(restart));
    let transport = RemoteTransport {
        ice: Some(theirs.clone()),
        generation: Some(1),
        ..RemoteTransport::default()
    };
    let update = EndpointUpdate {
        transport: Some(transport),
        ..EndpointUpdate::default()
    };
    let update = UpdateEndpoint { endpoint, update };
    world.command(worker, Command::UpdateEndpoint(Box::new(update)));
    let remote = transport::RemoteTransport {
        credentials: ours,
        ..world.signalled_bridge()
    };
    let now = world.now;
    let client = &mut world.clients[client].transport;
    client.restart_ice(theirs, now);
    client.set_remote(remote, now).unwrap();
}

/// A lease ended: the machine has another address than when the endpoints were made.
#[test]
fn an_ice_restart_leads_to_the_address_that_the_bridge_has_by_then() {
    for workers in [1, 2] {
        let link = Link::new(Duration::from_millis(5), 0.0);
        let mut world = World::call(workers, 2, link, Traits::default());
        world.watch_all(180);
        world.run_for(2.0);
        world.bridge = SocketAddr::from(([192, 0, 2, 99], 10_000));
        for worker in &mut world.workers {
            worker.set_local_addresses(vec![world.bridge]);
        }
        world.run_for(1.0);
        let mut rng = SmallRng::seed_from_u64(9);
        for client in [0, 1] {
            restart(&mut world, client, &mut rng);
        }
        world.run_for(5.0);
        let since = world.now;
        world.run_for(5.0);
        for (receiver, sender) in [(0, 2), (1, 1)] {
            let (audio, video) = world.clients[receiver].heard_and_seen(sender, since);
            assert!(audio > 240 && video > 140, "{audio} {video}");
        }
    }
}
