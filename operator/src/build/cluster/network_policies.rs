//! Who may reach the front door and the page.

use k8s_openapi::api::networking::v1::NetworkPolicy;

use super::{Context, FRONT_DOOR, WEB};
use crate::build::names;
use crate::build::network_policy::{From, Rule, policy};

pub(super) fn policies(context: &Context<'_>) -> Vec<NetworkPolicy> {
    let cluster = &context.valid.name;
    let door = From::Component {
        cluster,
        component: FRONT_DOOR,
    };
    vec![
        policy(
            &context.origin,
            names::front_door(cluster),
            FRONT_DOOR,
            &[
                // Health and metrics say nothing of people, so whoever measures may read them.
                Rule {
                    tcp: vec![8443, 8080, 8404, 8405],
                    udp: Vec::new(),
                    from: Vec::new(),
                },
                Rule::tcp(10_001, vec![door.clone()]),
            ],
        ),
        policy(
            &context.origin,
            names::web(cluster),
            WEB,
            &[
                Rule::tcp(8080, vec![door]),
                Rule::tcp(
                    8081,
                    vec![
                        From::Namespace(&context.valid.operator_namespace),
                        From::Here,
                    ],
                ),
            ],
        ),
    ]
}
