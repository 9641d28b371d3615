//! Objects of a JitsiShard.

mod configuration;
mod focus;
mod network_policies;
mod signalling;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use rand::RngCore;

use crate::build::origin::{Origin, rotate};
use crate::build::{config_map, disruption_budget, names};
use crate::crd::JitsiShardSpec;
use crate::desired::Desired;
use crate::secrets::{self, Leaf, OPERATOR};
use crate::validate::ValidShard;
use crate::world::ShardWorld;

/// Component of the XMPP server.
const SIGNALLING: &str = "signalling";
/// Component of the focus.
const FOCUS: &str = "focus";

/// What the builders of a shard's objects look at.
struct Context<'a> {
    valid: &'a ValidShard,
    world: &'a ShardWorld,
    origin: Origin,
}

impl Context<'_> {
    fn spec(&self) -> &JitsiShardSpec {
        &self.world.shard.spec
    }

    fn live_secret(&self, name: &str) -> Option<&Secret> {
        self.world.live.secrets.get(name)
    }
}

pub(super) fn objects(
    valid: &ValidShard,
    world: &ShardWorld,
    rng: &mut dyn RngCore,
) -> Vec<Desired> {
    let context = &Context {
        valid,
        world,
        origin: Origin::new(
            &world.shard,
            &[
                ("shoal.video/cluster", &valid.cluster),
                ("shoal.video/shard", &valid.name),
            ],
        ),
    };
    let mut objects = vec![
        Desired::of(&accounts(context, rng)),
        Desired::of(&certificate(context)),
        Desired::of(&shard_config(context)),
        Desired::of(&signalling::service(context)),
        Desired::of(&signalling::stateful_set(context)),
        Desired::of(&focus::service(context)),
        Desired::of(&focus::stateful_set(context)),
    ];
    for (component, name) in [
        (SIGNALLING, names::signalling(&valid.name)),
        (FOCUS, names::focus(&valid.name)),
    ] {
        objects.push(Desired::of(&disruption_budget::one_at_a_time(
            &context.origin,
            name,
            component,
        )));
    }
    objects.extend(network_policies::policies(context).iter().map(Desired::of));
    objects
}

fn accounts(context: &Context<'_>, rng: &mut dyn RngCore) -> Secret {
    let name = names::accounts(&context.valid.name);
    let content = secrets::accounts(
        context.live_secret(&name),
        rotate(&context.world.shard),
        &["focus", "jvb", OPERATOR],
        rng,
    );
    context.origin.secret(name, SIGNALLING, "Opaque", &content)
}

/// XMPP clients check the domain of their account (RFC 6120 §13.7.2.1); names of the Service are for people who look in.
fn certificate(context: &Context<'_>) -> Secret {
    let valid = context.valid;
    let domain = &valid.cluster_spec.domain;
    let service = names::signalling(&valid.name);
    let mut all: Vec<String> = ["", "auth.", "focus.", "muc.", "internal-muc."]
        .iter()
        .map(|service| format!("{service}{domain}"))
        .collect();
    all.push(format!("{service}.{}.svc", valid.namespace));
    all.push(format!(
        "{service}.{}.svc.{}",
        valid.namespace, valid.cluster_domain
    ));
    let name = names::signalling_certificate(&valid.name);
    let content = secrets::leaf(
        context.live_secret(&name),
        &valid.authority,
        Leaf {
            names: &all,
            now: context.world.now,
            rotate: rotate(&context.world.shard),
        },
    );
    context
        .origin
        .secret(name, SIGNALLING, "kubernetes.io/tls", &content)
}

fn shard_config(context: &Context<'_>) -> ConfigMap {
    config_map::config_map(
        &context.origin,
        names::shard_config(&context.valid.name),
        SIGNALLING,
        [(config_map::FILE.to_owned(), configuration::file(context))].into(),
    )
}
