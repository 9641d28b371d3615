//! Fields of TLS messages (RFC 5246 §4): big-endian numbers, and vectors behind their length.

/// Reads fields from the front of a message; `None` where it ends too early.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<usize> {
        let [high, middle, low] = self.array()?;
        Some(usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))
    }

    /// A vector whose length has so many bytes.
    pub(super) fn vector<const PREFIX: usize>(&mut self) -> Option<Reader<'a>> {
        let prefix: [u8; PREFIX] = self.array()?;
        let len = prefix
            .iter()
            .fold(0, |len, byte| len << 8 | usize::from(*byte));
        self.take(len).map(Reader)
    }

    /// What is left, as numbers of two bytes.
    pub(super) fn u16s(self) -> Option<Vec<u16>> {
        let (pairs, rest) = self.0.as_chunks();
        rest.is_empty()
            .then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    }

    /// `None` unless everything was read.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Writes what `fill` writes behind its length of so many bytes.
pub(super) fn put_vector<const PREFIX: usize>(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; PREFIX]);
    fill(out);
    let len = (out.len() - at - PREFIX) as u32;
    out[at..at + PREFIX].copy_from_slice(&len.to_be_bytes()[4 - PREFIX..]);
}

/// Writes numbers as a vector behind its length of two bytes.
pub(super) fn put_u16s(out: &mut Vec<u8>, numbers: &[u16]) {
    put_vector::<2>(out, |out| {
        out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    });
}
