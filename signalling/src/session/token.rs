//! JWT login and what a token permits, as Jitsi's token authentication does it. Reasons are literal: clients show them.

use crate::config::{KeySource, TokenConfig};
use crate::now::Now;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Keys that verify tokens.
#[derive(Clone)]
pub(crate) enum Keys {
    /// One key, whatever the token names.
    Single(DecodingKey),
    /// Keys by `kid`.
    ById(HashMap<String, DecodingKey>),
}

impl Keys {
    /// The keys that need no file and no network.
    pub(crate) fn from_config(source: &KeySource) -> Self {
        match source {
            KeySource::Secret(secret) => {
                Self::Single(DecodingKey::from_secret(secret.0.as_bytes()))
            }
            _ => Self::ById(HashMap::new()),
        }
    }

    /// One PEM public key or certificate.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        DecodingKey::from_rsa_pem(pem.as_bytes())
            .map(Self::Single)
            .map_err(|error| format!("not an RSA public key in PEM: {error}"))
    }

    /// A JSON Web Key Set, or a map from `kid` to PEM.
    pub(crate) fn from_json(text: &str) -> Result<Self, String> {
        let mut keys = HashMap::new();
        if let Ok(set) = serde_json::from_str::<JwkSet>(text) {
            for key in &set.keys {
                if let (Some(id), Ok(decoding)) = (&key.common.key_id, DecodingKey::from_jwk(key)) {
                    keys.insert(id.clone(), decoding);
                }
            }
        } else if let Ok(map) = serde_json::from_str::<HashMap<String, String>>(text) {
            for (id, pem) in map {
                if let Ok(key) = DecodingKey::from_rsa_pem(pem.as_bytes()) {
                    keys.insert(id, key);
                }
            }
        }
        if keys.is_empty() {
            return Err(
                "no usable key: neither a JSON Web Key Set nor a map from kid to PEM".into(),
            );
        }
        Ok(Self::ById(keys))
    }
}

/// A refusal: SASL condition and text (rooms reference §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) condition: &'static str,
    pub(crate) reason: &'static str,
}

fn invalid(reason: &'static str) -> Invalid {
    Invalid {
        condition: "not-allowed",
        reason,
    }
}

/// What a verified token says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Claims {
    pub(crate) room: Option<String>,
    pub(crate) subject: String,
    pub(crate) tenant: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) user: Map<String, Value>,
    pub(crate) features: Option<Map<String, Value>>,
}

impl Claims {
    /// Whether the token makes its bearer a moderator (rooms reference §2.5).
    pub(crate) fn is_moderator(&self) -> bool {
        let affiliation = self.user.get("affiliation").and_then(Value::as_str);
        matches!(affiliation, Some("owner" | "moderator" | "teacher"))
            || self.user.get("moderator").is_some_and(is_true)
    }
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_str() == Some("true")
}

fn segment(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?).ok()
}

/// Checks a token's form, signature and claims, in the order in which clients expect complaints.
pub(crate) fn verify(
    token: &str,
    rules: &TokenConfig,
    keys: &Keys,
    now: Now,
) -> Result<Claims, Invalid> {
    let (message, signature) = token.rsplit_once('.').ok_or(invalid("bad token format"))?;
    let (header, payload) = message.split_once('.').ok_or(invalid("bad token format"))?;
    let header = segment(header).ok_or(invalid("bad token format"))?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let key = match keys {
        Keys::Single(key) => key,
        Keys::ById(keys) => {
            let id = text("kid").ok_or(invalid("'kid' claim is missing"))?;
            let algorithm = text("alg").ok_or(invalid("'alg' claim is missing"))?;
            if !algorithm.starts_with("RS") {
                return Err(invalid("Invalid or incorrect alg"));
            }
            keys.get(id).ok_or(invalid("could not obtain public key"))?
        }
    };
    if text("typ") != Some("JWT") {
        return Err(invalid("Invalid typ"));
    }
    let algorithm = rules.algorithm.as_deref().unwrap_or("RS256");
    if text("alg") != Some(algorithm) {
        return Err(invalid("Invalid or incorrect alg"));
    }
    let algorithm: Algorithm = algorithm
        .parse()
        .map_err(|_| invalid("Invalid or incorrect alg"))?;
    let genuine = jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm)
        .unwrap_or(false);
    if !genuine {
        return Err(invalid("Invalid signature"));
    }
    let claims = segment(payload).ok_or(invalid("bad token format"))?;
    check_times(&claims, now)?;
    check_parties(&claims, rules)?;
    let room = claims.get("room").and_then(Value::as_str);
    let missing = |reason| Invalid {
        condition: "not-authorized",
        reason,
    };
    if rules.require_room_claim && room.is_none() {
        return Err(missing("room claim is missing"));
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    let subject = subject.ok_or(missing("sub claim is missing"))?;
    Ok(extract(&claims, room, subject))
}

