//! What touches the machine: sockets, threads, clocks, network interfaces, HTTP and XMPP connections.

pub mod addresses;
mod bridge;
mod channels;
pub(crate) mod control;
pub mod driver;
pub(crate) mod interfaces;
pub(crate) mod live_files;
pub mod mailbox;
mod orders;
mod outbox;
mod pace;
pub(crate) mod private_http;
mod shard_task;
pub(crate) mod shards;
pub mod socket;
mod telemetry;
pub(crate) mod websocket;
mod worker_thread;

pub use bridge::{Bridge, HttpAddresses, StartError};
pub use driver::{Driver, DriverError};
pub use shards::ShardError;
pub use worker_thread::{DriverEvent, IoCounters};
