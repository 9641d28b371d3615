//! Reading and writing single bits, most significant first (AV1 RTP specification §A.8.1).

use crate::codec::CodecError;

/// Reads bits of a byte slice.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// f(n), n ≤ 32.
    pub(super) fn read(&mut self, count: u32) -> Result<u32, CodecError> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(CodecError::Truncated)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    /// f(1).
    pub(super) fn flag(&mut self) -> Result<bool, CodecError> {
        Ok(self.read(1)? != 0)
    }

    /// ns(n): a value below `n`.
    pub(super) fn non_symmetric(&mut self, n: u32) -> Result<u32, CodecError> {
        let width = 32 - n.leading_zeros();
        let short = (1 << width) - n;
        let value = self.read(width.saturating_sub(1))?;
        if value < short {
            Ok(value)
        } else {
            Ok((value << 1) - short + self.read(1)?)
        }
    }
}

/// Writes bits to a byte slice.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> BitWriter<'a> {
    /// Over a slice, which is cleared.
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        bytes.fill(0);
        Self { bytes, at: 0 }
    }

    /// f(n); `None` when the slice is full.
    pub(super) fn write(&mut self, count: u32, value: u32) -> Option<()> {
        for bit in (0..count).rev() {
            let byte = self.bytes.get_mut(self.at / 8)?;
            *byte |= ((value >> bit & 1) as u8) << (7 - self.at % 8);
            self.at += 1;
        }
        Some(())
    }

    /// f(1).
    pub(super) fn flag(&mut self, value: bool) -> Option<()> {
        self.write(1, u32::from(value))
    }

    pub(super) fn non_symmetric(&mut self, n: u32, value: u32) -> Option<()> {
        let width = 32 - n.leading_zeros();
        let short = (1 << width) - n;
        if value < short {
            self.write(width.saturating_sub(1), value)
        } else {
            self.write(width, value + short)
        }
    }

    /// Whole bytes written so far.
    pub(super) fn bytes_written(&self) -> usize {
        self.at.div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn non_symmetric_values_survive_the_round_trip() {
        for n in 1..40 {
            for value in 0..n {
                let mut bytes = [0; 2];
                let mut writer = BitWriter::new(&mut bytes);
                writer.non_symmetric(n, value).unwrap();
                let bits = writer.at;
                let mut reader = BitReader::new(&bytes);
                assert_eq!(reader.non_symmetric(n).unwrap(), value);
                assert_eq!(reader.at, bits);
            }
        }
    }

    #[test]
    fn ends_are_respected() {
        assert!(BitReader::new(&[1]).read(9).is_err());
        assert!(BitWriter::new(&mut [0]).write(9, 0).is_none());
    }
}
