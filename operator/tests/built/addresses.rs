//! What browsers are told of a bridge's place, and sentences for what cannot be.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use operator::validate;
use operator::world::PoolWorld;
use serde_json::{Value, json};

use crate::worlds::{
    after, build_pool, cluster_world, defaults, find, pool_world, shard_world, typed,
};

fn told(world: &PoolWorld) -> BTreeMap<String, String> {
    let map: ConfigMap = find(&build_pool(world), "ConfigMap", "bridges-addresses");
    map.data.unwrap_or_default()
}

fn node(addresses: Value, annotation: Option<&str>) -> k8s_openapi::api::core::v1::Node {
    let annotations = annotation.map(|text| json!({ "shoal.video/public-address": text }));
    typed(json!({
        "metadata": { "name": "n", "annotations": annotations },
        "status": { "addresses": addresses },
    }))
}

#[test]
fn the_best_known_source_is_taken_with_all_its_addresses() {
    let internal = json!({ "type": "InternalIP", "address": "10.0.0.1" });
    let internal6 = json!({ "type": "InternalIP", "address": "fd00::1" });
    let external = json!({ "type": "ExternalIP", "address": "192.0.2.1" });
    let external6 = json!({ "type": "ExternalIP", "address": "2001:db8::1" });
    let name = json!({ "type": "Hostname", "address": "n" });
    let fixed = json!({ "source": "Static", "static": ["198.51.100.1", "2001:db8::9"] });
    let table = [
        (
            json!({}),
            json!([internal, internal6, name]),
            None,
            "10.0.0.1\nfd00::1\n",
        ),
        (
            json!({}),
            json!([internal, external, external6]),
            None,
            "192.0.2.1\n2001:db8::1\n",
        ),
        (
            json!({}),
            json!([internal]),
            Some("198.51.100.7, 2001:db8::7"),
            "198.51.100.7\n2001:db8::7\n",
        ),
        (
            json!({}),
            json!([internal, external]),
            Some("198.51.100.7"),
            "192.0.2.1\n",
        ),
        (
            json!({}),
            json!([internal]),
            Some("bridge.example.org"),
            "10.0.0.1\n",
        ),
        (
            json!({ "source": "NodeInternal" }),
            json!([internal, external]),
            None,
            "10.0.0.1\n",
        ),
        (
            fixed,
            json!([internal, external]),
            None,
            "198.51.100.1\n2001:db8::9\n",
        ),
    ];
    for (addresses, of_node, annotation, expected) in table {
        let mut world = pool_world(json!({ "exposure": { "addresses": addresses } }));
        world
            .nodes
            .insert("n".into(), Arc::new(node(of_node.clone(), annotation)));
        assert_eq!(told(&world)["node.n"], expected, "{of_node} {annotation:?}");
    }
    let mut world = pool_world(json!({}));
    world
        .nodes
        .insert("n".into(), Arc::new(node(json!([name]), None)));
    assert_eq!(told(&world), BTreeMap::new());
}

#[test]
fn a_node_port_is_told_once_its_service_has_it() {
    let spec = json!({ "exposure": { "type": "NodePort", "basePort": 31000 }, "replicas": 2 });
    let mut world = pool_world(spec);
    assert_eq!(told(&world), BTreeMap::new());
    world.live = after(world.live.clone(), &build_pool(&world));
    let told = told(&world);
    assert_eq!(told["port.bridges-bridge-0"], "31000\n");
    assert_eq!(told["port.bridges-bridge-1"], "31001\n");
}

#[test]
fn a_load_balancer_is_told_by_its_address_and_a_host_name_is_complained_of() {
    let mut world = pool_world(json!({ "exposure": { "type": "LoadBalancer" } }));
    world.live = after(world.live.clone(), &build_pool(&world));
    let service = world.live.services.get_mut("bridges-bridge-0").unwrap();
    service.status = Some(typed(
        json!({ "loadBalancer": { "ingress": [{ "hostname": "lb.example.org" }] } }),
    ));
    let valid = validate::pool(&world, &defaults()).unwrap();
    let warning = &valid.warnings[0];
    assert_eq!(warning.reason, "LoadBalancerWithoutAddress");
    assert!(warning.message.contains("bridges-bridge-0") && !warning.waiting);
    assert_eq!(told(&world), BTreeMap::new());
    let service = world.live.services.get_mut("bridges-bridge-0").unwrap();
    service.status = Some(typed(
        json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } }),
    ));
    assert_eq!(told(&world)["pod.bridges-bridge-0"], "192.0.2.9\n");
}

#[test]
fn what_cannot_be_built_is_said_in_a_sentence() {
    let defaults = defaults();
    let of_cluster =
        |spec: Value| validate::cluster(&cluster_world(spec, &["a"]), &defaults).unwrap_err();
    let mut lonely = shard_world(json!({}), json!({}));
    lonely.cluster = None;
    let mut early = shard_world(json!({}), json!({}));
    early.live.secrets.clear();
    let region = |region: Value| json!({ "frontDoor": { "regions": [region] } });
    let pool = |spec: Value| validate::pool(&pool_world(spec), &defaults).unwrap_err();
    let ports = json!({ "replicas": 100, "exposure": { "type": "NodePort", "basePort": 65_500 } });
    let selector =
        json!({ "shardSelector": { "matchExpressions": [{ "key": "tier", "operator": "In" }] } });
    let table = [
        (
            of_cluster(json!({ "tls": { "secretName": "public" } })),
            "NoSuchSecret",
            "spec.tls.secretName",
        ),
        (
            of_cluster(json!({ "turn": { "host": "turn.example.org", "secretName": "turn" } })),
            "NoSuchSecret",
            "spec.turn.secretName",
        ),
        (
            of_cluster(json!({ "auth": { "mode": "Token", "secretName": "jwt" } })),
            "NoSuchSecret",
            "spec.auth.secretName",
        ),
        (
            of_cluster(region(json!({ "name": "eu", "cidrs": ["192.0.2.0/33"] }))),
            "RegionInvalid",
            "192.0.2.0/33",
        ),
        (
            of_cluster(region(
                json!({ "name": "eu", "headers": { "x y": ["DE"] } }),
            )),
            "RegionInvalid",
            "x y",
        ),
        (
            of_cluster(region(json!({ "name": "eu", "headers": { "x": ["D E"] } }))),
            "RegionInvalid",
            "d e",
        ),
        (
            validate::shard(&lonely, &defaults).unwrap_err(),
            "NoSuchCluster",
            "spec.clusterRef is \"default\"",
        ),
        (
            validate::shard(&early, &defaults).unwrap_err(),
            "WaitingForCluster",
            "default-ca",
        ),
        (
            pool(ports),
            "PortsExhausted",
            "spec.exposure.basePort is 65500",
        ),
        (pool(selector), "SelectorInvalid", "\"tier\""),
    ];
    for (problems, reason, words) in table {
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].reason, reason);
        assert!(
            problems[0].message.contains(words),
            "{}",
            problems[0].message
        );
        assert_eq!(problems[0].waiting, reason == "WaitingForCluster");
    }
}
