//! The server over real sockets on loopback.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod transports {
    mod bosh;
    mod hostile;
    mod limits;
    mod memory;
    mod support;
    mod tcp;
    mod token;
    mod websocket;
}
