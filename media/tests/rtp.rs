//! RTP from end to end: what is lost is repaired, and forwarding allocates nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "rtp/forwarding.rs"]
mod forwarding;
#[path = "rtp/repair.rs"]
mod repair;
