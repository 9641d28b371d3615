//! Protection of records after the handshake (RFC 5288 §3, RFC 6347 §4.1.2).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::record::{RECORD_HEADER, Record};

/// The part of the nonce that each record carries, in bytes.
const EXPLICIT: usize = 8;
const TAG: usize = 16;
/// What protection adds to a record, in bytes.
pub(super) const PROTECTION: usize = EXPLICIT + TAG;

struct Key {
    key: LessSafeKey,
    fixed_iv: [u8; 4],
}

impl Key {
    fn new(key: &[u8], fixed_iv: &[u8]) -> Self {
        let algorithm = if key.len() == 32 {
            &AES_256_GCM
        } else {
            &AES_128_GCM
        };
        let key = UnboundKey::new(algorithm, key).expect("invariant: as long as the suite's key");
        Self {
            key: LessSafeKey::new(key),
            fixed_iv: fixed_iv
                .try_into()
                .expect("invariant: the fixed part of a nonce has 4 bytes"),
        }
    }

    fn nonce(&self, explicit: [u8; EXPLICIT]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.fixed_iv);
        nonce[4..].copy_from_slice(&explicit);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Epoch and sequence number, type and version, and the length of the plaintext.
fn additional(header: &[u8; RECORD_HEADER], len: usize) -> Aad<[u8; RECORD_HEADER]> {
    let mut additional = [0; RECORD_HEADER];
    additional[..8].copy_from_slice(&header[3..11]);
    additional[8..11].copy_from_slice(&header[..3]);
    additional[11..].copy_from_slice(&(len as u16).to_be_bytes());
    Aad::from(additional)
}

/// Encrypts what we send.
pub(super) struct Sealer(Key);

impl Sealer {
    pub(super) fn new(key: &[u8], fixed_iv: &[u8]) -> Self {
        Self(Key::new(key, fixed_iv))
    }

    /// The protected body of a record with this header.
    pub(super) fn seal(&self, header: &[u8; RECORD_HEADER], body: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(body.len() + PROTECTION);
        let explicit: [u8; EXPLICIT] = header[3..11]
            .try_into()
            .expect("invariant: epoch and sequence number have 8 bytes");
        sealed.extend(explicit);
        sealed.extend(body);
        let tag = self
            .0
            .key
            .seal_in_place_separate_tag(
                self.0.nonce(explicit),
                additional(header, body.len()),
                &mut sealed[EXPLICIT..],
            )
            .expect("invariant: a record is far shorter than AES-GCM's limit");
        sealed.extend(tag.as_ref());
        sealed
    }
}

/// Decrypts what the peer sends, each record once.
pub(super) struct Opener {
    key: Key,
    /// The sequence number after the highest that was authentic.
    next: u64,
    /// Which of the 64 numbers before `next` were received; the lowest bit is the latest.
    window: u64,
}

impl Opener {
    pub(super) fn new(key: &[u8], fixed_iv: &[u8]) -> Self {
        Self {
            key: Key::new(key, fixed_iv),
            next: 0,
            window: 0,
        }
    }

    /// The plaintext; `None` when the record is not authentic or was received before.
    pub(super) fn open(&mut self, record: &Record) -> Option<Vec<u8>> {
        if self.was_received(record.sequence) {
            return None;
        }
        let (explicit, sealed) = record.body.split_first_chunk::<EXPLICIT>()?;
        let len = sealed.len().checked_sub(TAG)?;
        let mut sealed = sealed.to_vec();
        let nonce = self.key.nonce(*explicit);
        let opened = self
            .key
            .key
            .open_in_place(nonce, additional(record.header, len), &mut sealed);
        opened.ok()?;
        sealed.truncate(len);
        self.receive(record.sequence);
        Some(sealed)
    }

    fn was_received(&self, sequence: u64) -> bool {
        match self.next.checked_sub(sequence + 1) {
            None => false,
            Some(age) => age >= 64 || self.window >> age & 1 == 1,
        }
    }

    fn receive(&mut self, sequence: u64) {
        if sequence >= self.next {
            let ahead = sequence + 1 - self.next;
            self.window = if ahead < 64 { self.window << ahead } else { 0 };
            self.next = sequence + 1;
        }
        self.window |= 1 << (self.next - 1 - sequence);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::record::{APPLICATION_DATA, header, records};
    use super::*;

    fn sealed(sealer: &Sealer, sequence: u64, body: &[u8]) -> Vec<u8> {
        let mut header = header(APPLICATION_DATA, 1, sequence, body.len());
        let sealed = sealer.seal(&header, body);
        header[11..].copy_from_slice(&(sealed.len() as u16).to_be_bytes());
        [&header[..], &sealed].concat()
    }

    #[test]
    fn a_record_opens_once_unchanged_and_within_the_window() {
        let sealer = Sealer::new(&[7; 16], &[1; 4]);
        let mut opener = Opener::new(&[7; 16], &[1; 4]);
        let mut open = |datagram: &[u8]| opener.open(&records(datagram).next().unwrap());
        for sequence in [0, 3, 1, 70, 69, 10] {
            let record = sealed(&sealer, sequence, b"text");
            for at in (0..record.len()).filter(|at| !(11..13).contains(at)) {
                let mut changed = record.clone();
                changed[at] ^= 1;
                assert_eq!(open(&changed), None, "byte {at}");
            }
            assert_eq!(open(&record).unwrap(), b"text");
            assert_eq!(open(&record), None);
        }
        assert_eq!(open(&sealed(&sealer, 6, b"too old to tell")), None);
        assert_eq!(open(&sealed(&sealer, 7, b"old")).unwrap(), b"old");
    }
}
