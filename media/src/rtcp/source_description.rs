//! Source description (RFC 3550 §6.5), of which only CNAME matters here.

use super::compound::{word, write_packet};
use crate::units::Ssrc;

/// A source description packet.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    chunks: &'a [u8],
    count: u8,
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(Self {
            chunks: body,
            count,
        })
    }

    /// The CNAME of each source that has one; ends at the first malformed chunk.
    pub fn cnames(&self) -> impl Iterator<Item = (Ssrc, &'a [u8])> + use<'a> {
        let mut rest = self.chunks;
        let mut left = self.count;
        std::iter::from_fn(move || {
            while left > 0 {
                left -= 1;
                let (ssrc, name, after) = chunk(rest)?;
                rest = after;
                if let Some(name) = name {
                    return Some((ssrc, name));
                }
            }
            None
        })
    }
}

/// One chunk: source, its CNAME, and what follows.
type Chunk<'a> = (Ssrc, Option<&'a [u8]>, &'a [u8]);

fn chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let ssrc = Ssrc(word(bytes, 0)?);
    let mut name = None;
    let mut at = 4;
    while let item @ 1.. = *bytes.get(at)? {
        let len = usize::from(*bytes.get(at + 1)?);
        let value = bytes.get(at + 2..at + 2 + len)?;
        if item == 1 {
            name = Some(value);
        }
        at += 2 + len;
    }
    // The list ends with one or more zero bytes up to the next word.
    let end = (at / 4 + 1) * 4;
    Some((ssrc, name, bytes.get(end..)?))
}

/// Appends a source description of one source; a CNAME beyond 255 bytes is cut.
pub fn cname(ssrc: Ssrc, name: &[u8], out: &mut Vec<u8>) {
    let name = &name[..name.len().min(255)];
    write_packet(out, 202, 1, |out| {
        out.extend(ssrc.0.to_be_bytes());
        out.extend([1, name.len() as u8]);
        out.extend(name);
        out.push(0);
    });
}
