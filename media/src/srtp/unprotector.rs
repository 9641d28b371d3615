use rustc_hash::FxHashMap;

use super::UnprotectError;
use super::cipher::SessionCipher;
use super::layout::{RtpLayout, rtcp_ssrc};
use super::replay::{Verdict, Window};

/// How far back, in 64s, a media packet may arrive out of order.
const RTP_WORDS: usize = 16;
/// How far back, in 64s, a control packet may arrive out of order.
const RTCP_WORDS: usize = 2;

/// Decrypts what one peer sends.
pub struct Unprotector {
    cipher: SessionCipher,
    rtp: FxHashMap<u32, Window<RTP_WORDS>>,
    rtcp: FxHashMap<u32, Window<RTCP_WORDS>>,
    max_ssrcs: usize,
}

impl Unprotector {
    pub(super) fn new(cipher: SessionCipher, max_ssrcs: usize) -> Self {
        Self {
            cipher,
            rtp: FxHashMap::default(),
            rtcp: FxHashMap::default(),
            max_ssrcs,
        }
    }

    /// Decrypts the SRTP packet that fills `buf` in place; the length of the RTP packet. State
    /// changes only for an authentic packet.
    ///
    /// # Errors
    /// See [`UnprotectError`]; `buf` is unusable then.
    pub fn unprotect_rtp(&mut self, buf: &mut [u8]) -> Result<usize, UnprotectError> {
        let layout = RtpLayout::read(buf).ok_or(UnprotectError::Malformed)?;
        if let Some(window) = self.rtp.get_mut(&layout.ssrc) {
            let index = window.guess(layout.sequence);
            if window.check(index) != Verdict::New {
                return Err(UnprotectError::Replay);
            }
            let len = self.cipher.unprotect_rtp(buf, layout, index)?;
            window.mark(index);
            return Ok(len);
        }
        let index = u64::from(layout.sequence);
        let len = self.cipher.unprotect_rtp(buf, layout, index)?;
        insert(&mut self.rtp, self.max_ssrcs, layout.ssrc, index)?;
        Ok(len)
    }

    /// Decrypts the SRTCP packet that fills `buf` in place; the length of the compound RTCP
    /// packet. State changes only for an authentic packet.
    ///
    /// # Errors
    /// See [`UnprotectError`]; `buf` is unusable then.
    pub fn unprotect_rtcp(&mut self, buf: &mut [u8]) -> Result<usize, UnprotectError> {
        let ssrc = rtcp_ssrc(buf).ok_or(UnprotectError::Malformed)?;
        let index = self.cipher.rtcp_index(buf)?;
        if let Some(window) = self.rtcp.get_mut(&ssrc) {
            if window.check(u64::from(index)) != Verdict::New {
                return Err(UnprotectError::Replay);
            }
            let len = self.cipher.unprotect_rtcp(buf, ssrc, index)?;
            window.mark(u64::from(index));
            return Ok(len);
        }
        let len = self.cipher.unprotect_rtcp(buf, ssrc, index)?;
        insert(&mut self.rtcp, self.max_ssrcs, ssrc, u64::from(index))?;
        Ok(len)
    }
}

fn insert<const WORDS: usize>(
    windows: &mut FxHashMap<u32, Window<WORDS>>,
    max_ssrcs: usize,
    ssrc: u32,
    index: u64,
) -> Result<(), UnprotectError> {
    if windows.len() >= max_ssrcs {
        return Err(UnprotectError::TooManySsrcs);
    }
    let mut window = Window::new();
    window.mark(index);
    windows.insert(ssrc, window);
    Ok(())
}
