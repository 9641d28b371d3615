//! Scripted participants: they join rooms as a current Jitsi client does, send and receive media,
//! come back after losses, and note what a person would have noticed.
//!
//! Layer: beside `bridge`, `focus` and `signalling`, which it meets only on the wire; built on
//! `media` and `xmpp`. A [`participant`] is pure (`handle_*`, `poll_*`, time as a parameter); `io/`
//! drives one in a task of its own, with its sockets.
//!
//! # Run loop
//! [`run`] opens all rooms of a [`Plan`], waits for its end and returns the [`Report`].
//!
//! # Deliberately absent
//! Encoders and decoders (what is sent was recorded), peer-to-peer sessions, TURN, the bridge channel over WebSocket,
//! conference requests over XMPP, rooms with passwords, logins.

pub mod duration;
mod html;
mod io;
pub mod journal;
pub mod participant;
pub mod plan;
mod recording;
pub mod report;
pub mod scenario;
pub mod service;
mod summary;

pub use io::access::Access;
pub use io::fleet::{Progress, RunError, run};
pub use plan::{Group, Plan, PlanError, Seat};
pub use report::Report;
pub use xmpp::client::tls::Trust;
