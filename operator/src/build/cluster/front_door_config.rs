//! ConfigMap of the front door.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ConfigMap, Service};

use super::{Context, FRONT_DOOR};
use crate::build::config_map;
use crate::build::names;
use crate::haproxy::{self, Endpoint, FrontDoor, Listen, Peer, Server, ids};
use crate::validate::PublicCertificate;

/// Connections of one address: twice as many as signalling takes.
const CONNECTIONS: u32 = 4_000;
/// Rooms that nobody has asked for before, of one address in an hour.
const NEW_ROOMS: u32 = 10_000;

pub(super) fn config_map(context: &Context<'_>) -> ConfigMap {
    let mut map = config_map::config_map(
        &context.origin,
        names::front_door(&context.valid.name),
        FRONT_DOOR,
        haproxy::render(&front_door(context)),
    );
    let ids = serde_json::to_string(&context.valid.shard_ids)
        .expect("invariant: names and numbers are JSON");
    map.metadata.annotations = Some([(ids::ANNOTATION.to_owned(), ids)].into());
    map
}

fn front_door(context: &Context<'_>) -> FrontDoor {
    let cluster = &context.valid.name;
    let limits = &context.valid.limits;
    let own = context.world.live.services.get(&names::front_door(cluster));
    let servers = context.valid.shards.iter().filter_map(|shard| {
        let name = names::signalling(&shard.name);
        // A shard comes in once it has an address, so that its coming is one reload.
        if !context.world.live.services.contains_key(&name) && !shard.known {
            return None;
        }
        Some(Server {
            name: shard.name.clone(),
            id: shard.id,
            active: shard.active,
            signalling: endpoint(context, name, 5280),
            health: 5281,
            focus: endpoint(context, names::focus(&shard.name), 8888),
        })
    });
    FrontDoor {
        domain: context.spec().domain.clone(),
        listen: Listen::in_pod(
            own.is_some_and(|service| addresses(service).iter().any(IpAddr::is_ipv6)),
        ),
        proxies: context.proxies_in_front(),
        insist_on_tls: context.valid.certificate != PublicCertificate::SelfSigned,
        servers: servers.collect(),
        web: endpoint(context, names::web(cluster), 8080),
        peers: (0..context.spec().front_door.replicas)
            .map(|ordinal| peer(context, names::front_door_replica(cluster, ordinal)))
            .collect(),
        regions: context.valid.regions.clone(),
        connections_per_address: limits.all_connections().unwrap_or(CONNECTIONS),
        new_rooms_per_address_and_hour: limits.new_rooms.unwrap_or(NEW_ROOMS),
    }
}

fn endpoint(context: &Context<'_>, service: String, port: u16) -> Endpoint {
    let valid = context.valid;
    Endpoint {
        initial: address(context, &service),
        host: format!("{service}.{}.svc.{}", valid.namespace, valid.cluster_domain),
        port,
    }
}

fn peer(context: &Context<'_>, name: String) -> Peer {
    let address = address(context, &name).map(|address| match address {
        IpAddr::V4(address) => format!("{address}:10001"),
        IpAddr::V6(address) => format!("[{address}]:10001"),
    });
    Peer { name, address }
}

/// The address that a Service has for as long as it lives.
fn address(context: &Context<'_>, service: &str) -> Option<IpAddr> {
    let service = context.world.live.services.get(service)?;
    addresses(service).first().copied()
}

fn addresses(service: &Service) -> Vec<IpAddr> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    let all = spec.cluster_ips.iter().flatten().chain(&spec.cluster_ip);
    all.filter_map(|address| address.parse().ok()).collect()
}
