//! Redundant audio (RFC 2198).

use std::ops::Range;

use arrayvec::ArrayVec;

use crate::rtp::Timestamp;
use crate::units::PayloadType;

/// Most blocks in a payload, the primary included.
pub const MAX_BLOCKS: usize = 8;

/// Most bytes of a redundant block (10 bits of length).
const MAX_REDUNDANT: usize = 1_023;
/// Most ticks that a redundant block lies back (14 bits).
const MAX_OFFSET: u32 = 0x3fff;
/// The audio frames that are kept for redundancy are at most this long.
const MAX_KEPT: usize = 320;

/// One block of a RED payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedBlock<'a> {
    /// Payload type of the block.
    pub payload_type: PayloadType,
    /// How much older than the packet's timestamp the block is, in ticks; 0 for the primary.
    pub timestamp_offset: u16,
    /// The block's payload.
    pub data: &'a [u8],
}

/// Why a RED payload cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedError {
    /// Headers or blocks do not fit the payload.
    #[error("the RED payload ends inside its headers or blocks")]
    Truncated,
    /// More blocks than anyone sends.
    #[error("the RED payload has more than {MAX_BLOCKS} blocks")]
    TooManyBlocks,
}

/// The blocks of a payload, oldest first, primary last (RFC 2198 §3).
///
/// # Errors
/// See [`RedError`].
pub fn parse(payload: &[u8]) -> Result<ArrayVec<RedBlock<'_>, MAX_BLOCKS>, RedError> {
    let mut headers = ArrayVec::<(PayloadType, u16, usize), MAX_BLOCKS>::new();
    let mut rest = payload;
    loop {
        let (&first, after) = rest.split_first().ok_or(RedError::Truncated)?;
        let payload_type = PayloadType::from_header_byte(first);
        if first & 0x80 == 0 {
            rest = after;
            headers
                .try_push((payload_type, 0, usize::MAX))
                .map_err(|_| RedError::TooManyBlocks)?;
            break;
        }
        let (fields, after) = after.split_first_chunk::<3>().ok_or(RedError::Truncated)?;
        let fields = u32::from_be_bytes([0, fields[0], fields[1], fields[2]]);
        let (offset, len) = ((fields >> 10) as u16, (fields & 0x3ff) as usize);
        headers
            .try_push((payload_type, offset, len))
            .map_err(|_| RedError::TooManyBlocks)?;
        rest = after;
    }
    let mut blocks = ArrayVec::new();
    for (payload_type, timestamp_offset, len) in headers {
        // The primary takes what is left.
        let len = if len == usize::MAX { rest.len() } else { len };
        let (data, after) = rest.split_at_checked(len).ok_or(RedError::Truncated)?;
        blocks.push(RedBlock {
            payload_type,
            timestamp_offset,
            data,
        });
        rest = after;
    }
    Ok(blocks)
}

/// The primary block, for receivers without RED: its payload type and range in the payload.
///
/// # Errors
/// See [`RedError`].
pub fn primary(payload: &[u8]) -> Result<(PayloadType, Range<usize>), RedError> {
    let blocks = parse(payload)?;
    let primary = blocks.last().ok_or(RedError::Truncated)?;
    Ok((
        primary.payload_type,
        payload.len() - primary.data.len()..payload.len(),
    ))
}

/// How many frames back the redundancy of [`RedEncoder`] reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// The frame before.
    One,
    /// The two frames before.
    Two,
}

/// Adds redundancy to a stream of audio frames.
#[derive(Clone, Debug)]
pub struct RedEncoder {
    distance: Distance,
    /// Oldest first.
    kept: ArrayVec<(Timestamp, ArrayVec<u8, MAX_KEPT>), 2>,
}

impl RedEncoder {
    /// Without a frame yet.
    pub fn new(distance: Distance) -> Self {
        Self {
            distance,
            kept: ArrayVec::new(),
        }
    }

