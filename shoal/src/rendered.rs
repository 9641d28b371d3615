//! What the operator renders is what the parts read.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use operator::desired::Desired;
use operator::world::{ClusterWorld, Defaults, Live, PoolWorld, ShardWorld};
use operator::{build, scale, validate};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::settings::Settings;

fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn resource<T: DeserializeOwned>(kind: &str, name: &str, spec: Value) -> T {
    typed(json!({
        "apiVersion": "shoal.video/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": "meet", "uid": name },
        "spec": spec,
    }))
}

fn find<T: DeserializeOwned>(objects: &[Desired], label: &str) -> T {
    let one = objects.iter().find(|one| one.label() == label).unwrap();
    typed(serde_json::to_value(&one.object).unwrap())
}

fn secrets(objects: &[Desired], live: &mut Live) {
    for one in objects.iter().filter(|one| one.resource.kind == "Secret") {
        let name = one.object.metadata.name.clone().unwrap();
        live.secrets
            .insert(name, typed(serde_json::to_value(&one.object).unwrap()));
    }
}

/// The objects of a cluster, a shard and a pool that say everything there is to say.
fn objects() -> Vec<Desired> {
    objects_with(
        json!({ "mode": "Token", "guests": true, "secretName": "given", "issuers": ["us"] }),
    )
}

fn objects_with(auth: Value) -> Vec<Desired> {
    let defaults = Defaults {
        shoal_image: "shoal".into(),
        haproxy_image: "haproxy".into(),
        pull_policy: "Always".into(),
        cluster_domain: "cluster.local".into(),
        operator_namespace: "shoal-system".into(),
    };
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let mut live = Live::default();
    let text = "c2VjcmV0";
    let secret: Secret = typed(json!({ "metadata": { "name": "given" }, "data": {
        "secret": text, "public.pem": text, "jwks.json": text, "ca.crt": text,
    } }));
    live.secrets.insert("given".into(), secret);
    let cluster: operator::crd::JitsiCluster = resource(
        "JitsiCluster",
        "default",
        json!({
            "domain": "meet.example.org",
            "auth": auth,
            "limits": {
                "connectionsPerAddress": 9,
                "sessionsPerAddress": 7,
                "loginAttemptsPerAddress": 11,
                "newRoomsPerAddressAndSecond": 13,
            },
            "turn": { "host": "turn.example.org", "tlsPort": 443, "secretName": "given" },
            "web": { "frameAncestors": ["https://a.example.org"], "corsOrigins": ["https://a.example.org"], "config": { "lastN": 5, "nothing": null, "list": [1, null], "nested": { "a": "b" } } },
        }),
    );
    let shard: operator::crd::JitsiShard = resource(
        "JitsiShard",
        "a",
        json!({
            "region": "eu", "focus": { "bridgeSelection": "RegionBased", "participantsPerBridge": 40 },
        }),
    );
    let pool = resource(
        "BridgePool",
        "bridges",
        json!({ "region": "eu", "exposure": { "port": 12000 } }),
    );
    let mut random = rand::rng();

    let world = ClusterWorld {
        cluster: cluster.clone(),
        shards: vec![shard.clone()],
        pools: Vec::new(),
        live: live.clone(),
        front_door: Default::default(),
        now,
    };
    let mut all = build::cluster(
        &validate::cluster(&world, &defaults).unwrap(),
        &world,
        &mut rand::rng(),
    );
    secrets(&all, &mut live);
    let world = ShardWorld {
        shard: shard.clone(),
        cluster: Some(cluster.clone()),
        others: vec![resource("JitsiShard", "b", json!({}))],
        pools: Vec::new(),
        live: live.clone(),
        focus: None,
        signalling: None,
        now,
    };
    let of_shard = build::shard(
        &validate::shard(&world, &defaults).unwrap(),
        &world,
        &mut random,
    );
    secrets(&of_shard, &mut live);
    all.extend(of_shard);
    let world = PoolWorld {
        pool,
        cluster: Some(cluster),
        shards: vec![shard],
        live,
        nodes: Default::default(),
        bridges: Default::default(),
        now,
    };
    all.extend(build::pool(
        &validate::pool(&world, &defaults).unwrap(),
        &world,
        &scale::plan(&world),
        &mut random,
    ));
    all
}

fn settings(objects: &[Desired], config_map: &str) -> Settings {
    let map: ConfigMap = find(objects, &format!("ConfigMap/{config_map}"));
    let text = &map.data.unwrap()["shoal.toml"];
    toml::from_str(text).unwrap_or_else(|error| panic!("{config_map}: {error}\n{text}"))
}

fn text(secret: &Secret, key: &str) -> String {
    String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
}

