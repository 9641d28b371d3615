//! The identity of a meeting: an id for each life of a room, and when people first met in it.

use super::configuration::Form;
use super::disco::RoomInfo;
use super::{Join, Room};
use crate::context::{Context, Outbox};
use crate::session::Session;
use std::sync::Arc;

/// Field of the room's forms.
pub(super) const FIELD: &str = "muc#roominfo_meetingId";
const MOST_BYTES: usize = 128;

pub(super) struct Meeting {
    id: String,
    /// Milliseconds since the Unix epoch.
    created: Option<u128>,
}

impl Meeting {
    pub(super) fn new(context: &Context<'_>) -> Self {
        Self {
            id: context.random.uuid(),
            created: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Takes another id; only admins get here.
    pub(super) fn set_id(&mut self, id: &str) -> bool {
        if id.is_empty() || id.len() > MOST_BYTES || id == self.id {
            return false;
        }
        id.clone_into(&mut self.id);
        true
    }
}

/// The meeting begins when the second occupant is there.
pub(super) fn joined(
    room: &mut Room,
    _: &Arc<Session>,
    _: &Join<'_>,
    context: &Context<'_>,
    _: &mut Outbox,
) {
    if room.meeting.created.is_none() && room.occupants.len() >= 2 {
        room.meeting.created = Some(context.now.unix.as_millis());
    }
}

pub(super) fn info(room: &Room, info: &mut RoomInfo) {
    info.field(FIELD, "text-single", &room.meeting.id);
    let created = room.meeting.created.map(|created| created.to_string());
    info.field(
        "muc#roominfo_created_timestamp",
        "text-single",
        created.as_deref().unwrap_or(""),
    );
}

/// The owner's form carries it too, where the focus reads it.
pub(super) fn form(room: &Room, form: &mut Form) {
    form.text(FIELD, "The unique meeting id", room.meeting.id());
}