    /// Writes the RED payload of a frame to the front of `out`, with the frames before it that fit
    /// the format and `out`; returns its length, `None` when not even the frame alone fits. When
    /// `keep` is false (a frame without voice) the frame is not repeated later.
    pub fn encode(
        &mut self,
        payload_type: PayloadType,
        timestamp: Timestamp,
        frame: &[u8],
        keep: bool,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut room = out.len().checked_sub(frame.len() + 1)?;
        let mut redundant = ArrayVec::<(u32, &[u8]), 2>::new();
        for (kept_at, data) in self.kept.iter().rev() {
            let offset = timestamp.since(*kept_at);
            let fits = (1..=MAX_OFFSET as i32).contains(&offset)
                && data.len() <= MAX_REDUNDANT
                && data.len() + 4 <= room;
            if fits {
                room -= data.len() + 4;
                redundant.push((offset as u32, data));
            }
        }
        redundant.reverse();
        let mut at = 0;
        for &(offset, data) in &redundant {
            let header =
                u32::from(payload_type.value() | 0x80) << 24 | offset << 10 | data.len() as u32;
            out[at..at + 4].copy_from_slice(&header.to_be_bytes());
            at += 4;
        }
        out[at] = payload_type.value();
        at += 1;
        for data in redundant.iter().map(|&(_, data)| data).chain([frame]) {
            out[at..at + data.len()].copy_from_slice(data);
            at += data.len();
        }
        drop(redundant);
        self.keep(timestamp, frame, keep);
        Some(at)
    }

    fn keep(&mut self, timestamp: Timestamp, frame: &[u8], keep: bool) {
        let distance = match self.distance {
            Distance::One => 1,
            Distance::Two => 2,
        };
        if !keep || frame.len() > MAX_KEPT {
            return;
        }
        if self.kept.len() == distance {
            self.kept.remove(0);
        }
        let mut data = ArrayVec::new();
        data.try_extend_from_slice(frame)
            .expect("invariant: longer frames are not kept");
        self.kept.push((timestamp, data));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    fn pt() -> PayloadType {
        PayloadType::new(111).unwrap()
    }

    #[test]
    fn the_example_with_one_redundant_block_is_read() {
        // Offset 960, length 2.
        let payload = [0x80 | 111, 0x0f, 0x00, 0x02, 111, 1, 2, 3, 4, 5];
        let blocks = parse(&payload).unwrap();
        let expected = [
            RedBlock {
                payload_type: pt(),
                timestamp_offset: 960,
                data: &[1, 2],
            },
            RedBlock {
                payload_type: pt(),
                timestamp_offset: 0,
                data: &[3, 4, 5],
            },
        ];
        assert_eq!(blocks[..], expected);
        assert_eq!(primary(&payload).unwrap(), (pt(), 7..10));
    }

    #[test]
    fn redundancy_reaches_as_far_back_as_asked() {
        let mut out = [0; 200];
        for (distance, blocks) in [(Distance::One, 2), (Distance::Two, 3)] {
            let mut encoder = RedEncoder::new(distance);
            let mut len = 0;
            for i in 0..5_u8 {
                let timestamp = Timestamp(u32::MAX - 2_000).plus(u32::from(i) * 960);
                len = encoder
                    .encode(pt(), timestamp, &[i; 10], true, &mut out)
                    .unwrap();
            }
            let parsed = parse(&out[..len]).unwrap();
            assert_eq!(parsed.len(), blocks);
            assert_eq!(parsed[blocks - 1].data, [4; 10]);
            assert_eq!(
                (
                    parsed[blocks - 2].timestamp_offset,
                    parsed[blocks - 2].data[0]
                ),
                (960, 3)
            );
        }
    }

    #[test]
    fn frames_without_voice_and_long_pauses_are_not_repeated() {
        let mut out = [0; 200];
        let mut encoder = RedEncoder::new(Distance::Two);
        encoder.encode(pt(), Timestamp(0), &[1; 10], false, &mut out);
        let len = encoder
            .encode(pt(), Timestamp(960), &[2; 10], true, &mut out)
            .unwrap();
        assert_eq!(len, 11);
        let len = encoder
            .encode(pt(), Timestamp(48_000), &[3; 10], true, &mut out)
            .unwrap();
        assert_eq!(len, 11);
        assert_eq!(
            encoder.encode(pt(), Timestamp(48_960), &[3; 10], true, &mut [0; 10]),
            None
        );
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let mut random = SmallRng::seed_from_u64(3);
        let mut bytes = [0; 80];
        for _ in 0..50_000 {
            random.fill_bytes(&mut bytes);
            let len = random.random_range(0..bytes.len());
            if let Ok((_, range)) = primary(&bytes[..len]) {
                assert!(range.end == len);
            }
        }
        assert_eq!(parse(&[0xff; 80]), Err(RedError::TooManyBlocks));
    }
}
