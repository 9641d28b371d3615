//! What holds for every object, whatever the spec.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use operator::desired::Desired;
use serde_json::{Value, json};

use crate::worlds::{
    after, build_cluster, build_pool, build_shard, cluster_world, find, pool_world, shard,
    shard_world, typed,
};

/// Each spec that builds something else, with what is built.
fn table() -> Vec<(String, Vec<Desired>)> {
    let mut all = Vec::new();
    for door in [
        json!({}),
        json!({ "exposure": "NodePort", "nodePort": 30443, "replicas": 3 }),
        json!({ "exposure": "Ingress", "ingressClassName": "traefik" }),
        json!({ "exposure": "Gateway", "gatewayRef": { "name": "public" } }),
        json!({ "exposure": "None", "annotations": { "a.example/b": "c" } }),
        json!({ "regions": [{ "name": "eu", "cidrs": ["192.0.2.0/24"] }] }),
    ] {
        let name = format!("front door {door}");
        let tls = json!({ "issuerRef": { "name": "public" } });
        all.push((
            name,
            build_cluster(&cluster_world(
                json!({ "frontDoor": door, "tls": tls }),
                &["a", "b"],
            )),
        ));
    }
    for spec in [
        json!({}),
        json!({ "region": "eu" }),
        json!({ "focus": { "bridgeSelection": "RegionBased" } }),
        json!({ "signalling": { "env": [{ "name": "RUST_LOG", "value": "debug" }] } }),
    ] {
        let turn = json!({ "jwksUrl": "https://id.example.org/keys", "mode": "Token" });
        let built = build_shard(&shard_world(json!({ "auth": turn }), spec.clone()));
        all.push((format!("shard {spec}"), built));
    }
    for spec in [
        json!({}),
        json!({ "exposure": { "type": "NodePort", "basePort": 31000 }, "replicas": 3 }),
        json!({ "exposure": { "type": "LoadBalancer" }, "replicas": 2 }),
        json!({ "exposure": { "type": "HostNetwork" } }),
        json!({ "autoscaling": { "maxReplicas": 5, "targetNetworkBytesPerSecond": 1_000_000, "targetStressPercent": 70 } }),
    ] {
        all.push((format!("pool {spec}"), build_pool(&pool_world(spec))));
    }
    all
}

fn template(one: &Desired) -> Option<Value> {
    ["StatefulSet", "Deployment"]
        .contains(&one.resource.kind.as_str())
        .then(|| one.object.data["spec"]["template"].clone())
}

#[test]
fn every_object_is_owned_labelled_and_has_a_name_of_its_own() {
    for (case, objects) in table() {
        let mut names = BTreeSet::new();
        for one in &objects {
            let at = format!("{case}: {}", one.label());
            let meta = &one.object.metadata;
            let name = meta.name.as_deref().unwrap();
            assert!(names.insert(one.label()), "{at} is built twice");
            assert!(name.len() <= 63, "{at}");
            assert_eq!(meta.namespace.as_deref(), Some("meet"), "{at}");
            let owner = &meta.owner_references.as_ref().unwrap()[0];
            assert_eq!(owner.controller, Some(true), "{at}");
            assert_eq!(owner.block_owner_deletion, Some(true), "{at}");
            assert_eq!(owner.uid, format!("uid-of-{}", owner.name), "{at}");
            let labels = meta.labels.as_ref().unwrap();
            assert_eq!(
                labels["app.kubernetes.io/managed-by"], "shoal-operator",
                "{at}"
            );
            assert_eq!(labels["app.kubernetes.io/name"], "shoal", "{at}");
            assert_eq!(labels["app.kubernetes.io/instance"], owner.name, "{at}");
            assert_eq!(labels["shoal.video/cluster"], "default", "{at}");
            assert!(labels.contains_key("app.kubernetes.io/component"), "{at}");
        }
    }
}

