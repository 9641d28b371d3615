//! Passwords of service accounts: SCRAM (RFC 5802, RFC 7677) without channel binding, and PLAIN (RFC 4616).

use crate::config::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rand::RngCore;
use std::borrow::Borrow;
use std::num::NonZeroU32;

const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not zero");

/// Hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }
}

/// What is kept of a password: enough to check it, not enough to log in elsewhere.
pub(crate) struct Credentials {
    salt: [u8; 16],
    sha1: Keys,
    sha256: Keys,
}

struct Keys {
    stored: Vec<u8>,
    server: Vec<u8>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credentials(…)")
    }
}

impl Credentials {
    pub(crate) fn derive(password: &Secret, random: &mut dyn RngCore) -> Self {
        let mut salt = [0; 16];
        random.fill_bytes(&mut salt);
        Self::salted(password, salt)
    }

    /// Those of another password, with the same salt.
    pub(crate) fn successor(&self, password: &Secret) -> Self {
        Self::salted(password, self.salt)
    }

    fn salted(password: &Secret, salt: [u8; 16]) -> Self {
        Self {
            sha1: Keys::derive(Hash::Sha1, password.0.as_bytes(), &salt),
            sha256: Keys::derive(Hash::Sha256, password.0.as_bytes(), &salt),
            salt,
        }
    }

    /// Credentials that no password fits, for a name that does not exist. Its salt stays the same, as that of an
    /// account does, and a check takes as long, so that neither answer nor time tells which names exist. `user` is the
    /// normalised address, because two spellings of an account have one salt.
    pub(crate) fn impossible(user: &str, secret: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive = |purpose: &str, length: usize| {
            let text = format!("{purpose} {user}");
            hmac::sign(&key, text.as_bytes()).as_ref()[..length].to_vec()
        };
        let keys = |hash: Hash| Keys {
            // Nobody finds what has this as its hash.
            stored: derive("stored", hash.digest().output_len()),
            server: derive("server", hash.digest().output_len()),
        };
        let mut salt = [0; 16];
        salt.copy_from_slice(&derive("salt", 16));
        Self {
            salt,
            sha1: keys(Hash::Sha1),
            sha256: keys(Hash::Sha256),
        }
    }

    /// Whether this is the password.
    pub(crate) fn fits(&self, password: &str) -> bool {
        Self::any_fits(&[self], password)
    }

    /// PLAIN: whether one of these, which have one salt, is of the password. It costs one derivation, however many.
    pub(crate) fn any_fits<C: Borrow<Self>>(all: &[C], password: &str) -> bool {
        let Some(first) = all.first() else {
            return false;
        };
        let keys = Keys::derive(Hash::Sha256, password.as_bytes(), &first.borrow().salt);
        all.iter()
            .any(|it| verify_slices_are_equal(&keys.stored, &it.borrow().sha256.stored).is_ok())
    }

    fn keys(&self, hash: Hash) -> &Keys {
        match hash {
            Hash::Sha1 => &self.sha1,
            Hash::Sha256 => &self.sha256,
        }
    }
}

impl Keys {
    fn derive(hash: Hash, password: &[u8], salt: &[u8]) -> Self {
        let mut salted = vec![0; hash.digest().output_len()];
        pbkdf2::derive(hash.pbkdf2(), ITERATIONS, salt, password, &mut salted);
        let key = hmac::Key::new(hash.hmac(), &salted);
        let client = hmac::sign(&key, b"Client Key");
        Self {
            stored: digest::digest(hash.digest(), client.as_ref())
                .as_ref()
                .into(),
            server: hmac::sign(&key, b"Server Key").as_ref().into(),
        }
    }
}

/// Why a message of the client is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScramError {
    /// It does not follow the grammar.
    Malformed,
    /// The proof is wrong.
    NotAuthorized,
}

/// The user name of PLAIN and its password.
pub(crate) fn parse_plain(message: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(message).ok()?;
    let mut parts = text.split('\0');
    let (_authorization, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && !user.is_empty()).then(|| (user.into(), password.into()))
}

