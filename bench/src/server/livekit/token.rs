//! Tokens for the LiveKit that this benchmark starts itself, on an address of this machine, with this key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

pub(super) const KEY: &str = "bench";
pub(super) const SECRET: &str = "a key of the benchmark, of thirty-two letters or more";

/// Lets somebody into a room, to send and to receive.
pub(super) fn for_room(identity: &str, room: &str) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = json!({
        "iss": KEY,
        "sub": identity,
        "exp": (now + Duration::from_secs(3_600)).as_secs(),
        "video": {"roomJoin": true, "room": room, "canPublish": true, "canSubscribe": true},
    });
    Ok(encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )?)
}
