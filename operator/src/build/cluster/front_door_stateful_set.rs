//! StatefulSet of the front door: HAProxy, and beside it what reloads it when its configuration changes.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, Lifecycle, LifecycleHandler, SleepAction};

use super::{Context, FRONT_DOOR};
use crate::build::names;
use crate::build::pod::{
    Pod, config_volume, container, directory, empty_volume, env_field, http_probe, secret_volume,
    tcp_port, with_own, writable,
};
use crate::build::stateful_set;

/// Where configuration and certificates are, a directory each.
const FILES: &str = "/etc/front-door";
const MASTER: &str = "/run/front-door/master.sock";
/// Port of the health of what reloads.
const RELOADER_PORT: i32 = 8405;

pub(super) fn stateful_set(context: &Context<'_>) -> StatefulSet {
    let cluster = &context.valid.name;
    let door = &context.spec().front_door;
    let name = names::front_door(cluster);
    let pod = Pod {
        origin: &context.origin,
        component: FRONT_DOOR,
        spec: &door.pods,
        images: &context.valid.images,
        containers: vec![haproxy(context), reloader(context)],
        volumes: vec![
            config_volume("configuration", name.clone()),
            secret_volume(
                "public-certificate",
                names::public_certificate(cluster),
                &[("tls.crt", "public.pem"), ("tls.key", "public.pem.key")],
            ),
            secret_volume(
                "peer-certificate",
                names::peers(cluster),
                &[
                    ("tls.crt", "peer.pem"),
                    ("tls.key", "peer.pem.key"),
                    ("ca.crt", "ca.crt"),
                ],
            ),
            empty_volume("run"),
        ],
        grace_seconds: 60,
        // All of it is taken over by a reload.
        configuration: Vec::new(),
    };
    let mut set = stateful_set::stateful_set(
        &context.origin,
        name,
        FRONT_DOOR,
        door.replicas,
        pod.template(),
    );
    if let Some(spec) = &mut set.spec {
        // Time in which a new replica learns the rooms from the others, before the next one is replaced.
        spec.min_ready_seconds = Some(5);
    }
    set
}

fn haproxy(context: &Context<'_>) -> Container {
    let spec = &context.spec().front_door.pods;
    let images = &context.valid.images;
    let image = spec.image.as_ref().unwrap_or(&images.haproxy).clone();
    let command = ["haproxy", "-W", "-db", "-S"].map(str::to_owned);
    let rest = [
        format!("{MASTER},mode,600"),
        "-L".into(),
        "$(POD_NAME)".into(),
        "-f".into(),
        format!("{FILES}/config/{}", crate::haproxy::FILE),
    ];
    Container {
        command: Some(command.into_iter().chain(rest).collect()),
        env: with_own(vec![env_field("POD_NAME", "metadata.name")], spec),
        resources: spec.resources.clone(),
        ports: Some(vec![
            tcp_port("https", 8443),
            tcp_port("http", 8080),
            tcp_port("metrics", 8404),
            tcp_port("peers", 10_001),
        ]),
        volume_mounts: Some(vec![
            directory("configuration", &format!("{FILES}/config")),
            directory("public-certificate", &format!("{FILES}/tls")),
            directory("peer-certificate", &format!("{FILES}/peers")),
            writable("run", "/run/front-door"),
        ]),
        liveness_probe: Some(http_probe("/about/health", 8404, 6)),
        readiness_probe: Some(http_probe("/about/health", 8404, 2)),
        // Time in which nodes learn that no new connections are to come here. Then the image's stop signal (SIGUSR1)
        // lets those that are open go on.
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: 5 }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        ..container("haproxy", image, images)
    }
}

fn reloader(context: &Context<'_>) -> Container {
    let images = &context.valid.images;
    let mut args = vec!["front-door".to_owned(), format!("--master={MASTER}")];
    args.extend(["config", "tls", "peers"].map(|files| format!("--config-dir={FILES}/{files}")));
    Container {
        args: Some(args),
        volume_mounts: Some(vec![
            directory("configuration", &format!("{FILES}/config")),
            directory("public-certificate", &format!("{FILES}/tls")),
            directory("peer-certificate", &format!("{FILES}/peers")),
            writable("run", "/run/front-door"),
        ]),
        liveness_probe: Some(http_probe("/about/health", RELOADER_PORT, 6)),
        ..container("reloader", images.shoal.clone(), images)
    }
}
