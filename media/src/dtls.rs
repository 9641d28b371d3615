//! DTLS 1.2 of one peer (RFC 6347, RFC 5764, RFC 8827 §6.5).
//!
//! Ours, over aws-lc's primitives, because the sans-IO crates do not take what peers have:
//! `dimpl` 0.9 knows no RSA (its lists of signature schemes, suites and certificate types are
//! constants, and its crypto provider comes after them) and says nothing of renegotiation as a
//! client of 1.2 alone; `rtc-dtls` 0.21 puts a cookie's round trip before each handshake and puts
//! messages together by recursion over the fragments that strangers send; OpenSSL has its own clock.
//! So it is as small as WebRTC allows: ECDHE with AES-GCM, and what [`handshake`] says of the order
//! of messages.
//!
//! Certificates of peers may have ECDSA keys (P-256, P-384, P-521) or RSA keys of 2,048 bits and
//! more (libjitsi, GStreamer, `generateCertificate`), in both roles. Ours has ECDSA P-256.
//!
//! # Deliberately absent
//! DTLS 1.3: it would have to be sensed from the first flight, and a stack that cannot cope with
//! that has no meeting. Session resumption and renegotiation: WebRTC uses none of them, but both
//! sides say so (RFC 5746), and the extended master secret is demanded (RFC 7627). The server's
//! cookie exchange: only an address that passed an authenticated check gets here. Chains, names and
//! dates of certificates: the signalled fingerprint is all the trust there is.

mod certificate;
mod error;
mod handshake;
mod hello;
mod inbox;
mod outgoing;
mod protection;
mod record;
mod session;
mod signature;
mod suite;
mod wire;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, CertificateError, Fingerprint};
pub(crate) use session::{Dtls, DtlsEvent};
