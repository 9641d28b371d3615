//! ICE of one peer (RFC 8445, RFC 8838, RFC 7675).
//!
//! The state machine is the `is` crate's agent: sans-IO, made for many agents behind one
//! socket, and proven against browsers. Around it stands what a public server needs besides: a
//! message is authenticated before the agent sees it, and what an authenticated peer can make
//! the agent remember is bounded.

mod agent;
mod candidate;
mod credentials;

pub(crate) use agent::{Agent, AgentEvent};
pub use candidate::{CandidateKind, RemoteCandidate};
pub use credentials::{BadCredentials, IceCredentials};
