//! Full intra request (RFC 5104 §4.3.1).

use super::compound::{word, write_packet};
use crate::units::Ssrc;

/// Requests for key frames, each with a command number that tells repeats from new ones.
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: Ssrc,
    entries: &'a [u8],
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        Some(Self {
            sender: Ssrc(word(body, 0)?),
            entries: body.get(8..)?,
        })
    }

    /// Stream and command number of each request.
    pub fn entries(&self) -> impl Iterator<Item = (Ssrc, u8)> + use<'a> {
        self.entries
            .chunks_exact(8)
            .map(|b| (Ssrc(u32::from_be_bytes([b[0], b[1], b[2], b[3]])), b[4]))
    }

    /// Appends a request for one stream; raise `command` for every new request, keep it for
    /// repeats.
    pub fn write(sender: Ssrc, media: Ssrc, command: u8, out: &mut Vec<u8>) {
        write_packet(out, 206, 4, |out| {
            out.extend(sender.0.to_be_bytes());
            // The media source of the common header is unused (RFC 5104 §4.3.1.2).
            out.extend([0; 4]);
            out.extend(media.0.to_be_bytes());
            out.extend([command, 0, 0, 0]);
        });
    }
}
