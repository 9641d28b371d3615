//! The page: ConfigMap, Service, Deployment.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{ConfigMap, Container, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{Context, WEB};
use crate::build::names;
use crate::build::pod::{Pod, config_volume, http_probe, shoal};
use crate::build::{config_map, service};

const HEALTH: &str = "/about/health";

pub(super) fn config_map(context: &Context<'_>) -> ConfigMap {
    config_map::config_map(
        &context.origin,
        names::web(&context.valid.name),
        WEB,
        [(config_map::FILE.to_owned(), configuration(context))].into(),
    )
}

fn configuration(context: &Context<'_>) -> String {
    let spec = context.spec();
    let mut file = json!({
        "signalling": { "domain": spec.domain },
        "web": {
            "listen": "[::]:8080",
            "private_listen": "[::]:8081",
            "trust_forwarded_for": true,
            "frame_ancestors": spec.web.frame_ancestors,
            "tls": "off",
            "public_url": format!("https://{}", spec.domain),
            "page": without_null(serde_json::Value::Object(spec.web.config.clone())),
        },
    });
    if let Some(connections) = context.valid.limits.all_connections() {
        file["http"] = json!({ "connections_per_address": connections });
    }
    config_map::toml(&file)
}

/// TOML has no null; a key without value is a key that is not there.
fn without_null(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_null(value)))
            .collect(),
        Value::Array(list) => list
            .into_iter()
            .filter(|value| !value.is_null())
            .map(without_null)
            .collect(),
        other => other,
    }
}

pub(super) fn service(context: &Context<'_>) -> Service {
    let name = names::web(&context.valid.name);
    let mut service =
        service::service(&context.origin, name, WEB, vec![service::tcp("http", 8080)]);
    if let Some(spec) = &mut service.spec {
        // Nobody asks a page whether it is well: only those that are ready are served.
        spec.publish_not_ready_addresses = Some(false);
    }
    service
}

pub(super) fn deployment(context: &Context<'_>) -> Deployment {
    let web = &context.spec().web;
    let images = &context.valid.images;
    let name = names::web(&context.valid.name);
    let configuration = configuration(context);
    let container = Container {
        liveness_probe: Some(http_probe(HEALTH, 8081, 6)),
        readiness_probe: Some(http_probe(HEALTH, 8081, 2)),
        ..shoal("web", images, &web.pods)
    };
    let pod = Pod {
        origin: &context.origin,
        component: WEB,
        spec: &web.pods,
        images,
        containers: vec![container],
        volumes: vec![config_volume("configuration", name.clone())],
        grace_seconds: 30,
        configuration: vec![configuration.as_bytes()],
    };
    Deployment {
        metadata: context.origin.meta(name, WEB),
        spec: Some(DeploymentSpec {
            replicas: Some(web.replicas),
            selector: context.origin.label_selector(WEB),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(5),
            template: pod.template(),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}
