//! What stands between the parts and whoever else reaches them inside the cluster.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use operator::desired::Desired;
use operator::world::ClusterWorld;
use serde_json::{Value, json};

use crate::worlds::{
    build_cluster, build_pool, build_shard, cluster_world, find, pool_world, secret_text,
    shard_world, typed,
};

/// Components that may reach a port; other namespaces and everything in this one are told too.
fn let_in(objects: &[Desired], policy: &str, port: i64) -> Vec<String> {
    let policy: NetworkPolicy = find(objects, "NetworkPolicy", policy);
    let policy = serde_json::to_value(policy).unwrap();
    let rules = policy["spec"]["ingress"].as_array().unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["ports"][0]["port"] == port)
        .unwrap_or_else(|| panic!("{policy} says nothing of {port}"));
    let peer = |peer: &Value| {
        let component = &peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"];
        let of = |value: &Value| value.as_str().map(str::to_owned);
        of(component)
            .or_else(|| peer.get("namespaceSelector").map(|_| "operator".into()))
            .unwrap_or_else(|| "here".into())
    };
    rule["from"]
        .as_array()
        .into_iter()
        .flatten()
        .map(peer)
        .collect()
}

#[test]
fn only_the_front_door_reaches_the_ports_at_which_it_is_believed() {
    let shard = build_shard(&shard_world(json!({}), json!({})));
    let cluster = build_cluster(&cluster_world(json!({}), &["a"]));
    assert_eq!(let_in(&shard, "a-signalling", 5280), ["front-door"]);
    assert_eq!(let_in(&shard, "a-focus", 8888), ["front-door"]);
    assert_eq!(let_in(&cluster, "default-web", 8080), ["front-door"]);
    // The front door asks signalling how it is; measuring is for anybody here.
    assert_eq!(
        let_in(&shard, "a-signalling", 5281),
        ["front-door", "operator", "here"]
    );
    assert_eq!(let_in(&shard, "a-focus", 8889), ["operator", "here"]);
    assert_eq!(let_in(&cluster, "default-web", 8081), ["operator", "here"]);
}

#[test]
fn no_probe_takes_a_place_of_a_client() {
    let shard = build_shard(&shard_world(json!({}), json!({})));
    let cluster = build_cluster(&cluster_world(json!({}), &["a"]));
    for (objects, kind, name, port) in [
        (&shard, "StatefulSet", "a-signalling", 5281),
        (&shard, "StatefulSet", "a-focus", 8889),
        (&cluster, "Deployment", "default-web", 8081),
        (&cluster, "StatefulSet", "default-front-door", 8404),
    ] {
        let workload: Value = find(objects, kind, name);
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], port, "{name} {probe}");
        }
    }
}

#[test]
fn orders_need_what_only_the_operator_and_the_part_have() {
    for kind in ["HostPort", "HostNetwork"] {
        let pool = build_pool(&pool_world(json!({ "exposure": { "type": kind } })));
        let secret: Secret = find(&pool, "Secret", "bridges-orders");
        assert_eq!(secret_text(&secret, "operator").len(), 64);
        let file: ConfigMap = find(&pool, "ConfigMap", "bridges-bridge");
        let file: toml::Table = file.data.unwrap()["shoal.toml"].parse().unwrap();
        let path = file["bridge"]["private_token_file"].as_str().unwrap();
        let set: Value = find(&pool, "StatefulSet", "bridges-bridge");
        assert!(mounts(&set, path, "bridges-orders"), "{set}");
    }
    let shard = build_shard(&shard_world(json!({}), json!({})));
    let secret: Secret = find(&shard, "Secret", "a-accounts");
    assert_eq!(secret_text(&secret, "operator").len(), 64);
    let file: ConfigMap = find(&shard, "ConfigMap", "a-shard");
    let file: toml::Table = file.data.unwrap()["shoal.toml"].parse().unwrap();
    let path = file["focus_service"]["private_token_file"]
        .as_str()
        .unwrap();
    let focus: Value = find(&shard, "StatefulSet", "a-focus");
    assert!(mounts(&focus, path, "a-accounts"), "{focus}");
    let signalling: Value = find(&shard, "StatefulSet", "a-signalling");
    assert!(
        !mounts(&signalling, path, "a-accounts"),
        "it gives no orders and takes none"
    );
}

#[test]
fn all_servers_of_a_cluster_seal_what_pages_keep_of_rooms_with_one_secret_that_stays() {
    let secret = |world: &ClusterWorld| -> Secret {
        find(&build_cluster(world), "Secret", "default-room-memory")
    };
    let mut world = cluster_world(json!({}), &["a", "b"]);
    let made = secret(&world);
    assert_eq!(secret_text(&made, "secret").len(), 64);
    assert_ne!(secret(&world).data, made.data);
    let name = "default-room-memory".to_owned();
    world.live.secrets.insert(name, made.clone());
    assert_eq!(secret(&world).data, made.data);

    let shard = build_shard(&shard_world(json!({}), json!({})));
    let file: ConfigMap = find(&shard, "ConfigMap", "a-shard");
    let file: toml::Table = file.data.unwrap()["shoal.toml"].parse().unwrap();
    let path = file["signalling"]["rooms"]["memory_secret_file"]
        .as_str()
        .unwrap();
    let signalling: Value = find(&shard, "StatefulSet", "a-signalling");
    assert!(
        mounts(&signalling, path, "default-room-memory"),
        "{signalling}"
    );
    let focus: Value = find(&shard, "StatefulSet", "a-focus");
    assert!(
        !mounts(&focus, path, "default-room-memory"),
        "it opens none"
    );
}

/// Whether the path is a key of the Secret.
fn mounts(set: &Value, path: &str, secret: &str) -> bool {
    let pod = &set["spec"]["template"]["spec"];
    let (directory, key) = path.rsplit_once('/').unwrap();
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let Some(mount) = mounts.iter().find(|mount| mount["mountPath"] == directory) else {
        return false;
    };
    let volumes = pod["volumes"].as_array().unwrap();
    volumes.iter().any(|volume| {
        let source = &volume["secret"];
        let items = source["items"].as_array();
        volume["name"] == mount["name"]
            && source["secretName"] == secret
            && items.is_none_or(|items| items.iter().any(|item| item["path"] == key))
    })
}

#[test]
fn keys_of_tokens_are_taken_while_signalling_runs_and_an_authority_at_its_next_start() {
    let auth = json!({ "auth": { "mode": "Token", "jwksSecretName": "keys" } });
    let fetched = json!({ "auth": {
        "mode": "Token", "jwksUrl": "https://id.example.org/keys", "caSecretName": "keys",
    }});
    let start = |spec: &Value, text: &str| {
        // "e30=" is {}, and so on: any text will do.
        let secret = json!({ "metadata": { "name": "keys" }, "data": { "jwks.json": text, "ca.crt": text } });
        let mut world = shard_world(json!({}), json!({}));
        world.cluster.as_mut().unwrap().spec.auth = typed(spec["auth"].clone());
        world.live.secrets.insert("keys".into(), typed(secret));
        let set: StatefulSet = find(&build_shard(&world), "StatefulSet", "a-signalling");
        let template = set.spec.unwrap().template.metadata.unwrap();
        template.annotations.unwrap()["shoal.video/configuration"].clone()
    };
    assert_eq!(start(&auth, "e30="), start(&auth, "W10="));
    assert_ne!(start(&fetched, "e30="), start(&fetched, "W10="));
}
