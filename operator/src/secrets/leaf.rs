//! Certificates of servers.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use time::OffsetDateTime;

use super::{Authority, Content, MADE_FOR, NOT_AFTER, NOT_BEFORE, digest, keep_or_make};

const LIFE: Duration = Duration::from_secs(365 * 86_400);
/// Clocks differ.
const EARLIER: Duration = Duration::from_secs(3600);

/// What a certificate is for.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Its DNS names, the first one of at most 64 letters is its common name as well.
    pub names: &'a [String],
    /// Seconds since the Unix epoch.
    pub now: Duration,
    /// The resource's [`super::ROTATE`].
    pub rotate: Option<&'a str>,
}

/// Secret `tls.crt`, `tls.key`, `ca.crt` of a server and client that the authority vouches for.
#[must_use]
pub fn leaf(live: Option<&Secret>, authority: &Authority, leaf: Leaf<'_>) -> Content {
    let made_for = made_for(leaf, &authority.certificate);
    let mut content = keep_or_make(
        live,
        leaf.rotate,
        |content| good(content, &made_for, leaf.now),
        |_| {
            let (params, key) = parameters(leaf);
            let certificate = params
                .signed_by(&key, &authority.issuer())
                .expect("invariant: our authority signs");
            content(&certificate.pem(), &key, leaf.now, &made_for)
        },
    );
    // Trust follows the authority at once, also where the certificate stays.
    content.put("ca.crt", authority.bundle.clone());
    content
}

/// Secret `tls.crt`, `tls.key` of a server that nobody vouches for.
#[must_use]
pub fn self_signed(live: Option<&Secret>, leaf: Leaf<'_>) -> Content {
    let made_for = made_for(leaf, "itself");
    keep_or_make(
        live,
        leaf.rotate,
        |content| good(content, &made_for, leaf.now),
        |_| {
            let (params, key) = parameters(leaf);
            let certificate = params
                .self_signed(&key)
                .expect("invariant: a certificate of host names can be signed");
            content(&certificate.pem(), &key, leaf.now, &made_for)
        },
    )
}

fn made_for(leaf: Leaf<'_>, by: &str) -> String {
    digest(leaf.names.iter().map(String::as_str).chain([by]))
}

fn good(content: &Content, made_for: &str, now: Duration) -> bool {
    content
        .annotations
        .get(MADE_FOR)
        .is_some_and(|of| of == made_for)
        && !content.near_end(now)
        && ["tls.crt", "tls.key"]
            .iter()
            .all(|key| content.data.contains_key(*key))
}

fn content(certificate: &str, key: &KeyPair, now: Duration, made_for: &str) -> Content {
    let mut new = Content::default();
    new.put("tls.crt", certificate);
    new.put("tls.key", key.serialize_pem());
    note_life(&mut new, now, LIFE);
    new.note(MADE_FOR, made_for);
    new
}

fn parameters(leaf: Leaf<'_>) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(leaf.names)
        .expect("invariant: names of Kubernetes objects and domains are ASCII");
    if let Some(name) = leaf.names.iter().find(|name| name.len() <= 64) {
        params
            .distinguished_name
            .push(DnType::CommonName, name.as_str());
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    valid_for(&mut params, leaf.now, LIFE);
    let key = KeyPair::generate().expect("invariant: the system makes keys");
    (params, key)
}

pub(super) fn valid_for(params: &mut CertificateParams, now: Duration, life: Duration) {
    let at = |time: Duration| {
        i64::try_from(time.as_secs())
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .expect("invariant: the clock is within the next millennia")
    };
    params.not_before = at(now.saturating_sub(EARLIER));
    params.not_after = at(now + life);
}

pub(super) fn note_life(content: &mut Content, now: Duration, life: Duration) {
    content.note(NOT_BEFORE, now.as_secs());
    content.note(NOT_AFTER, (now + life).as_secs());
}
