//! Participants in meetings of a whole service, in one process and on loopback.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

#[path = "meeting/door.rs"]
mod door;
#[path = "meeting/scene.rs"]
mod scene;
#[path = "meeting/service.rs"]
mod service;

#[path = "meeting/losses.rs"]
mod losses;
#[path = "meeting/media.rs"]
mod media_flow;
