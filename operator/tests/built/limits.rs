//! What one address may use, and how its callers' addresses come to the front door.

use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::{Value, json};

use crate::worlds::{build_cluster, build_shard, cluster_world, find, shard_world};

/// The focus's setting for them.
const MEETINGS: &str = "max_new_conferences_per_second_and_address";

/// Traffic policy of the front door's Service, its configuration, and limits in signalling's and, of new meetings, the focus's.
fn built(spec: &Value) -> (Option<String>, String, toml::Table) {
    let objects = build_cluster(&cluster_world(spec.clone(), &["a"]));
    let service: Service = find(&objects, "Service", "default-front-door");
    let door: ConfigMap = find(&objects, "ConfigMap", "default-front-door");
    let shard = build_shard(&shard_world(spec.clone(), json!({})));
    let shard: ConfigMap = find(&shard, "ConfigMap", "a-shard");
    let file: toml::Table = shard.data.unwrap()["shoal.toml"].parse().unwrap();
    let mut limits = file["signalling"]
        .get("limits")
        .map_or_else(toml::Table::new, |limits| {
            limits.clone().try_into().unwrap()
        });
    if let Some(meetings) = file["focus"].get(MEETINGS) {
        limits.insert(MEETINGS.to_owned(), meetings.clone());
    }
    (
        service.spec.unwrap().external_traffic_policy,
        door.data.unwrap()["haproxy.cfg"].clone(),
        limits,
    )
}

#[test]
fn nodes_do_not_hide_callers_unless_somebody_wants_it_and_then_limits_per_address_are_lifted() {
    for exposure in ["NodePort", "LoadBalancer"] {
        let (policy, door, limits) = built(&json!({ "frontDoor": { "exposure": exposure } }));
        assert_eq!(policy.as_deref(), Some("Local"), "{exposure}");
        assert!(limits.is_empty(), "{limits:?}");
        assert!(door.contains("{ sc1_conn_cur(callers) gt 4000 }"), "{door}");
        assert!(
            door.contains("{ sc0_gpc0_rate(new-rooms) ge 10000 }"),
            "{door}"
        );

        let hidden = json!({ "exposure": exposure, "externalTrafficPolicy": "Cluster" });
        let (policy, door, limits) = built(&json!({ "frontDoor": hidden }));
        assert_eq!(policy.as_deref(), Some("Cluster"), "{exposure}");
        assert_eq!(limits.len(), 6, "not that of passwords: {limits:?}");
        assert!(
            limits
                .values()
                .all(|limit| limit.as_integer() == Some(1_000_000))
        );
        assert!(
            door.contains("{ sc1_conn_cur(callers) gt 2000000 }"),
            "{door}"
        );

        let chosen = json!({ "frontDoor": hidden, "limits": { "sessionsPerAddress": 50_000 } });
        let (.., limits) = built(&chosen);
        assert_eq!(limits["sessions_per_address"].as_integer(), Some(50_000));
    }
    let (policy, ..) = built(&json!({ "frontDoor": { "exposure": "Ingress" } }));
    assert_eq!(policy, None);
}

#[test]
fn limits_that_a_cluster_sets_reach_its_parts() {
    let spec = json!({ "limits": {
        "connectionsPerAddress": 11,
        "sessionsPerAddress": 12,
        "roomsPerAddress": 13,
        "occupantsPerRoomAndAddress": 14,
        "newRoomsPerAddressAndHour": 15,
        "newRoomsPerAddressAndSecond": 16,
        "loginAttemptsPerAddress": 17,
    }});
    let (_, door, limits) = built(&spec);
    for (name, limit) in [
        ("connections_per_address", 11),
        ("sessions_per_address", 12),
        ("rooms_per_address", 13),
        ("occupants_per_room_and_address", 14),
        (MEETINGS, 16),
        ("new_rooms_per_second_and_address", 16),
        ("login_attempts_per_address", 17),
    ] {
        assert_eq!(limits[name].as_integer(), Some(limit), "{name}");
    }
    assert!(door.contains("{ sc1_conn_cur(callers) gt 22 }"), "{door}");
    assert!(
        door.contains("{ sc0_gpc0_rate(new-rooms) ge 15 }"),
        "{door}"
    );
}

#[test]
fn only_so_many_entries_are_believed_as_proxies_stand_in_front() {
    for (door, believed) in [
        (json!({ "exposure": "LoadBalancer" }), None),
        (json!({ "exposure": "Ingress" }), Some(1)),
        (
            json!({ "exposure": "Ingress", "proxiesInFront": 2 }),
            Some(2),
        ),
        (
            json!({ "exposure": "Gateway", "gatewayRef": { "name": "g" }, "proxiesInFront": 3 }),
            Some(3),
        ),
    ] {
        let (_, text, _) = built(&json!({ "frontDoor": door }));
        let found = text
            .split("req.hdr(x-forwarded-for,-")
            .nth(1)
            .and_then(|rest| rest.split(')').next()?.parse::<u32>().ok());
        assert_eq!(found, believed, "{door}");
    }
}
