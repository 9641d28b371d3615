//! The sans-IO media transport of one peer of a bridge.
//!
//! The lowest layer: bytes of a datagram in, media packets and datagrams out. Time is a
//! parameter, randomness a seed; nothing here opens a socket, reads a clock or spawns.
//!
//! # Run loop
//! See [`transport`]: `handle_datagram` and `handle_timeout` take input, `poll_transmit`,
//! `poll_event` and `poll_timeout` give output.
//!
//! # Deliberately absent
//! Sockets and address tables (the bridge's driver has them), SDP, gathering of local
//! candidates, TURN, ICE over TCP, encoding and decoding of media, and every decision about
//! who receives what: that is the bridge's.

pub mod bwe;
pub mod cache;
pub mod codec;
pub mod demux;
pub mod dtls;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod ice;
pub mod nack;
pub mod probing;
pub mod red;
pub mod rtcp;
pub mod rtp;
pub mod rtx;
pub mod sctp;
pub mod simnet;
pub mod srtp;
pub mod stun;
pub mod transport;
pub mod twcc;
pub mod units;

pub use dtls::{Certificate, Fingerprint};
pub use ice::{CandidateKind, IceCredentials, RemoteCandidate};
pub use transport::{
    DropReason, Event, Received, RemoteTransport, Setup, Transmit, Transport, TransportConfig,
};
