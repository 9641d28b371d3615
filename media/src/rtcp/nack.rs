//! Generic negative acknowledgement (RFC 4585 §6.2.1).

use super::compound::{word, write_packet};
use crate::rtp::SeqNum;
use crate::units::Ssrc;

/// Packets that a receiver misses.
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: Ssrc,
    /// The stream with the holes.
    pub media: Ssrc,
    items: &'a [u8],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        Some(Self {
            sender: Ssrc(word(body, 0)?),
            media: Ssrc(word(body, 4)?),
            items: body.get(8..)?,
        })
    }

    /// The sequence numbers: up to 17 per item.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = SeqNum> + use<'a> {
        self.items.chunks_exact(4).flat_map(|b| {
            let first = SeqNum(u16::from_be_bytes([b[0], b[1]]));
            let mask = u16::from_be_bytes([b[2], b[3]]);
            std::iter::once(first).chain(
                (0..16)
                    .filter(move |bit| mask >> bit & 1 != 0)
                    .map(move |bit| first.plus(bit + 1)),
            )
        })
    }

    /// Appends a request. `missing` is in ascending order (by wrapping comparison), so that
    /// neighbours share an item; nothing is appended when it is empty.
    pub fn write(sender: Ssrc, media: Ssrc, missing: &[SeqNum], out: &mut Vec<u8>) {
        if missing.is_empty() {
            return;
        }
        write_packet(out, 205, 1, |out| {
            out.extend(sender.0.to_be_bytes());
            out.extend(media.0.to_be_bytes());
            let mut rest = missing;
            while let Some((&first, mut after)) = rest.split_first() {
                let mut mask = 0_u16;
                while let Some((&next, further)) = after.split_first() {
                    match next.since(first) {
                        steps @ 1..=16 => mask |= 1 << (steps - 1),
                        _ => break,
                    }
                    after = further;
                }
                out.extend(first.0.to_be_bytes());
                out.extend(mask.to_be_bytes());
                rest = after;
            }
        });
    }
}
