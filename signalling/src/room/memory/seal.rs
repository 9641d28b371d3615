//! The form in which a page keeps what it cannot read: base64 of nonce and AES-256-GCM ciphertext, under a key for each
//! room (HKDF, RFC 5869, of the cluster's secret).

use super::{Locks, Revision};
use crate::config::Secret;
use crate::random::Random;
use crate::room::Affiliation;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use xmpp::BareJid;

/// Longest text that is opened. The longest that is made holds three texts of the room's configuration.
const MOST_BYTES: usize = 64 * 1024;
/// The content is a multiple of this long.
const PADDED_TO: usize = 256;
const SALT: &[u8] = b"shoal room memory 1";

/// What is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// The process that made it.
    pub(super) server: u64,
    /// Its end, in seconds since the Unix epoch.
    pub(super) until: u64,
    pub(super) revision: Revision,
    pub(super) locks: Locks,
    /// What its bearer had.
    pub(super) affiliation: String,
}

impl Content {
    pub(super) fn until(&self) -> Duration {
        Duration::from_secs(self.until)
    }

    pub(super) fn affiliation(&self) -> Affiliation {
        self.affiliation.parse().unwrap_or(Affiliation::None)
    }
}

/// The key of one room.
pub(super) struct Seal(LessSafeKey);

impl Seal {
    pub(super) fn of(secret: &Secret, room: &BareJid) -> Self {
        let secret = Salt::new(HKDF_SHA256, SALT).extract(secret.0.as_bytes());
        let room = [room.as_str().as_bytes()];
        let key = secret
            .expand(&room, &AES_256_GCM)
            .expect("invariant: a key is shorter than what HKDF can make");
        Self(LessSafeKey::new(UnboundKey::from(key)))
    }

    pub(super) fn close(&self, content: &Content, random: &Random) -> String {
        let mut bytes = serde_json::to_vec(content).expect("invariant: a memory is plain data");
        bytes.resize(bytes.len().next_multiple_of(PADDED_TO), b' ');
        self.close_bytes(bytes, random.bytes())
    }

    fn close_bytes(&self, mut bytes: Vec<u8>, nonce: [u8; NONCE_LEN]) -> String {
        let key_nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(key_nonce, Aad::empty(), &mut bytes)
            .expect("invariant: a memory is shorter than what AES-GCM can seal");
        bytes.splice(..0, nonce);
        BASE64_STANDARD.encode(bytes)
    }

    pub(super) fn open(&self, text: &str) -> Option<Content> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let mut bytes = BASE64_STANDARD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let content = self.0.open_in_place(nonce, Aad::empty(), sealed).ok()?;
        serde_json::from_slice(content).ok()
    }
}

/// Opens `data` as it comes, and as what somebody who has the key has sealed.
#[cfg(feature = "fuzzing")]
pub(crate) fn open_any(data: &[u8]) {
    let room = BareJid::new("maths@muc.meet.shoal").expect("invariant: an address");
    let seal = Seal::of(&Secret::from("a secret of the fuzz target"), &room);
    let _ = seal.open(&String::from_utf8_lossy(data));
    let _ = seal.open(&seal.close_bytes(data.to_vec(), [1; NONCE_LEN]));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn seal(secret: &str, room: &str) -> Seal {
        Seal::of(&secret.into(), &BareJid::new(room).unwrap())
    }

    fn content(password: &str) -> Content {
        Content {
            server: u64::MAX,
            until: 1_800_000_600,
            revision: Revision(1_800_000_000_000),
            locks: Locks {
                password: Some(password.into()),
                ..Locks::default()
            },
            affiliation: "owner".into(),
        }
    }

    fn random() -> Random {
        Random::new([1; 32])
    }

    #[test]
    fn what_was_sealed_is_opened_with_the_same_secret_for_the_same_room_only() {
        let sealed = seal("secret", "a@muc").close(&content("balcony"), &random());
        let opened = |secret, room| seal(secret, room).open(&sealed);
        assert_eq!(opened("secret", "a@muc"), Some(content("balcony")));
        assert_eq!(opened("secret", "b@muc"), None);
        assert_eq!(opened("other", "a@muc"), None);
    }

    #[test]
    fn a_changed_cut_or_made_up_memory_is_none() {
        let seal = seal("secret", "a@muc");
        let sealed = seal.close(&content("balcony"), &random());
        let bytes = BASE64_STANDARD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open(&BASE64_STANDARD.encode(changed)), None, "{at}");
            assert_eq!(
                seal.open(&BASE64_STANDARD.encode(&bytes[..at])),
                None,
                "{at}"
            );
        }
        for text in ["", "A", "not base64!", "AAAA", &"A".repeat(MOST_BYTES + 4)] {
            assert_eq!(seal.open(text), None);
        }
    }

    #[test]
    fn content_that_makes_no_sense_is_none() {
        let seal = seal("secret", "a@muc");
        for content in ["", "{}", "[]", "{\"server\":-1}", &"[".repeat(10_000)] {
            let sealed = seal.close_bytes(content.as_bytes().to_vec(), [1; NONCE_LEN]);
            assert_eq!(seal.open(&sealed), None, "{content}");
        }
    }

    #[test]
    fn neither_the_password_nor_its_length_is_to_be_seen() {
        let seal = seal("secret", "a@muc");
        let length = |password| seal.close(&content(password), &random()).len();
        assert_eq!(length("x"), length("balcony of the Capulets"));
        let sealed = seal.close(&content("balcony"), &random());
        let bytes = BASE64_STANDARD.decode(sealed).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"balcony"));
    }

    #[test]
    fn the_longest_configuration_can_be_kept() {
        let long = "\"".repeat(4_096);
        let content = Content {
            locks: Locks {
                name: long.clone(),
                description: long.clone(),
                password: Some(long),
                ..Locks::default()
            },
            ..content("")
        };
        let seal = seal("secret", "a@muc");
        assert_eq!(seal.open(&seal.close(&content, &random())), Some(content));
    }
}
