//! The table of sessions: opening, finding, hibernating, resuming, ending.

use super::Host;
use crate::addresses::Address;
use crate::mailbox::Capacity;
use crate::now::Now;
use crate::render::Rendered;
use crate::session::{End, Kind, Life, Profile, Session, State, Wake};
use parking_lot::{MutexGuard, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use xmpp::stanza::{Condition, StanzaError, error_reply};
use xmpp::{BareJid, ElementExt, FullJid, Jid};

#[derive(Default)]
pub(super) struct SessionTable(RwLock<Tables>);

#[derive(Default)]
struct Tables {
    by_key: HashMap<u64, Arc<Session>>,
    by_jid: HashMap<FullJid, Arc<Session>>,
    by_bare: HashMap<BareJid, Vec<Arc<Session>>>,
    by_resumption: HashMap<Box<str>, Arc<Session>>,
}

impl SessionTable {
    /// Whoever has the id cannot resume the session any more.
    pub(super) fn forget_resumption(&self, id: &str) {
        self.0.write().by_resumption.remove(id);
    }

    pub(super) fn by_key(&self, key: u64) -> Option<Arc<Session>> {
        self.0.read().by_key.get(&key).cloned()
    }
}

/// Who logged in, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: BareJid,
    pub(crate) kind: Kind,
    pub(crate) profile: Profile,
    pub(crate) address: Address,
}

/// Why a session was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The resource is no resource.
    BadResource,
    /// The address has too many.
    TooMany,
}

/// Why a session was not resumed: it is over, or belongs to somebody else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResumeError;

impl Host {
    /// Opens a session. A session that has the address already loses it (`conflict`).
    pub(crate) fn open_session(
        &self,
        login: &Login,
        resource: Option<&str>,
        wake: Arc<dyn Wake>,
        now: Now,
    ) -> Result<Arc<Session>, OpenError> {
        let limits = &self.settings.limits;
        let chosen = resource
            .filter(|resource| !resource.is_empty())
            .map_or_else(|| self.random.letters(12), str::to_owned);
        let jid = login
            .user
            .with_resource_str(&chosen)
            .map_err(|_| OpenError::BadResource)?;
        let capacity = match login.kind {
            Kind::Guest => {
                self.addresses
                    .open_session(login.address, limits.sessions_per_address)
                    .ok_or(OpenError::TooMany)?;
                Capacity {
                    stanzas: limits.queue_stanzas,
                    bytes: limits.queue_bytes,
                }
            }
            Kind::Service { .. } => Capacity {
                stanzas: limits.service_queue_stanzas,
                bytes: limits.service_queue_bytes,
            },
        };
        let previous = self.find(&jid);
        if let Some(previous) = previous {
            self.replace(&previous, now);
        }
        let key = self.next_session.fetch_add(1, Ordering::Relaxed);
        let profile = login.profile.clone();
        let session = Arc::new(Session::new(
            key,
            jid,
            login.kind,
            login.address,
            profile,
            capacity,
            wake,
        ));
        let mut tables = self.sessions.0.write();
        tables.by_key.insert(key, Arc::clone(&session));
        let raced = tables
            .by_jid
            .insert(session.jid.clone(), Arc::clone(&session));
        tables
            .by_bare
            .entry(session.bare.clone())
            .or_default()
            .push(Arc::clone(&session));
        drop(tables);
        if let Some(raced) = raced {
            self.replace(&raced, now);
        }
        self.counters.logins.increase();
        Ok(session)
    }

    /// The session with this address.
    pub(crate) fn find(&self, jid: &FullJid) -> Option<Arc<Session>> {
        self.sessions.0.read().by_jid.get(jid).cloned()
    }

    /// Sessions of an account.
    pub(crate) fn sessions_of(&self, user: &BareJid) -> Vec<Arc<Session>> {
        self.sessions
            .0
            .read()
            .by_bare
            .get(user)
            .cloned()
            .unwrap_or_default()
    }

    /// Sessions that a full or bare address means.
    pub(crate) fn sessions_at(&self, jid: &Jid) -> Vec<Arc<Session>> {
        match jid.try_as_full() {
            Ok(full) => self.find(full).into_iter().collect(),
            Err(bare) => self.sessions_of(bare),
        }
    }

    /// The user of the session that a previous id resumes.
    pub(crate) fn user_of_previous(&self, id: &str) -> Option<BareJid> {
        self.sessions
            .0
            .read()
            .by_resumption
            .get(id)
            .map(|session| session.bare.clone())
    }

    /// Sessions, and how many of them hibernate.
    pub(crate) fn census(&self) -> (usize, usize) {
        let sessions: Vec<_> = self.sessions.0.read().by_key.values().cloned().collect();
        let hibernating = sessions
            .iter()
            .filter(|session| session.state.lock().waits_until().is_some())
            .count();
        (sessions.len(), hibernating)
    }

    /// Turns on stream management (XEP-0198 §3). The id, if the session can be resumed, and for how many seconds.
    pub(crate) fn manage(&self, session: &Arc<Session>, resume: bool) -> Option<(Box<str>, u64)> {
        let mut state = session.state.lock();
        if state.handled.is_some() {
            return None;
        }
        state.handled = Some(0);
        if !resume {
            return None;
        }
        let shard: String = self
            .settings
            .shard
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-' || *letter == '_')
            .collect();
        // The front door finds the shard of a resuming client by what stands before the last `_`. The client
        // writes the id into its service URL, and lib-jitsi-meet finds it there again as `[\w-]+`: another
        // character would spoil every later attempt.
        let secret = self.random.letters(32);
        let id: Box<str> = match shard.as_str() {
            "" => secret.into(),
            shard => format!("{shard}_{secret}").into(),
        };
        state.resumption = Some(id.clone());
        drop(state);
        self.sessions
            .0
            .write()
            .by_resumption
            .insert(id.clone(), Arc::clone(session));
        // XEP-0198 counts in whole seconds, and 0 would say that nothing can be resumed.
        Some((id, self.hibernation(session).as_secs().max(1)))
    }

