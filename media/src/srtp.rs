//! SRTP and SRTCP in place (RFC 3711, RFC 7714).

/// Protection profiles of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `SRTP_AEAD_AES_128_GCM`, our first choice.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`, for peers without the first.
    Aes128CmSha1_80,
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
    /// The buffer lacks [`MAX_OVERHEAD`] bytes behind the packet.
    #[error("no room for the authentication tag behind the packet")]
    NoRoom,
    /// Not an RTP or RTCP packet.
    #[error("not a well-formed RTP or RTCP packet")]
    Malformed,
    /// The bound on SSRC states is reached.
    #[error("too many SSRCs on one transport")]
    TooManySsrcs,
    /// A keystream would be used twice, or the key is worn out (RFC 3711 §9.2).
    #[error("the packet index was used before or the key is exhausted")]
    IndexReused,
}
