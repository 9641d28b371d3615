//! XMPP streams without sockets: what comes in as bytes or frames becomes events, elements become
//! bytes or frames.
//!
//! - [`Parser`]: TCP streams (RFC 6120 §4), fed in pieces of any size.
//! - [`frame`]: WebSocket frames (RFC 7395), one element each.
//! - [`bosh`]: `<body/>` of HTTP requests (XEP-0124, XEP-0206).
//! - module [`write`] serialises.
//!
//! All readers are strict (RFC 6120 §11.1: no DTD, entities, processing instructions, comments)
//! and bounded by [`Limits`]; what breaks them is a [`StreamError`] with the condition that the
//! RFC names.

pub mod bosh;
mod error;
pub mod frame;
mod header;
mod limits;
mod parser;
mod tree;
pub mod write;

pub use error::{StreamCondition, StreamError};
pub use header::Header;
pub use limits::Limits;
pub use parser::{Event, Parser};
