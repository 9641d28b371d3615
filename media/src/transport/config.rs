//! What goes in: both sides of a transport, as signalled.

use std::net::SocketAddr;

use crate::dtls::{Certificate, Fingerprint};
use crate::ice::{BadCredentials, IceCredentials, RemoteCandidate};
use crate::sctp::SctpConfig;
use crate::srtp::Side;

/// DTLS role as signalled (`setup` of RFC 4145 §4, RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Sends the ClientHello.
    Active,
    /// Waits for the ClientHello.
    Passive,
    /// Leaves the choice to the other side.
    Actpass,
}

/// What a transport is made of.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Our ICE credentials, chosen by the caller so that signalling can answer at once.
    pub local: IceCredentials,
    /// Whether we begin in the controlling role (Jitsi's focus always asks a bridge to).
    pub ice_controlling: bool,
    /// The process's certificate.
    pub certificate: Certificate,
    /// The addresses and ports at which the peer's datagrams arrive here, as
    /// `handle_datagram`'s `to` gives them; best first.
    pub local_candidates: Vec<SocketAddr>,
    /// The DTLS role that we signal. With `Actpass` the peer's choice decides, and when it
    /// leaves the choice too we are the server.
    pub setup: Setup,
    /// Whether there is SCTP for a data channel.
    pub sctp: Option<SctpConfig>,
    /// SSRCs of which state is kept, for each direction; see [`DEFAULT_MAX_SSRCS`].
    pub max_ssrcs: usize,
}

/// Enough for a participant that shares and unshares its screen all day, and for what a large
/// conference sends to one receiver: about 200 bytes for each that is used.
pub const DEFAULT_MAX_SSRCS: usize = 4096;

/// The peer's side as signalled.
#[derive(Clone, Debug)]
pub struct RemoteTransport {
    /// The peer's ICE credentials.
    pub credentials: IceCredentials,
    /// The peer's candidates; may be empty, the peer is then learnt from its checks.
    pub candidates: Vec<RemoteCandidate>,
    /// Fingerprints of the peer's certificate; one that matches suffices.
    pub fingerprints: Vec<Fingerprint>,
    /// The peer's DTLS role.
    pub setup: Setup,
}

/// What signalling gave for the peer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The credentials are malformed.
    #[error(transparent)]
    Credentials(#[from] BadCredentials),
    /// The credentials changed without an ICE restart of ours, or are stale.
    #[error("the peer's ICE credentials changed although no ICE restart is under way")]
    Unexpected,
    /// No fingerprint, or none with a hash function that is accepted.
    #[error("no certificate fingerprint with sha-1, sha-256, sha-384 or sha-512")]
    Fingerprints,
}

impl Setup {
    /// RFC 5763 §5: the active side is the client; when both leave the choice we answer as Jitsi's
    /// bridge does, passively.
    pub(super) fn side(self, theirs: Self) -> Side {
        match (self, theirs) {
            (_, Setup::Active) => Side::Server,
            (_, Setup::Passive) | (Setup::Active, Setup::Actpass) => Side::Client,
            (Setup::Passive | Setup::Actpass, Setup::Actpass) => Side::Server,
        }
    }
}
