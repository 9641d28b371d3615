//! Whether this shard may be given new meetings: what a front door asks.

use super::Host;
use crate::session::Life;
use std::time::Duration;
use xmpp::BareJid;

/// Name of the room in which the bridges of a shard present themselves.
const BREWERY: &str = "jvbbrewery";

/// How the shard stands towards new meetings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It can hold them.
    Fit,
    /// It lives and keeps its rooms, and cannot hold new ones just now: why.
    Unfit(&'static str),
    /// It counts as dead for this long yet.
    Returning(Duration),
}

impl Host {
    /// How the shard stands, `up` after its start. A shard that comes back counts as dead for a while, so that all front
    /// doors have given its rooms to others before they see it again: a room must not be on two shards.
    pub(crate) fn standing(&self, up: Duration) -> Standing {
        let left = self.settings.return_after.saturating_sub(up);
        if !left.is_zero() {
            Standing::Returning(left)
        } else if !self.has_focus() {
            Standing::Unfit("no focus is connected")
        } else if self.bridges() == 0 {
            Standing::Unfit("no bridge is in the brewery")
        } else {
            Standing::Fit
        }
    }

    /// Whether a focus is connected at this moment.
    pub(crate) fn has_focus(&self) -> bool {
        self.sessions_of(&self.settings.names.focus_account)
            .iter()
            .any(|session| matches!(session.state.lock().life, Life::Attached(..)))
    }

    /// Occupants of the brewery besides the focus.
    pub(crate) fn bridges(&self) -> usize {
        let names = &self.settings.names;
        let brewery = BareJid::new(&format!("{BREWERY}@{}", names.internal_muc));
        let room = brewery.ok().and_then(|brewery| self.rooms.find(&brewery));
        room.map_or(0, |room| room.lock().count_besides(&names.focus_account))
    }
}
