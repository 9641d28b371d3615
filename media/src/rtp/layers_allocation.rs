//! The video layers allocation extension: which layers an encoder produces, at what rate and size
//! (webrtc.org's `video-layers-allocation00`).

use arrayvec::ArrayVec;

use crate::codec::Resolution;
use crate::units::Bitrate;

const MAX_STREAMS: usize = 4;
const MAX_SPATIAL: usize = 4;
const MAX_TEMPORAL: usize = 4;

/// One spatial layer of one RTP stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocatedLayer {
    /// Index of the RTP stream (of simulcast), lowest quality first.
    pub stream: u8,
    /// Spatial layer within the stream.
    pub spatial_id: u8,
    /// Target rate of each temporal layer, the lower ones included.
    pub bitrates: ArrayVec<Bitrate, MAX_TEMPORAL>,
    /// Size and frames per second, when told.
    pub picture: Option<(Resolution, u8)>,
}

/// The value of the extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayersAllocation {
    /// Index of the RTP stream that carries this value.
    pub stream: u8,
    /// The active layers, by stream, then by spatial id; empty when the encoder is paused.
    pub layers: ArrayVec<AllocatedLayer, { MAX_STREAMS * MAX_SPATIAL }>,
}

impl LayersAllocation {
    /// From the extension's value; `None` when it is malformed.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (&first, mut rest) = value.split_first()?;
        let mut allocation = Self {
            stream: first >> 6,
            layers: ArrayVec::new(),
        };
        if value == [0] {
            return Some(allocation);
        }
        let streams = first >> 4 & 3;
        let shared = first & 0x0f;
        let mut masks = [shared; MAX_STREAMS];
        if shared == 0 {
            let (bytes, after) = rest.split_at_checked((usize::from(streams) + 2) / 2)?;
            rest = after;
            for (mask, half) in masks
                .iter_mut()
                .zip(bytes.iter().flat_map(|b| [b >> 4, b & 0x0f]))
            {
                *mask = half;
            }
        }
        for stream in 0..=streams {
            for spatial_id in 0..MAX_SPATIAL as u8 {
                if masks[usize::from(stream)] >> spatial_id & 1 != 0 {
                    let bitrates = ArrayVec::new();
                    allocation.layers.push(AllocatedLayer {
                        stream,
                        spatial_id,
                        bitrates,
                        picture: None,
                    });
                }
            }
        }
        let (counts, after) = rest.split_at_checked(allocation.layers.len().div_ceil(4))?;
        rest = after;
        for (index, layer) in allocation.layers.iter_mut().enumerate() {
            let temporal = (counts[index / 4] >> (6 - 2 * (index % 4)) & 3) + 1;
            for _ in 0..temporal {
                let kbps = leb128(&mut rest)?;
                layer.bitrates.push(Bitrate::from_kbps(kbps));
            }
        }
        if !rest.is_empty() {
            for layer in &mut allocation.layers {
                let (picture, after) = rest.split_first_chunk::<5>()?;
                let pixels = |high, low| u32::from(u16::from_be_bytes([high, low])) + 1;
                let &[w0, w1, h0, h1, fps] = picture;
                let resolution = Resolution {
                    width: pixels(w0, w1),
                    height: pixels(h0, h1),
                };
                layer.picture = Some((resolution, fps));
                rest = after;
            }
        }
        Some(allocation)
    }
}

/// Seven bits a byte, lowest first; at most 32 bits.
fn leb128(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rand::rngs::SmallRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    #[test]
    fn simulcast_with_one_spatial_layer_each_is_read() {
        let value = [
            0x61, // carried by stream 1; three streams; spatial layer 0 in each
            0x90, // three, two, one temporal layers
            50, 100, 0xc8, 0x01, 0x80, 0x02, 0x90, 0x03, 0x98, 0x11, // kbps
            1, 63, 0, 179, 15, 2, 127, 1, 103, 30, 4, 255, 2, 207, 30, // sizes
        ];
        let allocation = LayersAllocation::parse(&value).unwrap();
        assert_eq!(allocation.stream, 1);
        let rates = |i: usize| {
            allocation.layers[i]
                .bitrates
                .iter()
                .map(|b| b.as_kbps())
                .collect::<Vec<_>>()
        };
        assert_eq!(rates(0), [50, 100, 200]);
        assert_eq!(rates(1), [256, 400]);
        assert_eq!(rates(2), [2_200]);
        let size = |i: usize| {
            allocation.layers[i]
                .picture
                .map(|(r, fps)| (r.width, r.height, fps))
        };
        assert_eq!(size(0), Some((320, 180, 15)));
        assert_eq!(size(2), Some((1_280, 720, 30)));
    }

    #[test]
    fn streams_may_differ_and_sizes_be_left_out() {
        // Two streams: spatial layer 0 in the first, 0 and 1 in the second; one temporal layer.
        let allocation = LayersAllocation::parse(&[0x10, 0x13, 0x00, 1, 2, 3]).unwrap();
        let layers: Vec<_> = allocation
            .layers
            .iter()
            .map(|l| (l.stream, l.spatial_id))
            .collect();
        assert_eq!(layers, [(0, 0), (1, 0), (1, 1)]);
        assert_eq!(allocation.layers[2].picture, None);
        assert!(LayersAllocation::parse(&[0]).unwrap().layers.is_empty());
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let mut random = SmallRng::seed_from_u64(6);
        let mut bytes = [0; 40];
        for _ in 0..50_000 {
            random.fill_bytes(&mut bytes);
            let len = random.random_range(0..bytes.len());
            let _ = LayersAllocation::parse(&bytes[..len]);
        }
    }
}
