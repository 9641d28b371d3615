use rustc_hash::FxHashMap;

use super::ProtectError;
use super::cipher::SessionCipher;
use super::layout::{RTCP_HEADER, RtpLayout, rtcp_ssrc};
use super::replay::{Verdict, Window};

/// How far back, in 64s, a packet may be sent out of order.
const WORDS: usize = 4;
/// SRTCP packets that one key may protect (RFC 3711 §9.2).
const MAX_RTCP_INDEX: u32 = (1 << 31) - 1;
/// Packets of one SSRC that one key may protect (RFC 3711 §9.2).
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;

/// Encrypts what we send to one peer.
pub struct Protector {
    cipher: SessionCipher,
    sent: FxHashMap<u32, Window<WORDS>>,
    max_ssrcs: usize,
    rtcp_index: u32,
}

impl Protector {
    pub(super) fn new(cipher: SessionCipher, max_ssrcs: usize) -> Self {
        Self {
            cipher,
            sent: FxHashMap::default(),
            max_ssrcs,
            rtcp_index: 0,
        }
    }

    /// Encrypts the RTP packet in `buf[..len]` in place; the new length. The rollover counter
    /// follows from the sequence numbers sent before.
    ///
    /// # Errors
    /// See [`ProtectError`].
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let layout = layout_of(buf, len)?;
        let index = self
            .sent
            .get(&layout.ssrc)
            .map_or(u64::from(layout.sequence), |sent| {
                sent.guess(layout.sequence)
            });
        let window = claim(&mut self.sent, self.max_ssrcs, layout.ssrc, index)?;
        let protected = self.cipher.protect_rtp(buf, len, layout, index)?;
        window.mark(index);
        Ok(protected)
    }

    /// Encrypts the RTP packet in `buf[..len]` in place under an extended sequence number that
    /// the caller keeps; the new length.
    ///
    /// # Errors
    /// See [`ProtectError`].
    pub fn protect_rtp_at(
        &mut self,
        buf: &mut [u8],
        len: usize,
        extended: u64,
    ) -> Result<usize, ProtectError> {
        let layout = layout_of(buf, len)?;
        check_extended(layout, extended)?;
        let window = claim(&mut self.sent, self.max_ssrcs, layout.ssrc, extended)?;
        let protected = self.cipher.protect_rtp(buf, len, layout, extended)?;
        window.mark(extended);
        Ok(protected)
    }

    /// Encrypts `payload`, which stays as it is, behind the RTP header in `buf[..header_len]`;
    /// the length of the whole packet in `buf`. For one payload that goes to many peers.
    ///
    /// # Errors
    /// See [`ProtectError`].
    pub fn protect_rtp_from(
        &mut self,
        buf: &mut [u8],
        header_len: usize,
        payload: &[u8],
        extended: u64,
    ) -> Result<usize, ProtectError> {
        let layout = layout_of(buf, header_len)?;
        if layout.header_len != header_len {
            return Err(ProtectError::Malformed);
        }
        check_extended(layout, extended)?;
        let window = claim(&mut self.sent, self.max_ssrcs, layout.ssrc, extended)?;
        let protected = self
            .cipher
            .protect_rtp_from(buf, payload, layout, extended)?;
        window.mark(extended);
        Ok(protected)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place; the new length. All SSRCs of
    /// a peer share one counter, so that no state is kept for each.
    ///
    /// # Errors
    /// See [`ProtectError`].
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let packet = buf.get(..len).ok_or(ProtectError::Malformed)?;
        let ssrc = rtcp_ssrc(packet).ok_or(ProtectError::Malformed)?;
        debug_assert!(len >= RTCP_HEADER);
        if self.rtcp_index >= MAX_RTCP_INDEX {
            return Err(ProtectError::IndexReused);
        }
        let index = self.rtcp_index + 1;
        let protected = self.cipher.protect_rtcp(buf, len, ssrc, index)?;
        self.rtcp_index = index;
        Ok(protected)
    }
}

fn layout_of(buf: &[u8], len: usize) -> Result<RtpLayout, ProtectError> {
    buf.get(..len)
        .and_then(RtpLayout::read)
        .ok_or(ProtectError::Malformed)
}

fn check_extended(layout: RtpLayout, extended: u64) -> Result<(), ProtectError> {
    if extended as u16 != layout.sequence {
        return Err(ProtectError::WrongIndex);
    }
    Ok(())
}

/// The window of an SSRC, after a check that `index` is free in it.
fn claim(
    sent: &mut FxHashMap<u32, Window<WORDS>>,
    max_ssrcs: usize,
    ssrc: u32,
    index: u64,
) -> Result<&mut Window<WORDS>, ProtectError> {
    if sent.len() >= max_ssrcs && !sent.contains_key(&ssrc) {
        return Err(ProtectError::TooManySsrcs);
    }
    let window = sent.entry(ssrc).or_insert_with(Window::new);
    if index > MAX_RTP_INDEX || window.check(index) != Verdict::New {
        return Err(ProtectError::IndexReused);
    }
    Ok(window)
}