/// What Pod Security level `restricted` says of a pod (Kubernetes, Pod Security Standards).
fn complaints(spec: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            all.push(what);
        }
    };
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        must(spec[host] != json!(true), host.into());
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let allowed = [
            "configMap",
            "secret",
            "emptyDir",
            "projected",
            "persistentVolumeClaim",
        ];
        let kinds = volume
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "name");
        for kind in kinds {
            must(allowed.contains(&kind.as_str()), format!("volume {kind}"));
        }
    }
    let pod = &spec["securityContext"];
    must(pod["runAsNonRoot"] == json!(true), "runAsNonRoot".into());
    must(
        pod["runAsUser"].as_i64().is_some_and(|user| user > 0),
        "runAsUser".into(),
    );
    must(
        pod["seccompProfile"]["type"] == json!("RuntimeDefault"),
        "seccompProfile".into(),
    );
    for container in spec["containers"].as_array().unwrap() {
        let own = &container["securityContext"];
        must(
            own["allowPrivilegeEscalation"] == json!(false),
            "escalation".into(),
        );
        must(
            own["capabilities"] == json!({ "drop": ["ALL"] }),
            "capabilities".into(),
        );
        must(
            own["readOnlyRootFilesystem"] == json!(true),
            "read-only root".into(),
        );
        must(own.get("privileged").is_none(), "privileged".into());
        for port in container["ports"].as_array().into_iter().flatten() {
            must(port.get("hostPort").is_none(), "hostPort".into());
        }
    }
    all
}

#[test]
fn every_pod_is_restricted_but_bridges_that_use_ports_of_their_node() {
    let mut at_node = 0;
    for (case, objects) in table() {
        for template in objects.iter().filter_map(template) {
            let spec = &template["spec"];
            let found = complaints(spec);
            let component = &template["metadata"]["labels"]["app.kubernetes.io/component"];
            if component == "bridge" && !found.is_empty() {
                at_node += 1;
                for complaint in found {
                    assert!(
                        ["hostPort", "hostNetwork"].contains(&complaint.as_str()),
                        "{case}: {complaint}"
                    );
                }
            } else {
                assert_eq!(found, Vec::<String>::new(), "{case}");
            }
            assert_eq!(spec["automountServiceAccountToken"], json!(false), "{case}");
            // Otherwise a Service named shoal would become a setting that no part knows.
            assert_eq!(spec["enableServiceLinks"], json!(false), "{case}");
            for container in spec["containers"].as_array().unwrap() {
                assert!(
                    container.get("livenessProbe").is_some(),
                    "{case}: {}",
                    container["name"]
                );
            }
        }
    }
    assert_eq!(at_node, 3, "HostPort twice, HostNetwork once");
}

#[test]
fn building_again_from_what_is_there_changes_nothing() {
    let world = cluster_world(
        json!({ "frontDoor": { "exposure": "Ingress" } }),
        &["a", "b"],
    );
    let settled = |live| operator::world::ClusterWorld {
        live,
        ..world.clone()
    };
    let first = settled(after(Default::default(), &build_cluster(&world)));
    let mut shards = first.live.clone();
    for name in ["a", "b"] {
        let mut one = shard_world(json!({}), json!({}));
        one.shard = shard(name, json!({}));
        one.live.secrets = first.live.secrets.clone();
        shards = after(shards, &build_shard(&one));
    }
    let second = settled(after(shards.clone(), &build_cluster(&settled(shards))));
    assert_eq!(build_cluster(&second), build_cluster(&second));
    assert_eq!(
        after(second.live.clone(), &build_cluster(&second)).secrets,
        second.live.secrets
    );

    let mut world = shard_world(json!({}), json!({}));
    let first = build_shard(&world);
    world.live = after(world.live, &first);
    assert_eq!(build_shard(&world), first);

    let mut world = pool_world(json!({ "exposure": { "type": "LoadBalancer" } }));
    let first = build_pool(&world);
    world.live = after(world.live, &first);
    assert_eq!(build_pool(&world), first);
}

fn templates(objects: &[Desired]) -> Vec<(String, Value)> {
    let all = objects
        .iter()
        .filter_map(|one| Some((one.label(), template(one)?)));
    all.collect()
}

