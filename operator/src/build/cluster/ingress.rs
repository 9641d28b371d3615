//! Ingress: TLS ends at its controller.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};

use super::certificate::secret_name;
use super::{Context, FRONT_DOOR};
use crate::build::names;

pub(super) fn ingress(context: &Context<'_>) -> Ingress {
    let spec = context.spec();
    let door = &spec.front_door;
    let mut metadata = context.origin.meta(context.valid.name.clone(), FRONT_DOOR);
    if !door.annotations.is_empty() {
        metadata.annotations = Some(door.annotations.clone());
    }
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: names::front_door(&context.valid.name),
            port: Some(ServiceBackendPort {
                name: Some("http".into()),
                number: None,
            }),
        }),
        resource: None,
    };
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: door.ingress_class_name.clone(),
            rules: Some(vec![IngressRule {
                host: Some(spec.domain.clone()),
                http: Some(HTTPIngressRuleValue {
                    paths: vec![HTTPIngressPath {
                        path: Some("/".into()),
                        path_type: "Prefix".into(),
                        backend,
                    }],
                }),
            }]),
            // Without a Secret the controller shows its own certificate.
            tls: Some(vec![IngressTLS {
                hosts: Some(vec![spec.domain.clone()]),
                secret_name: secret_name(context),
            }]),
            ..IngressSpec::default()
        }),
        status: None,
    }
}
