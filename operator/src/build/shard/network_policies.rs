//! Who may reach signalling and focus.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::{Context, FOCUS, SIGNALLING};
use crate::build::names;
use crate::build::network_policy::{From, Rule, policy};
use crate::crd::BridgeExposure;

pub(super) fn policies(context: &Context<'_>) -> Vec<NetworkPolicy> {
    let valid = context.valid;
    let of = |component| From::Component {
        cluster: &valid.cluster,
        component,
    };
    let operator = From::Namespace(&valid.operator_namespace);
    // Bridges in the network of their nodes come from addresses that no selector knows; TLS and passwords stand between.
    let from_nodes = context
        .world
        .pools
        .iter()
        .any(|pool| pool.spec.exposure.kind == BridgeExposure::HostNetwork);
    let xmpp = if from_nodes {
        Vec::new()
    } else {
        vec![of("focus"), of("bridge")]
    };
    vec![
        policy(
            &context.origin,
            names::signalling(&valid.name),
            SIGNALLING,
            &[
                Rule::tcp(5222, xmpp),
                // Who comes here is believed about callers' addresses.
                Rule::tcp(5280, vec![of("front-door")]),
                Rule::tcp(5281, vec![of("front-door"), operator.clone(), From::Here]),
            ],
        ),
        policy(
            &context.origin,
            names::focus(&valid.name),
            FOCUS,
            &[
                Rule::tcp(8888, vec![of("front-door")]),
                Rule::tcp(8889, vec![operator, From::Here]),
            ],
        ),
    ]
}
