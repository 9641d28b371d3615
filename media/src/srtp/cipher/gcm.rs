//! AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::ENCRYPTED;
use crate::srtp::derivation::{Derivation, Label};
use crate::srtp::layout::{RTCP_HEADER, RtpLayout};
use crate::srtp::{ProtectError, SrtpProfile, UnprotectError};

const TAG: usize = 16;
/// Length of the SRTCP index word.
const WORD: usize = 4;

pub(in crate::srtp) struct Gcm {
    rtp_key: LessSafeKey,
    rtp_salt: [u8; 12],
    rtcp_key: LessSafeKey,
    rtcp_salt: [u8; 12],
}

impl Gcm {
    pub(crate) fn derive(profile: SrtpProfile, derivation: &Derivation) -> Self {
        let key = |label: Label| {
            if profile == SrtpProfile::AeadAes256Gcm {
                UnboundKey::new(&AES_256_GCM, &derivation.derive::<32>(label))
            } else {
                UnboundKey::new(&AES_128_GCM, &derivation.derive::<16>(label))
            }
            .map(LessSafeKey::new)
            .expect("invariant: session keys have the length of their profile")
        };
        Self {
            rtp_key: key(Label::RtpEncryption),
            rtp_salt: derivation.derive(Label::RtpSalt),
            rtcp_key: key(Label::RtcpEncryption),
            rtcp_salt: derivation.derive(Label::RtcpSalt),
        }
    }

    /// RFC 7714 §8.1.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = [0u8; 12];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        salted(nonce, self.rtp_salt)
    }

    /// RFC 7714 §9.1.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let mut nonce = [0u8; 12];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[8..].copy_from_slice(&index.to_be_bytes());
        salted(nonce, self.rtcp_salt)
    }

    pub(crate) fn protect_rtp(
        &self,
        buf: &mut [u8],
        len: usize,
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, ProtectError> {
        let packet = buf.get_mut(..len + TAG).ok_or(ProtectError::NoRoom)?;
        let (header, rest) = packet.split_at_mut(layout.header_len);
        let (payload, tag) = rest.split_at_mut(len - layout.header_len);
        self.rtp_key
            .seal_in_place_scatter(
                self.rtp_nonce(layout.ssrc, index),
                Aad::from(&*header),
                payload,
                &[],
                tag,
            )
            .expect("invariant: a datagram is far below the limit of GCM");
        Ok(len + TAG)
    }

    pub(crate) fn protect_rtp_from(
        &self,
        buf: &mut [u8],
        payload: &[u8],
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, ProtectError> {
        let len = layout.header_len + payload.len() + TAG;
        let packet = buf.get_mut(..len).ok_or(ProtectError::NoRoom)?;
        let (header, rest) = packet.split_at_mut(layout.header_len);
        let (out, tag) = rest.split_at_mut(payload.len());
        self.rtp_key
            .seal_out_of_place_scatter(
                self.rtp_nonce(layout.ssrc, index),
                Aad::from(&*header),
                payload,
                out,
                &[],
                tag,
            )
            .expect("invariant: a datagram is far below the limit of GCM");
        Ok(len)
    }

    pub(crate) fn unprotect_rtp(
        &self,
        buf: &mut [u8],
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, UnprotectError> {
        if buf.len() < layout.header_len + TAG {
            return Err(UnprotectError::Malformed);
        }
        let (header, payload) = buf.split_at_mut(layout.header_len);
        let plain = self
            .rtp_key
            .open_in_place(
                self.rtp_nonce(layout.ssrc, index),
                Aad::from(&*header),
                payload,
            )
            .map_err(|_| UnprotectError::Auth)?;
        Ok(layout.header_len + plain.len())
    }

    /// RFC 7714 §9.2: header and index word are authenticated, the rest is encrypted, the index
    /// word stands behind the tag.
    pub(crate) fn protect_rtcp(
        &self,
        buf: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, ProtectError> {
        let packet = buf
            .get_mut(..len + TAG + WORD)
            .ok_or(ProtectError::NoRoom)?;
        let word = (index | ENCRYPTED).to_be_bytes();
        let (header, rest) = packet.split_at_mut(RTCP_HEADER);
        let (payload, rest) = rest.split_at_mut(len - RTCP_HEADER);
        let (tag, trailer) = rest.split_at_mut(TAG);
        self.rtcp_key
            .seal_in_place_scatter(
                self.rtcp_nonce(ssrc, index),
                Aad::from(rtcp_aad(header, word)),
                payload,
                &[],
                tag,
            )
            .expect("invariant: a datagram is far below the limit of GCM");
        trailer.copy_from_slice(&word);
        Ok(len + TAG + WORD)
    }

    pub(crate) fn rtcp_word(buf: &[u8]) -> Option<u32> {
        if buf.len() < RTCP_HEADER + TAG + WORD {
            return None;
        }
        buf.last_chunk().map(|word| u32::from_be_bytes(*word))
    }

    pub(crate) fn unprotect_rtcp(
        &self,
        buf: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, UnprotectError> {
        let end = buf
            .len()
            .checked_sub(WORD)
            .ok_or(UnprotectError::Malformed)?;
        let (sealed, trailer) = buf.split_at_mut(end);
        let word = *trailer.first_chunk().ok_or(UnprotectError::Malformed)?;
        let (header, payload) = sealed
            .split_at_mut_checked(RTCP_HEADER)
            .ok_or(UnprotectError::Malformed)?;
        let plain = self
            .rtcp_key
            .open_in_place(
                self.rtcp_nonce(ssrc, index),
                Aad::from(rtcp_aad(header, word)),
                payload,
            )
            .map_err(|_| UnprotectError::Auth)?;
        Ok(RTCP_HEADER + plain.len())
    }
}

fn salted(mut nonce: [u8; 12], salt: [u8; 12]) -> Nonce {
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn rtcp_aad(header: &[u8], word: [u8; WORD]) -> [u8; RTCP_HEADER + WORD] {
    let mut aad = [0; RTCP_HEADER + WORD];
    aad[..RTCP_HEADER].copy_from_slice(header);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    aad
}

#[cfg(test)]
impl Gcm {
    /// For published vectors, which give session keys.
    pub(crate) fn with_session_key(key: &[u8], salt: [u8; 12]) -> Self {
        let key = || {
            let algorithm = if key.len() == 32 {
                &AES_256_GCM
            } else {
                &AES_128_GCM
            };
            LessSafeKey::new(UnboundKey::new(algorithm, key).expect("a key of 16 or 32 bytes"))
        };
        Self {
            rtp_key: key(),
            rtp_salt: salt,
            rtcp_key: key(),
            rtcp_salt: salt,
        }
    }
}
