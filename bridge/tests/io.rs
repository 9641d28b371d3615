//! The bridge with real sockets on loopback: REST, media, bridge channels, bad input, shutdown.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "io/http.rs"]
mod http;
#[path = "io/meeting.rs"]
mod meeting;
#[path = "io/peer.rs"]
mod peer;

#[path = "io/channel.rs"]
mod channel;
#[path = "io/hostile.rs"]
mod hostile;
#[path = "io/live_files.rs"]
mod live_files;
#[path = "io/media.rs"]
mod media_flow;
#[path = "io/operation.rs"]
mod operation;
