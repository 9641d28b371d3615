//! The focus: Service and StatefulSet.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, PersistentVolumeClaimSpec, Service,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::configuration::{self, ACCOUNTS, STATE, TLS};
use super::{Context, FOCUS};
use crate::build::names;
use crate::build::pod::{
    Pod, config_volume, directory, empty_volume, http_probe, secret_volume, shoal, writable,
};
use crate::build::service::{self, tcp};
use crate::build::{config_map, stateful_set};
use crate::crd::StorageSpec;

/// Volume of what the focus remembers across a restart.
const VOLUME: &str = "state";
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
    mounts.push(writable(VOLUME, STATE));
    let container = Container {
        volume_mounts: Some(mounts),
        liveness_probe: Some(http_probe(ALIVE, 8888, 6)),
        readiness_probe: Some(http_probe(ALIVE, 8888, 2)),
        ..container
    };
    let mut volumes = vec![
        config_volume("configuration", names::shard_config(&valid.name)),
        secret_volume(
            "accounts",
            names::accounts(&valid.name),
            &[("focus", "focus")],
        ),
        secret_volume(
            "authority",
            names::signalling_certificate(&valid.name),
            &[("ca.crt", "ca.crt")],
        ),
    ];
    if spec.storage.is_none() {
        volumes.push(empty_volume(VOLUME));
    }
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
    let mut set = stateful_set::stateful_set(&context.origin, name, FOCUS, 1, pod.template());
    if let (Some(spec), Some(storage)) = (&mut set.spec, &spec.storage) {
        spec.volume_claim_templates = Some(vec![claim(context, storage)]);
    }
    set
}

fn claim(context: &Context<'_>, storage: &StorageSpec) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(VOLUME.into()),
            labels: Some(context.origin.labels(FOCUS)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: storage.class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    Quantity(storage.size.clone()),
                )])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
