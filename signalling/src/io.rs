//! Sockets, TLS, HTTP, clocks and tasks.

mod abuse;
mod bosh;
mod clock;
mod fetch;
mod http;
mod keys;
mod live_files;
mod metrics;
mod server;
mod stream;
mod tls;
mod websocket;

pub use server::{Addresses, Server, StartError};
