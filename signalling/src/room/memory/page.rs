//! What the pages of its occupants keep of a room.
//!
//! A page that says `<memory/>` in the presence with which it enters is told of each change, and puts what it was told last
//! into the presence with which it enters again. What it keeps is sealed by the servers of the cluster ([`super::seal`]):
//! the room's locks, their revision, and what its bearer had. A room that the server does not know from before goes on
//! from the newest of them, whoever came first: its locks are in force again, rights that were given in the meantime are
//! void, and whoever came in under a lock that was not there is out.
//!
//! What somebody may try, and what is against it:
//!
//! - *Forge, change or read one, or use that of another room or cluster*: authenticated encryption, under a key for each
//!   room's address from a secret that the servers of the cluster share. The length does not tell that of the password.
//! - *Bring back a lock that was lifted, or rights that were taken*: both raise the revision, and all who are there are
//!   told anew; an older one does nothing once a newer one was shown. Once somebody has lost rights in the new room, no
//!   memory gives any.
//! - *Use one against the server that made it*: a server knows its own rooms, and those that are over, better than any
//!   page, and does not go on from a memory of its own making.
//! - *Get one of a room of the same name on another server of the cluster, and show it here*: only whose connection was
//!   led by the room's own name is given one or believed, and a name leads to one server. A room that has been here for
//!   [`REMEMBERED_WITHIN`] goes on from nothing.
//! - *Lift the lock of a room that began anew*: only who owned the room before can.
//! - *Keep one for later*: it ends after [`LIFETIME`]. Until then somebody who had left can open a room that was lost as it
//!   was, or take over one of the same name in its first minute, if nobody shows a newer one.
//! - *Pass one on*: it is as good as the password that it holds, and as the rights of its bearer. Only the page gets it, and
//!   the room shows it to nobody.
//! - *Make the server work or hold much*: opening costs a bounded text, keeping a few bytes for each occupant; the message
//!   is small, for it lists nobody else.

use super::seal::{Content, Seal};
use super::{Recognised, Revision, Room};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::room::presence::Change;
use crate::room::{Affiliation, Occupant, RoomKind};
use crate::session::{Kind, Session};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xmpp::{BareJid, Element, ns, room_name};

/// How long a memory is believed.
const LIFETIME: Duration = Duration::from_secs(300);
/// Those who are there get a new one this often.
const RENEWED_AFTER: Duration = Duration::from_secs(150);
/// How long after its begin a room may turn out to be one from before.
const REMEMBERED_WITHIN: Duration = Duration::from_secs(60);

/// What the page of an occupant keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It did not ask for anything.
    Nothing,
    /// It is to be told.
    Wanted,
    /// It was told of this.
    Told(Revision, Affiliation),
}

impl Kept {
    pub(in crate::room) fn by(
        session: &Session,
        room: &BareJid,
        presence: &Element,
        context: &Context<'_>,
    ) -> Self {
        let asks = presence.has_child("memory", ns::ROOM_MEMORY);
        let may = session.kind == Kind::Guest && was_led_to(session, room, context);
        if asks && may && context.settings.memory_secret.is_some() {
            Self::Wanted
        } else {
            Self::Nothing
        }
    }
}

/// Whether the session's connection was opened for this room, by which front doors choose the server.
fn was_led_to(session: &Session, room: &BareJid, context: &Context<'_>) -> bool {
    let profile = session.profile();
    let names = &context.settings.names;
    let tenant = names
        .conferences
        .tenant(room.domain().as_str())
        .unwrap_or_default();
    let prefix = profile.prefix.to_lowercase().replace('.', "_");
    let local = room.node().map_or("", |node| node.as_str());
    let named = profile.room.as_deref();
    prefix == *tenant && named.is_some_and(|named| room_name::is_spelled(named, local))
}

/// When those who are there are told again.
#[derive(Default)]
pub(super) struct Renewal(Option<Instant>);

impl Room {
    pub(super) fn has_pages(&self) -> bool {
        let mut occupants = self.occupants.values();
        occupants.any(|occupant| occupant.kept != Kept::Nothing)
    }

