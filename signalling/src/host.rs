//! The shard as a whole: its sessions, its rooms, and the way between them.
//!
//! Lock order: table of rooms is never held while waiting for a room; a room is locked before a session's state. One
//! room is worked on in one place at a time, and what it sends is queued before it is let go, so that everybody sees
//! its events in one order. Different rooms run on different cores.

mod key_ring;
mod login_attempts;
mod openings;
mod rooms;
mod sessions;
mod standing;
mod succession;
mod tokens;

pub(crate) use key_ring::{KeyRing, Waiting};
pub(crate) use login_attempts::{Guesser, LoginAttempts};
pub(crate) use openings::Openings;
pub(crate) use rooms::RoomTable;
pub(crate) use sessions::{Login, OpenError};
pub(crate) use standing::Standing;
pub(crate) use succession::takes_over;

use crate::addresses::Addresses;
use crate::context::{Context, Outbox};
use crate::counters::Counters;
use crate::now::Now;
use crate::random::Random;
use crate::render::Rendered;
use crate::service::disco::DomainInfo;
use crate::service::private::PrivateStorage;
use crate::session::{Delivered, End, Session, token};
use crate::settings::Settings;
use parking_lot::Mutex;
use sessions::SessionTable;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use xmpp::BareJid;

/// What could not be queued.
#[derive(Default)]
#[must_use = "somebody waits for an answer, or holds up others"]
struct Undelivered {
    too_slow: Vec<Arc<Session>>,
    unread: Vec<(Arc<Session>, Arc<Rendered>)>,
}

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
    pub(crate) login_attempts: LoginAttempts,
    pub(crate) openings: Openings,
    sessions: SessionTable,
    pub(crate) key_ring: KeyRing,
    deadlines: Mutex<BTreeSet<(Instant, u64)>>,
    room_deadlines: Mutex<BTreeSet<(Instant, BareJid)>>,
    next_session: AtomicU64,
    process: u64,
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
            process: u64::from_ne_bytes(random.bytes()),
            login_attempts: LoginAttempts::default(),
            openings: Openings::default(),
            settings,
            counters: Counters::default(),
            addresses: Arc::default(),
            random,
            rooms: RoomTable::default(),
            sessions: SessionTable::default(),
            key_ring: KeyRing::new(keys),
            deadlines: Mutex::default(),
            room_deadlines: Mutex::default(),
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
            process: self.process,
            now,
        }
    }

    /// A new address for a person, with or without a token.
    pub(crate) fn new_person(&self, has_token: bool) -> BareJid {
        let domain = self.settings.people_domain(has_token);
        BareJid::new(&format!("{}@{domain}", self.random.uuid()))
            .expect("a UUID and a checked domain make an address")
    }

    /// Queues deliveries. What comes back has to be settled once no room is locked.
    fn post(&self, out: &mut Outbox) -> Undelivered {
        self.counters.stanzas_out.add(out.deliveries.len() as u64);
        let mut undelivered = Undelivered::default();
        for (to, stanza) in out.deliveries.drain(..) {
            match to.deliver(Arc::clone(&stanza)) {
                Delivered::Done => {}
                Delivered::Overflow => undelivered.too_slow.push(to),
                Delivered::Unread => undelivered.unread.push((to, stanza)),
            }
        }
        undelivered
    }

    /// Sends what a service outside rooms has to say.
    pub(crate) fn send(&self, mut out: Outbox, now: Now) {
        let undelivered = self.post(&mut out);
        self.settle(undelivered, now);
        for invitation in out.invitations {
            self.deliver_invitation(invitation, now);
        }
    }

    /// Ends who is too slow, and answers requests in place of those who will not read them.
    fn settle(&self, undelivered: Undelivered, now: Now) {
        for session in undelivered.too_slow {
            self.end_session(&session, End::TooSlow, now);
        }
        for (session, request) in undelivered.unread {
            self.bounce(&session, &[request], now);
        }
    }

    /// Ends sessions that have waited long enough for a connection or for their successor, and those whose token is over;
    /// tells rooms the time.
    pub(crate) fn handle_timeout(&self, now: Now) {
        while let Some(room) = next_due(&self.room_deadlines, now) {
            // A room that is gone waits for nothing.
            let _ = self.in_room(&room, now, |room, context, out| {
                room.handle_timeout(context, out);
            });
        }
        while let Some(key) = next_due(&self.deadlines, now) {
            let Some(session) = self.sessions.by_key(key) else {
                continue;
            };
            let waits_until = session.state.lock().waits_until();
            let expired = waits_until.is_some_and(|until| until <= now.instant);
            if expired {
                self.counters.sessions_expired.increase();
                self.end_session(&session, End::Left, now);
            } else {
                self.end_with_token(&session, now);
            }
        }
    }

    /// When [`Host::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let session = self.deadlines.lock().first().map(|(at, _)| *at);
        let room = self.room_deadlines.lock().first().map(|(at, _)| *at);
        session.into_iter().chain(room).min()
    }
}

/// Takes out what is due next.
fn next_due<T: Ord>(deadlines: &Mutex<BTreeSet<(Instant, T)>>, now: Now) -> Option<T> {
    let mut deadlines = deadlines.lock();
    let is_due = deadlines.first().is_some_and(|(at, _)| *at <= now.instant);
    is_due
        .then(|| deadlines.pop_first())
        .flatten()
        .map(|(_, what)| what)
}
