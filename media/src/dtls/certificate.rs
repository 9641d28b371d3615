//! Our certificate, and the fingerprints by which peers name theirs (RFC 8122 §5).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a self-signed ECDSA P-256 certificate: {0}")]
pub struct CertificateError(String);

/// Self-signed ECDSA P-256 certificate with its private key; one per process, cheap to clone.
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<dimpl::DtlsCertificate>,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Makes a new key and certificate.
    ///
    /// # Errors
    /// When the crypto library cannot make a key, which a healthy machine never shows.
    pub fn generate() -> Result<Self, CertificateError> {
        let inner = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|e| CertificateError(e.to_string()))?;
        let fingerprint = Fingerprint::of("sha-256", &inner.certificate)
            .expect("invariant: sha-256 is a known hash function");
        Ok(Self {
            inner: Arc::new(inner),
            fingerprint,
        })
    }

    /// The sha-256 fingerprint to signal to peers.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn for_dtls(&self) -> dimpl::DtlsCertificate {
        self.inner.as_ref().clone()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.fingerprint.value)
            .finish()
    }
}

/// Hash of a certificate as signalling carries it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Hash function name of RFC 8122 §5: `sha-256`, and from peers also `sha-1`, `sha-384`, `sha-512`.
    pub hash: String,
    /// Upper-case hexadecimal bytes with colons between.
    pub value: String,
}

impl Fingerprint {
    /// Hashes a DER certificate. `None` for a hash function that is not accepted.
    pub fn of(hash: &str, certificate: &[u8]) -> Option<Self> {
        let algorithm = match hash.to_ascii_lowercase().as_str() {
            "sha-1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            "sha-256" => &digest::SHA256,
            "sha-384" => &digest::SHA384,
            "sha-512" => &digest::SHA512,
            _ => return None,
        };
        let digest = digest::digest(algorithm, certificate);
        let value = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":");
        Some(Self {
            hash: hash.to_ascii_lowercase(),
            value,
        })
    }

    /// Whether the hash function is one that is accepted.
    pub fn is_known(&self) -> bool {
        let known = ["sha-1", "sha-256", "sha-384", "sha-512"];
        known.contains(&self.hash.trim().to_ascii_lowercase().as_str())
    }

    /// Whether `certificate` (DER) is the one that this fingerprint names.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        Self::of(self.hash.trim(), certificate)
            .is_some_and(|own| own.value.eq_ignore_ascii_case(self.value.trim()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_fingerprint_names_one_certificate_whatever_its_case() {
        let own = Certificate::generate().unwrap();
        let other = Certificate::generate().unwrap();
        let der = own.for_dtls().certificate;
        for hash in ["sha-1", "sha-256", "sha-384", "sha-512", "SHA-256"] {
            let mut fingerprint = Fingerprint::of(hash, &der).unwrap();
            assert!(fingerprint.matches(&der));
            fingerprint.value.make_ascii_lowercase();
            assert!(fingerprint.matches(&der));
            assert!(!fingerprint.matches(&other.for_dtls().certificate));
        }
        assert!(Fingerprint::of("md5", &der).is_none());
        assert_eq!(own.fingerprint().value.len(), 32 * 3 - 1);
    }
}
