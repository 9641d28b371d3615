//! A logged-in user or service: what survives a broken socket.
//!
//! A session is *attached* while a connection serves it, *hibernating* while it waits to be resumed, then *ended*.

pub(crate) mod passwords;
pub(crate) mod scram;
pub(crate) mod token;

use crate::mailbox::{Capacity, Mailbox};
use crate::render::{Rendered, escaped};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;
use token::Claims;
use xmpp::{BareJid, FullJid};

use crate::addresses::Address;

/// Wakes the task that serves a connection, because its session has something to send.
pub(crate) trait Wake: Send + Sync {
    fn wake(&self);
}

/// What a session is to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person in a browser, anonymous or with a token.
    Guest,
    /// An account: focus, bridge, recorder.
    Service {
        /// Owner of every room.
        admin: bool,
    },
}

/// What came with the connection's URL and login. Replaced as one unit on resume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub(crate) room: Option<String>,
    pub(crate) prefix: String,
    pub(crate) region: Option<String>,
    /// Digest of the id of the session that it came to go on with.
    pub(crate) previous: Option<Box<str>>,
    pub(crate) claims: Option<Claims>,
}

/// A bound session.
pub(crate) struct Session {
    pub(crate) key: u64,
    pub(crate) jid: FullJid,
    pub(crate) bare: BareJid,
    pub(crate) to: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) address: Address,
    pub(crate) state: Mutex<State>,
}

/// What changes in a session.
pub(crate) struct State {
    pub(crate) mailbox: Mailbox,
    pub(crate) profile: Arc<Profile>,
    pub(crate) rooms: BTreeSet<BareJid>,
    /// Stanzas handled from the peer, modulo 2³² (XEP-0198 §4); `None`: not counted.
    pub(crate) handled: Option<u32>,
    /// Bytes of answers to it that it has yet to pay for.
    pub(crate) charged: usize,
    /// Bearer secret that resumes this session.
    pub(crate) resumption: Option<Box<str>>,
    /// It has said that it is available.
    pub(crate) announced: bool,
    pub(crate) life: Life,
    attachments: u64,
}

/// Stage of a session.
pub(crate) enum Life {
    /// A connection serves it; the number tells that connection from its predecessors.
    Attached(u64, Arc<dyn Wake>),
    /// It can be resumed until then.
    Hibernating(Instant),
    /// Its connection is lost and another session of the account goes on in its place. It stays in its rooms until
    /// the other enters them, at most until then, so that nobody sees it leave. Nothing is kept for it.
    Succeeded(Instant),
    /// It is over.
    Ended(End),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer closed it, or lost it for too long.
    Left,
    /// Another login took its address.
    Replaced,
    /// It did not read what was sent to it.
    TooSlow,
    /// Its token has ended, and sessions end with it.
    TokenExpired,
    /// The server ends.
    Shutdown,
}

/// What became of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is in the queue, or the session is over and nobody misses it.
    Done,
    /// The queue is full: the session has to end.
    Overflow,
    /// A request that nobody will read: it has to be answered.
    Unread,
}

impl Session {
    pub(crate) fn new(
        key: u64,
        jid: FullJid,
        kind: Kind,
        address: Address,
        profile: Profile,
        capacity: Capacity,
        wake: Arc<dyn Wake>,
    ) -> Self {
        Self {
            key,
            bare: jid.to_bare(),
            to: escaped(&jid),
            jid,
            kind,
            address,
            state: Mutex::new(State {
                mailbox: Mailbox::new(capacity),
                profile: Arc::new(profile),
                rooms: BTreeSet::new(),
                handled: None,
                charged: 0,
                resumption: None,
                announced: false,
                life: Life::Attached(1, wake),
                attachments: 1,
            }),
        }
    }

    /// Whether it owns every room and may list them.
    pub(crate) fn is_admin(&self) -> bool {
        self.kind == Kind::Service { admin: true }
    }

    /// Parameters and claims as of the last login.
    pub(crate) fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.state.lock().profile)
    }

    /// Whether it is over.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state.lock().life, Life::Ended(_))
    }

    /// Whether a connection serves it.
    pub(crate) fn is_attached(&self) -> bool {
        matches!(self.state.lock().life, Life::Attached(..))
    }

    /// An answer to the session costs it as what it sends does.
    pub(crate) fn charge(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.charged = state.charged.saturating_add(bytes);
    }

    /// Queues a stanza. The stanza's bytes are shared with its other recipients.
    pub(crate) fn deliver(&self, stanza: Arc<Rendered>) -> Delivered {
        let mut state = self.state.lock();
        let wake = match &state.life {
            Life::Ended(_) => return Delivered::Done,
            Life::Succeeded(_) if stanza.is_request() => return Delivered::Unread,
            Life::Succeeded(_) => return Delivered::Done,
            Life::Attached(_, wake) if state.mailbox.is_empty() => Some(Arc::clone(wake)),
            _ => None,
        };
        if state.mailbox.push(stanza).is_err() {
            return Delivered::Overflow;
        }
        drop(state);
        if let Some(wake) = wake {
            wake.wake();
        }
        Delivered::Done
    }

    /// Notes that the session is in a room; false if it is over, and then it must not enter.
    pub(crate) fn enter(&self, room: &BareJid) -> bool {
        let mut state = self.state.lock();
        if matches!(state.life, Life::Ended(_)) {
            return false;
        }
        state.rooms.insert(room.clone());
        true
    }

    /// Notes that the session has left a room.
    pub(crate) fn leave(&self, room: &BareJid) {
        self.state.lock().rooms.remove(room);
    }
}

impl State {
    /// Until when it waits for somebody to go on with it, if no connection serves it.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        match self.life {
            Life::Hibernating(until) | Life::Succeeded(until) => Some(until),
            Life::Attached(..) | Life::Ended(_) => None,
        }
    }

    /// Gives the session to a new connection; the previous one learns it when it looks.
    pub(crate) fn attach(&mut self, wake: Arc<dyn Wake>) -> u64 {
        self.attachments += 1;
        if let Life::Attached(_, previous) = &self.life {
            previous.wake();
        }
        self.life = Life::Attached(self.attachments, wake);
        self.attachments
    }

    /// Whether the connection with this number still serves the session.
    pub(crate) fn is_attached(&self, number: u64) -> bool {
        matches!(self.life, Life::Attached(current, _) if current == number)
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Session {}

impl Hash for Session {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key.hash(hasher);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Session({})", self.jid)
    }
}
