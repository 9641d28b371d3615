//! Signatures of peers: their schemes, and the key in a certificate (RFC 5246 §7.4.1.4.1,
//! RFC 8446 §4.2.3, RFC 5280 §4.1).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};

use super::error::HandshakeError;
use super::suite::Authentication;

/// Our own: ECDSA with SHA-256 by a key on P-256.
pub(super) const OURS: u16 = 0x0403;

/// What we take of a peer, best first.
pub(super) const ACCEPTED: [u16; 9] = [
    OURS, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
];

/// The kind of key that signs with this scheme. In TLS 1.2 an ECDSA scheme does not say the curve.
pub(super) fn authentication(scheme: u16) -> Option<Authentication> {
    match scheme {
        0x0403 | 0x0503 | 0x0603 => Some(Authentication::Ecdsa),
        0x0804..=0x0806 | 0x0401 | 0x0501 | 0x0601 => Some(Authentication::Rsa),
        _ => None,
    }
}

fn algorithms(scheme: u16) -> &'static [&'static dyn VerificationAlgorithm] {
    match scheme {
        0x0403 => &[
            &ECDSA_P256_SHA256_ASN1,
            &ECDSA_P384_SHA256_ASN1,
            &ECDSA_P521_SHA256_ASN1,
        ],
        0x0503 => &[
            &ECDSA_P384_SHA384_ASN1,
            &ECDSA_P256_SHA384_ASN1,
            &ECDSA_P521_SHA384_ASN1,
        ],
        0x0603 => &[
            &ECDSA_P521_SHA512_ASN1,
            &ECDSA_P384_SHA512_ASN1,
            &ECDSA_P256_SHA512_ASN1,
        ],
        0x0401 => &[&RSA_PKCS1_2048_8192_SHA256],
        0x0501 => &[&RSA_PKCS1_2048_8192_SHA384],
        0x0601 => &[&RSA_PKCS1_2048_8192_SHA512],
        0x0804 => &[&RSA_PSS_2048_8192_SHA256],
        0x0805 => &[&RSA_PSS_2048_8192_SHA384],
        0x0806 => &[&RSA_PSS_2048_8192_SHA512],
        _ => &[],
    }
}

/// Whether the key of `certificate` (DER) signed `signed`.
pub(super) fn verify(
    certificate: &[u8],
    scheme: u16,
    signed: &[u8],
    signature: &[u8],
) -> Result<(), HandshakeError> {
    let key = public_key(certificate).ok_or(HandshakeError::Malformed("certificate"))?;
    algorithms(scheme)
        .iter()
        .any(|algorithm| {
            UnparsedPublicKey::new(*algorithm, key)
                .verify(signed, signature)
                .is_ok()
        })
        .then_some(())
        .ok_or(HandshakeError::Signature)
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// `[0]`, the version of a certificate that has one.
const VERSION: u8 = 0xa0;

/// The SubjectPublicKeyInfo of a certificate. Nothing else in it is of interest: its fingerprint
/// was signalled, and that is all the trust there is.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (to_be_signed, _) = element(certificate.content, SEQUENCE)?;
    let mut rest = to_be_signed.content;
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    element(rest, SEQUENCE).map(|(key, _)| key.whole)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

/// The element of DER in front, and what is behind it.
fn element(der: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    let (header, len) = match der {
        [first, len @ 0..=0x7f, ..] if *first == tag => (2, usize::from(*len)),
        [first, 0x81, len, ..] if *first == tag => (3, usize::from(*len)),
        [first, 0x82, high, low, ..] if *first == tag => {
            (4, usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => return None,
    };
    let (whole, rest) = der.split_at_checked(header + len)?;
    let content = &whole[header..];
    Some((Element { whole, content }, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Certificate;
    use super::*;

    #[test]
    fn a_certificate_verifies_what_its_key_signed_and_nothing_else() {
        let own = Certificate::generate().unwrap();
        let other = Certificate::generate().unwrap();
        let signature = own.sign(b"signed").unwrap();
        assert_eq!(verify(own.der(), OURS, b"signed", &signature), Ok(()));
        let wrong = Err(HandshakeError::Signature);
        assert_eq!(verify(own.der(), OURS, b"other", &signature), wrong);
        assert_eq!(verify(own.der(), 0x0503, b"signed", &signature), wrong);
        assert_eq!(verify(own.der(), 0x0401, b"signed", &signature), wrong);
        assert_eq!(verify(own.der(), 0x0203, b"signed", &signature), wrong);
        assert_eq!(verify(other.der(), OURS, b"signed", &signature), wrong);
    }

    #[test]
    fn a_certificate_that_is_cut_has_no_key() {
        let own = Certificate::generate().unwrap();
        for len in 0..own.der().len() {
            assert_eq!(public_key(&own.der()[..len]), None);
        }
    }

    #[test]
    fn every_scheme_that_is_offered_can_be_verified() {
        for scheme in ACCEPTED {
            assert!(authentication(scheme).is_some());
            assert!(!algorithms(scheme).is_empty());
        }
    }
}
