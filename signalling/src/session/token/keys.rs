//! Keys that verify tokens.

use crate::config::{KeySource, Secret};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

/// Keys by `kid`.
pub(crate) type KeySet = HashMap<String, DecodingKey>;

/// Keys that verify tokens.
#[derive(Clone)]
pub(crate) enum Keys {
    /// One key, whatever the token names.
    Single(DecodingKey),
    /// Keys by `kid`.
    ById(KeySet),
}

impl Keys {
    /// The keys that need no file and no network.
    pub(crate) fn from_config(source: &KeySource) -> Self {
        match source {
            KeySource::Secret(secret) => Self::from_secret(secret),
            _ => Self::ById(HashMap::new()),
        }
    }

    /// A shared secret.
    pub(crate) fn from_secret(secret: &Secret) -> Self {
        Self::Single(DecodingKey::from_secret(secret.0.as_bytes()))
    }

    /// One PEM public key or certificate.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        parse_pem(pem).map(Self::Single)
    }

    /// A JSON Web Key Set, or a map from `kid` to PEM.
    pub(crate) fn from_json(text: &str) -> Result<Self, String> {
        parse_set(text).map(Self::ById)
    }
}

/// One PEM public key or certificate.
pub(crate) fn parse_pem(pem: &str) -> Result<DecodingKey, String> {
    DecodingKey::from_rsa_pem(pem.as_bytes())
        .map_err(|error| format!("not an RSA public key in PEM: {error}"))
}

/// A JSON Web Key Set (RFC 7517 §5).
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// A JSON Web Key Set, or a map from `kid` to PEM.
pub(crate) fn parse_set(text: &str) -> Result<KeySet, String> {
    let mut keys = HashMap::new();
    if let Ok(set) = serde_json::from_str::<Set>(text) {
        // Kinds of keys that are not known here stand beside those that are.
        for key in set.keys {
            if let Ok(key) = serde_json::from_value::<Jwk>(key)
                && let (Some(id), Ok(decoding)) = (&key.common.key_id, DecodingKey::from_jwk(&key))
            {
                keys.insert(id.clone(), decoding);
            }
        }
    } else if let Ok(map) = serde_json::from_str::<HashMap<String, String>>(text) {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "they go from one map into another"
        )]
        for (id, pem) in map {
            if let Ok(key) = parse_pem(&pem) {
                keys.insert(id, key);
            }
        }
    }
    if keys.is_empty() {
        return Err("no usable key: neither a JSON Web Key Set nor a map from kid to PEM".into());
    }
    Ok(keys)
}