/// An exchange after the client's first message.
#[derive(Debug)]
pub(crate) struct Exchange {
    hash: Hash,
    user: String,
    gs2_header: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
}

/// The user named by the client's first message.
pub(crate) fn client_first_user(message: &[u8]) -> Result<String, ScramError> {
    Ok(parse_client_first(message)?.1)
}

fn parse_client_first(message: &[u8]) -> Result<(&str, String, &str, &str), ScramError> {
    let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed)?;
    let mut commas = text.match_indices(',').map(|(at, _)| at);
    let (_, second) = (commas.next(), commas.next().ok_or(ScramError::Malformed)?);
    let (gs2, bare) = text.split_at(second + 1);
    if !(gs2.starts_with("n,") || gs2.starts_with("y,")) {
        return Err(ScramError::Malformed);
    }
    let mut attributes = bare.split(',');
    let user = attributes
        .next()
        .and_then(|part| part.strip_prefix("n="))
        .ok_or(ScramError::Malformed)?
        .replace("=2C", ",")
        .replace("=3D", "=");
    let nonce = attributes
        .next()
        .and_then(|part| part.strip_prefix("r="))
        .filter(|nonce| !nonce.is_empty() && nonce.len() <= 256)
        .ok_or(ScramError::Malformed)?;
    Ok((gs2, user, bare, nonce))
}

impl Exchange {
    /// Answers the client's first message with the server's first.
    pub(crate) fn start(
        hash: Hash,
        message: &[u8],
        credentials: &Credentials,
        random: &mut dyn RngCore,
    ) -> Result<(Self, String), ScramError> {
        let (gs2, user, bare, client_nonce) = parse_client_first(message)?;
        let mut bytes = [0; 18];
        random.fill_bytes(&mut bytes);
        let nonce = format!("{client_nonce}{}", BASE64.encode(bytes));
        let server_first = format!(
            "r={nonce},s={},i={ITERATIONS}",
            BASE64.encode(credentials.salt)
        );
        let exchange = Self {
            hash,
            user,
            gs2_header: gs2.into(),
            client_first_bare: bare.into(),
            server_first: server_first.clone(),
            nonce,
        };
        Ok((exchange, server_first))
    }

