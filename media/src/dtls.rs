//! DTLS of one peer (RFC 6347, RFC 5764, RFC 8827 §6.5).
//!
//! The protocol is the `dimpl` crate's: sans-IO, without unsafe code, on the same crypto
//! library as the rest. DTLS 1.2 is spoken, which every WebRTC stack has; 1.3 would have to be
//! sensed from the first flight, and a stack that cannot cope with that has no meeting.
//! `dimpl` prefers AEAD_AES_256_GCM to AEAD_AES_128_GCM and cannot be told otherwise; where the
//! peer offers both, the longer key costs a tenth of the encryption. It shakes hands in both
//! roles with Chromium, with OpenSSL (aiortc) and with webrtc-rs.
//!
//! # Deliberately absent
//! RSA certificates, session resumption and renegotiation: WebRTC uses none of them. The
//! server's cookie exchange: only an address that passed an authenticated check gets here.

mod certificate;
mod record;
mod session;

pub use certificate::{Certificate, CertificateError, Fingerprint};
pub(crate) use session::{Dtls, DtlsEvent};
