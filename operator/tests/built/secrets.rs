//! Generated once, kept, rotated on request, renewed in time.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use operator::world::ShardWorld;
use serde_json::json;

use crate::worlds::{
    after, build_cluster, build_pool, build_shard, cluster_world, find, pool_world, secret_text,
    shard_world,
};

const DAY: Duration = Duration::from_secs(86_400);

fn secrets(world: &ShardWorld) -> (Secret, Secret) {
    let built = build_shard(world);
    (
        find(&built, "Secret", "a-accounts"),
        find(&built, "Secret", "a-signalling-tls"),
    )
}

fn settled() -> ShardWorld {
    let mut world = shard_world(json!({}), json!({}));
    world.live = after(world.live.clone(), &build_shard(&world));
    world
}

#[test]
fn passwords_and_certificates_are_kept() {
    let world = settled();
    let (accounts, certificate) = secrets(&world);
    assert_eq!(accounts.data, world.live.secrets["a-accounts"].data);
    assert_eq!(
        certificate.data,
        world.live.secrets["a-signalling-tls"].data
    );
    let (focus, bridge) = (
        secret_text(&accounts, "focus"),
        secret_text(&accounts, "jvb"),
    );
    assert!(focus.len() == 64 && bridge.len() == 64 && focus != bridge);
}

#[test]
fn another_text_of_the_rotation_annotation_asks_for_new_ones_once() {
    let mut world = settled();
    let before = secrets(&world);
    let ask = BTreeMap::from([("shoal.video/rotate".to_owned(), "friday".to_owned())]);
    world.shard.metadata.annotations = Some(ask);
    let rotated = secrets(&world);
    assert_ne!(rotated.0.data, before.0.data);
    assert_ne!(rotated.1.data, before.1.data);
    world.live = after(world.live.clone(), &build_shard(&world));
    let kept = secrets(&world);
    world.live = after(world.live.clone(), &build_shard(&world));
    assert_eq!(
        secrets(&world).0.data,
        kept.0.data,
        "not again for the same text"
    );
    world.shard.metadata.annotations = None;
    assert_eq!(
        secrets(&world).0.data,
        kept.0.data,
        "nor when the annotation goes"
    );
}

#[test]
fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let mut world = settled();
    let before = secrets(&world).1;
    world.now += 243 * DAY;
    assert_eq!(secrets(&world).1.data, before.data);
    world.now += DAY;
    let after = secrets(&world).1;
    assert_ne!(after.data, before.data);
    assert_eq!(
        secret_text(&after, "ca.crt"),
        secret_text(&before, "ca.crt")
    );
}

#[test]
fn a_new_authority_is_trusted_beside_the_old_one_and_signs_anew() {
    let mut cluster = cluster_world(json!({}), &["a"]);
    cluster.live = after(Default::default(), &build_cluster(&cluster));
    let old: Secret = find(&build_cluster(&cluster), "Secret", "default-ca");
    cluster.now += Duration::from_secs(9 * 365 * 86_400);
    let new: Secret = find(&build_cluster(&cluster), "Secret", "default-ca");
    assert_ne!(secret_text(&new, "tls.crt"), secret_text(&old, "tls.crt"));

    let mut world = settled();
    let before = secrets(&world).1;
    world.live.secrets.insert("default-ca".into(), old.clone());
    let by_old = secrets(&world).1;
    world.live = after(world.live.clone(), &build_shard(&world));
    world.live.secrets.insert("default-ca".into(), new.clone());
    let by_new = secrets(&world).1;
    assert_ne!(
        secret_text(&by_new, "tls.crt"),
        secret_text(&by_old, "tls.crt")
    );
    assert_ne!(
        secret_text(&by_old, "tls.crt"),
        secret_text(&before, "tls.crt")
    );
    for authority in [&old, &new] {
        assert!(secret_text(&by_new, "ca.crt").contains(secret_text(authority, "tls.crt").trim()));
    }
}

#[test]
fn bridges_get_the_password_of_each_shard_and_no_focus() {
    let world = pool_world(json!({}));
    let shards: Secret = find(&build_pool(&world), "Secret", "bridges-shards");
    assert_eq!(
        secret_text(&shards, "a.password"),
        secret_text(&world.live.secrets["a-accounts"], "jvb")
    );
    let focus = secret_text(&world.live.secrets["a-accounts"], "focus");
    for key in shards.data.as_ref().unwrap().keys() {
        assert!(!secret_text(&shards, key).contains(&focus), "{key}");
    }
}

#[test]
fn a_named_certificate_is_shown_as_it_is_and_one_that_is_awaited_is_bridged_over() {
    let tls = json!({ "tls": { "secretName": "public", "issuerRef": { "name": "issuer" } } });
    let mut world = cluster_world(tls, &["a"]);
    let own: Secret = find(&build_cluster(&world), "Secret", "default-front-door-tls");
    assert!(secret_text(&own, "tls.crt").contains("BEGIN CERTIFICATE"));
    world.live.secrets.insert("public".into(), own.clone());
    let copy: Secret = find(&build_cluster(&world), "Secret", "default-front-door-tls");
    assert_eq!(
        secret_text(&copy, "tls.crt").trim(),
        secret_text(&own, "tls.crt").trim()
    );
    assert_eq!(
        secret_text(&copy, "tls.key").trim(),
        secret_text(&own, "tls.key").trim()
    );
}
