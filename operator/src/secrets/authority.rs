//! The internal authority of a cluster, which signs what its parts show one another.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::leaf::{note_life, valid_for};
use super::{Content, keep_or_make};

const LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The internal authority of a cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// Certificate, PEM.
    pub certificate: String,
    /// Private key, PEM.
    key: String,
    /// Certificates to trust, PEM: this one's and, until everybody has this one, that of its predecessor.
    pub bundle: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("bundle", &self.bundle)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// The Secret of an authority: the one that exists, or a new one, which keeps the certificate of its predecessor.
    #[must_use]
    pub fn secret(live: Option<&Secret>, rotate: Option<&str>, now: Duration) -> Content {
        keep_or_make(
            live,
            rotate,
            |content| Self::of(content).is_some() && !content.near_end(now),
            |old| {
                let key = KeyPair::generate().expect("invariant: the system makes keys");
                let mut params = params();
                valid_for(&mut params, now, LIFE);
                let certificate = params
                    .self_signed(&key)
                    .expect("invariant: the parameters of our authority can be signed");
                let mut new = Content::default();
                new.put("tls.crt", certificate.pem());
                new.put("tls.key", key.serialize_pem());
                if let Some(before) = old.and_then(|old| old.text("tls.crt")) {
                    new.put("previous.crt", before);
                }
                note_life(&mut new, now, LIFE);
                new
            },
        )
    }

    /// From the content of its Secret.
    #[must_use]
    pub fn of(content: &Content) -> Option<Self> {
        let key = content.text("tls.key")?;
        let certificate = content.text("tls.crt")?;
        if !certificate.contains("-----BEGIN CERTIFICATE-----") || KeyPair::from_pem(&key).is_err()
        {
            return None;
        }
        let before = content.text("previous.crt").unwrap_or_default();
        Some(Self {
            bundle: format!("{}\n{}", certificate.trim_end(), before),
            certificate,
            key,
        })
    }

    /// From its Secret.
    #[must_use]
    pub fn read(secret: &Secret) -> Option<Self> {
        Self::of(&Content::of(secret))
    }

    pub(super) fn issuer(&self) -> Issuer<'static, KeyPair> {
        let key = KeyPair::from_pem(&self.key)
            .expect("invariant: an authority is only made of a key that can be read");
        Issuer::new(params(), key)
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Shoal internal authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
