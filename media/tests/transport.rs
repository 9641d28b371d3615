//! Two transports over a simulated network in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "transport/world.rs"]
mod world;

#[path = "transport/channel.rs"]
mod channel;
#[path = "transport/connecting.rs"]
mod connecting;
#[path = "transport/hostile.rs"]
mod hostile;
#[path = "transport/keeping.rs"]
mod keeping;
#[path = "transport/media.rs"]
mod packets;
