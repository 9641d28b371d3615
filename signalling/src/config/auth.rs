//! Who may log in on the main domain.

use super::{Secret, seconds};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Login on the main domain. Both kinds use SASL ANONYMOUS; a token comes as the `token` query parameter.
#[derive(Clone, Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Which logins are accepted.
    pub mode: AuthMode,
    /// How tokens are checked; needed unless the mode is `anonymous`.
    pub token: Option<TokenConfig>,
}

/// Which logins are accepted on the main domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Guests only; tokens are ignored.
    #[default]
    Anonymous,
    /// A valid token is required.
    Token,
    /// A token is checked when there is one; without one the user is a guest.
    Both,
}

/// JWT verification, as Jitsi's token authentication does it.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// Where verification keys come from.
    pub keys: KeySource,
    /// The one accepted algorithm: HS256/384/512 or RS256/384/512. Default: HS256 with a secret, else RS256.
    #[schemars(example = &"HS256")]
    pub algorithm: Option<String>,
    /// Accepted `iss` claims; `*` accepts any.
    pub issuers: Vec<String>,
    /// Accepted `aud` claims; `*` accepts any.
    pub audiences: Vec<String>,
    /// Whether a token must say when it ends (`exp`).
    pub require_expiry: bool,
    /// Whether a session ends when its token does. Otherwise a token is looked at when somebody logs in or comes back after
    /// a broken connection, and who is in a meeting stays.
    pub ends_session: bool,
    /// Whether a token must name a room.
    pub require_room_claim: bool,
    /// Compare tenant (`sub`) and room instead of only the room.
    pub domain_verification: bool,
    /// Whether the token says who owns a room: with `context.user.moderator`, or `affiliation` `owner`, `moderator` or
    /// `teacher`, its bearer is owner, else member. Otherwise everybody with a token is owner.
    pub affiliation: bool,
    /// Accounts or domains that need no token at join.
    pub allow_list: Vec<String>,
    /// PEM file with the authorities that may have signed the certificates of `https` URLs, or with the certificates
    /// themselves. Default: the public authorities.
    #[schemars(example = &"/etc/shoal/authority.pem")]
    pub ca_file: Option<PathBuf>,
    /// How often a JWKS URL is read again, where its answer does not say (`Cache-Control`).
    #[serde(with = "seconds")]
    #[schemars(with = "f64", extend("x-unit" = "seconds"), range(min = 30, max = 604_800))]
    pub refresh: Duration,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            keys: KeySource::Secret(Secret::default()),
            algorithm: None,
            issuers: vec!["*".into()],
            audiences: vec!["*".into()],
            require_expiry: true,
            ends_session: false,
            require_room_claim: true,
            domain_verification: false,
            affiliation: false,
            allow_list: Vec::new(),
            ca_file: None,
            refresh: Duration::from_secs(6 * 3600),
        }
    }
}

/// Where verification keys come from.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// A shared secret (HS…).
    #[schemars(example = &"a long random text")]
    Secret(Secret),
    /// File whose first line is the shared secret (HS…). This and the other files are read again when they change.
    #[schemars(example = &"/etc/shoal/token.secret")]
    SecretFile(PathBuf),
    /// PEM file of one public key, whatever `kid` the token names (RS…).
    #[schemars(example = &"/etc/shoal/token.pem")]
    PublicKeyFile(PathBuf),
    /// File with a JSON Web Key Set (RS…).
    #[schemars(example = &"/etc/shoal/jwks.json")]
    JwksFile(PathBuf),
    /// `http(s)` URL of a JSON Web Key Set, or of a map from `kid` to PEM certificate or key (RS…). It is also read when
    /// a token names a key that is not known.
    #[schemars(example = &"https://id.example.org/jwks.json")]
    JwksUrl(String),
    /// `http(s)` URL below which the key of each `kid` is, as Jitsi's `asap_key_server`: `URL/sha256(kid).pem` (RS…).
    #[schemars(example = &"https://keys.example.org/prod")]
    AsapKeyServer(String),
}
