//! DTLS of one peer (RFC 6347, RFC 5764, RFC 8827 §6.5).

mod certificate;

pub use certificate::{Certificate, CertificateError, Fingerprint};
