//! ICE of one peer (RFC 8445, RFC 8838, RFC 7675).

mod candidate;
mod credentials;

pub use candidate::{CandidateKind, RemoteCandidate};
pub use credentials::IceCredentials;
