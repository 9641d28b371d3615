//! Whole calls through real workers: simulated clients, a simulated network, virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "worker/client.rs"]
mod client;
#[path = "common/ends.rs"]
mod ends;
#[path = "worker/picture.rs"]
mod picture;
#[path = "worker/world.rs"]
mod world;

#[path = "worker/calls.rs"]
mod calls;
#[path = "worker/channel.rs"]
mod channel;
#[path = "worker/churn.rs"]
mod churn;
#[path = "worker/hostile.rs"]
mod hostile;
#[path = "worker/layers.rs"]
mod layers;
#[path = "worker/loss.rs"]
mod loss;
#[path = "worker/memory.rs"]
mod memory;
#[path = "worker/recreation.rs"]
mod recreation;
#[path = "worker/restart.rs"]
mod restart;
