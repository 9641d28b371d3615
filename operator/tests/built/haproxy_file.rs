//! The front door's configuration, as HAProxy itself reads it.

use k8s_openapi::api::core::v1::ConfigMap;
use operator::haproxy::ids;
use operator::world::ClusterWorld;
use serde_json::{Value, json};

use crate::door::{Files, haproxy};
use crate::worlds::{after, build_cluster, build_shard, cluster_world, find, shard, shard_world};

/// The world in which the Services of cluster and shards have their addresses.
fn settled(spec: Value, shards: &[&str]) -> ClusterWorld {
    let mut world = cluster_world(spec, shards);
    world.live = after(Default::default(), &build_cluster(&world));
    for name in shards {
        let mut one = shard_world(json!({}), json!({}));
        one.shard = shard(name, json!({}));
        one.live.secrets = world.live.secrets.clone();
        world.live = after(world.live.clone(), &build_shard(&one));
    }
    world
}

fn config(world: &ClusterWorld) -> ConfigMap {
    find(&build_cluster(world), "ConfigMap", "default-front-door")
}

fn text(world: &ClusterWorld) -> String {
    config(world).data.unwrap()["haproxy.cfg"].clone()
}

fn server<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("server {name} ");
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(&start))
        .collect()
}

#[test]
fn every_configuration_passes_haproxys_own_check() {
    let hundred: Vec<_> = (0..100).map(|number| format!("shard-{number}")).collect();
    let hundred: Vec<_> = hundred.iter().map(String::as_str).collect();
    let networks: Vec<_> = (0..200)
        .map(|number| format!("10.{number}.0.0/16"))
        .collect();
    let regions = json!([
        { "name": "eu", "cidrs": networks, "headers": { "CF-IPCountry": ["DE", "AT"] } },
        { "name": "us", "cidrs": ["2001:db8::/32", "10.0.0.0/16"], "headers": { "cf-ipcountry": ["US", "DE"] } },
    ]);
    let table = [
        settled(json!({}), &[]),
        settled(json!({}), &["a"]),
        settled(json!({ "frontDoor": { "replicas": 20 } }), &["a", "b", "c"]),
        settled(json!({}), &hundred),
        settled(
            json!({ "frontDoor": { "exposure": "Ingress", "regions": regions } }),
            &["a"],
        ),
        settled(
            json!({ "frontDoor": { "exposure": "NodePort", "regions": regions } }),
            &["a"],
        ),
        settled(
            json!({ "frontDoor": { "exposure": "Gateway", "gatewayRef": { "name": "g" } } }),
            &["a"],
        ),
        cluster_world(json!({}), &["a", "b"]),
    ];
    for (row, world) in table.iter().enumerate() {
        let files = Files::of(&format!("check-{row}"), &build_cluster(world));
        let output = haproxy()
            .args(["-c", "-L", "default-front-door-0", "-f"])
            .arg(files.configuration())
            .env("POD_NAME", "default-front-door-0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "row {row}: {said}");
        assert!(!said.contains("WARNING"), "row {row}: {said}");
    }
}

#[test]
fn a_shard_that_drains_or_goes_keeps_its_number_and_gets_no_new_rooms() {
    let mut world = settled(json!({}), &["a", "b", "c"]);
    world.shards[0].spec.state = operator::crd::ShardState::Draining;
    world.shards[1].metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            "2026-01-01T00:00:00Z".parse().unwrap(),
        ));
    let text = text(&world);
    for (name, id, weight) in [("a", 1, 0), ("b", 2, 0), ("c", 3, 100)] {
        let lines = server(&text, name);
        assert_eq!(lines.len(), 2, "signalling and focus");
        for line in lines {
            assert!(
                line.contains(&format!(" id {id} weight {weight}")),
                "{line}"
            );
        }
    }
}

#[test]
fn a_number_is_never_used_for_another_shard() {
    let mut world = settled(json!({}), &["a", "b"]);
    world.live = after(world.live.clone(), &build_cluster(&world));
    world.shards = vec![shard("a", json!({})), shard("c", json!({}))];
    assert_eq!(ids::assign(&world)["c"], 3);
    let kept = &config(&world).metadata.annotations.unwrap()[ids::ANNOTATION];
    assert_eq!(kept, r#"{"a":1,"b":2,"c":3}"#);
    // The configuration is lost; the status remembers.
    world.live.config_maps.clear();
    world.cluster.status = Some(operator::crd::ClusterStatus {
        shard_ids: [("b".to_owned(), 7)].into(),
        ..Default::default()
    });
    assert_eq!(ids::assign(&world)["a"], 8);
}

#[test]
fn a_shard_comes_in_with_its_address_and_a_known_one_stays_without() {
    let mut world = cluster_world(json!({}), &["a"]);
    assert_eq!(server(&text(&world), "a").len(), 0);
    world = settled(json!({}), &["a"]);
    assert!(server(&text(&world), "a")[0].contains("init-addr 10.96."));
    world.live = after(world.live.clone(), &build_cluster(&world));
    world.live.services.clear();
    assert!(server(&text(&world), "a")[0].contains("init-addr none"));
}

#[test]
fn proxies_know_each_other_by_addresses_that_stay() {
    let world = settled(json!({ "frontDoor": { "replicas": 2 } }), &["a"]);
    let text = text(&world);
    for replica in ["default-front-door-0", "default-front-door-1"] {
        let service = &world.live.services[replica];
        let address = service.spec.as_ref().unwrap().cluster_ip.clone().unwrap();
        assert!(
            text.contains(&format!("server {replica} {address}:10001")),
            "{text}"
        );
    }
}

#[test]
fn browsers_insist_on_tls_only_where_they_trust_the_certificate() {
    let own = text(&settled(json!({}), &[]));
    assert!(!own.contains("strict-transport-security"));
    assert!(own.contains("redirect scheme https"));
    let behind = text(&settled(
        json!({ "frontDoor": { "exposure": "Ingress" } }),
        &[],
    ));
    assert!(!behind.contains("redirect scheme https"));
    assert!(behind.contains("strict-transport-security"));
}

#[test]
fn a_front_door_that_is_full_still_says_that_it_serves() {
    for spec in [json!({}), json!({ "frontDoor": { "exposure": "Ingress" } })] {
        let text = text(&settled(spec, &["a"]));
        let places = |section: &str| -> u32 {
            let rest = text.split(&format!("\n{section}\n    maxconn ")).nth(1);
            let number = rest.and_then(|rest| rest.lines().next()?.parse().ok());
            number.unwrap_or_else(|| panic!("{section} has no bound: {text}"))
        };
        let all = text.split("    maxconn 20000\n").count();
        assert_eq!(all, 2, "the process takes 20000");
        let public = places("frontend https") + places("frontend http");
        assert!(public + places("frontend private") < 20_000, "{text}");
    }
}

#[test]
fn a_shards_health_is_asked_for_where_its_clients_take_no_place() {
    let world = settled(json!({}), &["a"]);
    assert!(server(&text(&world), "a")[0].ends_with(" port 5281"));
    let ports = world.live.services["a-signalling"].spec.as_ref().unwrap();
    let mut ports = ports.ports.iter().flatten().map(|port| port.port);
    assert!(ports.any(|port| port == 5281), "its address has that port");
}
