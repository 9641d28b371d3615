//! Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2).

use super::compound::{word, write_packet};
use crate::units::{Bitrate, Ssrc};

/// What a receiver believes that its path carries, for all named streams together.
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who says so.
    pub sender: Ssrc,
    /// The estimate.
    pub bitrate: Bitrate,
    ssrcs: &'a [u8],
}

impl<'a> Remb<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let value = word(body, 12)?;
        let count = usize::from((value >> 24) as u8);
        let exponent = value >> 18 & 0x3f;
        let mantissa = u64::from(value & 0x3_ffff);
        // An exponent that shifts bits out means "more than anyone has".
        let bps = if mantissa.leading_zeros() < exponent {
            u64::MAX
        } else {
            mantissa << exponent
        };
        Some(Self {
            sender: Ssrc(word(body, 0)?),
            bitrate: Bitrate::from_bps(bps),
            ssrcs: body.get(16..16 + 4 * count)?,
        })
    }

    /// The streams that the estimate is for.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        self.ssrcs
            .chunks_exact(4)
            .map(|b| Ssrc(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
    }

    /// Appends the packet; the bitrate is rounded down to 18 significant bits, streams after the
    /// 255th are left out.
    pub fn write(sender: Ssrc, bitrate: Bitrate, ssrcs: &[Ssrc], out: &mut Vec<u8>) {
        let ssrcs = &ssrcs[..ssrcs.len().min(255)];
        let bps = bitrate.as_bps();
        let exponent = (64 - bps.leading_zeros()).saturating_sub(18);
        let value = (ssrcs.len() as u32) << 24 | exponent << 18 | (bps >> exponent) as u32;
        write_packet(out, 206, 15, |out| {
            out.extend(sender.0.to_be_bytes());
            out.extend([0; 4]);
            out.extend(b"REMB");
            out.extend(value.to_be_bytes());
            ssrcs
                .iter()
                .for_each(|ssrc| out.extend(ssrc.0.to_be_bytes()));
        });
    }
}
