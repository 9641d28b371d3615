//! Picture loss indication (RFC 4585 §6.3.1).

use super::compound::{word, write_packet};
use crate::units::Ssrc;

/// A request for a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender: Ssrc,
    /// The stream that must give a key frame.
    pub media: Ssrc,
}

impl Pli {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Some(Self {
            sender: Ssrc(word(body, 0)?),
            media: Ssrc(word(body, 4)?),
        })
    }

    /// Appends the packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_packet(out, 206, 1, |out| {
            out.extend(self.sender.0.to_be_bytes());
            out.extend(self.media.0.to_be_bytes());
        });
    }
}
