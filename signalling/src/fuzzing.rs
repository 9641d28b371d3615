//! Entrances for fuzz targets to parsers that are private otherwise. Not part of the crate's face:
//! only with the feature `fuzzing`.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::config::{Secret, TokenConfig};
use crate::now::Now;
use crate::session::scram::{self, Credentials, Exchange, Hash};
use crate::session::token::{self, Keys};

const SECRET: &str = "a secret of the fuzz target";

/// Both messages of a client that logs in by SCRAM.
pub fn scram(first: &[u8], last: &[u8]) {
    let mut random = StdRng::seed_from_u64(1);
    let _ = scram::client_first_user(first);
    // Keys cost thousands of hashes; those of nobody cost none.
    let credentials = Credentials::impossible("romeo@auth.meet.shoal", SECRET.as_bytes());
    for hash in [Hash::Sha1, Hash::Sha256] {
        if let Ok((exchange, _)) = Exchange::start(hash, first, &credentials, &mut random) {
            let _ = exchange.finish(last, &credentials);
        }
    }
}

/// What a page has kept of a room, and the same sealed by somebody who has the key.
pub fn room_memory(data: &[u8]) {
    crate::room::memory::seal::open_any(data);
}

/// The message of a client that logs in by PLAIN.
pub fn plain(message: &[u8]) {
    let _ = scram::parse_plain(message);
}

/// A token as it comes, and one whose claims are `data` and whose signature is right, for a room of that name.
pub fn token(data: &[u8], room: &str, instant: Instant) {
    let rules = TokenConfig {
        algorithm: Some("HS256".into()),
        ..TokenConfig::default()
    };
    let keys = Keys::from_secret(&Secret::from(SECRET));
    let now = Now {
        instant,
        unix: Duration::from_secs(1_800_000_000),
    };
    let _ = token::verify(&String::from_utf8_lossy(data), &rules, &keys, now);
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let message = format!(
        "{}.{}",
        encode(br#"{"typ":"JWT","alg":"HS256"}"#),
        encode(data)
    );
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256)
        .expect("invariant: an HMAC of any text can be made");
    let signed = format!("{message}.{signature}");
    if let Ok(claims) = token::verify(&signed, &rules, &keys, now) {
        let _ = token::check_room(&claims, &rules, (None, room), "meet.shoal");
        let _ = claims.is_moderator();
    }
}

/// What a key server answers.
pub fn keys(text: &str) {
    let _ = token::parse_set(text);
    let _ = token::parse_pem(text);
}
