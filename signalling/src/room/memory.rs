//! A room's locks and owners outlive the server: the [focus] keeps them, and each [page] does, sealed, for when the focus is
//! lost as well or the room goes to another server.
//!
//! What holds has a revision, the time at which it came to hold. It rises when a lock changes and when somebody loses
//! rights, so that the newest of several memories is the one to believe.

mod focus;
mod page;
pub(crate) mod seal;

pub(crate) use page::Kept;

use super::hooks::Verdict;
use super::{Affiliation, Join, Room};
use crate::context::{Context, Outbox};
use crate::now::Now;
use crate::session::Session;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// When what is remembered came to hold: milliseconds since the Unix epoch, each higher than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Revision(u64);

impl Revision {
    /// Of what nobody was told.
    const NONE: Self = Self(0);

    fn next(self, now: Now) -> Self {
        let now = u64::try_from(now.unix.as_millis()).unwrap_or(u64::MAX);
        Self(now.max(self.0.saturating_add(1)))
    }
}

/// What holds for everybody who enters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Locks {
    name: String,
    description: String,
    password: Option<String>,
    members_only: bool,
    change_subject: bool,
}

impl Locks {
    /// Whether somebody whom the others keep out could come in.
    fn are_below(&self, others: &Self) -> bool {
        let is_open = self.password.is_none() && others.password.is_some();
        is_open || (!self.members_only && others.members_only)
    }
}

/// What a joiner has by what it kept of the room.
pub(crate) struct Recognised {
    affiliation: Affiliation,
    /// Whoever was let in under a password need not say it again.
    password: Option<String>,
}

/// Where the room stands with its memory.
#[derive(Default)]
pub(super) struct Remembered {
    /// Something may be other than it was told.
    changed: bool,
    /// Somebody has lost rights since the revision.
    revoked: bool,
    revision: Revision,
    /// The locks of the revision.
    locks: Locks,
    /// The newest memory that was put into force, if the room did not begin here.
    origin: Option<Origin>,
    /// The memory whose bearers have their rights again: the origin, until somebody loses rights.
    honoured: Option<Revision>,
    focus: focus::Keeper,
    pages: page::Renewal,
}

/// A memory that was put into force.
struct Origin {
    revision: Revision,
    /// Other ones than these were set here since.
    locks: Locks,
}

impl Remembered {
    /// Whether a memory of this revision is newer than what the room goes on from.
    fn is_news(&self, revision: Revision) -> bool {
        let origin = self.origin.as_ref();
        origin.is_none_or(|origin| origin.revision < revision)
    }

    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Somebody has lost rights, and what they have kept must not give them back.
    pub(super) fn revoke(&mut self) {
        self.changed = true;
        self.revoked = true;
    }

    /// Whether the room goes on from what somebody has kept.
    pub(super) fn has_past(&self) -> bool {
        self.origin.is_some()
    }
}

/// What is kept of the id that resumes a session.
pub(crate) fn digest_of(resumption: &str) -> Box<str> {
    let digest = digest(&SHA256, resumption.as_bytes());
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hex.collect::<String>().into()
}

/// Whoever had rights in the room that was lost has them again.
pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if let Some(recognised) = &mut join.recognised {
        if join.affiliation == Affiliation::None {
            join.affiliation = recognised.affiliation;
        }
        if let Some(password) = recognised.password.take() {
            join.password = Some(password);
        }
    }
    if join.affiliation == Affiliation::None
        && let Some(affiliation) = room.remembered.focus.absent(join.session)
    {
        join.affiliation = affiliation;
    }
    Verdict::Continue
}

pub(super) fn joined(
    room: &mut Room,
    session: &Arc<Session>,
    _: &Join<'_>,
    _: &Context<'_>,
    _: &mut Outbox,
) {
    room.remembered.focus.returned(session);
}

impl Room {
    /// Tells those who keep something of the room what has changed of it.
    pub(crate) fn tell_keepers(&mut self, context: &Context<'_>, out: &mut Outbox) {
        if !std::mem::take(&mut self.remembered.changed) {
            return;
        }
        self.revise(context.now);
        self.tell_focus(context, out);
        self.tell_pages(context, out);
    }

    /// Gives what holds a revision of its own, if it is other than what was told. A room of which no page keeps anything
    /// needs none.
    fn revise(&mut self, now: Now) {
        let is_told = self.remembered.revision != Revision::NONE;
        if !is_told && !self.has_pages() {
            return;
        }
        let locks = self.locks();
        let remembered = &mut self.remembered;
        let revoked = std::mem::take(&mut remembered.revoked);
        if revoked {
            remembered.honoured = None;
        }
        if !is_told || revoked || locks != remembered.locks {
            remembered.revision = remembered.revision.next(now);
            remembered.locks = locks;
        }
    }

    /// The room goes on from what somebody has kept of it.
    fn go_on_from(&mut self, revision: Revision, locks: Locks, now: Now) {
        let remembered = &mut self.remembered;
        remembered.origin = Some(Origin {
            revision,
            locks: locks.clone(),
        });
        remembered.honoured = Some(revision);
        // What others were told here in the meantime is older than what they are told from here on.
        remembered.revision = match remembered.revision {
            Revision::NONE => revision,
            told => told.next(now),
        };
        remembered.locks = locks.clone();
        remembered.revoked = false;
        remembered.changed = true;
        let configuration = &mut self.configuration;
        configuration.name = locks.name;
        configuration.description = locks.description;
        configuration.password = locks.password;
        configuration.members_only = locks.members_only;
        configuration.change_subject = locks.change_subject;
    }

    fn locks(&self) -> Locks {
        let configuration = &self.configuration;
        Locks {
            name: configuration.name.clone(),
            description: configuration.description.clone(),
            password: configuration.password.clone(),
            members_only: configuration.members_only,
            change_subject: configuration.change_subject,
        }
    }
}
