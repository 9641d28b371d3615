//! JWT login and what a token permits, as Jitsi's token authentication does it. Reasons are literal: clients show them.

mod keys;
mod pattern;
mod room;

pub(crate) use keys::{KeySet, Keys, parse_pem, parse_set};
pub(crate) use room::{Mismatch, check_room};

use crate::config::TokenConfig;
use crate::now::Now;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use std::time::Duration;

/// Longest key id that is looked for.
const MOST_KEY_ID: usize = 256;

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

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not good.
    Invalid(Invalid),
    /// The key with this id is not known; it may be by and by.
    UnknownKey(String),
}

impl Refusal {
    /// What is said when nobody waits for the key.
    pub(crate) fn into_invalid(self) -> Invalid {
        match self {
            Self::Invalid(invalid) => invalid,
            Self::UnknownKey(_) => invalid("could not obtain public key"),
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// What a verified token says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Claims {
    pub(crate) room: Option<String>,
    /// `room` is a pattern.
    pub(crate) room_is_pattern: bool,
    pub(crate) subject: String,
    /// When the token ends, since the epoch.
    pub(crate) expires: Option<Duration>,
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
) -> Result<Claims, Refusal> {
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
                return Err(invalid("Invalid or incorrect alg").into());
            }
            match keys.get(id) {
                Some(key) => key,
                None if id.len() > MOST_KEY_ID => {
                    return Err(invalid("could not obtain public key").into());
                }
                None => return Err(Refusal::UnknownKey(id.to_owned())),
            }
        }
    };
    if text("typ") != Some("JWT") {
        return Err(invalid("Invalid typ").into());
    }
    let algorithm = rules.algorithm.as_deref().unwrap_or("RS256");
    if text("alg") != Some(algorithm) {
        return Err(invalid("Invalid or incorrect alg").into());
    }
    let algorithm: Algorithm = algorithm
        .parse()
        .map_err(|_| invalid("Invalid or incorrect alg"))?;
    let genuine = jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm)
        .unwrap_or(false);
    if !genuine {
        return Err(invalid("Invalid signature").into());
    }
    let claims = segment(payload).ok_or(invalid("bad token format"))?;
    let expires = check_times(&claims, rules, now)?;
    check_parties(&claims, rules)?;
    let room = claims.get("room").and_then(Value::as_str);
    let missing = |reason| Invalid {
        condition: "not-authorized",
        reason,
    };
    if rules.require_room_claim && room.is_none() {
        return Err(missing("room claim is missing").into());
    }
    let subject = claims.get("sub").and_then(Value::as_str);
    let subject = subject.ok_or(missing("sub claim is missing"))?;
    Ok(Claims {
        expires,
        ..extract(&claims, room, subject)
    })
}

