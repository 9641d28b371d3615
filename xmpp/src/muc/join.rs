//! Entering and leaving a room (XEP-0045 §7.2, §7.14).

use crate::stanza;
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, FullJid, ns};

/// How much of what was said before a joiner wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Messages.
    pub max_stanzas: Option<u32>,
    /// Characters of history at most, in all stanzas together.
    pub max_chars: Option<u32>,
    /// Seconds back.
    pub seconds: Option<u32>,
    /// Not before this time (XEP-0082).
    pub since: Option<String>,
}

/// The `<x xmlns='http://jabber.org/protocol/muc'/>` of a joining presence.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Join {
    /// Password of the room.
    pub password: Option<String>,
    /// Wanted history; absent: what the room gives.
    pub history: Option<History>,
}

impl std::fmt::Debug for Join {
    /// Leaves out the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Join")
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

impl TryFrom<&Element> for Join {
    type Error = ParseError;

    fn try_from(x: &Element) -> Result<Self, ParseError> {
        x.expect_is("x", ns::MUC)?;
        let history = match x.get_child("history", ns::MUC) {
            Some(history) => Some(History {
                max_stanzas: history.optional_as("maxstanzas")?,
                max_chars: history.optional_as("maxchars")?,
                seconds: history.optional_as("seconds")?,
                since: history.optional("since"),
            }),
            None => None,
        };
        Ok(Self {
            password: x.get_child("password", ns::MUC).map(Element::text),
            history,
        })
    }
}

impl From<&Join> for Element {
    fn from(join: &Join) -> Self {
        let mut out = element("x", ns::MUC);
        if let Some(history) = &join.history {
            out.append_child(
                element("history", ns::MUC)
                    .with_opt("maxstanzas", history.max_stanzas)
                    .with_opt("maxchars", history.max_chars)
                    .with_opt("seconds", history.seconds)
                    .with_opt("since", history.since.as_deref()),
            );
        }
        if let Some(password) = &join.password {
            out.append_child(element("password", ns::MUC).with_text(password));
        }
        out
    }
}

/// The presence that joins a room: `occupant` is the room with the wanted nick.
pub fn join(occupant: &FullJid, join: &Join) -> Element {
    stanza::presence(occupant).with_child(join)
}

/// The presence that leaves a room.
pub fn leave(occupant: &FullJid) -> Element {
    stanza::presence_unavailable(occupant)
}
