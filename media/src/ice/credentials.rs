use std::fmt;

use rand::Rng;

/// Username fragment and password of one ICE agent (RFC 8445 §5.3).
///
/// The username fragment also names the transport towards the driver of the socket: it must
/// be unique among the transports that share a port.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 `ice-char`.
    pub ufrag: String,
    /// 22 to 256 `ice-char`; a secret.
    pub pwd: String,
}

/// `ice-char` of RFC 8839 §5.4 without `+` and `/`, which some signalling escapes.
const ICE_CHARS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

impl IceCredentials {
    /// New credentials: 8 and 24 characters (47 and 142 bits).
    pub fn generate(rng: &mut impl Rng) -> Self {
        let mut text = |len: usize| -> String {
            (0..len)
                .map(|_| char::from(ICE_CHARS[rng.random_range(0..ICE_CHARS.len())]))
                .collect()
        };
        Self {
            ufrag: text(8),
            pwd: text(24),
        }
    }
}

/// Shows the username fragment only.
impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}
