//! Sockets, clocks and tasks.

pub(crate) mod access;
mod drive;
pub(crate) mod fleet;
mod http;
mod sockets;
mod websocket;