/// When the token ends.
fn check_times(
    claims: &Map<String, Value>,
    rules: &TokenConfig,
    now: Now,
) -> Result<Option<Duration>, Invalid> {
    let seconds = now.unix.as_secs_f64();
    let expiry = match claims.get("exp") {
        Some(expiry) => Some(expiry.as_f64().ok_or(invalid("exp must be number"))?),
        None if rules.require_expiry => return Err(invalid("'exp' claim is missing")),
        None => None,
    };
    if expiry.is_some_and(|expiry| seconds >= expiry) {
        return Err(invalid("Not acceptable by exp"));
    }
    if let Some(start) = claims.get("nbf") {
        let start = start.as_f64().ok_or(invalid("nbf must be number"))?;
        if seconds < start {
            return Err(invalid("Not acceptable by nbf"));
        }
    }
    // What is too far away to be counted never comes.
    Ok(expiry.and_then(|expiry| Duration::try_from_secs_f64(expiry).ok()))
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
    // One audience, or a list of them of which one is enough (RFC 7519 §4.1.3).
    let audiences = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => return Err(invalid("'aud' claim is missing")),
    };
    let mut audiences = audiences.into_iter();
    if !audiences.any(|audience| accepted(&rules.audiences, audience)) {
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
        room_is_pattern: object("room").is_some_and(|it| it.get("regex").is_some_and(is_true)),
        subject: subject.to_owned(),
        expires: None,
        tenant: string("tenant"),
        group: string("group"),
        features: object("features"),
        user,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::config::KeySource;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;
    use std::collections::HashMap;
    use std::time::Instant;

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
        check_by(claims, &rules())
    }

    fn check_by(claims: &Value, rules: &TokenConfig) -> Result<Claims, Invalid> {
        let keys = Keys::from_config(&rules.keys);
        verify(&signed(claims, "key"), rules, &keys, now()).map_err(Refusal::into_invalid)
    }

    #[test]
    fn a_good_token_gives_its_claims() {
        let claims = check(&good()).unwrap();
        assert_eq!(claims.room.as_deref(), Some("Maths"));
        assert!(claims.is_moderator());
        assert!(claims.features.is_some());
    }

    #[test]
    fn one_of_several_audiences_is_enough_and_the_end_of_a_token_may_be_optional() {
        let mut claims = good();
        claims["aud"] = json!(["other", "jitsi"]);
        assert_eq!(
            check(&claims).unwrap().expires,
            Some(Duration::from_secs(1_001))
        );
        claims.as_object_mut().unwrap().remove("exp");
        let lenient = TokenConfig {
            require_expiry: false,
            ..rules()
        };
        assert_eq!(check_by(&claims, &lenient).unwrap().expires, None);
    }

    #[test]
    fn a_context_can_make_the_room_a_pattern() {
        for (regex, expected) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
        ] {
            let mut claims = good();
            claims["context"]["room"] = json!({ "regex": regex });
            assert_eq!(check(&claims).unwrap().room_is_pattern, expected);
        }
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
            (with("exp", Value::Null), "'exp' claim is missing"),
            (with("nbf", json!(1_001)), "Not acceptable by nbf"),
            (with("iss", Value::Null), "'iss' claim is missing"),
            (with("iss", json!("other")), "invalid 'iss' claim"),
            (with("aud", Value::Null), "'aud' claim is missing"),
            (with("aud", json!("other")), "invalid 'aud' claim"),
            (with("aud", json!(["a", "b"])), "invalid 'aud' claim"),
            (with("aud", json!([])), "invalid 'aud' claim"),
            (with("aud", json!(7)), "'aud' claim is missing"),
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
        let refusal = |token: &str| verify(token, &rules(), &keys, now()).unwrap_err();
        let reason = |token: &str| refusal(token).into_invalid().reason;
        assert_eq!(reason("nonsense"), "bad token format");
        assert_eq!(reason(&signed(&good(), "other")), "Invalid signature");
        let header = |header: &str| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            reason(&header(r#"{"typ":"JWT","alg":"none"}"#)),
            "Invalid or incorrect alg"
        );
        assert_eq!(reason(&header(r#"{"alg":"HS256"}"#)), "Invalid typ");
        let by_id = |head: &str| {
            let nothing = Keys::ById(HashMap::new());
            let refusal = verify(&header(head), &rules(), &nothing, now()).unwrap_err();
            refusal.into_invalid().reason
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
        let pattern = |room: &str| Claims {
            room_is_pattern: true,
            ..claims(room, "*")
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
            (rules(), claims("[a]b", "x"), (Some("a"), "b"), Ok(())),
            (rules(), pattern("team%-%d+"), (None, "team-7"), Ok(())),
            (strict.clone(), pattern("*"), (None, "any"), Ok(())),
            (
                rules(),
                pattern("team%-%d+"),
                (None, "team-7x"),
                Err("room-name-does-not-match"),
            ),
            (rules(), pattern("(x"), (None, "x"), Err("invalid-regex")),
        ];
        for (rules, claims, room, expected) in cases {
            let found = check_room(&claims, &rules, room, "meet.shoal");
            assert_eq!(found, expected, "{room:?}");
        }
    }
}
