//! What touches the machine: sockets, threads, clocks, network interfaces.

pub mod addresses;
pub mod driver;
pub mod mailbox;
pub mod socket;
mod worker_thread;

pub use driver::{Driver, DriverError};
pub use worker_thread::{DriverEvent, IoCounters};
