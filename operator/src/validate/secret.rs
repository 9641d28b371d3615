//! Secrets that people write and specs name.

use k8s_openapi::api::core::v1::Secret;

use super::Problem;
use crate::crd::JitsiClusterSpec;
use crate::world::Live;

/// The value of a key, as text without surrounding white space.
pub(crate) fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    let text = std::str::from_utf8(bytes).ok()?.trim();
    (!text.is_empty()).then_some(text)
}

/// The value of a key of the Secret that a field names.
pub(super) fn named<'a>(
    live: &'a Live,
    field: &str,
    name: &str,
    key: &str,
) -> Result<&'a str, Problem> {
    let secret = live.secrets.get(name).ok_or_else(|| {
        Problem::new(
            "NoSuchSecret",
            format!("{field} is {name:?}, and this namespace has no Secret of that name: create it with key {key:?}"),
        )
    })?;
    text(secret, key).ok_or_else(|| {
        Problem::new(
            "SecretIncomplete",
            format!("{field}: Secret {name:?} has no text under key {key:?}: add it"),
        )
    })
}

/// Those texts of the Secrets of sign-in and TURN that signalling reads only when it starts. Keys of tokens it reads again.
pub(super) fn of_signalling(
    spec: &JitsiClusterSpec,
    live: &Live,
) -> Result<Vec<String>, Vec<Problem>> {
    let turn = spec.turn.iter();
    let turn = turn.map(|turn| ("spec.turn.secretName", turn.secret_name.as_str(), "secret"));
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for (field, name, key) in spec.auth.secrets().chain(turn) {
        match named(live, field, name, key) {
            Ok(text) if ["spec.turn.secretName", "spec.auth.caSecretName"].contains(&field) => {
                texts.push(text.to_owned());
            }
            Ok(_) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(problems)
    }
}
