//! Who sees real addresses (XEP-0045 §4.2). Jitsi's clients need everybody to.

use super::{Occupant, Role, Room};

/// Who sees real addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whois {
    Anyone,
    Moderators,
}

impl Whois {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Moderators => "moderators",
        }
    }

    /// Status code that announces the change (XEP-0045 §10.2.1).
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Anyone => "172",
            Self::Moderators => "173",
        }
    }
}

impl Room {
    pub(super) fn sees_addresses(&self, viewer: &Occupant) -> bool {
        self.configuration.whois == Whois::Anyone || viewer.role == Role::Moderator
    }
}
