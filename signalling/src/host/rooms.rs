//! The table of rooms, and work in one of them.

use super::Host;
use crate::context::{Context, Outbox};
use crate::now::Now;
use crate::room::hooks::Creation;
use crate::room::{Invitation, Room, RoomKind};
use crate::session::{Kind, Session};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use xmpp::BareJid;
use xmpp::stanza::{Condition, StanzaError};

/// Rooms by address.
#[derive(Default)]
pub(crate) struct RoomTable(RwLock<HashMap<BareJid, Arc<Mutex<Room>>>>);

impl RoomTable {
    pub(super) fn find(&self, jid: &BareJid) -> Option<Arc<Mutex<Room>>> {
        self.0.read().get(jid).cloned()
    }

    fn len(&self) -> usize {
        self.0.read().len()
    }

    /// Addresses of rooms, those on domains that are wanted.
    pub(crate) fn on(&self, wanted: impl Fn(&str) -> bool) -> Vec<BareJid> {
        let mut rooms: Vec<_> = self
            .0
            .read()
            .keys()
            .filter(|jid| wanted(jid.domain().as_str()))
            .cloned()
            .collect();
        rooms.sort();
        rooms
    }

    /// Rooms and occupants, for metrics.
    pub(crate) fn census(&self) -> (usize, usize) {
        let rooms: Vec<_> = self.0.read().values().cloned().collect();
        (
            rooms.len(),
            rooms.iter().map(|room| room.lock().len()).sum(),
        )
    }
}

impl Host {
    /// Whether there is a room with this address.
    pub(crate) fn has_room(&self, jid: &BareJid) -> bool {
        self.rooms.find(jid).is_some()
    }

    /// Does `work` in a room that exists.
    ///
    /// # Errors
    /// `item-not-found` where it does not.
    pub(crate) fn in_room(
        &self,
        jid: &BareJid,
        now: Now,
        work: impl FnOnce(&mut Room, &Context<'_>, &mut Outbox),
    ) -> Result<(), StanzaError> {
        loop {
            let room = self
                .rooms
                .find(jid)
                .ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?;
            let mut guard = room.lock();
            // Whoever closed it took it out of the table first.
            if guard.is_closed() {
                continue;
            }
            let context = self.context(now);
            let mut out = Outbox::default();
            let noted = guard.poll_timeout();
            work(&mut guard, &context, &mut out);
            guard.tell_keepers(&context, &mut out);
            let undelivered = self.post(&mut out);
            if let Some(at) = guard.poll_timeout().filter(|at| Some(*at) != noted) {
                self.room_deadlines.lock().insert((at, jid.clone()));
            }
            if guard.is_over() {
                guard.close();
                self.rooms.0.write().remove(jid);
                self.counters.rooms_destroyed.increase();
            }
            drop(guard);
            self.settle(undelivered, now);
            for invitation in out.invitations {
                self.deliver_invitation(invitation, now);
            }
            return Ok(());
        }
    }

    /// Does `work` in a room, which comes into being if the features allow it.
    ///
    /// # Errors
    /// Why the room must not come into being.
    pub(crate) fn in_new_room(
        &self,
        jid: &BareJid,
        kind: RoomKind,
        nick: &str,
        session: &Session,
        now: Now,
        work: impl FnOnce(&mut Room, &Context<'_>, &mut Outbox),
    ) -> Result<(), StanzaError> {
        let mut work = Some(work);
        loop {
            if self.rooms.find(jid).is_none() {
                self.create(jid, kind, nick, session, now)?;
            }
            let done = self.in_room(jid, now, |room, context, out| {
                if let Some(work) = work.take() {
                    work(room, context, out);
                }
            });
            if done.is_ok() {
                return Ok(());
            }
        }
    }

    fn create(
        &self,
        jid: &BareJid,
        kind: RoomKind,
        nick: &str,
        session: &Session,
        now: Now,
    ) -> Result<(), StanzaError> {
        let context = self.context(now);
        let creation = Creation {
            room: jid,
            is_service_room: kind == RoomKind::Service,
            nick,
            session,
        };
        if kind == RoomKind::Service && session.kind == Kind::Guest {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        Room::may_create(&creation, &context)?;
        if self.rooms.len() >= self.settings.limits.rooms {
            return Err(StanzaError::new(Condition::ResourceConstraint).with_text("Too many rooms"));
        }
        let room = Arc::new(Mutex::new(Room::new(jid.clone(), kind, &context)));
        self.rooms.0.write().entry(jid.clone()).or_insert_with(|| {
            self.counters.rooms_created.increase();
            room
        });
        Ok(())
    }

    /// To the session that is named, or to all of that user.
    pub(super) fn deliver_invitation(&self, invitation: Invitation, now: Now) {
        let mut out = Outbox::default();
        let stanza = Arc::new(invitation.stanza);
        for session in self.sessions_at(&invitation.to) {
            out.share(&session, &stanza);
        }
        if out.deliveries.is_empty() {
            self.counters.dropped_unroutable.increase();
        }
        self.send(out, now);
    }
}