fn check_times(claims: &Map<String, Value>, now: Now) -> Result<(), Invalid> {
    let seconds = now.unix.as_secs_f64();
    if let Some(expiry) = claims.get("exp") {
        let expiry = expiry.as_f64().ok_or(invalid("exp must be number"))?;
        if seconds >= expiry {
            return Err(invalid("Not acceptable by exp"));
        }
    }
    if let Some(start) = claims.get("nbf") {
        let start = start.as_f64().ok_or(invalid("nbf must be number"))?;
        if seconds < start {
            return Err(invalid("Not acceptable by nbf"));
        }
    }
    Ok(())
}

fn check_parties(claims: &Map<String, Value>, rules: &TokenConfig) -> Result<(), Invalid> {
    let accepted =
        |list: &[String], value: &str| list.iter().any(|entry| entry == "*" || entry == value);
    let issuer = claims.get("iss").and_then(Value::as_str);
    if !accepted(
        &rules.issuers,
        issuer.ok_or(invalid("'iss' claim is missing"))?,
    ) {
        return Err(invalid("invalid 'iss' claim"));
    }
    let audience = claims.get("aud").and_then(Value::as_str);
    if !accepted(
        &rules.audiences,
        audience.ok_or(invalid("'aud' claim is missing"))?,
    ) {
        return Err(invalid("invalid 'aud' claim"));
    }
    Ok(())
}

