//! Configuration of a shard's signalling server and focus: one file, of which each reads its sections.

use serde_json::{Map, Value, json};

use super::Context;
use crate::build::cluster::memory;
use crate::build::{config_map, names};
use crate::crd::{AuthMode, AuthSpec, BridgeSelection, TurnSpec};
use crate::secrets::OPERATOR;
use crate::validate::Limits;

/// Where what is mounted for the programs is.
pub(super) const ACCOUNTS: &str = "/etc/shoal/accounts";
pub(super) const TLS: &str = "/etc/shoal/tls";
pub(super) const TOKEN: &str = "/etc/shoal/token";
pub(super) const TOKEN_CA: &str = "/etc/shoal/token-ca";
pub(super) const MEMORY: &str = "/etc/shoal/memory";
pub(super) const TURN: &str = "/etc/shoal/turn";
/// Longer than the front doors need to notice that a shard is dead.
const RETURN_AFTER_SECONDS: u32 = 5;

pub(super) fn file(context: &Context<'_>) -> String {
    let mut signalling = signalling(context);
    // Only where other shards take the rooms over meanwhile. It is read at the next start, and no reason for one.
    if !context.world.others.is_empty() {
        signalling.insert("return_after_seconds".into(), json!(RETURN_AFTER_SECONDS));
    }
    let mut all = focus(context);
    all.insert("signalling".into(), Value::Object(signalling));
    config_map::toml(&all)
}

/// Section `[signalling]`, without what is no reason for a new start.
pub(super) fn signalling(context: &Context<'_>) -> Map<String, Value> {
    let cluster = &context.valid.cluster_spec;
    let account =
        |name: &str| json!({ "name": name, "password_file": format!("{ACCOUNTS}/{name}") });
    let mut section = object(json!({
        "domain": cluster.domain,
        "listen": { "http": "[::]:5280", "private": "[::]:5281", "tcp": "[::]:5222" },
        "tls": { "certificate": format!("{TLS}/tls.crt"), "key": format!("{TLS}/tls.key") },
        "accounts": [account("focus"), account("jvb")],
        "rooms": { "memory_secret_file": format!("{MEMORY}/{}", memory::KEY) },
        "shard": context.valid.name,
        "region": context.spec().region,
        // The front door sets it, and nobody else is let in (network policy).
        "trust_forwarded_for": true,
    }));
    if cluster.auth.mode == AuthMode::Token {
        section.insert("auth".into(), auth(&cluster.auth));
    }
    let limits = limits(&context.valid.limits);
    if !limits.is_empty() {
        section.insert("limits".into(), Value::Object(limits));
    }
    if let Some(turn) = &cluster.turn {
        section.insert("turn".into(), self::turn(turn));
    }
    section
}

/// Limits of which the cluster says something.
fn limits(limits: &Limits) -> Map<String, Value> {
    let all = [
        ("connections_per_address", limits.connections),
        ("sessions_per_address", limits.sessions),
        ("rooms_per_address", limits.rooms),
        ("occupants_per_room_and_address", limits.occupants),
        ("login_attempts_per_address", limits.login_attempts),
        ("new_rooms_per_second_and_address", limits.meetings),
    ];
    all.into_iter()
        .filter_map(|(name, limit)| Some((name.to_owned(), json!(limit?))))
        .collect()
}

fn auth(auth: &AuthSpec) -> Value {
    let file = |key: &str| format!("{TOKEN}/{key}");
    let keys = if let Some(url) = &auth.jwks_url {
        json!({ "jwks_url": url })
    } else if let Some(url) = &auth.asap_key_server {
        json!({ "asap_key_server": url })
    } else if auth.jwks_secret_name.is_some() {
        json!({ "jwks_file": file("jwks.json") })
    } else if auth.public_key_secret_name.is_some() {
        json!({ "public_key_file": file("public.pem") })
    } else {
        json!({ "secret_file": file("secret") })
    };
    let accepted = |claims: &[String]| {
        if claims.is_empty() {
            json!(["*"])
        } else {
            json!(claims)
        }
    };
    let mut token = object(json!({
        "keys": keys,
        "issuers": accepted(&auth.issuers),
        "audiences": accepted(&auth.audiences),
        "require_expiry": auth.require_expiry,
        "ends_session": auth.ends_session,
        "require_room_claim": auth.require_room_claim,
        "domain_verification": auth.domain_verification,
        "affiliation": auth.affiliation,
    }));
    if let Some(algorithm) = auth.algorithm {
        token.insert("algorithm".into(), json!(algorithm));
    }
    if auth.ca_secret_name.is_some() {
        token.insert("ca_file".into(), json!(format!("{TOKEN_CA}/ca.crt")));
    }
    if let Some(refresh) = auth.refresh {
        token.insert("refresh".into(), json!(refresh.0.as_secs()));
    }
    json!({
        "mode": if auth.guests { "both" } else { "token" },
        "token": token,
    })
}

fn turn(turn: &TurnSpec) -> Value {
    let service = |kind: &str, port: i32, transport: &str| json!({ "type": kind, "host": turn.host, "port": port, "transport": transport });
    let mut services = vec![
        service("turn", turn.port, "udp"),
        service("turn", turn.port, "tcp"),
    ];
    if let Some(port) = turn.tls_port {
        services.push(service("turns", port, "tcp"));
    }
    json!({ "secret_file": format!("{TURN}/secret"), "services": services })
}

/// Sections `[focus]` and `[focus_service]`, and `[http]`, which is signalling's too.
pub(super) fn focus(context: &Context<'_>) -> Map<String, Value> {
    let valid = context.valid;
    let spec = &context.spec().focus;
    let mut bridges = object(json!({
        "strategy": match spec.bridge_selection {
            BridgeSelection::SingleBridge => "single",
            BridgeSelection::SplitBridge => "split",
            BridgeSelection::RegionBased => "region-based",
            BridgeSelection::IntraRegion => "intra-region",
        },
        "stress_threshold": f64::from(spec.stress_threshold_percent) / 100.0,
        "max_participants": spec.participants_per_bridge,
    }));
    if !context.spec().region.is_empty() {
        bridges.insert("local_region".into(), json!(context.spec().region));
    }
    let mut all = object(json!({
        "focus": {
            "domain": valid.cluster_spec.domain,
            "password_file": format!("{ACCOUNTS}/focus"),
            "bridges": bridges,
            "cors_origins": valid.cluster_spec.web.cors_origins,
        },
        "focus_service": {
            "address": format!(
                "{}.{}.svc.{}:5222",
                names::signalling(&valid.name), valid.namespace, valid.cluster_domain
            ),
            "tls": "starttls",
            "tls_ca_file": format!("{TLS}/ca.crt"),
            "http": "[::]:8888",
            "private_http": "[::]:8889",
            "trust_forwarded_for": true,
            "private_token_file": format!("{ACCOUNTS}/{OPERATOR}"),
        },
    }));
    let limits = &valid.limits;
    if let Some(meetings) = limits.meetings {
        all["focus"]["max_new_conferences_per_second_and_address"] = json!(meetings);
    }
    if let Some(connections) = limits.all_connections() {
        let http = json!({ "connections_per_address": connections });
        all.insert("http".into(), http);
    }
    all
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it is written as an object"),
    }
}
