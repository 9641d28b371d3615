//! What the operator builds: properties of all objects, and the front door as real HAProxy processes.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod addresses;
mod autoscaler;
mod door;
mod front_door;
mod haproxy_file;
mod inside;
mod limits;
mod objects;
mod scale;
mod secrets;
mod worlds;