fn extract(claims: &Map<String, Value>, room: Option<&str>, subject: &str) -> Claims {
    let context = claims.get("context").and_then(Value::as_object);
    let object = |name: &str| {
        context
            .and_then(|context| context.get(name))
            .and_then(Value::as_object)
            .cloned()
    };
    let string = |name: &str| {
        context
            .and_then(|context| context.get(name))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut user = object("user").unwrap_or_default();
    if context.is_none()
        && let Some(id) = claims.get("user_id")
    {
        user.insert("id".into(), id.clone());
    }
    Claims {
        room: room.map(str::to_owned),
        subject: subject.to_owned(),
        tenant: string("tenant"),
        group: string("group"),
        features: object("features"),
        user,
    }
}

/// Why a token does not open a room; the name of the child in Jitsi's namespace (rooms reference §2.4).
pub(crate) type Mismatch = &'static str;

/// Whether a token opens the room `name`, a tenant's or else one of `domain` itself. Without a token, none when domains are
/// verified.
pub(crate) fn check_room(
    claims: Option<&Claims>,
    rules: &TokenConfig,
    required: bool,
    (tenant, name): (Option<&str>, &str),
    domain: &str,
) -> Result<(), Mismatch> {
    let Some(claims) = claims else {
        return match (
            required,
            rules.domain_verification && rules.require_room_claim,
        ) {
            (true, _) => Err("authentication-required"),
            (_, true) => Err("room-name-does-not-match"),
            _ => Ok(()),
        };
    };
    let Some(room) = claims.room.as_deref().map(str::to_lowercase) else {
        return Ok(());
    };
    // Whoever writes a token knows the room by what its link says.
    if room != "*" && room != name && xmpp::room_name::canonical(&room) != name {
        return Err("room-name-does-not-match");
    }
    if !rules.domain_verification {
        return Ok(());
    }
    let subject = claims.subject.to_lowercase();
    if subject == "*" || subject == tenant.unwrap_or(domain) {
        Ok(())
    } else {
        Err("room-mismatch")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn now() -> Now {
        Now {
            instant: Instant::now(),
            unix: Duration::from_secs(1_000),
        }
    }

    fn rules() -> TokenConfig {
        TokenConfig {
            keys: KeySource::Secret("key".into()),
            algorithm: Some("HS256".into()),
            issuers: vec!["app".into()],
            audiences: vec!["jitsi".into()],
            ..TokenConfig::default()
        }
    }

    fn signed(claims: &Value, secret: &str) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    fn good() -> Value {
        json!({"iss": "app", "aud": "jitsi", "sub": "*", "room": "Maths", "exp": 1_001, "nbf": 1_000,
            "context": {"user": {"name": "Ada", "moderator": "true"}, "features": {"recording": true}}})
    }

    fn check(claims: &Value) -> Result<Claims, Invalid> {
        let rules = rules();
        verify(
            &signed(claims, "key"),
            &rules,
            &Keys::from_config(&rules.keys),
            now(),
        )
    }

    #[test]
    fn a_good_token_gives_its_claims() {
        let claims = check(&good()).unwrap();
        assert_eq!(claims.room.as_deref(), Some("Maths"));
        assert!(claims.is_moderator());
        assert!(claims.features.is_some());
    }

    #[test]
    fn every_fault_has_the_text_that_clients_know() {
        let with = |key: &str, value: Value| {
            let mut claims = good();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(key)),
                value => claims[key] = value,
            }
            check(&claims).unwrap_err()
        };
        for (fault, reason) in [
            (with("exp", json!(1_000)), "Not acceptable by exp"),
            (with("exp", json!("soon")), "exp must be number"),
            (with("nbf", json!(1_001)), "Not acceptable by nbf"),
            (with("iss", Value::Null), "'iss' claim is missing"),
            (with("iss", json!("other")), "invalid 'iss' claim"),
            (with("aud", Value::Null), "'aud' claim is missing"),
            (with("aud", json!("other")), "invalid 'aud' claim"),
            (with("room", Value::Null), "room claim is missing"),
            (with("sub", Value::Null), "sub claim is missing"),
        ] {
            assert_eq!(fault.reason, reason);
            let missing = reason.ends_with("claim is missing") && !reason.starts_with('\'');
            assert_eq!(
                fault.condition,
                if missing {
                    "not-authorized"
                } else {
                    "not-allowed"
                }
            );
        }
        let keys = Keys::from_config(&rules().keys);
        let reason = |token: &str| verify(token, &rules(), &keys, now()).unwrap_err().reason;
        assert_eq!(reason("nonsense"), "bad token format");
        assert_eq!(reason(&signed(&good(), "other")), "Invalid signature");
        let header = |header: &str| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            reason(&header(r#"{"typ":"JWT","alg":"none"}"#)),
            "Invalid or incorrect alg"
        );
        assert_eq!(reason(&header(r#"{"alg":"HS256"}"#)), "Invalid typ");
        let by_id = |head: &str| {
            verify(&header(head), &rules(), &Keys::ById(HashMap::new()), now())
                .unwrap_err()
                .reason
        };
        assert_eq!(
            by_id(r#"{"typ":"JWT","alg":"RS256"}"#),
            "'kid' claim is missing"
        );
        assert_eq!(
            by_id(r#"{"typ":"JWT","kid":"1"}"#),
            "'alg' claim is missing"
        );
        assert_eq!(
            by_id(r#"{"typ":"JWT","kid":"1","alg":"HS256"}"#),
            "Invalid or incorrect alg"
        );
        assert_eq!(
            by_id(r#"{"typ":"JWT","kid":"1","alg":"RS256"}"#),
            "could not obtain public key"
        );
    }

    #[test]
    fn a_token_opens_only_its_room() {
        let claims = |room: &str, subject: &str| Claims {
            room: Some(room.into()),
            subject: subject.into(),
            ..Claims::default()
        };
        let strict = TokenConfig {
            domain_verification: true,
            ..rules()
        };
        let cases = [
            (rules(), claims("Maths", "x"), (None, "maths"), Ok(())),
            (
                rules(),
                claims("maths", "x"),
                (Some("school"), "maths"),
                Ok(()),
            ),
            (rules(), claims("*", "x"), (None, "any"), Ok(())),
            (
                rules(),
                claims("Käse am Brot", "x"),
                (None, "k%c3%a4se%20am%20brot"),
                Ok(()),
            ),
            (
                rules(),
                claims("K%C3%A4se", "x"),
                (None, "k%c3%a4se"),
                Ok(()),
            ),
            (
                rules(),
                claims("maths", "x"),
                (None, "physics"),
                Err("room-name-does-not-match"),
            ),
            (
                strict.clone(),
                claims("maths", "school"),
                (Some("school"), "maths"),
                Ok(()),
            ),
            (
                strict.clone(),
                claims("maths", "other"),
                (Some("school"), "maths"),
                Err("room-mismatch"),
            ),
            (
                strict.clone(),
                claims("maths", "meet.shoal"),
                (None, "maths"),
                Ok(()),
            ),
            (strict.clone(), claims("*", "*"), (Some("a"), "b"), Ok(())),
            (
                strict.clone(),
                claims("x", "*"),
                (Some("a"), "b"),
                Err("room-name-does-not-match"),
            ),
        ];
        for (rules, claims, room, expected) in cases {
            assert_eq!(
                check_room(Some(&claims), &rules, false, room, "meet.shoal"),
                expected,
                "{room:?}"
            );
        }
        assert_eq!(
            check_room(None, &rules(), true, (None, "x"), "d"),
            Err("authentication-required")
        );
        assert_eq!(
            check_room(None, &strict, false, (None, "x"), "d"),
            Err("room-name-does-not-match")
        );
        assert_eq!(check_room(None, &rules(), false, (None, "x"), "d"), Ok(()));
    }
}
