//! Roles and affiliations (XEP-0045 §5).

use std::fmt;
use std::str::FromStr;

/// Long-lived relation of a user to a room, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Affiliation {
    /// Banned.
    Outcast,
    /// No relation.
    #[default]
    None,
    /// May enter a members-only room.
    Member,
    /// May ban people and grant membership.
    Admin,
    /// May do everything, also configure and destroy the room.
    Owner,
}

impl Affiliation {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcast => "outcast",
            Self::None => "none",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Affiliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Affiliation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "outcast" => Self::Outcast,
            "none" => Self::None,
            "member" => Self::Member,
            "admin" => Self::Admin,
            "owner" => Self::Owner,
            _ => return Err(()),
        })
    }
}

/// Role of an occupant while it is in a room, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Not in the room.
    #[default]
    None,
    /// Sees and hears only.
    Visitor,
    /// May speak.
    Participant,
    /// May also kick and grant voice.
    Moderator,
}

impl Role {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Visitor => "visitor",
            Self::Participant => "participant",
            Self::Moderator => "moderator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "none" => Self::None,
            "visitor" => Self::Visitor,
            "participant" => Self::Participant,
            "moderator" => Self::Moderator,
            _ => return Err(()),
        })
    }
}
