//! AES in counter mode with HMAC-SHA1, 80 bit tags (RFC 3711 §4.1.1, §4.2.1).

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::ENCRYPTED;
use crate::srtp::derivation::{Derivation, Label, apply_keystream, counter_mode};
use crate::srtp::layout::{RTCP_HEADER, RtpLayout};
use crate::srtp::{ProtectError, UnprotectError};

const TAG: usize = 10;
/// Length of the rollover counter, which the tag covers and the packet lacks, and of the SRTCP
/// index word.
const WORD: usize = 4;

pub(in crate::srtp) struct CounterMode {
    rtp_key: EncryptingKey,
    rtp_salt: [u8; 14],
    rtp_auth: hmac::Key,
    rtcp_key: EncryptingKey,
    rtcp_salt: [u8; 14],
    rtcp_auth: hmac::Key,
}

impl CounterMode {
    pub(crate) fn derive(derivation: &Derivation) -> Self {
        let auth = |label| {
            hmac::Key::new(
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                &derivation.derive::<20>(label),
            )
        };
        Self {
            rtp_key: counter_mode(&derivation.derive::<16>(Label::RtpEncryption)),
            rtp_salt: derivation.derive(Label::RtpSalt),
            rtp_auth: auth(Label::RtpAuthentication),
            rtcp_key: counter_mode(&derivation.derive::<16>(Label::RtcpEncryption)),
            rtcp_salt: derivation.derive(Label::RtcpSalt),
            rtcp_auth: auth(Label::RtcpAuthentication),
        }
    }

    pub(crate) fn protect_rtp(
        &self,
        buf: &mut [u8],
        len: usize,
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, ProtectError> {
        if buf.len() < len + TAG {
            return Err(ProtectError::NoRoom);
        }
        let iv = counter_block(self.rtp_salt, layout.ssrc, index);
        apply_keystream(&self.rtp_key, iv, &mut buf[layout.header_len..len]);
        let tag = rtp_tag(&self.rtp_auth, &mut buf[..len + TAG], len, index);
        buf[len..len + TAG].copy_from_slice(&tag);
        Ok(len + TAG)
    }

    pub(crate) fn unprotect_rtp(
        &self,
        buf: &mut [u8],
        layout: RtpLayout,
        index: u64,
    ) -> Result<usize, UnprotectError> {
        let len = buf
            .len()
            .checked_sub(TAG)
            .filter(|len| *len >= layout.header_len)
            .ok_or(UnprotectError::Malformed)?;
        let mut received = [0; TAG];
        received.copy_from_slice(&buf[len..]);
        let tag = rtp_tag(&self.rtp_auth, buf, len, index);
        verify_slices_are_equal(&received, &tag).map_err(|_| UnprotectError::Auth)?;
        let iv = counter_block(self.rtp_salt, layout.ssrc, index);
        apply_keystream(&self.rtp_key, iv, &mut buf[layout.header_len..len]);
        Ok(len)
    }

    /// RFC 3711 §3.4: the index word stands before the tag, which covers it.
    pub(crate) fn protect_rtcp(
        &self,
        buf: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Result<usize, ProtectError> {
        if buf.len() < len + WORD + TAG {
            return Err(ProtectError::NoRoom);
        }
        let iv = counter_block(self.rtcp_salt, ssrc, u64::from(index));
        apply_keystream(&self.rtcp_key, iv, &mut buf[RTCP_HEADER..len]);
        let covered = len + WORD;
        buf[len..covered].copy_from_slice(&(index | ENCRYPTED).to_be_bytes());
        let tag = truncated(&self.rtcp_auth, &buf[..covered]);
        buf[covered..covered + TAG].copy_from_slice(&tag);
        Ok(covered + TAG)
    }

    pub(crate) fn rtcp_word(buf: &[u8]) -> Option<u32> {
        let covered = buf.len().checked_sub(TAG)?;
        if covered < RTCP_HEADER + WORD {
            return None;
        }
        buf[..covered]
            .last_chunk()
            .map(|word| u32::from_be_bytes(*word))
    }

    pub(crate) fn unprotect_rtcp(
        &self,
        buf: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, UnprotectError> {
        let covered = buf
            .len()
            .checked_sub(TAG)
            .filter(|covered| *covered >= RTCP_HEADER + WORD)
            .ok_or(UnprotectError::Malformed)?;
        let tag = truncated(&self.rtcp_auth, &buf[..covered]);
        verify_slices_are_equal(&buf[covered..], &tag).map_err(|_| UnprotectError::Auth)?;
        let len = covered - WORD;
        let iv = counter_block(self.rtcp_salt, ssrc, u64::from(index));
        apply_keystream(&self.rtcp_key, iv, &mut buf[RTCP_HEADER..len]);
        Ok(len)
    }
}

/// RFC 3711 §4.1.1.
fn counter_block(salt: [u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut block = [0u8; 16];
    block[..14].copy_from_slice(&salt);
    for (byte, ssrc) in block[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= ssrc;
    }
    for (byte, index) in block[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= index;
    }
    block
}

/// The tag of `buf[..len]` and the rollover counter (RFC 3711 §4.2), which is written behind the
/// packet where the tag has its place: that is faster than to feed the parts one by one.
fn rtp_tag(key: &hmac::Key, buf: &mut [u8], len: usize, index: u64) -> [u8; TAG] {
    let rollover = ((index >> 16) as u32).to_be_bytes();
    buf[len..len + WORD].copy_from_slice(&rollover);
    truncated(key, &buf[..len + WORD])
}

fn truncated(key: &hmac::Key, covered: &[u8]) -> [u8; TAG] {
    let full = hmac::sign(key, covered);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&full.as_ref()[..TAG]);
    tag
}
