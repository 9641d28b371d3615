//! NetworkPolicies: who may reach which port of a component's pods. What they themselves reach is not limited.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Origin;

/// Who may come.
#[derive(Clone, Debug)]
pub(super) enum From<'a> {
    /// Pods of a component of the same cluster.
    Component {
        cluster: &'a str,
        component: &'a str,
    },
    /// Everything in a namespace.
    Namespace(&'a str),
    /// Everything in this namespace.
    Here,
}

impl From<'_> {
    fn peer(&self) -> NetworkPolicyPeer {
        let labels = |labels: &[(&str, &str)]| LabelSelector {
            match_labels: Some(
                labels
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect::<BTreeMap<_, _>>(),
            ),
            ..LabelSelector::default()
        };
        match self {
            Self::Component { cluster, component } => NetworkPolicyPeer {
                pod_selector: Some(labels(&[
                    ("app.kubernetes.io/component", component),
                    ("shoal.video/cluster", cluster),
                ])),
                ..NetworkPolicyPeer::default()
            },
            Self::Namespace(name) => NetworkPolicyPeer {
                namespace_selector: Some(labels(&[("kubernetes.io/metadata.name", name)])),
                ..NetworkPolicyPeer::default()
            },
            Self::Here => NetworkPolicyPeer {
                pod_selector: Some(LabelSelector::default()),
                ..NetworkPolicyPeer::default()
            },
        }
    }
}

/// Ports and who may reach them; nobody named means everybody.
pub(super) struct Rule<'a> {
    pub(super) tcp: Vec<i32>,
    pub(super) udp: Vec<i32>,
    pub(super) from: Vec<From<'a>>,
}

impl<'a> Rule<'a> {
    pub(super) fn tcp(port: i32, from: Vec<From<'a>>) -> Self {
        Self {
            tcp: vec![port],
            udp: Vec::new(),
            from,
        }
    }

    /// A UDP port for everybody.
    pub(super) fn udp(port: i32) -> Self {
        Self {
            tcp: Vec::new(),
            udp: vec![port],
            from: Vec::new(),
        }
    }

    fn render(&self) -> NetworkPolicyIngressRule {
        let port = |protocol: &str, port: i32| NetworkPolicyPort {
            protocol: Some(protocol.into()),
            port: Some(IntOrString::Int(port)),
            end_port: None,
        };
        let tcp = self.tcp.iter().map(|number| port("TCP", *number));
        let udp = self.udp.iter().map(|number| port("UDP", *number));
        NetworkPolicyIngressRule {
            ports: Some(tcp.chain(udp).collect()),
            from: (!self.from.is_empty()).then(|| self.from.iter().map(From::peer).collect()),
        }
    }
}

/// The policy of a component.
pub(super) fn policy(
    origin: &Origin,
    name: String,
    component: &str,
    rules: &[Rule<'_>],
) -> NetworkPolicy {
    NetworkPolicy {
        metadata: origin.meta(name, component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(origin.label_selector(component)),
            policy_types: Some(vec!["Ingress".into()]),
            ingress: Some(rules.iter().map(Rule::render).collect()),
            egress: None,
        }),
    }
}
