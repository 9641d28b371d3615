//! The sequence parameter set (ITU-T H.264 §7.3.2.1.1), as far as the picture's size.

use crate::codec::Resolution;

/// The size of the cropped picture; `unit` starts after the NAL unit header. `None` when it ends
/// too early or holds values that no encoder writes.
pub(super) fn resolution(unit: &[u8]) -> Option<Resolution> {
    let mut bits = Bits { bytes: unit, at: 0 };
    let profile = bits.read(8)?;
    bits.read(16)?;
    bits.golomb()?;
    let mut chroma_format = 1;
    if matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        chroma_format = bits.golomb()?;
        if chroma_format == 3 {
            bits.read(1)?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.read(1)?;
        if bits.read(1)? == 1 {
            for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                if bits.read(1)? == 1 {
                    bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.read(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.read(1)?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let map_height = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.read(1)?;
    if frames_only == 0 {
        bits.read(1)?;
    }
    bits.read(1)?;
    let field_factor = 2 - frames_only;
    let height = map_height.checked_mul(field_factor)?;
    let (mut crop_width, mut crop_height) = (0, 0);
    if bits.read(1)? == 1 {
        let (left, right) = (bits.golomb()?, bits.golomb()?);
        let (top, bottom) = (bits.golomb()?, bits.golomb()?);
        let unit_width = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
        let unit_height = field_factor * if chroma_format == 1 { 2 } else { 1 };
        crop_width = left.checked_add(right)?.checked_mul(unit_width)?;
        crop_height = top.checked_add(bottom)?.checked_mul(unit_height)?;
    }
    let resolution = Resolution {
        width: width.checked_sub(crop_width)?,
        height: height.checked_sub(crop_height)?,
    };
    let plausible = 1..=16_384;
    (plausible.contains(&resolution.width) && plausible.contains(&resolution.height))
        .then_some(resolution)
}

/// Bits of a NAL unit, without its emulation prevention bytes (§7.3.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = self.at / 8;
        if self.at.is_multiple_of(8) && byte >= 2 && self.bytes.get(byte - 2..=byte)? == [0, 0, 3] {
            self.at += 8;
        }
        let value = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(value))
    }

    fn read(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// ue(v) (§9.1).
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.read(zeros)?)
    }

    /// se(v) (§9.1.1).
    fn signed_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.golomb()?);
        Some(if code & 1 == 1 {
            (code + 1) / 2
        } else {
            -code / 2
        })
    }

    /// §7.3.2.1.1.1.
    fn skip_scaling_list(&mut self, size: u32) -> Option<()> {
        let (mut last, mut next) = (8_i64, 8_i64);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.signed_golomb()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Some(())
    }
}
