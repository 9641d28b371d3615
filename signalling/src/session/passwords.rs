//! The passwords of a service account while one takes the place of another.

use super::scram::Credentials;
use crate::config::Secret;
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long the password of before is still good: services get a new one at slightly different moments.
const OVERLAP: Duration = Duration::from_secs(60);

/// The current password of an account and, for a while, the one before. Both have the same salt, so that a login may
/// begin before the change and end after it.
#[derive(Debug)]
pub(crate) struct Passwords(RwLock<Kept>);

#[derive(Debug)]
struct Kept {
    current: Arc<Credentials>,
    /// Good until then.
    previous: Option<(Arc<Credentials>, Instant)>,
}

impl Passwords {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self(RwLock::new(Kept {
            current: Arc::new(credentials),
            previous: None,
        }))
    }

    /// Makes this the password from here on. `false`: it is already.
    pub(crate) fn change(&self, password: &Secret, now: Instant) -> bool {
        let current = self.current();
        if current.fits(&password.0) {
            return false;
        }
        let new = Arc::new(current.successor(password));
        *self.0.write() = Kept {
            current: new,
            previous: Some((current, now + OVERLAP)),
        };
        true
    }

    pub(crate) fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.0.read().current)
    }

    /// Those that are good, the current one first.
    pub(crate) fn good(&self, now: Instant) -> impl Iterator<Item = Arc<Credentials>> {
        let kept = self.0.read();
        let previous = kept.previous.as_ref().filter(|(_, until)| now < *until);
        let previous = previous.map(|(credentials, _)| Arc::clone(credentials));
        std::iter::once(Arc::clone(&kept.current)).chain(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_before_is_good_for_a_minute() {
        let passwords = Passwords::new(Credentials::derive(&"old".into(), &mut rand::rng()));
        let start = Instant::now();
        let fits = |password: &str, after: u64| {
            let now = start + Duration::from_secs(after);
            passwords.good(now).any(|it| it.fits(password))
        };
        assert!(!passwords.change(&"old".into(), start));
        assert!(fits("old", 3600) && !fits("new", 0));
        assert!(passwords.change(&"new".into(), start));
        assert!(fits("new", 0) && fits("old", 0) && !fits("other", 0));
        assert!(fits("new", 60) && !fits("old", 60));
    }
}
