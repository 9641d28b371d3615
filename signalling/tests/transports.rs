//! The server over real sockets on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod transports {
    mod bosh;
    mod front_door;
    mod hostile;
    mod limits;
    mod live_files;
    mod memory;
    mod silence;
    mod strangers;
    mod support;
    mod tcp;
    mod token;
    mod websocket;
}
