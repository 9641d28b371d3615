//! WebSocket (RFC 6455), the server's side: handshake and frames.
//!
//! Made for peers that nobody knows: a frame is refused by its announced length, before any of it is held; the bound may
//! change with every message (little before login, more after); and whether a message is begun and unfinished can be asked,
//! so that it can have a deadline. Deliberately absent: extensions, and the client's side.

mod decoder;
mod handshake;

pub use decoder::{Decoder, Event, Violation};
pub use handshake::{Upgrade, upgrade};

/// A text message, as one frame.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    frame(0x1, text.as_bytes())
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Vec<u8> {
    frame(0xa, payload)
}

/// A close frame, with code and reason or without.
#[must_use]
pub fn close(why: Option<(u16, &str)>) -> Vec<u8> {
    let payload = why.map_or_else(Vec::new, |(code, reason)| {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        payload
    });
    frame(0x8, &payload)
}

/// RFC 6455 §5.2; what a server sends is not masked (§5.1).
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    bytes.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}
