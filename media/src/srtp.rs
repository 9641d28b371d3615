//! SRTP and SRTCP in place (RFC 3711, RFC 7714).
//!
//! One [`Protector`] encrypts what we send, one [`Unprotector`] decrypts what a peer sends; both
//! come out of the key material of the DTLS handshake by [`KeyMaterial::into_contexts`].
//! Nothing is allocated per packet once an SSRC is known.
//!
//! # Deliberately absent
//! Master key identifiers, key derivation rates, unencrypted SRTP and SRTCP, and encrypted
//! header extensions: WebRTC uses none of them.

mod cipher;
mod derivation;
mod layout;
mod protector;
mod replay;
mod unprotector;

#[cfg(test)]
mod vectors;

pub use derivation::{KeyMaterial, Side};
pub use protector::Protector;
pub use unprotector::Unprotector;

/// Protection profiles of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`, for peers without the others.
    Aes128CmSha1_80,
}

impl SrtpProfile {
    /// Length of a master key in bytes.
    pub fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Length of a master salt in bytes.
    pub fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Length of the authentication tag in bytes.
    pub fn tag_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::Aes128CmSha1_80 => 10,
        }
    }
}

/// Room that a caller leaves behind an RTP or RTCP packet for what protection adds, in bytes:
/// a 16 byte tag and a 4 byte SRTCP index.
pub const MAX_OVERHEAD: usize = 20;

/// Why a packet could not be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// The DTLS handshake has not finished.
    #[error("no keys yet: the DTLS handshake has not finished")]
    BeforeDtls,
    /// The buffer lacks room behind the packet; see [`MAX_OVERHEAD`].
    #[error("no room for the authentication tag behind the packet")]
    NoRoom,
    /// Not an RTP or RTCP packet.
    #[error("not a well-formed RTP or RTCP packet")]
    Malformed,
    /// The bound on SSRC states is reached.
    #[error("too many SSRCs on one transport")]
    TooManySsrcs,
    /// The packet index was used before or is too old to tell, or the key is worn out
    /// (RFC 3711 §9.2). Two packets under one index would give the key away (RFC 7714 §8.4).
    #[error("the packet index was used before or the key is exhausted")]
    IndexReused,
    /// The extended sequence number does not end in the packet's sequence number.
    #[error("the extended sequence number is not that of the packet")]
    WrongIndex,
}

/// Why a packet could not be unprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// Too short, or its header does not hold together.
    #[error("not a well-formed SRTP or SRTCP packet")]
    Malformed,
    /// The authentication tag is wrong.
    #[error("the authentication tag is wrong")]
    Auth,
    /// The packet index was received before or is too old to tell.
    #[error("the packet was received before, or is too old to tell")]
    Replay,
    /// The bound on SSRC states is reached.
    #[error("too many SSRCs from one peer")]
    TooManySsrcs,
}
