//! ConfigMap of a pool's addresses: what browsers are told. Bridges read it again while they run.
//!
//! Best known first: what the spec lists, the load balancer of the bridge, the node's ExternalIP, its annotation, its
//! InternalIP. One source is taken, with all its addresses, of both families.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ConfigMap, Node, Service};

use super::{BRIDGE, Context};
use crate::build::{config_map, names};
use crate::crd::{AddressSource, BridgeExposure};

/// Annotation of a node: addresses under which it is reached from outside, separated by commas.
pub(crate) const PUBLIC_ADDRESS: &str = "shoal.video/public-address";

pub(super) fn config_map(context: &Context<'_>) -> ConfigMap {
    let mut data = BTreeMap::new();
    let exposure = &context.spec().exposure;
    if exposure.kind == BridgeExposure::LoadBalancer {
        for name in super::services::names_of(context) {
            let known = fixed(context).or_else(|| {
                let balancer = context.world.live.services.get(&name).map(of_balancer);
                balancer.filter(|addresses| !addresses.is_empty())
            });
            if let Some(addresses) = known {
                data.insert(format!("pod.{name}"), lines(&addresses));
            }
        }
    } else {
        for (name, node) in &context.world.nodes {
            let addresses =
                fixed(context).unwrap_or_else(|| of_node(node, exposure.addresses.source));
            if !addresses.is_empty() {
                data.insert(format!("node.{name}"), lines(&addresses));
            }
        }
    }
    if exposure.kind == BridgeExposure::NodePort {
        for name in super::services::names_of(context) {
            if let Some(port) = context.world.live.services.get(&name).and_then(node_port) {
                data.insert(format!("port.{name}"), format!("{port}\n"));
            }
        }
    }
    let name = names::addresses(&context.valid.name);
    config_map::config_map(&context.origin, name, BRIDGE, data)
}

fn lines(addresses: &[String]) -> String {
    let mut text = addresses.join("\n");
    text.push('\n');
    text
}

fn fixed(context: &Context<'_>) -> Option<Vec<String>> {
    let addresses = &context.spec().exposure.addresses;
    (addresses.source == AddressSource::Static).then(|| addresses.fixed.clone())
}

fn of_balancer(service: &Service) -> Vec<String> {
    let ingress = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    ingress
        .into_iter()
        .flatten()
        .filter_map(|one| one.ip.clone())
        .collect()
}

fn node_port(service: &Service) -> Option<i32> {
    service.spec.as_ref()?.ports.as_ref()?.first()?.node_port
}

fn of_node(node: &Node, source: AddressSource) -> Vec<String> {
    let of_kind = |kind: &str| -> Vec<String> {
        let all = node
            .status
            .iter()
            .flat_map(|status| status.addresses.iter().flatten());
        all.filter(|address| address.type_ == kind)
            .map(|address| address.address.clone())
            .collect()
    };
    let annotated = || -> Vec<String> {
        let text = node
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(PUBLIC_ADDRESS));
        let parts = text.into_iter().flat_map(|text| text.split(','));
        parts.map(|part| part.trim().to_owned()).collect()
    };
    // Bridges take addresses only, and one that they cannot read would hide the others.
    let usable = |addresses: Vec<String>| -> Option<Vec<String>> {
        let addresses: Vec<_> = addresses
            .into_iter()
            .filter(|address| address.parse::<IpAddr>().is_ok())
            .collect();
        (!addresses.is_empty()).then_some(addresses)
    };
    let internal = || usable(of_kind("InternalIP"));
    let known = match source {
        AddressSource::NodeInternal => internal(),
        AddressSource::Auto | AddressSource::Static => usable(of_kind("ExternalIP"))
            .or_else(|| usable(annotated()))
            .or_else(internal),
    };
    known.unwrap_or_default()
}
