//! The focus: Service and StatefulSet. It needs no volume: what its successor has to know is kept by signalling.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, Service};

use super::configuration::{self, ACCOUNTS, TLS};
use super::{Context, FOCUS};
use crate::build::names;
use crate::build::pod::{
    Pod, config_volume, directory, http_probe, secret_volume, shoal, tcp_port,
};
use crate::build::service::{self, tcp};
use crate::build::{config_map, stateful_set};
use crate::secrets::OPERATOR;

/// Answers as long as the process does, whatever becomes of signalling and bridges.
const ALIVE: &str = "/about/version";

/// A Service with an address of its own, which stays when the pod goes.
pub(super) fn service(context: &Context<'_>) -> Service {
    let name = names::focus(&context.valid.name);
    service::service(&context.origin, name, FOCUS, vec![tcp("http", 8888)])
}

pub(super) fn stateful_set(context: &Context<'_>) -> StatefulSet {
    let valid = context.valid;
    let spec = &context.spec().focus;
    let mut container = shoal("focus", &valid.images, &spec.pods);
    let mut mounts = container.volume_mounts.take().unwrap_or_default();
    mounts.push(directory("accounts", ACCOUNTS));
    mounts.push(directory("authority", TLS));
    let container = Container {
        ports: Some(vec![tcp_port("http", 8888), tcp_port("private", 8889)]),
        volume_mounts: Some(mounts),
        liveness_probe: Some(http_probe(ALIVE, 8889, 6)),
        readiness_probe: Some(http_probe(ALIVE, 8889, 2)),
        ..container
    };
    let volumes = vec![
        config_volume("configuration", names::shard_config(&valid.name)),
        secret_volume(
            "accounts",
            names::accounts(&valid.name),
            &[("focus", "focus"), (OPERATOR, OPERATOR)],
        ),
        secret_volume(
            "authority",
            names::signalling_certificate(&valid.name),
            &[("ca.crt", "ca.crt")],
        ),
    ];
    let section = config_map::toml(&configuration::focus(context));
    let pod = Pod {
        origin: &context.origin,
        component: FOCUS,
        spec: &spec.pods,
        images: &valid.images,
        containers: vec![container],
        volumes,
        grace_seconds: 30,
        configuration: vec![section.as_bytes()],
    };
    let name = names::focus(&valid.name);
    stateful_set::stateful_set(&context.origin, name, FOCUS, 1, pod.template())
}
