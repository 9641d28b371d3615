//! What all pods have in common: they pass Pod Security level `restricted`, know no service account, and run as nobody.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource,
    EnvVar, EnvVarSource, HTTPGetAction, KeyToPath, LocalObjectReference, ObjectFieldSelector,
    PodAffinityTerm, PodAntiAffinity, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    SeccompProfile, SecretVolumeSource, SecurityContext, TCPSocketAction, Volume, VolumeMount,
    WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Origin;
use crate::crd::ComponentSpec;
use crate::validate::Images;

/// User and group of every container.
const NOBODY: i64 = 10_001;
/// Annotation of a pod template: what the program reads only when it starts.
const CONFIGURATION: &str = "shoal.video/configuration";

/// A container of one of Shoal's parts: `shoal PART --config /etc/shoal/shoal.toml`.
pub(super) fn shoal(part: &str, images: &Images, spec: &ComponentSpec) -> Container {
    let mut container = container(part, images.part(spec), images);
    container.args = Some(
        [part, "--config", "/etc/shoal/shoal.toml"]
            .map(str::to_owned)
            .to_vec(),
    );
    container.resources.clone_from(&spec.resources);
    container.env = with_own(Vec::new(), spec);
    container.volume_mounts = Some(vec![file("configuration", "/etc/shoal/shoal.toml")]);
    container
}

/// A container that may do nothing but run.
pub(super) fn container(name: &str, image: String, images: &Images) -> Container {
    Container {
        name: name.into(),
        image: Some(image),
        image_pull_policy: Some(images.pull_policy.clone()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Variables with those of the spec, which win.
pub(super) fn with_own(env: Vec<EnvVar>, spec: &ComponentSpec) -> Option<Vec<EnvVar>> {
    let mut all: Vec<EnvVar> = env
        .into_iter()
        .filter(|one| spec.env.iter().all(|own| own.name != one.name))
        .collect();
    let mut known = BTreeMap::new();
    for own in &spec.env {
        known.insert(own.name.clone(), own.clone());
    }
    all.extend(known.into_values());
    (!all.is_empty()).then_some(all)
}

/// A variable.
pub(super) fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar {
        name: name.into(),
        value: Some(value.into()),
        ..EnvVar::default()
    }
}

/// A variable with a field of the pod.
pub(super) fn env_field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.into(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: Some("v1".into()),
                field_path: path.into(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// What a pod is made of.
pub(super) struct Pod<'a> {
    pub(super) origin: &'a Origin,
    pub(super) component: &'a str,
    pub(super) spec: &'a ComponentSpec,
    pub(super) images: &'a Images,
    pub(super) containers: Vec<Container>,
    pub(super) volumes: Vec<Volume>,
    pub(super) grace_seconds: i64,
    /// What the programs read only when they start: when it changes, the pods are replaced.
    pub(super) configuration: Vec<&'a [u8]>,
}

impl Pod<'_> {
    /// As a template.
    pub(super) fn template(self) -> PodTemplateSpec {
        let scheduling = &self.spec.scheduling;
        let secrets = &self.images.pull_secrets;
        PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(self.origin.labels(self.component)),
                annotations: Some(BTreeMap::from([(
                    CONFIGURATION.to_owned(),
                    crate::secrets::digest(&self.configuration),
                )])),
                ..ObjectMeta::default()
            }),
            spec: Some(PodSpec {
                automount_service_account_token: Some(false),
                // Their variables begin with the Service's name, and `SHOAL_…` means settings.
                enable_service_links: Some(false),
                security_context: Some(PodSecurityContext {
                    run_as_non_root: Some(true),
                    run_as_user: Some(NOBODY),
                    run_as_group: Some(NOBODY),
                    fs_group: Some(NOBODY),
                    seccomp_profile: Some(SeccompProfile {
                        type_: "RuntimeDefault".into(),
                        localhost_profile: None,
                    }),
                    ..PodSecurityContext::default()
                }),
                termination_grace_period_seconds: Some(self.grace_seconds),
                containers: self.containers,
                volumes: (!self.volumes.is_empty()).then_some(self.volumes),
                image_pull_secrets: (!secrets.is_empty()).then(|| {
                    secrets
                        .iter()
                        .map(|name| LocalObjectReference { name: name.clone() })
                        .collect()
                }),
                node_selector: (!scheduling.node_selector.is_empty())
                    .then(|| scheduling.node_selector.clone()),
                tolerations: (!scheduling.tolerations.is_empty())
                    .then(|| scheduling.tolerations.clone()),
                topology_spread_constraints: (!scheduling.topology_spread_constraints.is_empty())
                    .then(|| scheduling.topology_spread_constraints.clone()),
                priority_class_name: scheduling.priority_class_name.clone(),
                affinity: Some(
                    scheduling
                        .affinity
                        .clone()
                        .unwrap_or_else(|| apart(self.origin, self.component)),
                ),
                ..PodSpec::default()
            }),
        }
    }
}

/// Pods of a component rather run on different nodes.
fn apart(origin: &Origin, component: &str) -> Affinity {
    let labels = origin.labels(component);
    let same = ["app.kubernetes.io/component", "shoal.video/cluster"];
    let term = PodAffinityTerm {
        topology_key: "kubernetes.io/hostname".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(
                labels
                    .into_iter()
                    .filter(|(key, _)| same.contains(&key.as_str()))
                    .collect(),
            ),
            ..LabelSelector::default()
        }),
        ..PodAffinityTerm::default()
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![
                WeightedPodAffinityTerm {
                    weight: 100,
                    pod_affinity_term: term,
                },
            ]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

fn probe(failures: i32) -> Probe {
    Probe {
        period_seconds: Some(5),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// A probe by HTTP that gives up after so many failures, five seconds apart.
pub(super) fn http_probe(path: &str, port: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::Int(port),
            ..HTTPGetAction::default()
        }),
        ..probe(failures)
    }
}

/// A probe that only connects.
pub(super) fn tcp_probe(port: i32, failures: i32) -> Probe {
    Probe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(port),
            ..TCPSocketAction::default()
        }),
        ..probe(failures)
    }
}

pub(super) fn tcp_port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

pub(super) fn directory(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// A mounted directory that can be written to.
pub(super) fn writable(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        read_only: None,
        ..directory(volume, path)
    }
}

/// One mounted file. It stays as it was when the container started.
pub(super) fn file(volume: &str, path: &str) -> VolumeMount {
    let name = path.rsplit('/').next().unwrap_or(path);
    VolumeMount {
        sub_path: Some(name.into()),
        ..directory(volume, path)
    }
}

pub(super) fn config_volume(volume: &str, config_map: String) -> Volume {
    Volume {
        name: volume.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map,
            default_mode: Some(0o444),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A volume of some keys of a Secret, each under a file name of its own.
pub(super) fn secret_volume(volume: &str, secret: String, items: &[(&str, &str)]) -> Volume {
    let items = items.iter().map(|(key, path)| KeyToPath {
        key: (*key).into(),
        path: (*path).into(),
        mode: None,
    });
    let items: Vec<_> = items.collect();
    Volume {
        name: volume.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            default_mode: Some(0o440),
            items: (!items.is_empty()).then_some(items),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A volume that lives as long as the pod.
pub(super) fn empty_volume(volume: &str) -> Volume {
    Volume {
        name: volume.into(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}