#[test]
fn each_part_reads_its_configuration() {
    let objects = objects();
    let shard = settings(&objects, "a-shard");
    let signalling = shard.signalling;
    assert_eq!(signalling.domain, "meet.example.org");
    assert_eq!(signalling.shard, "a");
    assert_eq!(signalling.auth.mode, signalling::config::AuthMode::Both);
    assert_eq!(signalling.turn.services.len(), 3);
    assert_eq!(signalling.return_after_seconds.as_secs(), 5);
    assert_eq!(
        shard.focus.bridges.strategy,
        focus::config::StrategyName::RegionBased
    );
    assert_eq!(shard.focus.bridges.max_participants, 40);
    assert_eq!(
        shard.focus_service.address,
        "a-signalling.meet.svc.cluster.local:5222"
    );
    let bridge = settings(&objects, "bridges-bridge").bridge;
    assert_eq!((bridge.udp_port, bridge.region.as_str()), (12_000, "eu"));
    assert_eq!(signalling.limits.sessions_per_address, 7);
    assert_eq!(signalling.limits.connections_per_address, 9);
    assert_eq!(signalling.limits.login_attempts_per_address, 11);
    assert_eq!(signalling.limits.new_rooms_per_second_and_address, 13);
    assert_eq!(shard.focus.max_new_conferences_per_second_and_address, 13);
    assert_eq!(shard.http.connections_per_address, 18);
    assert_eq!(shard.focus.cors_origins, ["https://a.example.org"]);
    let service = shard.focus_service;
    assert_eq!(
        service.private_token_file.unwrap(),
        Path::new("/etc/shoal/accounts/operator")
    );
    assert_eq!(
        bridge.private_token_file.unwrap(),
        Path::new("/etc/shoal/orders/operator")
    );
    let port = |address: Option<SocketAddr>| address.unwrap().port();
    assert_eq!(port(signalling.listen.private), 5281);
    assert_eq!(port(service.private_http), 8889);
    let web = settings(&objects, "default-web").web;
    assert_eq!(port(web.private_listen), 8081);
    assert_eq!(web.frame_ancestors, ["https://a.example.org"]);
    assert_eq!(web.page["lastN"], 5);
    assert_eq!(web.page["list"], json!([1]));
    assert_eq!(web.signalling_url, None, "the front door leads there");
}

#[test]
fn every_way_to_check_tokens_is_read_by_signalling() {
    for (keys, read) in [
        (
            json!({ "secretName": "given", "algorithm": "HS512" }),
            "secret_file",
        ),
        (json!({ "publicKeySecretName": "given" }), "public_key_file"),
        (json!({ "jwksSecretName": "given" }), "jwks_file"),
        (
            json!({ "jwksUrl": "https://id.example.org/keys", "refresh": "1h", "caSecretName": "given" }),
            "jwks_url",
        ),
        (
            json!({ "asapKeyServer": "https://id.example.org" }),
            "asap_key_server",
        ),
    ] {
        let mut auth = json!({
            "mode": "Token", "requireExpiry": false, "endsSession": true, "requireRoomClaim": false,
            "domainVerification": true, "affiliation": true, "audiences": ["jitsi"],
        });
        auth.as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        let signalling = settings(&objects_with(auth), "a-shard").signalling;
        let token = signalling.auth.token.unwrap();
        let written = serde_json::to_value(&token.keys).unwrap();
        assert!(written.get(read).is_some(), "{written} is {read}");
        assert!(!token.require_expiry && token.ends_session && !token.require_room_claim);
        assert!(token.domain_verification && token.affiliation);
        assert_eq!(token.audiences, ["jitsi"]);
        assert_eq!(token.ca_file.is_some(), keys.get("caSecretName").is_some());
        assert_eq!(token.algorithm.is_some(), keys.get("algorithm").is_some());
        if keys.get("refresh").is_some() {
            assert_eq!(token.refresh.as_secs(), 3600);
        }
    }
}

#[test]
fn a_bridge_reads_its_shards() {
    #[derive(serde::Deserialize)]
    struct File {
        shards: Vec<bridge::config::Shard>,
    }
    let secret: Secret = find(&objects(), "Secret/bridges-shards");
    let file: File = toml::from_str(&text(&secret, "shards.toml")).unwrap();
    let shard = &file.shards[0];
    assert_eq!(shard.address, "a-signalling.meet.svc.cluster.local:5222");
    assert_eq!(shard.domain, "auth.meet.example.org");
    let password = shard.password_file.as_ref().unwrap().file_name().unwrap();
    assert!(
        secret
            .data
            .unwrap()
            .contains_key(password.to_str().unwrap())
    );
}

#[test]
fn signallings_certificate_is_good_for_those_who_log_in() {
    let objects = objects();
    let own: Secret = find(&objects, "Secret/a-signalling-tls");
    let trusted: Secret = find(&objects, "Secret/bridges-shards");
    let mut roots = rustls::RootCertStore::empty();
    let bundle = text(&trusted, "ca.crt");
    for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let leaf = CertificateDer::from_pem_slice(text(&own, "tls.crt").as_bytes()).unwrap();
    let good = |name: &str| {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(&leaf, &[], &name, &[], UnixTime::now())
            .is_ok()
    };
    for name in [
        "meet.example.org",
        "auth.meet.example.org",
        "a-signalling.meet.svc.cluster.local",
    ] {
        assert!(good(name), "{name}");
    }
    assert!(!good("b-signalling.meet.svc.cluster.local"));
}