    /// What the joiner has kept of the room, if it is to be believed. One that is newer than what the room goes on from is
    /// put into force.
    pub(in crate::room) fn recognise(
        &mut self,
        session: &Session,
        presence: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Option<Recognised> {
        let secret = context.settings.memory_secret.as_ref()?;
        if session.kind != Kind::Guest
            || self.kind != RoomKind::Conference
            || !was_led_to(session, &self.jid, context)
        {
            return None;
        }
        let sealed = presence.get_child("memory", ns::ROOM_MEMORY)?.text();
        if sealed.is_empty() {
            return None;
        }
        let content = Seal::of(secret, &self.jid).open(&sealed);
        let Some(content) = content.filter(|it| context.now.unix < it.until()) else {
            context.counters.dropped_room_memory.increase();
            return None;
        };
        let is_newer = self.remembered.is_news(content.revision);
        let is_young = context.now.instant < self.born + REMEMBERED_WITHIN;
        let locks = self.locks();
        // One that was set here is newer than any memory.
        let lifts = content.locks.are_below(&locks)
            && (self.remembered.origin.as_ref()).is_none_or(|origin| origin.locks != locks);
        let may = !lifts || content.affiliation() == Affiliation::Owner;
        if is_newer && is_young && may && content.server != context.process {
            self.take_up(&content, context, out);
        }
        let is_honoured = self.remembered.honoured == Some(content.revision);
        is_honoured.then(|| Recognised {
            affiliation: content.affiliation(),
            password: content.locks.password,
        })
    }

    /// Somebody knows the room from before it was lost.
    fn take_up(&mut self, content: &Content, context: &Context<'_>, out: &mut Outbox) {
        tracing::info!(room = %self.jid, "the room goes on from what a page has kept of it");
        let is_other = content.locks != self.locks();
        self.go_on_from(content.revision, content.locks.clone(), context.now);
        self.remembered.focus.forget_absent();
        // Before it sees anybody lose what it gave.
        self.announce_return(out);
        // They were given by somebody who had none.
        let is_void = |jid: &BareJid, earned: &std::collections::HashSet<BareJid>| {
            context.settings.has_people_on(jid.domain().as_str()) && !earned.contains(jid)
        };
        let affiliations = self.affiliations.keys();
        let void: BTreeSet<BareJid> = affiliations
            .filter(|jid| is_void(jid, &self.earned))
            .cloned()
            .collect();
        self.affiliations.retain(|jid, _| !void.contains(jid));
        let people = self.occupants.iter();
        let people = people.filter(|(_, occupant)| occupant.session.kind == Kind::Guest);
        let people: Vec<u64> = people.map(|(key, _)| *key).collect();
        let departure = self.departure();
        for key in people {
            match &departure {
                Some(change) if !self.knew_the_password(key) => {
                    self.remove(key, change, None, context, out);
                }
                _ => self.take_rights(key, &void, out),
            }
        }
        if is_other {
            self.announce(&["104"], out);
        }
    }

    /// How whoever came in under a lock that was not there is put out; none if there is no lock.
    fn departure(&self) -> Option<Change> {
        let (codes, reason): (&[&str], _) = if self.configuration.members_only {
            (&["322"], "Only members may enter this meeting")
        } else if self.configuration.password.is_some() {
            (&["307"], "This meeting has a password: enter it again")
        } else {
            return None;
        };
        Some(Change {
            codes,
            reason: Some(reason.into()),
            ..Change::unavailable()
        })
    }

    /// Whether somebody who is here would have been let in by the password.
    fn knew_the_password(&self, key: u64) -> bool {
        let said = self
            .occupants
            .get(&key)
            .and_then(|it| it.password.as_deref());
        !self.configuration.members_only && said == self.configuration.password.as_deref()
    }

    fn take_rights(&mut self, key: u64, void: &BTreeSet<BareJid>, out: &mut Outbox) {
        let role = self.default_role(self.affiliation(&self.occupants[&key].session));
        let Some(occupant) = self.occupants.get_mut(&key) else {
            return;
        };
        if occupant.role != role || void.contains(&occupant.session.bare) {
            occupant.role = role;
            self.show_to_all(key, &Change::default(), out);
        }
    }

    pub(super) fn tell_pages(&mut self, context: &Context<'_>, out: &mut Outbox) {
        let Some(secret) = &context.settings.memory_secret else {
            return;
        };
        let revision = self.remembered.revision;
        let due: Vec<_> = self
            .occupants
            .iter()
            .map(|(key, occupant)| (*key, occupant, self.lasting_affiliation(occupant)))
            .filter(|(_, occupant, affiliation)| match occupant.kept {
                Kept::Nothing => false,
                Kept::Wanted => true,
                Kept::Told(told, as_whom) => (told, as_whom) != (revision, *affiliation),
            })
            .map(|(key, _, affiliation)| (key, affiliation))
            .collect();
        if due.is_empty() {
            return;
        }
        let seal = Seal::of(secret, &self.jid);
        for (key, affiliation) in due {
            let content = Content {
                server: context.process,
                until: (context.now.unix + LIFETIME).as_secs(),
                revision,
                locks: self.remembered.locks.clone(),
                affiliation: affiliation.as_str().into(),
            };
            let mut writer = Writer::stanza("message");
            writer.attr("from", self.jid.as_str());
            let sealed = seal.close(&content, context.random);
            writer.leaf("memory", ns::ROOM_MEMORY, &sealed);
            let Some(occupant) = self.occupants.get_mut(&key) else {
                continue;
            };
            occupant.kept = Kept::Told(revision, affiliation);
            out.send(&occupant.session, writer.finish());
        }
        let renewal = &mut self.remembered.pages.0;
        renewal.get_or_insert(context.now.instant + RENEWED_AFTER);
    }

    /// What somebody has beyond this visit; a token earns again what it has earned.
    fn lasting_affiliation(&self, occupant: &Occupant) -> Affiliation {
        if self.earned.contains(&occupant.session.bare) {
            return Affiliation::None;
        }
        self.affiliation(&occupant.session)
    }

    /// When what pages keep is renewed.
    pub(in crate::room) fn poll_renewal(&self) -> Option<Instant> {
        self.remembered.pages.0
    }

    pub(in crate::room) fn renew_if_due(&mut self, now: Instant) {
        if self.remembered.pages.0.is_none_or(|at| now < at) {
            return;
        }
        self.remembered.pages.0 = None;
        for occupant in self.occupants.values_mut() {
            if matches!(occupant.kept, Kept::Told(..)) {
                occupant.kept = Kept::Wanted;
            }
        }
        self.remembered.changed();
    }
}
