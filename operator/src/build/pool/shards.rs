//! Secret of a pool: the shards that its bridges serve. Bridges read it again while they run.

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::configuration::SHARDS;
use super::{BRIDGE, Context};
use crate::build::{config_map, names};
use crate::secrets::{Authority, Content};

/// Key of the list of shards.
pub(super) const FILE: &str = "shards.toml";

pub(super) fn secret(context: &Context<'_>) -> Secret {
    let valid = context.valid;
    let mut content = Content::default();
    let mut shards = Vec::new();
    for shard in &context.world.shards {
        let Some(name) = shard.metadata.name.as_deref() else {
            continue;
        };
        // A shard whose passwords are still being made comes in when they are there.
        let Some(password) = context
            .world
            .live
            .secrets
            .get(&names::accounts(name))
            .and_then(|secret| secret.data.as_ref()?.get("jvb"))
        else {
            continue;
        };
        let domain = &valid.cluster_spec.domain;
        let file = format!("{name}.password");
        shards.push(json!({
            "name": name,
            "address": format!(
                "{}.{}.svc.{}:5222",
                names::signalling(name), valid.namespace, valid.cluster_domain
            ),
            "tls": "starttls",
            "domain": format!("auth.{domain}"),
            "user": "jvb",
            "password_file": format!("{SHARDS}/{file}"),
            "brewery": format!("jvbbrewery@internal-muc.{domain}"),
        }));
        content.data.insert(file, password.0.clone());
    }
    let authority = names::authority(&valid.cluster);
    if let Some(authority) = context
        .world
        .live
        .secrets
        .get(&authority)
        .and_then(Authority::read)
    {
        content
            .data
            .insert("ca.crt".into(), authority.bundle.into_bytes());
    }
    let list = config_map::toml(&json!({ "shards": shards }));
    content.data.insert(FILE.into(), list.into_bytes());
    context
        .origin
        .secret(names::shards(&valid.name), BRIDGE, "Opaque", &content)
}
