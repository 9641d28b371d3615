//! A STUN binding request as ICE sends it, and whether an answer is to it (RFC 8489, RFC 8445 §7.2).
//!
//! Only what a probe of a bridge's media port needs: one request, authenticated, and the success to it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const HEADER: usize = 20;
/// Of a peer-reflexive candidate (RFC 8445 §5.1.2.1).
const PRIORITY_VALUE: u32 = 110 << 24 | 65_535 << 8 | 255;

/// The credentials of a bridge's endpoint, and ours.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The bridge's username fragment.
    pub ufrag: String,
    /// The bridge's password.
    pub password: String,
    /// Our username fragment.
    pub own_ufrag: String,
}

/// The request, with FINGERPRINT.
#[must_use]
pub(crate) fn request(
    credentials: &Credentials,
    transaction: [u8; 12],
    tie_breaker: u64,
) -> Vec<u8> {
    let mut message = Vec::with_capacity(128);
    message.extend(REQUEST.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE);
    message.extend(transaction);
    let username = format!("{}:{}", credentials.ufrag, credentials.own_ufrag);
    attribute(&mut message, USERNAME, username.as_bytes());
    attribute(&mut message, PRIORITY, &PRIORITY_VALUE.to_be_bytes());
    attribute(&mut message, ICE_CONTROLLED, &tie_breaker.to_be_bytes());
    // RFC 8489 §14.5: the length covers the integrity itself.
    set_length(&mut message, 24);
    let tag = integrity(credentials.password.as_bytes(), &message);
    attribute(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
    set_length(&mut message, 8);
    let check = crc32(&message) ^ 0x5354_554E;
    attribute(&mut message, FINGERPRINT, &check.to_be_bytes());
    message
}

/// Whether a datagram is the bridge's own success to a request of this transaction: only who has the password can have
/// written it.
#[must_use]
pub(crate) fn is_success(datagram: &[u8], transaction: [u8; 12], password: &str) -> bool {
    let Some(header) = datagram.first_chunk::<HEADER>() else {
        return false;
    };
    if u16::from_be_bytes([header[0], header[1]]) != SUCCESS
        || header[4..8] != MAGIC_COOKIE
        || header[8..] != transaction
    {
        return false;
    }
    let mut at = HEADER;
    while let Some(head) = datagram.get(at..at + 4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some(value) = datagram.get(at + 4..at + 4 + length) else {
            return false;
        };
        if kind == MESSAGE_INTEGRITY {
            let mut covered = datagram[..at].to_vec();
            set_length(&mut covered, 24);
            let tag = integrity(password.as_bytes(), &covered);
            return verify_slices_are_equal(tag.as_ref(), value).is_ok();
        }
        at += 4 + length.next_multiple_of(4);
    }
    false
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Sets the length to what is there and `more`.
fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - HEADER + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn integrity(password: &[u8], message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
    hmac::sign(&key, message)
}

/// CRC-32 of ITU-T V.42, as RFC 8489 §14.7 asks.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1 == 1;
            crc >>= 1;
            if carry {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 12] = *b"transaction!";

    fn credentials() -> Credentials {
        Credentials {
            ufrag: "bridge".into(),
            password: "a long password of it".into(),
            own_ufrag: "probe".into(),
        }
    }

    fn success(password: &str) -> Vec<u8> {
        let mut message = SUCCESS.to_be_bytes().to_vec();
        message.extend([0, 0]);
        message.extend(MAGIC_COOKIE);
        message.extend(TRANSACTION);
        attribute(&mut message, 0x0020, &[0, 1, 0, 0, 0, 0, 0, 0]);
        set_length(&mut message, 24);
        let tag = integrity(password.as_bytes(), &message);
        attribute(&mut message, MESSAGE_INTEGRITY, tag.as_ref());
        message
    }

    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_request_fills_its_length_and_ends_with_its_fingerprint() {
        let message = request(&credentials(), TRANSACTION, 7);
        let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
        assert_eq!(message.len(), HEADER + length);
        let (covered, last) = message.split_at(message.len() - 8);
        assert_eq!(last[..4], [0x80, 0x28, 0, 4]);
        assert_eq!(last[4..], (crc32(covered) ^ 0x5354_554E).to_be_bytes());
    }

    #[test]
    fn only_the_bridge_s_own_answer_to_this_request_counts() {
        let password = credentials().password;
        let answer = success(&password);
        assert!(is_success(&answer, TRANSACTION, &password));
        assert!(!is_success(&answer, *b"another one!", &password));
        assert!(!is_success(
            &success("a stranger's"),
            TRANSACTION,
            &password
        ));
        for end in 0..answer.len() {
            assert!(!is_success(&answer[..end], TRANSACTION, &password));
        }
        for at in 0..answer.len() {
            let mut changed = answer.clone();
            changed[at] ^= 0x55;
            // The length in the header is not looked at.
            assert!((2..4).contains(&at) || !is_success(&changed, TRANSACTION, &password));
        }
    }
}
