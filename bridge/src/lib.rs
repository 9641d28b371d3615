//! The bridge: a selective forwarding unit that Jitsi's focus and clients take for a Jitsi Videobridge.
//!
//! # Layers
//! - **Core** (pure: [`worker`], [`command`], [`event`] and what they use): conferences, endpoints,
//!   projections, allocation. Input goes in with `now`, packets and events come out; no sockets,
//!   clocks, tasks or locks.
//! - **Driver** ([`io`]): one thread per worker, with its own UDP sockets on the shared port.
//! - **Control** ([`colibri`], [`shard`] and [`stats`], which are pure, and [`Bridge`]): Colibri2 over
//!   XMPP and REST, bridge channels, metrics, on tokio.
//!
//! # Run loop
//! A worker's loop is in `io/worker_thread.rs`: commands, messages of other workers, datagrams,
//! deadlines, sends, in this order and each with a budget.
//!
//! # Deliberately absent
//! Relays between bridges, media export (`connects`), ICE over TCP, and any decoding of media.

mod advertised;
pub mod allocation;
pub mod colibri;
pub mod command;
pub mod conference;
pub mod config;
pub mod egress;
pub mod endpoint;
pub mod event;
pub mod ids;
pub mod ingress;
pub mod io;
pub mod message;
pub mod packet;
pub mod pool;
pub mod projection;
pub mod send_batch;
pub mod settings;
pub mod shard;
mod shards_file;
pub mod speaker;
pub mod ssrc_slots;
pub mod statistics;
pub mod stats;
pub mod steering;
pub mod worker;

pub use config::Config;
pub use io::{Bridge, HttpAddresses, StartError};
