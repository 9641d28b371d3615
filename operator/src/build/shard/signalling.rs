//! The signalling server: Service and StatefulSet.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, Service};

use super::configuration::{self, ACCOUNTS, MEMORY, TLS, TOKEN, TOKEN_CA, TURN};
use super::{Context, SIGNALLING};
use crate::build::cluster::memory;
use crate::build::names;
use crate::build::pod::{
    Pod, config_volume, directory, http_probe, secret_volume, shoal, tcp_port,
};
use crate::build::service::{self, tcp};
use crate::build::{config_map, stateful_set};

/// A Service with an address of its own, which stays when the pod goes: nobody waits for DNS.
pub(super) fn service(context: &Context<'_>) -> Service {
    service::service(
        &context.origin,
        names::signalling(&context.valid.name),
        SIGNALLING,
        vec![
            tcp("http", 5280),
            // The front door asks here.
            tcp("private", 5281),
            tcp("xmpp", 5222),
        ],
    )
}

pub(super) fn stateful_set(context: &Context<'_>) -> StatefulSet {
    let valid = context.valid;
    let spec = &context.spec().signalling;
    let mut container = shoal("signalling", &valid.images, spec);
    let mut volumes = vec![
        config_volume("configuration", names::shard_config(&valid.name)),
        secret_volume(
            "accounts",
            names::accounts(&valid.name),
            &[("focus", "focus"), ("jvb", "jvb")],
        ),
        secret_volume(
            "certificate",
            names::signalling_certificate(&valid.name),
            &[("tls.crt", "tls.crt"), ("tls.key", "tls.key")],
        ),
        secret_volume(
            "memory",
            names::memory(&valid.cluster),
            &[(memory::KEY, memory::KEY)],
        ),
    ];
    let mut mounts = container.volume_mounts.take().unwrap_or_default();
    mounts.push(directory("accounts", ACCOUNTS));
    mounts.push(directory("certificate", TLS));
    mounts.push(directory("memory", MEMORY));
    let cluster = &valid.cluster_spec;
    let tokens = cluster.auth.secrets().map(|(_, secret, key)| (secret, key));
    let tokens = tokens.map(|(secret, key)| match key {
        "ca.crt" => ("token-ca", secret, key, TOKEN_CA),
        _ => ("token", secret, key, TOKEN),
    });
    let turn = cluster.turn.iter();
    let turn = turn.map(|turn| ("turn", turn.secret_name.as_str(), "secret", TURN));
    for (volume, secret, key, path) in tokens.chain(turn) {
        volumes.push(secret_volume(volume, secret.to_owned(), &[(key, key)]));
        mounts.push(directory(volume, path));
    }
    let container = Container {
        ports: Some(vec![tcp_port("http", 5280), tcp_port("private", 5281)]),
        volume_mounts: Some(mounts),
        liveness_probe: Some(http_probe("/about/health", 5281, 6)),
        readiness_probe: Some(http_probe("/about/health", 5281, 2)),
        ..container
    };
    let section = config_map::toml(&configuration::signalling(context));
    let secrets = valid.signalling_secrets.iter().map(String::as_bytes);
    let pod = Pod {
        origin: &context.origin,
        component: SIGNALLING,
        spec,
        images: &valid.images,
        containers: vec![container],
        volumes,
        grace_seconds: 30,
        configuration: std::iter::once(section.as_bytes()).chain(secrets).collect(),
    };
    let name = names::signalling(&valid.name);
    stateful_set::stateful_set(&context.origin, name, SIGNALLING, 1, pod.template())
}
