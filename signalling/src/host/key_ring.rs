//! Keys that verify tokens, and who waits for one that is not known yet.
//!
//! A login with an unknown key waits while whoever fetches keys looks for it. What can wait is bounded; a login that finds
//! no place fails as if the key did not exist.

use crate::session::token::Keys;
use crate::session::{Session, Wake};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use xmpp::Element;

/// Most logins and requests that wait for keys.
const MOST_WAITING: usize = 1_000;

/// Who waits for a key.
pub(crate) enum Waiting {
    /// A login; its connection looks again when it is woken.
    Login(Arc<dyn Wake>),
    /// A request of a session, which is handled again.
    Request(Arc<Session>, Box<Element>),
}

/// Keys, and who waits for more.
pub(crate) struct KeyRing {
    keys: RwLock<Arc<Keys>>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    /// Wakes whoever fetches keys. None where all that there will be are known.
    fetcher: Option<Arc<dyn Wake>>,
    /// By key id.
    waiting: HashMap<String, Vec<Waiting>>,
    count: usize,
}

impl KeyRing {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            desk: Mutex::default(),
        }
    }

    /// Keys that verify tokens.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read())
    }

    /// Keys that verify tokens from here on.
    pub(crate) fn set(&self, keys: Keys) {
        *self.keys.write() = Arc::new(keys);
    }

    /// Whom to wake when a key is wanted.
    pub(crate) fn set_fetcher(&self, fetcher: Arc<dyn Wake>) {
        self.desk.lock().fetcher = Some(fetcher);
    }

    /// Asks for a key. `false`: nobody will look for it, or too many wait.
    pub(crate) fn want(&self, id: &str, waiting: Waiting) -> bool {
        let mut desk = self.desk.lock();
        let Some(fetcher) = desk.fetcher.clone() else {
            return false;
        };
        if desk.count >= MOST_WAITING {
            return false;
        }
        desk.count += 1;
        desk.waiting.entry(id.to_owned()).or_default().push(waiting);
        drop(desk);
        fetcher.wake();
        true
    }

    /// Ids of keys that are wanted.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<_> = self.desk.lock().waiting.keys().cloned().collect();
        wanted.sort_unstable();
        wanted
    }

    /// Whether somebody still looks for this key.
    pub(crate) fn is_wanted(&self, id: &str) -> bool {
        self.desk.lock().waiting.contains_key(id)
    }

    /// The search for a key is over, well or badly: those who waited for it.
    pub(super) fn settle(&self, id: &str) -> Vec<Waiting> {
        let mut desk = self.desk.lock();
        let settled = desk.waiting.remove(id).unwrap_or_default();
        desk.count -= settled.len();
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(&self) {}
    }

    #[test]
    fn only_so_many_wait_and_only_where_somebody_fetches() {
        let ring = KeyRing::new(Keys::ById(HashMap::new()));
        let login = || Waiting::Login(Arc::new(Nobody));
        assert!(!ring.want("a", login()));
        ring.set_fetcher(Arc::new(Nobody));
        for _ in 0..MOST_WAITING {
            assert!(ring.want("a", login()));
        }
        assert!(!ring.want("b", login()));
        assert!(ring.is_wanted("a"));
        assert_eq!(ring.settle("a").len(), MOST_WAITING);
        assert!(!ring.is_wanted("a"));
        assert!(ring.want("b", login()));
        assert_eq!(ring.wanted(), ["b"]);
    }
}
