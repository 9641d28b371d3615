//! The XMPP server of a shard: connections, rooms and the handful of Jitsi services around them.
//!
//! Layer: between the sockets of browsers and services and the room state they share. The core is pure: `Connection`
//! (one transport's negotiation), `Session` (a logged-in user with its outgoing queue), `Room` (one file per
//! feature) and `Router` (a table) take parsed elements and the time, and put deliveries into the queues of sessions.
//! Sockets, TLS, HTTP, clocks and tasks live under `io/`.
//!
//! Deliberately absent: rosters, offline storage, server-to-server, message archives, persistence of any kind. State is in
//! memory and dies with the room; what survives a broken socket is the session (XEP-0198).

mod addresses;
pub mod config;
mod connection;
mod context;
mod counters;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod host;
mod io;
mod mailbox;
mod now;
mod random;
mod render;
mod room;
mod router;
#[cfg(test)]
mod scripts;
mod service;
mod session;
mod settings;

pub use config::Config;
pub use io::{Addresses, Server, StartError};
