//! The conference focus: invites the participants of a room to a bridge and keeps them connected.
//!
//! Layer: above `xmpp`; talks to a signalling server and, through it, to clients and bridges. To all
//! three it is a Jicofo.
//!
//! - [`Director`] (pure) routes stanzas, answers and time to conferences and bridges.
//! - [`Conference`](conference::Conference) (pure) is one room; one file per concern.
//! - [`bridges`] (pure) knows the bridges, chooses among them and checks their health.
//! - [`Focus`] (IO) is the run loop: XMPP client, clock, HTTP.
//!
//! After the loss of its connection the focus joins its rooms again and goes on. A focus that
//! takes the place of another finds the rooms at the MUC service and in what its predecessor kept at the server
//! (`director/index.rs`), goes on with the sessions that the server
//! has kept (`director/memory.rs`), and invites those anew whose sessions it does not know
//! (`conference/adoption.rs`).
//!
//! Deliberately absent: relays between bridges (a conference has one bridge), visitor nodes, recording
//! and dial-in, login with session ids, peer-to-peer sessions (clients make them by themselves).

mod authority;
pub mod bridges;
pub mod conference;
pub mod config;
mod context;
mod director;
mod io;
mod settings;

pub use authority::Authority;
pub use config::Config;
pub use context::{CapsCache, Context, Counters, Random};
pub use director::{Director, Output, RequestId};
pub use io::{Focus, StartError};
pub use settings::{ConfigError, Settings};
