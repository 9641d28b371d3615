//! Who may hold meetings.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// Who may hold meetings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.mode == 'Anonymous' || [has(self.secretName), has(self.publicKeySecretName), has(self.jwksSecretName), has(self.jwksUrl), has(self.asapKeyServer)].filter(one, one).size() == 1")
        .message("spec.auth with mode Token needs exactly one of secretName, publicKeySecretName, jwksSecretName, jwksUrl and asapKeyServer"),
    validation = Rule::new("self.mode == 'Token' || !(has(self.secretName) || has(self.publicKeySecretName) || has(self.jwksSecretName) || has(self.jwksUrl) || has(self.asapKeyServer))")
        .message("spec.auth: keys of tokens only go with mode Token"),
    validation = Rule::new("!has(self.caSecretName) || has(self.jwksUrl) || has(self.asapKeyServer)")
        .message("spec.auth.caSecretName only goes with jwksUrl or asapKeyServer"),
    validation = Rule::new("!has(self.refresh) || has(self.jwksUrl)")
        .message("spec.auth.refresh only goes with jwksUrl"),
    validation = Rule::new("!has(self.algorithm) || self.mode == 'Token' && self.algorithm.startsWith('HS') == has(self.secretName)")
        .message("spec.auth.algorithm is HS256, HS384 or HS512 with secretName, else RS256, RS384 or RS512")
)]
pub struct AuthSpec {
    /// Which logins are accepted.
    #[serde(default)]
    pub mode: AuthMode,
    /// With mode `Token`: people without a token may join as guests.
    #[serde(default)]
    pub guests: bool,
    /// Secret whose key `secret` signs tokens (HS256 by default). It and the Secrets with keys are read again when they change.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Secret whose key `public.pem` is the public key that tokens are checked with (RS256 by default).
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_secret_name: Option<String>,
    /// Secret whose key `jwks.json` is the JSON Web Key Set that tokens are checked with (RS256 by default).
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_secret_name: Option<String>,
    /// URL of the JSON Web Key Set that tokens are checked with (RS256 by default).
    #[schemars(length(max = 2000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.startsWith('https://')")
        .message("spec.auth.jwksUrl must begin with https://"))]
    pub jwks_url: Option<String>,
    /// URL below which the public key of each `kid` is, as `sha256(kid).pem` (Jitsi's `asap_key_server`; RS256 by default).
    #[schemars(length(max = 2000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.startsWith('https://')")
        .message("spec.auth.asapKeyServer must begin with https://"))]
    pub asap_key_server: Option<String>,
    /// Secret whose key `ca.crt` has the authorities that signed the certificate of that server; the public ones by default.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_name: Option<String>,
    /// How often the key set of `jwksUrl` is read again where its answer does not say; every 6 hours by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Span>,
    /// The one algorithm that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Accepted `iss` claims; any when empty.
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// Accepted `aud` claims; any when empty.
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Whether a token must say when it ends (`exp`).
    #[serde(default = "yes")]
    pub require_expiry: bool,
    /// Whether people leave the service when their token ends. Otherwise who is in a meeting stays.
    #[serde(default)]
    pub ends_session: bool,
    /// Whether a token must name a room.
    #[serde(default = "yes")]
    pub require_room_claim: bool,
    /// Whether the tenant of a token (`sub`) is compared too, not only its room.
    #[serde(default)]
    pub domain_verification: bool,
    /// Whether a token says who moderates (`context.user.moderator` or `affiliation`). Otherwise everybody with a token does.
    #[serde(default)]
    pub affiliation: bool,
}

impl Default for AuthSpec {
    fn default() -> Self {
        Self {
            mode: AuthMode::default(),
            guests: false,
            secret_name: None,
            public_key_secret_name: None,
            jwks_secret_name: None,
            jwks_url: None,
            asap_key_server: None,
            ca_secret_name: None,
            refresh: None,
            algorithm: None,
            issuers: Vec::new(),
            audiences: Vec::new(),
            require_expiry: true,
            ends_session: false,
            require_room_claim: true,
            domain_verification: false,
            affiliation: false,
        }
    }
}

impl AuthSpec {
    /// The fields that name Secrets, with what they name and the key that it must have.
    pub fn secrets(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        [
            ("spec.auth.secretName", &self.secret_name, "secret"),
            (
                "spec.auth.publicKeySecretName",
                &self.public_key_secret_name,
                "public.pem",
            ),
            (
                "spec.auth.jwksSecretName",
                &self.jwks_secret_name,
                "jwks.json",
            ),
            ("spec.auth.caSecretName", &self.ca_secret_name, "ca.crt"),
        ]
        .into_iter()
        .filter_map(|(field, name, key)| Some((field, name.as_deref()?, key)))
    }
}

fn yes() -> bool {
    true
}

/// Which logins are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthMode {
    /// Everybody is a guest.
    #[default]
    Anonymous,
    /// A JSON Web Token is checked.
    Token,
}

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names of RFC 7518 say it")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
}
