//! The front door's configuration for HAProxy (2.6 or newer).
//!
//! Every replica runs with the same text, so that all come to the same shard for a room: servers have names and numbers
//! of their own, the hash is consistent, and the table of rooms is shared.

pub mod ids;