    pub(super) fn hibernation(&self, session: &Session) -> std::time::Duration {
        match session.kind {
            Kind::Guest => self.settings.hibernation.guests,
            Kind::Service { .. } if session.bare == self.settings.names.focus_account => {
                self.settings.hibernation.focus
            }
            Kind::Service { .. } => self.settings.hibernation.services,
        }
    }

    /// A connection of the session is lost without goodbye.
    pub(crate) fn lose_connection(&self, session: &Arc<Session>, attachment: u64, now: Now) {
        let state = session.state.lock();
        if !state.is_attached(attachment) {
            return;
        }
        if state.resumption.is_none() {
            drop(state);
            return self.end_session(session, End::Left, now);
        }
        self.hibernate(session, state, now);
        self.give_to_heir(session, now);
    }

    /// No connection serves the session from here on; it waits for one, or for its successor.
    pub(super) fn hibernate(&self, session: &Session, mut state: MutexGuard<'_, State>, now: Now) {
        let until = now.instant + self.hibernation(session);
        state.life = Life::Hibernating(until);
        drop(state);
        self.counters.hibernated.increase();
        self.deadlines.lock().insert((until, session.key));
    }

    /// Gives a session to a new connection of the same user (XEP-0198 §5). Also returns the attachment and the
    /// number of stanzas handled.
    pub(crate) fn resume(
        &self,
        id: &str,
        handled: u32,
        login: &Login,
        wake: Arc<dyn Wake>,
    ) -> Result<(Arc<Session>, u64, u32), ResumeError> {
        let session = self.sessions.0.read().by_resumption.get(id).cloned();
        let session = session
            .filter(|session| session.bare == login.user && session.kind == login.kind)
            .ok_or_else(|| self.refuse_resumption())?;
        let mut state = session.state.lock();
        if matches!(state.life, Life::Ended(_) | Life::Succeeded(_))
            || state.mailbox.handle_acknowledgement(handled).is_err()
        {
            drop(state);
            return Err(self.refuse_resumption());
        }
        let attachment = state.attach(wake);
        state.mailbox.handle_resumed();
        let mut profile = login.profile.clone();
        if profile.claims.is_none() {
            profile.claims.clone_from(&state.profile.claims);
        }
        if profile.room.is_none() {
            profile.room.clone_from(&state.profile.room);
            profile.prefix.clone_from(&state.profile.prefix);
        }
        state.profile = Arc::new(profile);
        let handled = state.handled.unwrap_or(0);
        drop(state);
        self.counters.resumed.increase();
        Ok((session, attachment, handled))
    }

    fn refuse_resumption(&self) -> ResumeError {
        self.counters.resumptions_failed.increase();
        ResumeError
    }

    /// Ends a session: it leaves its rooms, and a connection that serves it closes.
    pub(crate) fn end_session(&self, session: &Arc<Session>, end: End, now: Now) {
        let (rooms, undelivered) = {
            let mut state = session.state.lock();
            let previous = std::mem::replace(&mut state.life, Life::Ended(end));
            match previous {
                Life::Ended(first) => {
                    state.life = Life::Ended(first);
                    return;
                }
                Life::Attached(_, wake) => wake.wake(),
                Life::Hibernating(until) | Life::Succeeded(until) => {
                    self.deadlines.lock().remove(&(until, session.key));
                }
            }
            let mut tables = self.sessions.0.write();
            if let Some(id) = state.resumption.take() {
                tables.by_resumption.remove(&id);
            }
            tables.by_key.remove(&session.key);
            if tables
                .by_jid
                .get(&session.jid)
                .is_some_and(|current| current == session)
            {
                tables.by_jid.remove(&session.jid);
            }
            if let Some(sessions) = tables.by_bare.get_mut(&session.bare) {
                sessions.retain(|other| other != session);
                if sessions.is_empty() {
                    tables.by_bare.remove(&session.bare);
                }
            }
            drop(tables);
            (
                std::mem::take(&mut state.rooms),
                state.mailbox.take_undelivered(),
            )
        };
        if session.kind == Kind::Guest {
            self.addresses.close_session(session.address);
        }
        if end == End::TooSlow {
            self.counters.sessions_too_slow.increase();
        }
        if end != End::Shutdown {
            self.bounce(session, &undelivered, now);
        }
        for room in rooms {
            // A room that is gone already needs no goodbye.
            let _ = self.in_room(&room, now, |room, context, out| {
                room.handle_session_ended(session, context, out);
            });
        }
    }

    /// Answers requests that the session did not live to answer, so that nobody waits for it.
    pub(super) fn bounce(&self, session: &Arc<Session>, undelivered: &[Arc<Rendered>], now: Now) {
        for request in undelivered.iter().filter_map(|stanza| stanza.to_request()) {
            let error = StanzaError::new(Condition::RecipientUnavailable);
            let mut reply = error_reply(&request, &error);
            // As the session would have answered: to whom it saw asking.
            reply.take_attr("from");
            self.handle_stanza(session, &reply, now);
        }
    }

    /// Ends every session.
    pub(crate) fn end_everything(&self, now: Now) {
        let sessions: Vec<_> = self.sessions.0.read().by_key.values().cloned().collect();
        for session in sessions {
            let mut state = session.state.lock();
            // Nobody is told who else leaves: everybody does.
            for room in std::mem::take(&mut state.rooms) {
                drop(room);
            }
            drop(state);
            self.end_session(&session, End::Shutdown, now);
        }
    }
}
