//! From the DTLS handshake's key material to session keys (RFC 5764 §4.2, RFC 3711 §4.3,
//! RFC 7714 §11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::cipher::SessionCipher;
use super::{Protector, SrtpProfile, Unprotector};

/// Which side of the DTLS handshake we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// We sent the ClientHello.
    Client,
    /// We answered it.
    Server,
}

/// Master keys and salts of both directions.
#[derive(Clone)]
pub struct KeyMaterial {
    profile: SrtpProfile,
    client_key: Vec<u8>,
    client_salt: Vec<u8>,
    server_key: Vec<u8>,
    server_salt: Vec<u8>,
}

impl KeyMaterial {
    /// Splits what the DTLS exporter gave: client key, server key, client salt, server salt
    /// (RFC 5764 §4.2). `None` when the length is not the profile's.
    pub fn split(profile: SrtpProfile, exported: &[u8]) -> Option<Self> {
        let (key, salt) = (profile.key_len(), profile.salt_len());
        if exported.len() != 2 * (key + salt) {
            return None;
        }
        let (keys, salts) = exported.split_at(2 * key);
        Some(Self {
            profile,
            client_key: keys[..key].to_vec(),
            client_salt: salts[..salt].to_vec(),
            server_key: keys[key..].to_vec(),
            server_salt: salts[salt..].to_vec(),
        })
    }

    /// Contexts for sending and receiving as `side`. `max_ssrcs` bounds the SSRC states kept
    /// for each direction.
    pub fn into_contexts(self, side: Side, max_ssrcs: usize) -> (Protector, Unprotector) {
        let client = SessionCipher::derive(self.profile, &self.client_key, &self.client_salt);
        let server = SessionCipher::derive(self.profile, &self.server_key, &self.server_salt);
        let (ours, theirs) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        (
            Protector::new(ours, max_ssrcs),
            Unprotector::new(theirs, max_ssrcs),
        )
    }
}

/// What a derived key is for: the label of RFC 3711 §4.3.1, §4.3.2.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// AES in counter mode over a master key, as the pseudo-random function of RFC 3711 §4.3.3.
pub(super) struct Derivation {
    prf: EncryptingKey,
    salt: [u8; 14],
}

impl Derivation {
    /// A 12 byte salt stands for 14 bytes that end in zeros (RFC 7714 §11).
    pub(super) fn new(master_key: &[u8], master_salt: &[u8]) -> Self {
        let mut salt = [0; 14];
        salt[..master_salt.len()].copy_from_slice(master_salt);
        Self {
            prf: counter_mode(master_key),
            salt,
        }
    }

    pub(super) fn derive<const LEN: usize>(&self, label: Label) -> [u8; LEN] {
        let mut iv = [0u8; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= label as u8;
        let mut out = [0u8; LEN];
        apply_keystream(&self.prf, iv, &mut out);
        out
    }
}

/// AES in counter mode with a 16 or 32 byte key.
pub(super) fn counter_mode(key: &[u8]) -> EncryptingKey {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .expect("invariant: master and session keys have the length of their profile")
}

/// Encrypts or decrypts `data` with the keystream that begins at counter block `iv`.
pub(super) fn apply_keystream(key: &EncryptingKey, iv: [u8; 16], data: &mut [u8]) {
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(iv)))
        .expect("invariant: counter mode takes any length with a 16 byte counter block");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 §B.3.
    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
        let key = [
            0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE,
            0x41, 0x39,
        ];
        let salt = [
            0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
        ];
        let derivation = Derivation::new(&key, &salt);
        assert_eq!(
            derivation.derive::<16>(Label::RtpEncryption),
            [
                0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE, 0x10, 0x73, 0x4A, 0xFE, 0x3F, 0xF7,
                0xA0, 0x87
            ]
        );
        assert_eq!(
            derivation.derive::<14>(Label::RtpSalt),
            [
                0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C, 0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1
            ]
        );
        assert_eq!(
            derivation.derive::<20>(Label::RtpAuthentication),
            [
                0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4, 0xAB, 0x49, 0xAF, 0x25,
                0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4
            ]
        );
    }

    /// RFC 3711 §B.2.
    #[test]
    fn the_keystream_is_that_of_rfc_3711_appendix_b_2() {
        let key = counter_mode(&[
            0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF,
            0x4F, 0x3C,
        ]);
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&[
            0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD,
        ]);
        let mut stream = [0u8; 48];
        apply_keystream(&key, iv, &mut stream);
        assert_eq!(stream[..4], [0xE0, 0x3E, 0xAD, 0x09]);
        assert_eq!(stream[16..20], [0xD2, 0x35, 0x13, 0x16]);
        assert_eq!(stream[32..36], [0x41, 0xE9, 0x5B, 0x3B]);
    }
}
