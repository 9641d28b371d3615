//! Goodbye (RFC 3550 §6.6).

use super::compound::write_packet;
use crate::units::Ssrc;

/// Sources that leave.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    ssrcs: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self {
            ssrcs: body.get(..4 * usize::from(count))?,
        })
    }

    /// The sources, at most 31.
    pub fn ssrcs(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        self.ssrcs
            .chunks_exact(4)
            .map(|b| Ssrc(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
    }

    /// Appends a goodbye; sources after the 31st are left out.
    pub fn write(ssrcs: &[Ssrc], out: &mut Vec<u8>) {
        let ssrcs = &ssrcs[..ssrcs.len().min(31)];
        write_packet(out, 203, ssrcs.len() as u8, |out| {
            ssrcs
                .iter()
                .for_each(|ssrc| out.extend(ssrc.0.to_be_bytes()));
        });
    }
}
