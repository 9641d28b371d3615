//! What a participant needs of the outside world.

use std::net::SocketAddr;

use xmpp::conference::ConferenceRequest;

use super::session::MediaId;

/// What the driver is to do.
#[derive(Debug)]
pub enum Order {
    /// Ask for the conference by HTTP; the result goes to [`Participant::handle_conference`](super::Participant::handle_conference).
    RequestConference(ConferenceRequest),
    /// Open the WebSocket; the result goes to [`Participant::handle_socket_open`](super::Participant::handle_socket_open) or
    /// [`Participant::handle_socket_closed`](super::Participant::handle_socket_closed).
    OpenSocket {
        /// The session that the server is asked to go on with.
        previd: Option<String>,
    },
    /// Close the WebSocket, once all frames are sent.
    CloseSocket,
    /// Ask which shard answers; the result goes to [`Participant::handle_shard`](super::Participant::handle_shard).
    KeepAlive,
    /// Open UDP sockets; their addresses go to [`Participant::handle_media_open`](super::Participant::handle_media_open).
    OpenMedia {
        /// The session that they are for.
        id: MediaId,
        /// Addresses that are to be reached from them.
        toward: Vec<SocketAddr>,
    },
    /// Close them, once all datagrams are sent.
    CloseMedia(MediaId),
}
