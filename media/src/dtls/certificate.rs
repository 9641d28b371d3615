//! Our certificate, and the fingerprints by which peers name theirs (RFC 8122 §5).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, SerialNumber,
    date_time_ymd,
};

use super::error::HandshakeError;

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a self-signed ECDSA P-256 certificate: {0}")]
pub struct CertificateError(String);

/// Self-signed ECDSA P-256 certificate with its private key; one per process, cheap to clone.
#[derive(Clone)]
pub struct Certificate {
    inner: Arc<Inner>,
}

struct Inner {
    der: Vec<u8>,
    key: EcdsaKeyPair,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Makes a new key and certificate.
    ///
    /// # Errors
    /// When the crypto library cannot make a key, which a healthy machine never shows.
    pub fn generate() -> Result<Self, CertificateError> {
        let failed = |e: &dyn fmt::Display| CertificateError(e.to_string());
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| failed(&e))?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "WebRTC");
        let mut params = CertificateParams::new(Vec::new()).map_err(|e| failed(&e))?;
        params.distinguished_name = name;
        // Peers go by the fingerprint alone; no clock of theirs or ours shall matter.
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2049, 12, 31);
        // Firefox refuses two certificates of one name and one number.
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|e| failed(&e))?;
        // A positive number of 16 bytes (RFC 5280 §4.1.2.2).
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let der = params
            .self_signed(&pair)
            .map_err(|e| failed(&e))?
            .der()
            .to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pair.serialize_der())
            .map_err(|e| failed(&e))?;
        let fingerprint =
            Fingerprint::of("sha-256", &der).expect("invariant: sha-256 is a known hash function");
        Ok(Self {
            inner: Arc::new(Inner {
                der,
                key,
                fingerprint,
            }),
        })
    }

    /// The sha-256 fingerprint to signal to peers.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.inner.fingerprint
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// ECDSA with SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let signature = self.inner.key.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| HandshakeError::Crypto("sign"))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.fingerprint().value)
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
        let der = own.der();
        for hash in ["sha-1", "sha-256", "sha-384", "sha-512", "SHA-256"] {
            let mut fingerprint = Fingerprint::of(hash, der).unwrap();
            assert!(fingerprint.matches(der));
            fingerprint.value.make_ascii_lowercase();
            assert!(fingerprint.matches(der));
            assert!(!fingerprint.matches(other.der()));
        }
        assert!(Fingerprint::of("md5", der).is_none());
        assert_eq!(own.fingerprint().value.len(), 32 * 3 - 1);
    }
}
