//! Records, and whether a datagram can be DTLS 1.2 at all (RFC 6347 §4.1, §4.2.2).
//!
//! A handshake is not authenticated before its end. Noise in a peer's name must not get as far
//! as the state machine, which takes it for a broken peer and gives up.

pub(super) const RECORD_HEADER: usize = 13;
pub(super) const HANDSHAKE_HEADER: usize = 12;
/// Longest handshake message that is taken, in bytes: a certificate of a browser's has less than
/// 1,000, one with an RSA key of 8,192 bits and its chain still fits.
pub(super) const MAX_MESSAGE: usize = 32 * 1024;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// DTLS 1.2, as records and hellos name it.
pub(super) const VERSION: u16 = 0xFEFD;

/// One record of a datagram.
pub(super) struct Record<'a> {
    pub header: &'a [u8; RECORD_HEADER],
    pub kind: u8,
    pub epoch: u16,
    /// 48 bits.
    pub sequence: u64,
    pub body: &'a [u8],
}

/// The records of a datagram, up to the first that is cut.
pub(super) fn records(mut datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = datagram.split_first_chunk::<RECORD_HEADER>()?;
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (body, rest) = rest.split_at_checked(len)?;
        datagram = rest;
        let sequence = header[5..11]
            .iter()
            .fold(0, |sequence, byte| sequence << 8 | u64::from(*byte));
        Some(Record {
            header,
            kind: header[0],
            epoch: u16::from_be_bytes([header[3], header[4]]),
            sequence,
            body,
        })
    })
}

/// The header of a record with a body of so many bytes.
pub(super) fn header(kind: u8, epoch: u16, sequence: u64, len: usize) -> [u8; RECORD_HEADER] {
    let mut header = [0; RECORD_HEADER];
    header[0] = kind;
    header[1..3].copy_from_slice(&VERSION.to_be_bytes());
    header[3..5].copy_from_slice(&epoch.to_be_bytes());
    header[5..11].copy_from_slice(&sequence.to_be_bytes()[2..]);
    header[11..].copy_from_slice(&(len as u16).to_be_bytes());
    header
}

/// Whether the datagram is a row of whole records, each with a body that its type and epoch
/// allow.
pub(super) fn is_plausible(datagram: &[u8]) -> bool {
    let mut taken = 0;
    let plausible = records(datagram).all(|record| {
        taken += RECORD_HEADER + record.body.len();
        matches!(record.header[1..3], [254, 253 | 255])
            && body_is_plausible(record.kind, record.epoch, record.body)
    });
    plausible && taken == datagram.len()
}

fn body_is_plausible(kind: u8, epoch: u16, body: &[u8]) -> bool {
    match (epoch, kind) {
        (0, CHANGE_CIPHER_SPEC) => body == [1],
        (0, ALERT) => matches!(body, [1 | 2, _]),
        (0, HANDSHAKE) => handshake_is_plausible(body),
        // Encrypted, and so authenticated by what comes next.
        (1, CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE | APPLICATION_DATA) => !body.is_empty(),
        _ => false,
    }
}

/// One or more fragments that fill the record.
fn handshake_is_plausible(body: &[u8]) -> bool {
    let mut rest = body;
    while !rest.is_empty() {
        let Some(header) = rest.first_chunk::<HANDSHAKE_HEADER>() else {
            return false;
        };
        let number = |at: usize| {
            usize::from(header[at]) << 16
                | usize::from(header[at + 1]) << 8
                | usize::from(header[at + 2])
        };
        let (length, offset, fragment) = (number(1), number(6), number(9));
        let known = matches!(header[0], 0..=4 | 11..=16 | 20..=23);
        if !known || length > MAX_MESSAGE || offset + fragment > length {
            return false;
        }
        let Some(after) = rest.get(HANDSHAKE_HEADER + fragment..) else {
            return false;
        };
        rest = after;
    }
    !body.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![
            kind,
            254,
            253,
            0,
            epoch,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            body.len() as u8,
        ];
        record.extend(body);
        record
    }

    #[test]
    fn records_of_a_real_handshake_are_plausible() {
        let hello_done = [14, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0];
        let fragment = [11, 0, 1, 0, 0, 1, 0, 0, 8, 0, 0, 2, 7, 7];
        let both = [&hello_done[..], &fragment].concat();
        for good in [
            record(22, 0, &hello_done),
            record(22, 0, &both),
            record(20, 0, &[1]),
            record(21, 0, &[2, 40]),
            record(23, 1, &[9; 40]),
            [record(20, 0, &[1]), record(22, 1, &[9; 40])].concat(),
        ] {
            assert!(is_plausible(&good), "{good:?}");
            for len in 1..good.len() {
                // Only at the seam of two records is a cut datagram whole.
                assert!(
                    !is_plausible(&good[..len]) || good[len] == 22,
                    "{len} of {good:?}"
                );
            }
        }
    }

    #[test]
    fn what_no_handshake_sends_is_not() {
        for bad in [
            record(22, 0, &[]),
            record(22, 0, &[99, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]),
            record(22, 0, &[11, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 7]),
            record(22, 0, &[11, 255, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 7]),
            record(20, 0, &[2]),
            record(23, 0, &[9; 40]),
            record(23, 2, &[9; 40]),
            record(24, 1, &[9; 40]),
        ] {
            assert!(!is_plausible(&bad), "{bad:?}");
        }
        let mut old = record(20, 0, &[1]);
        old[1] = 3;
        assert!(!is_plausible(&old));
    }
}
