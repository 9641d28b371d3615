//! ConfigMap of a pool: what a bridge reads when it starts.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{BRIDGE, Context, PRIVATE_PORT};
use crate::build::{config_map, names};
use crate::secrets::OPERATOR;

/// Where the Secret of shards is mounted.
pub(super) const SHARDS: &str = "/etc/shoal/shards";
/// Where the ConfigMap of addresses is mounted.
pub(super) const ADDRESSES: &str = "/etc/shoal/addresses";

/// Where the Secret of those who give orders is mounted.
pub(super) const ORDERS: &str = "/etc/shoal/orders";

pub(super) fn config_map(context: &Context<'_>) -> ConfigMap {
    config_map::config_map(
        &context.origin,
        names::bridge(&context.valid.name),
        BRIDGE,
        [(config_map::FILE.to_owned(), file(context))].into(),
    )
}

pub(super) fn file(context: &Context<'_>) -> String {
    config_map::toml(&json!({
        "bridge": {
            "udp_port": context.spec().exposure.port,
            "private_http": format!("[::]:{PRIVATE_PORT}"),
            "private_token_file": format!("{ORDERS}/{OPERATOR}"),
            "region": context.spec().region,
            "shards_file": format!("{SHARDS}/{}", super::shards::FILE),
            "tls_ca_file": format!("{SHARDS}/ca.crt"),
        },
    }))
}
