//! What can go wrong in a client.

use crate::sasl::SaslError;
use crate::stanza::StanzaError;
use crate::stream::StreamError;

/// Why a connection could not be made or kept. It is reported in
/// [`Event::Offline`](super::Event::Offline); the client tries again.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network failed.
    #[error("network: {0}")]
    Io(#[from] std::io::Error),
    /// Connecting and logging in took too long.
    #[error("no answer within the time to connect")]
    TimedOut,
    /// A file that is read at each connection cannot be.
    #[error("cannot read the {what} from {path}: {error}")]
    File {
        /// What the file holds.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The password file has nothing on its first line.
    #[error("the password file {path} is empty; its first line must be the account's password")]
    NoPassword {
        /// The file.
        path: String,
    },
    /// TLS is not set up properly on this side.
    #[error("TLS settings: {0}")]
    Tls(String),
    /// The server does not offer STARTTLS.
    #[error("the server does not offer STARTTLS; allow plain connections or use direct TLS")]
    StartTlsNotOffered,
    /// The server breaks the rules of streams.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The server ended the stream with an error.
    #[error("stream error: {0}")]
    Stream(#[from] StreamError),
    /// The server closed the stream.
    #[error("the server closed the stream")]
    Closed,
    /// Login failed.
    #[error("login: {0}")]
    Login(#[from] SaslError),
    /// The resource could not be bound.
    #[error("the resource could not be bound: {0}")]
    Bind(StanzaError),
    /// The server stopped answering.
    #[error("the server does not answer pings")]
    Dead,
    /// The server acknowledged stanzas that were never sent.
    #[error("the server counts stanzas wrongly")]
    WrongCount,
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// The answer is an error.
    #[error("{0}")]
    Stanza(StanzaError),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The session ended before an answer came; whether the request took effect is unknown.
    #[error("the connection was lost")]
    Disconnected,
    /// Too many requests wait for answers.
    #[error("too many requests are waiting")]
    Busy,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
    /// The stanza is no IQ of type get or set with an address.
    #[error("not a request")]
    NotARequest,
}

/// Why a stanza was not taken for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Too many stanzas wait.
    #[error("too many stanzas are waiting")]
    Full,
    /// The client is closed.
    #[error("the client is closed")]
    Closed,
}
