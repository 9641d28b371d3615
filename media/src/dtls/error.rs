//! Why a handshake failed, for a log here and as an alert for the peer (RFC 5246 §7.2.2).

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the peer's {0} is malformed")]
    Malformed(&'static str),
    #[error("the peer sent handshake message {0} where the protocol has another")]
    Unexpected(u8),
    #[error("the peer does not speak DTLS 1.2 (its version is {0:#06x})")]
    Version(u16),
    #[error("the peer has none of our cipher suites (ECDHE with AES-GCM)")]
    Suites,
    #[error("the peer has none of our curves (X25519, P-256, P-384)")]
    Groups,
    #[error("the peer does not take ECDSA signatures with SHA-256, which our certificate makes")]
    OurSignature,
    #[error("the peer lacks the extended master secret (RFC 7627)")]
    ExtendedMasterSecret,
    #[error("the peer has none of our SRTP protection profiles")]
    Profiles,
    #[error("the peer wants to renegotiate (RFC 5746)")]
    Renegotiation,
    #[error("the peer sent no certificate")]
    NoCertificate,
    #[error("the certificate is not the one whose fingerprint was signalled")]
    Fingerprint,
    #[error(
        "signature scheme {0:#06x} of the peer is not one that its certificate and our offer allow"
    )]
    SignatureScheme(u16),
    #[error(
        "the peer's signature is not one of its certificate's key (ECDSA P-256, P-384 or P-521, \
         or RSA of 2,048 to 8,192 bits)"
    )]
    Signature,
    #[error("the peer's Finished message does not fit the handshake")]
    Finished,
    #[error("the peer gave up with alert {0}")]
    Alert(u8),
    #[error("the peer did not answer in time")]
    Timeout,
    #[error("cannot {0}")]
    Crypto(&'static str),
}

impl HandshakeError {
    /// The description of the alert that tells the peer; `None` when it knows or does not hear.
    pub(super) fn alert(&self) -> Option<u8> {
        Some(match self {
            Self::Malformed(_) => 50,
            Self::Unexpected(_) => 10,
            Self::Version(_) => 70,
            Self::Suites
            | Self::Groups
            | Self::OurSignature
            | Self::ExtendedMasterSecret
            | Self::Profiles
            | Self::Renegotiation
            | Self::NoCertificate => 40,
            Self::Fingerprint => 42,
            Self::SignatureScheme(_) => 47,
            Self::Signature | Self::Finished => 51,
            Self::Crypto(_) => 80,
            Self::Alert(_) | Self::Timeout => return None,
        })
    }
}
