//! The little that is needed of STUN before the ICE agent sees a message (RFC 8489): whose it
//! is, and whether it is genuine.
//!
//! A message is authenticated here, without an allocation, before anything else looks into it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
/// Length of a MESSAGE-INTEGRITY attribute with its header, in bytes.
const INTEGRITY_LEN: usize = 4 + 20;

/// The username fragment that a STUN binding request is addressed to: what stands before `:`
/// in its USERNAME (RFC 8445 §7.2.2), which is the receiver's own. A worker uses it to find
/// the transport that a datagram from an unknown address belongs to.
///
/// Nothing is verified: only the transport itself, which has the password, can tell whether
/// the request is genuine. Allocates nothing. `None` for anything but a well-formed binding
/// request with a USERNAME.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let message = Message::read(datagram)?;
    if message.class != Class::Request {
        return None;
    }
    message.local_ufrag()
}

/// Whether a datagram is a binding message that whoever has this password made (RFC 8489 §14.5).
/// Allocates nothing.
pub fn is_authentic(datagram: &[u8], password: &str) -> bool {
    Message::read(datagram).is_some_and(|message| message.verify(password))
}

/// Class of a binding message (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A well-formed binding message, seen but not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    raw: &'a [u8],
    pub class: Class,
    username: Option<&'a str>,
    /// Where the MESSAGE-INTEGRITY attribute begins.
    integrity_at: Option<usize>,
}

impl<'a> Message<'a> {
    /// `None` when it is no binding message, or its attributes do not fill it exactly.
    pub(crate) fn read(raw: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = raw.first_chunk()?;
        let class = match u16::from_be_bytes([header[0], header[1]]) {
            0x0001 => Class::Request,
            0x0011 => Class::Indication,
            0x0101 => Class::Success,
            0x0111 => Class::Error,
            _ => return None,
        };
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[4..8] != MAGIC_COOKIE || raw.len() != HEADER + length {
            return None;
        }
        let mut message = Self {
            raw,
            class,
            username: None,
            integrity_at: None,
        };
        let mut at = HEADER;
        while at < raw.len() {
            let head: &[u8; 4] = raw[at..].first_chunk()?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = raw.get(at + 4..at + 4 + len)?;
            // RFC 8489 §14.5: what follows the integrity is not covered by it.
            if message.integrity_at.is_none() {
                match kind {
                    USERNAME => message.username = Some(std::str::from_utf8(value).ok()?),
                    MESSAGE_INTEGRITY if len + 4 != INTEGRITY_LEN => return None,
                    MESSAGE_INTEGRITY => message.integrity_at = Some(at),
                    _ => {}
                }
            }
            at += 4 + len.next_multiple_of(4);
        }
        (at == raw.len()).then_some(message)
    }

    #[cfg(test)]
    pub(crate) fn integrity_at(&self) -> Option<usize> {
        self.integrity_at
    }

    /// What stands before `:` in the USERNAME.
    pub(crate) fn local_ufrag(&self) -> Option<&'a str> {
        let (ours, _) = self.username?.split_once(':')?;
        (!ours.is_empty()).then_some(ours)
    }

    /// Whether MESSAGE-INTEGRITY is there and right for a short-term password (RFC 8489 §14.5).
    pub(crate) fn verify(&self, password: &str) -> bool {
        let Some(at) = self.integrity_at else {
            return false;
        };
        let covered_len = (at + INTEGRITY_LEN - HEADER) as u16;
        let tag = hmac_sha1(
            password.as_bytes(),
            &[&self.raw[..2], &covered_len.to_be_bytes(), &self.raw[4..at]],
        );
        verify_slices_are_equal(&self.raw[at + 4..at + INTEGRITY_LEN], &tag).is_ok()
    }
}

/// HMAC-SHA1 over the concatenation of `parts`.
pub(crate) fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let tag = context.sign();
    tag.as_ref()
        .try_into()
        .expect("invariant: HMAC-SHA1 gives 20 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 5769 §2.1; its password.
    const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\
        \x00\x24\x00\x04\x6e\x00\x01\xff\
        \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
        \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_request_of_rfc_5769_is_for_evtj_and_genuine() {
        assert_eq!(local_ufrag(REQUEST), Some("evtj"));
        let message = Message::read(REQUEST);
        assert!(message.is_some_and(|m| m.verify(PASSWORD)));
        assert!(message.is_some_and(|m| !m.verify("another password")));
    }

    #[test]
    fn a_change_anywhere_before_the_fingerprint_is_noticed() {
        for at in 0..REQUEST.len() - 8 {
            let mut forged = REQUEST.to_vec();
            forged[at] ^= 1;
            assert!(
                !Message::read(&forged).is_some_and(|m| m.verify(PASSWORD)),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_cut_or_padded_message_is_none() {
        for len in 0..REQUEST.len() {
            assert_eq!(local_ufrag(&REQUEST[..len]), None);
        }
        let mut longer = REQUEST.to_vec();
        longer.extend([0; 4]);
        assert_eq!(local_ufrag(&longer), None);
    }

    #[test]
    fn attributes_that_overrun_the_message_are_refused() {
        let mut message = REQUEST.to_vec();
        message[23] = 0xff;
        assert_eq!(local_ufrag(&message), None);
        message[22] = 0xff;
        assert_eq!(local_ufrag(&message), None);
    }

    #[test]
    fn a_username_behind_the_integrity_does_not_count() {
        let mut message = REQUEST[..20].to_vec();
        message.extend(&REQUEST[76..100]);
        message.extend(b"\x00\x06\x00\x04me:x");
        message[3] = (message.len() - 20) as u8;
        assert!(Message::read(&message).is_some());
        assert_eq!(local_ufrag(&message), None);
    }
}
