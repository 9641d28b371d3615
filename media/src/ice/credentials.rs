use std::fmt;

use rand::Rng;

/// Username fragment and password of one ICE agent (RFC 8445 §5.3).
///
/// The username fragment also names the transport towards the driver of the socket: it must
/// be unique among the transports that share a port.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 `ice-char` by the RFC; at most [`MAX_UFRAG`] here.
    pub ufrag: String,
    /// 22 to 256 `ice-char`; a secret.
    pub pwd: String,
}

/// Longest username fragment accepted, in bytes: two of them and a colon fit the 128 bytes that
/// the agent gives to a USERNAME. Browsers use 4, Jitsi's bridge up to 14.
pub(super) const MAX_UFRAG: usize = 63;

/// `ice-char` of RFC 8839 §5.4 without `+` and `/`, which some signalling escapes.
const ICE_CHARS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Credentials that no agent may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// The username fragment is too short, too long, or has a character outside `ice-char`.
    #[error("the ICE username fragment is not 4 to 63 letters, digits, '+' and '/'")]
    Ufrag,
    /// The password is too short, too long, or has a character outside `ice-char`.
    #[error("the ICE password is not 22 to 256 letters, digits, '+' and '/'")]
    Pwd,
}

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

    /// Checks what signalling gave against RFC 8839 §5.4.
    ///
    /// Some endpoints send `-`, `_` or `=` too, and they harm nobody: any printable ASCII but
    /// the colon, which parts a USERNAME, is taken.
    ///
    /// # Errors
    /// See [`BadCredentials`].
    pub fn check(&self) -> Result<(), BadCredentials> {
        let printable = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !(4..=MAX_UFRAG).contains(&self.ufrag.len()) || !printable(&self.ufrag) {
            return Err(BadCredentials::Ufrag);
        }
        if !(22..=256).contains(&self.pwd.len()) || !printable(&self.pwd) {
            return Err(BadCredentials::Pwd);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    #[test]
    fn generated_credentials_are_good_ones_and_differ() {
        let mut rng = SmallRng::seed_from_u64(1);
        let one = IceCredentials::generate(&mut rng);
        let other = IceCredentials::generate(&mut rng);
        assert_eq!(one.check(), Ok(()));
        assert_ne!(one.ufrag, other.ufrag);
        assert_ne!(one.pwd, other.pwd);
    }

    #[test]
    fn credentials_out_of_bounds_are_refused_by_name() {
        let with = |ufrag: &str, pwd: &str| IceCredentials {
            ufrag: ufrag.into(),
            pwd: pwd.into(),
        };
        let pwd = "0123456789abcdefghijkl";
        assert_eq!(with("abcd", pwd).check(), Ok(()));
        assert_eq!(with("abc", pwd).check(), Err(BadCredentials::Ufrag));
        assert_eq!(with("a:cd", pwd).check(), Err(BadCredentials::Ufrag));
        assert_eq!(
            with(&"a".repeat(64), pwd).check(),
            Err(BadCredentials::Ufrag)
        );
        assert_eq!(with("abcd", &pwd[1..]).check(), Err(BadCredentials::Pwd));
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let credentials = IceCredentials::generate(&mut SmallRng::seed_from_u64(1));
        assert!(!format!("{credentials:?}").contains(&credentials.pwd));
    }
}