    /// The user who logs in.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Checks the client's proof; the result is the server's.
    pub(crate) fn finish(
        &self,
        message: &[u8],
        credentials: &Credentials,
    ) -> Result<String, ScramError> {
        let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut parts = without_proof.split(',');
        let binding = parts
            .next()
            .and_then(|part| part.strip_prefix("c="))
            .ok_or(ScramError::Malformed)?;
        let nonce = parts
            .next()
            .and_then(|part| part.strip_prefix("r="))
            .ok_or(ScramError::Malformed)?;
        let proof = BASE64.decode(proof).map_err(|_| ScramError::Malformed)?;
        let keys = credentials.keys(self.hash);
        if nonce != self.nonce
            || binding != BASE64.encode(&self.gs2_header)
            || proof.len() != keys.stored.len()
        {
            return Err(ScramError::NotAuthorized);
        }
        let signed = format!(
            "{},{},{without_proof}",
            self.client_first_bare, self.server_first
        );
        let signature = hmac::sign(
            &hmac::Key::new(self.hash.hmac(), &keys.stored),
            signed.as_bytes(),
        );
        let client_key: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(proof, signature)| proof ^ signature)
            .collect();
        let stored = digest::digest(self.hash.digest(), &client_key);
        verify_slices_are_equal(stored.as_ref(), &keys.stored)
            .map_err(|_| ScramError::NotAuthorized)?;
        let server = hmac::sign(
            &hmac::Key::new(self.hash.hmac(), &keys.server),
            signed.as_bytes(),
        );
        Ok(format!("v={}", BASE64.encode(server)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The exchanges printed in RFC 5802 §5 and RFC 7677 §3.
    #[test]
    fn the_examples_of_the_standards_verify() {
        for (hash, salt, client_nonce, nonce, proof, server) in [
            (
                Hash::Sha1,
                "QSXCR+Q6sek8bf92",
                "fyko+d2lbbFgONRv9qkxdawL",
                "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
                "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Hash::Sha256,
                "W22ZaJ0SNY7soEsUEjb6gQ==",
                "rOprNGfwEbeRWgbNEkqO",
                "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let raw = BASE64.decode(salt).unwrap();
            let keys = Keys::derive(hash, b"pencil", &raw);
            let mut credentials = Credentials::impossible("user", b"secret");
            match hash {
                Hash::Sha1 => credentials.sha1 = keys,
                Hash::Sha256 => credentials.sha256 = keys,
            }
            let exchange = Exchange {
                hash,
                user: "user".into(),
                gs2_header: "n,,".into(),
                client_first_bare: format!("n=user,r={client_nonce}"),
                server_first: format!("r={nonce},s={salt},i=4096"),
                nonce: nonce.into(),
            };
            let last = |proof| format!("c=biws,r={nonce},p={proof}");
            assert_eq!(
                exchange
                    .finish(last(proof).as_bytes(), &credentials)
                    .unwrap(),
                server
            );
            let wrong = BASE64.encode(vec![7; BASE64.decode(proof).unwrap().len()]);
            assert_eq!(
                exchange.finish(last(&wrong).as_bytes(), &credentials),
                Err(ScramError::NotAuthorized)
            );
        }
    }

    #[test]
    fn channel_binding_and_broken_messages_are_refused() {
        for message in [
            "p=tls-unique,,n=u,r=x",
            "n,,n=u",
            "n,,r=x",
            "",
            "n,,n=u,r=",
            "\u{0}",
        ] {
            assert_eq!(
                client_first_user(message.as_bytes()),
                Err(ScramError::Malformed),
                "{message:?}"
            );
        }
        assert_eq!(client_first_user(b"n,,n=a=2Cb=3D,r=x").unwrap(), "a,b=");
    }

    #[test]
    fn a_name_that_does_not_exist_keeps_its_salt_like_one_that_does() {
        let first = |user: &str| {
            let message = format!("n,,n={user},r=x");
            let credentials = Credentials::impossible(user, b"secret");
            let started = Exchange::start(
                Hash::Sha256,
                message.as_bytes(),
                &credentials,
                &mut rand::rng(),
            );
            started.unwrap().1.split_once(",s=").unwrap().1.to_owned()
        };
        assert_eq!(first("nobody"), first("nobody"));
        assert_ne!(first("nobody"), first("somebody"));
    }

    #[test]
    fn plain_checks_the_password() {
        let credentials = Credentials::derive(&"secret".into(), &mut rand::rng());
        assert!(credentials.fits("secret"));
        assert!(!credentials.fits("Secret"));
        assert!(!Credentials::impossible("user", b"secret").fits(""));
        assert_eq!(parse_plain(b"\0jvb\0pw"), Some(("jvb".into(), "pw".into())));
        assert_eq!(parse_plain(b"jvb\0pw"), None);
        assert_eq!(parse_plain(b"\0a\0b\0c"), None);
    }

    /// Half or double would tell the name of an account; a derivation that is left out is a hundredth.
    #[test]
    fn a_password_for_a_name_that_does_not_exist_takes_as_long_as_for_one_that_does() {
        let known = Credentials::derive(&"secret".into(), &mut rand::rng());
        let time = |credentials: &Credentials| {
            let start = std::time::Instant::now();
            assert!(!credentials.fits("guess"));
            start.elapsed()
        };
        let median = |mut times: Vec<std::time::Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let unknown = Credentials::impossible("nobody@auth.meet.shoal", b"secret");
        let pairs = (0..15).map(|_| (time(&known), time(&unknown)));
        let (known, unknown): (Vec<_>, Vec<_>) = pairs.unzip();
        let (known, unknown) = (median(known), median(unknown));
        assert!(
            known < unknown * 2 && unknown < known * 2,
            "{known:?} {unknown:?}"
        );
    }
}
