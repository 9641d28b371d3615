//! What is generated once and then kept: passwords, the internal authority, certificates.
//!
//! A Secret that exists is taken over as it is. New content is made only when something asks for it: nothing was there,
//! annotation `shoal.video/rotate` of the resource changed, or a certificate nears its end or was made for other names.

mod authority;
mod leaf;
mod passwords;

pub use authority::Authority;
pub use leaf::{Leaf, leaf, self_signed};
pub use passwords::accounts;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use sha2::{Digest, Sha256};

/// On a resource: any text, and another one asks for new passwords and certificates.
pub const ROTATE: &str = "shoal.video/rotate";
/// On a Secret: the text of [`ROTATE`] that its content was made for.
pub const ROTATED: &str = "shoal.video/rotated";
const NOT_BEFORE: &str = "shoal.video/not-before";
const NOT_AFTER: &str = "shoal.video/not-after";
/// On a Secret: a hash of what its certificate was made for.
const MADE_FOR: &str = "shoal.video/made-for";

/// Name of the operator among the accounts of a shard or pool: its password comes with orders to focus and bridges.
pub const OPERATOR: &str = "operator";

/// What a Secret holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Its keys.
    pub data: BTreeMap<String, Vec<u8>>,
    /// What is to be remembered of it.
    pub annotations: BTreeMap<String, String>,
}

impl Content {
    /// Of a Secret that exists, with those annotations that are ours.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        let data = secret.data.clone().unwrap_or_default();
        let annotations = secret.metadata.annotations.clone().unwrap_or_default();
        Self {
            data: data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect(),
            annotations: annotations
                .into_iter()
                .filter(|(key, _)| {
                    [ROTATED, NOT_BEFORE, NOT_AFTER, MADE_FOR].contains(&key.as_str())
                })
                .collect(),
        }
    }

    /// Of a certificate and its key, PEM, that somebody else made.
    #[must_use]
    pub fn of_certificate(certificate: &str, key: &str) -> Self {
        let mut content = Self::default();
        content.put("tls.crt", certificate);
        content.put("tls.key", key);
        content
    }

    /// For a Secret.
    #[must_use]
    pub fn bytes(&self) -> BTreeMap<String, ByteString> {
        self.data
            .iter()
            .map(|(key, value)| (key.clone(), ByteString(value.clone())))
            .collect()
    }

    fn text(&self, key: &str) -> Option<String> {
        String::from_utf8(self.data.get(key)?.clone()).ok()
    }

    fn put(&mut self, key: &str, text: impl Into<String>) {
        self.data.insert(key.into(), text.into().into_bytes());
    }

    fn note(&mut self, key: &str, text: impl ToString) {
        self.annotations.insert(key.into(), text.to_string());
    }

    /// Whether the resource asks for other content than this.
    fn outdated(&self, rotate: Option<&str>) -> bool {
        rotate.is_some() && self.annotations.get(ROTATED).map(String::as_str) != rotate
    }

    /// Whether a certificate in it has less than a third of its life left, or none is known.
    fn near_end(&self, now: Duration) -> bool {
        let time = |key: &str| self.annotations.get(key)?.parse::<u64>().ok();
        match (time(NOT_BEFORE), time(NOT_AFTER)) {
            (Some(from), Some(to)) => {
                now.as_secs() >= to.saturating_sub(to.saturating_sub(from) / 3)
            }
            _ => true,
        }
    }
}

/// Takes over what exists if it is still good, or makes new content and remembers for which rotation.
fn keep_or_make(
    live: Option<&Secret>,
    rotate: Option<&str>,
    good: impl Fn(&Content) -> bool,
    make: impl FnOnce(Option<&Content>) -> Content,
) -> Content {
    let old = live.map(Content::of);
    match old {
        Some(old) if good(&old) && !old.outdated(rotate) => old,
        old => {
            let mut new = make(old.as_ref());
            if let Some(rotate) = rotate {
                new.note(ROTATED, rotate);
            }
            new
        }
    }
}

/// The first 32 hexadecimal digits of a SHA-256 over the parts and their lengths.
#[must_use]
pub fn digest<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
