//! How every part of the program takes connections and serves HTTP: the one place that knows what a stranger may cost.
//!
//! Layer: below the parts, above tokio and hyper. [`Door`] accepts connections; [`http::Server`] serves a router on them
//! with a deadline for each wait; [`websocket`] speaks frames; [`caller`] says who is behind proxies.
//!
//! What one may hold before it has said anything that makes sense is bounded four times: in all, by the process's
//! descriptors ([`Places`]); by address ([`Callers`]); in bytes of what is begun and not finished ([`Budget`]); and in time,
//! by the deadlines of [`http::Config`]. What is refused is told in the log once a minute for each kind, and counted
//! ([`refusals`]).
//!
//! Deliberately absent: HTTP/2 (one request at a time is what the bounds are made for, and no client needs it), who may do
//! what, and anything that knows XMPP.

mod budget;
mod callers;
pub mod descriptors;
mod door;
mod forwarded;
pub mod http;
mod notices;
mod places;
mod socket;
pub mod websocket;

pub use budget::{Budget, Share};
pub use callers::{Callers, Permit, network};
pub use door::{Door, Visitor, first_byte};
pub use forwarded::{Caller, Proxies, caller};
pub use notices::{Notice, Notices, refusals};
pub use places::{Place, Places};
pub use socket::bind;