#[test]
fn what_programs_read_while_they_run_replaces_no_pod() {
    let few = cluster_world(json!({}), &["a"]);
    let mut many = cluster_world(json!({}), &["a", "b"]);
    many.live = after(Default::default(), &build_cluster(&few));
    assert_eq!(
        templates(&build_cluster(&few)),
        templates(&build_cluster(&many)),
        "a shard more"
    );

    let alone = shard_world(json!({}), json!({}));
    let mut beside = alone.clone();
    beside.others = vec![shard("b", json!({}))];
    let (alone, beside) = (build_shard(&alone), build_shard(&beside));
    assert_eq!(
        templates(&alone),
        templates(&beside),
        "another shard beside it"
    );
    assert_ne!(alone, beside, "and yet its next start knows of it");

    let one = pool_world(json!({}));
    let mut two = one.clone();
    two.shards.push(shard("b", json!({})));
    two.nodes.insert("node".into(), Arc::new(typed(json!({ "status": { "addresses": [{ "type": "InternalIP", "address": "192.0.2.1" }] } }))));
    two.live
        .secrets
        .insert("b-accounts".into(), two.live.secrets["a-accounts"].clone());
    let (one, two) = (build_pool(&one), build_pool(&two));
    assert_eq!(templates(&one), templates(&two), "a shard and a node more");
    assert_ne!(one, two, "and yet bridges are told");
}

#[test]
fn a_change_that_needs_a_new_start_replaces_the_pods_that_it_concerns() {
    let changed = |one: &[Desired], other: &[Desired]| -> Vec<String> {
        let pairs = templates(one).into_iter().zip(templates(other));
        pairs
            .filter(|(one, other)| one != other)
            .map(|(one, _)| one.0)
            .collect()
    };
    let plain = build_shard(&shard_world(json!({}), json!({})));
    let focus = build_shard(&shard_world(
        json!({}),
        json!({ "focus": { "participantsPerBridge": 40 } }),
    ));
    assert_eq!(changed(&plain, &focus), ["StatefulSet/a-focus"]);
    let auth = json!({ "auth": { "mode": "Token", "jwksUrl": "https://id.example.org/keys" } });
    let token = build_shard(&shard_world(auth, json!({})));
    assert_eq!(changed(&plain, &token), ["StatefulSet/a-signalling"]);
    let page = build_cluster(&cluster_world(
        json!({ "web": { "config": { "lastN": 5 } } }),
        &[],
    ));
    let plain = build_cluster(&cluster_world(json!({}), &[]));
    assert_eq!(changed(&plain, &page), ["Deployment/default-web"]);
}

#[test]
fn a_bridges_service_stays_until_its_pod_is_gone() {
    let mut world =
        pool_world(json!({ "exposure": { "type": "NodePort", "basePort": 31000 }, "replicas": 1 }));
    world.live.pods.insert(
        "bridges-bridge-4".into(),
        typed(json!({ "metadata": { "name": "bridges-bridge-4" } })),
    );
    let service: Service = find(&build_pool(&world), "Service", "bridges-bridge-4");
    let spec = service.spec.unwrap();
    assert_eq!(spec.ports.unwrap()[0].node_port, Some(31_004));
    assert_eq!(spec.publish_not_ready_addresses, Some(true));
    assert_eq!(spec.external_traffic_policy.as_deref(), Some("Local"));
}

#[test]
fn variables_of_the_spec_win_over_ours_and_none_is_there_twice() {
    let env =
        json!([{ "name": "NODE_NAME", "value": "mine" }, { "name": "RUST_LOG", "value": "debug" }]);
    let built = build_pool(&pool_world(json!({ "pods": { "env": env } })));
    let set: StatefulSet = find(&built, "StatefulSet", "bridges-bridge");
    let env = set.spec.unwrap().template.spec.unwrap().containers[0]
        .env
        .clone()
        .unwrap();
    let names: BTreeSet<_> = env.iter().map(|one| one.name.clone()).collect();
    assert_eq!(names.len(), env.len());
    let node = env.iter().find(|one| one.name == "NODE_NAME").unwrap();
    assert_eq!(node.value.as_deref(), Some("mine"));
    assert!(names.contains("RUST_LOG"));
}
