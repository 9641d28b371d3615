//! The shard as a whole: its sessions, its rooms, and the way between them.
//!
//! Lock order: table of rooms is never held while waiting for a room; a room is locked before a session's state. One
//! room is worked on in one place at a time, and what it sends is queued before it is let go, so that everybody sees
//! its events in one order. Different rooms run on different cores.

mod rooms;
mod sessions;
mod standing;

pub(crate) use rooms::RoomTable;
pub(crate) use sessions::{Login, OpenError};
pub(crate) use standing::Standing;

use crate::addresses::Addresses;
use crate::context::{Context, Outbox};
use crate::counters::Counters;
use crate::now::Now;
use crate::random::Random;
use crate::service::disco::DomainInfo;
use crate::service::private::PrivateStorage;
use crate::session::{Delivered, End, Life, Session, token};
use crate::settings::Settings;
use parking_lot::{Mutex, RwLock};
use sessions::SessionTable;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

/// All shared state of a shard.
pub(crate) struct Host {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) random: Random,
    pub(crate) rooms: RoomTable,
    pub(crate) domain_info: DomainInfo,
    pub(crate) private: PrivateStorage,
    /// Makes answers to logins with unknown names look like those with known ones.
    pub(crate) login_secret: [u8; 32],
    sessions: SessionTable,
    keys: RwLock<Arc<token::Keys>>,
    deadlines: Mutex<BTreeSet<(Instant, u64)>>,
    next_session: AtomicU64,
}

impl Host {
    pub(crate) fn new(settings: Settings, random: Random) -> Arc<Self> {
        let keys = match &settings.token {
            Some(rules) => token::Keys::from_config(&rules.keys),
            None => token::Keys::ById(std::collections::HashMap::new()),
        };
        Arc::new(Self {
            domain_info: DomainInfo::new(&settings),
            private: PrivateStorage::default(),
            login_secret: random.bytes(),
            settings,
            counters: Counters::default(),
            addresses: Arc::default(),
            random,
            rooms: RoomTable::default(),
            sessions: SessionTable::default(),
            keys: RwLock::new(Arc::new(keys)),
            deadlines: Mutex::default(),
            next_session: AtomicU64::new(1),
        })
    }

    /// Surroundings of a piece of work at `now`.
    pub(crate) fn context(&self, now: Now) -> Context<'_> {
        Context {
            settings: &self.settings,
            addresses: &self.addresses,
            counters: &self.counters,
            random: &self.random,
            now,
        }
    }

    /// Keys that verify tokens from here on.
    pub(crate) fn set_keys(&self, keys: token::Keys) {
        *self.keys.write() = Arc::new(keys);
    }

    /// Keys that verify tokens.
    pub(crate) fn keys(&self) -> Arc<token::Keys> {
        Arc::clone(&self.keys.read())
    }

    /// Queues deliveries. Whose queue is full comes back: it has to end once no room is locked.
    fn post(&self, out: &mut Outbox) -> Vec<Arc<Session>> {
        self.counters.stanzas_out.add(out.deliveries.len() as u64);
        let mut too_slow = Vec::new();
        for (to, stanza) in out.deliveries.drain(..) {
            if to.deliver(stanza) == Delivered::Overflow {
                too_slow.push(to);
            }
        }
        too_slow
    }

    /// Sends what a service outside rooms has to say.
    pub(crate) fn send(&self, mut out: Outbox, now: Now) {
        let too_slow = self.post(&mut out);
        self.end_all(too_slow, now);
        for invitation in out.invitations {
            self.deliver_invitation(invitation, now);
        }
    }

    fn end_all(&self, sessions: Vec<Arc<Session>>, now: Now) {
        for session in sessions {
            self.end_session(&session, End::TooSlow, now);
        }
    }

    /// Ends hibernations that are over.
    pub(crate) fn handle_timeout(&self, now: Now) {
        loop {
            let due = {
                let mut deadlines = self.deadlines.lock();
                match deadlines.first() {
                    Some((at, _)) if *at <= now.instant => deadlines.pop_first(),
                    _ => None,
                }
            };
            let Some((_, key)) = due else { return };
            let Some(session) = self.sessions.by_key(key) else {
                continue;
            };
            let expired = matches!(session.state.lock().life, Life::Hibernating(until) if until <= now.instant);
            if expired {
                self.counters.sessions_expired.increase();
                self.end_session(&session, End::Left, now);
            }
        }
    }

    /// When [`Host::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.lock().first().map(|(at, _)| *at)
    }
}
