//! Services.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Origin;

/// A TCP port that is the same inside and outside.
pub(super) fn tcp(name: &str, port: i32) -> ServicePort {
    to(name, port, port)
}

/// A TCP port that leads to another one of the pod.
pub(super) fn to(name: &str, port: i32, target: i32) -> ServicePort {
    ServicePort {
        name: Some(name.into()),
        port,
        target_port: Some(IntOrString::Int(target)),
        protocol: Some("TCP".into()),
        ..ServicePort::default()
    }
}

/// A cluster-internal Service of a component, of both address families where the cluster has both.
///
/// Pods that are not ready are served too: who asks has health checks that know more.
pub(super) fn service(
    origin: &Origin,
    name: String,
    component: &str,
    ports: Vec<ServicePort>,
) -> Service {
    Service {
        metadata: origin.meta(name, component),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            ip_family_policy: Some("PreferDualStack".into()),
            selector: Some(origin.selector(component)),
            publish_not_ready_addresses: Some(true),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// A Service of one pod of a StatefulSet.
pub(super) fn of_pod(
    origin: &Origin,
    pod: String,
    component: &str,
    ports: Vec<ServicePort>,
) -> Service {
    let mut service = service(origin, pod.clone(), component, ports);
    if let Some(selector) = service
        .spec
        .as_mut()
        .and_then(|spec| spec.selector.as_mut())
    {
        selector.insert("statefulset.kubernetes.io/pod-name".into(), pod);
    }
    service
}
