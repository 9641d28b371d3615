//! Cipher suites, key exchange and the key schedule (RFC 5246 §5, §6.3, RFC 5289, RFC 7627,
//! RFC 8422).

use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, X25519,
    agree_ephemeral,
};
use aws_lc_rs::digest::{SHA256, SHA384, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::tls_prf::{P_SHA256, P_SHA384, Secret};

use super::error::HandshakeError;
use super::protection::{Opener, Sealer};
use crate::srtp::{KeyMaterial, Side, SrtpProfile};

/// Length of a master secret in bytes.
const MASTER: usize = 48;
/// Length of the fixed part of a nonce in bytes (RFC 5288 §3).
const FIXED_IV: usize = 4;

/// What signs the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authentication {
    Ecdsa,
    Rsa,
}

/// An AEAD suite with ephemeral keys; every WebRTC stack has the first (RFC 8827 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub id: u16,
    pub authentication: Authentication,
    /// Length of its key in bytes; it also says the hash function.
    key_len: usize,
}

impl Suite {
    /// Best first: the shorter key costs less, and is as safe here.
    pub(super) const ALL: [Self; 4] = [
        Self::new(0xC02B, Authentication::Ecdsa, 16),
        Self::new(0xC02F, Authentication::Rsa, 16),
        Self::new(0xC02C, Authentication::Ecdsa, 32),
        Self::new(0xC030, Authentication::Rsa, 32),
    ];

    const fn new(id: u16, authentication: Authentication, key_len: usize) -> Self {
        Self {
            id,
            authentication,
            key_len,
        }
    }

    pub(super) fn of(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id == id)
    }

    pub(super) fn hash(self, transcript: &[u8]) -> Vec<u8> {
        let algorithm = if self.key_len == 32 { &SHA384 } else { &SHA256 };
        digest(algorithm, transcript).as_ref().to_vec()
    }

    fn prf(
        self,
        secret: &[u8],
        label: &str,
        seed: [&[u8]; 2],
        len: usize,
    ) -> Result<Vec<u8>, HandshakeError> {
        let algorithm = if self.key_len == 32 {
            &P_SHA384
        } else {
            &P_SHA256
        };
        Secret::new(algorithm, secret)
            .and_then(|secret| {
                secret.derive_with_seed_concatination(label.as_bytes(), seed[0], seed[1], len)
            })
            .map(|derived| derived.as_ref().to_vec())
            .map_err(|_| HandshakeError::Crypto("derive keys"))
    }
}

/// A curve for the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Group {
    X25519 = 29,
    P256 = 23,
    P384 = 24,
}

impl Group {
    /// Best first.
    pub(super) const ALL: [Self; 3] = [Self::X25519, Self::P256, Self::P384];

    pub(super) fn of(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|group| *group as u16 == id)
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::X25519 => &X25519,
            Self::P256 => &ECDH_P256,
            Self::P384 => &ECDH_P384,
        }
    }
}

/// Our half of a key exchange.
pub(super) struct Ephemeral {
    private: EphemeralPrivateKey,
    pub group: Group,
    pub public: Vec<u8>,
}

impl Ephemeral {
    pub(super) fn generate(group: Group) -> Result<Self, HandshakeError> {
        let private = EphemeralPrivateKey::generate(group.algorithm(), &SystemRandom::new())
            .map_err(|_| HandshakeError::Crypto("make an ephemeral key"))?;
        let public = private
            .compute_public_key()
            .map_err(|_| HandshakeError::Crypto("make an ephemeral key"))?;
        Ok(Self {
            private,
            group,
            public: public.as_ref().to_vec(),
        })
    }

    /// The premaster secret.
    pub(super) fn agree(self, peer: &[u8]) -> Result<Vec<u8>, HandshakeError> {
        let peer = UnparsedPublicKey::new(self.group.algorithm(), peer);
        let bad = HandshakeError::Malformed("public key of the key exchange");
        agree_ephemeral(self.private, peer, bad, |secret| Ok(secret.to_vec()))
    }
}

/// The master secret with what goes into everything derived from it.
pub(super) struct Secrets {
    suite: Suite,
    master: Vec<u8>,
    client_random: [u8; 32],
    server_random: [u8; 32],
}

impl Secrets {
    /// The extended master secret (RFC 7627 §4) of a transcript that ends with the
    /// ClientKeyExchange.
    pub(super) fn new(
        suite: Suite,
        premaster: &[u8],
        transcript: &[u8],
        [client_random, server_random]: [[u8; 32]; 2],
    ) -> Result<Self, HandshakeError> {
        let hash = suite.hash(transcript);
        let master = suite.prf(premaster, "extended master secret", [&hash, &[]], MASTER)?;
        Ok(Self {
            suite,
            master,
            client_random,
            server_random,
        })
    }

    /// Protection of the records that `side` sends, and of those that it gets.
    pub(super) fn protection(&self, side: Side) -> Result<(Sealer, Opener), HandshakeError> {
        let key_len = self.suite.key_len;
        let block = self.suite.prf(
            &self.master,
            "key expansion",
            [&self.server_random, &self.client_random],
            2 * (key_len + FIXED_IV),
        )?;
        let (keys, ivs) = block.split_at(2 * key_len);
        let (client, server) = (
            (&keys[..key_len], &ivs[..FIXED_IV]),
            (&keys[key_len..], &ivs[FIXED_IV..]),
        );
        let (ours, theirs) = match side {
            Side::Client => (client, server),
            Side::Server => (server, client),
        };
        Ok((Sealer::new(ours.0, ours.1), Opener::new(theirs.0, theirs.1)))
    }

    /// `verify_data` of the Finished message of `sender` (RFC 5246 §7.4.9).
    pub(super) fn finished(
        &self,
        sender: Side,
        transcript: &[u8],
    ) -> Result<Vec<u8>, HandshakeError> {
        let label = match sender {
            Side::Client => "client finished",
            Side::Server => "server finished",
        };
        let hash = self.suite.hash(transcript);
        self.suite.prf(&self.master, label, [&hash, &[]], 12)
    }

    /// RFC 5764 §4.2, RFC 5705.
    pub(super) fn export(&self, profile: SrtpProfile) -> Result<KeyMaterial, HandshakeError> {
        let exported = self.suite.prf(
            &self.master,
            "EXTRACTOR-dtls_srtp",
            [&self.client_random, &self.server_random],
            2 * (profile.key_len() + profile.salt_len()),
        )?;
        Ok(KeyMaterial::split(profile, &exported)
            .expect("invariant: as long as the profile's keys and salts"))
    }
}
