//! The session cipher of one direction: what a profile does to a packet.

mod cm;
mod gcm;

use super::derivation::Derivation;
use super::layout::RtpLayout;
use super::{ProtectError, SrtpProfile, UnprotectError};
use cm::CounterMode;
pub(super) use gcm::Gcm;

/// Set in the SRTCP index word of an encrypted packet (RFC 3711 §3.4).
const ENCRYPTED: u32 = 1 << 31;

/// Session keys of one direction.
#[allow(
    clippy::large_enum_variant,
    reason = "one per direction of a peer, on the packet path"
)]
pub(super) enum SessionCipher {
    Gcm(Gcm),
    CounterMode(CounterMode),
}

impl SessionCipher {
    pub(super) fn derive(profile: SrtpProfile, master_key: &[u8], master_salt: &[u8]) -> Self {
        let derivation = Derivation::new(master_key, master_salt);
        match profile {
            SrtpProfile::AeadAes128Gcm | SrtpProfile::AeadAes256Gcm => {
                Self::Gcm(Gcm::derive(profile, &derivation))
            }
            SrtpProfile::Aes128CmSha1_80 => Self::CounterMode(CounterMode::derive(&derivation)),
        }
    }

    /// Encrypts the RTP packet in `buf[..len]`; the new length.
    pub(super) fn protect_rtp(
        &self,
        buf: &mut [u8],
        len: usize,
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, ProtectError> {
        match self {
            Self::Gcm(gcm) => gcm.protect_rtp(buf, len, layout, index),
            Self::CounterMode(cm) => cm.protect_rtp(buf, len, layout, index),
        }
    }

    /// Encrypts `payload` behind the header in `buf[..layout.header_len]`; the new length.
    pub(super) fn protect_rtp_from(
        &self,
        buf: &mut [u8],
        payload: &[u8],
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, ProtectError> {
        match self {
            Self::Gcm(gcm) => gcm.protect_rtp_from(buf, payload, layout, index),
            Self::CounterMode(cm) => {
                let len = layout.header_len + payload.len();
                buf.get_mut(layout.header_len..len)
                    .ok_or(ProtectError::NoRoom)?
                    .copy_from_slice(payload);
                cm.protect_rtp(buf, len, layout, index)
            }
        }
    }

    /// Decrypts the SRTP packet in `buf`; the new length.
    pub(super) fn unprotect_rtp(
        &self,
        buf: &mut [u8],
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, UnprotectError> {
        match self {
            Self::Gcm(gcm) => gcm.unprotect_rtp(buf, layout, index),
            Self::CounterMode(cm) => cm.unprotect_rtp(buf, layout, index),
        }
    }

    /// Encrypts the RTCP packet in `buf[..len]` under a 31 bit index; the new length.
    pub(super) fn protect_rtcp(
        &self,
        buf: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, ProtectError> {
        match self {
            Self::Gcm(gcm) => gcm.protect_rtcp(buf, len, ssrc, index),
            Self::CounterMode(cm) => cm.protect_rtcp(buf, len, ssrc, index),
        }
    }

    /// Reads the index of the SRTCP packet in `buf`, which nothing vouches for yet.
    pub(super) fn rtcp_index(&self, buf: &[u8]) -> Result<u32, UnprotectError> {
        let word = match self {
            Self::Gcm(_) => Gcm::rtcp_word(buf),
            Self::CounterMode(_) => CounterMode::rtcp_word(buf),
        }
        .ok_or(UnprotectError::Malformed)?;
        if word & ENCRYPTED == 0 {
            return Err(UnprotectError::Auth);
        }
        Ok(word & !ENCRYPTED)
    }

    /// Decrypts the SRTCP packet in `buf`; the new length.
    pub(super) fn unprotect_rtcp(
        &self,
        buf: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, UnprotectError> {
        match self {
            Self::Gcm(gcm) => gcm.unprotect_rtcp(buf, ssrc, index),
            Self::CounterMode(cm) => cm.unprotect_rtcp(buf, ssrc, index),
        }
    }
}
