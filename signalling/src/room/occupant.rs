//! One occupant of a room, and the words for rights (XEP-0045 §5).

use super::{identity, memory};
use crate::render::{Rendered, Writer};
use crate::session::Session;
use std::str::FromStr;
use std::sync::Arc;
use xmpp::{Element, ns};

macro_rules! ranks {
    ($(#[$meta:meta])* $name:ident: $($variant:ident $text:literal),*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

ranks!(
    /// Standing for one visit, lowest first.
    Role: None "none", Visitor "visitor", Participant "participant", Moderator "moderator"
);
ranks!(
    /// Lasting standing, lowest first.
    Affiliation: Outcast "outcast", None "none", Member "member", Admin "admin", Owner "owner"
);

/// Somebody in a room.
pub(crate) struct Occupant {
    pub(crate) nick: Box<str>,
    /// `room/nick`.
    pub(crate) address: Box<str>,
    pub(crate) session: Arc<Session>,
    pub(crate) role: Role,
    pub(crate) occupant_id: Box<str>,
    pub(crate) presence: Payload,
    /// Of the room.
    pub(crate) kept: memory::Kept,
    /// The password with which it entered, asked or not.
    pub(super) password: Option<Box<str>>,
    /// The presence as it is, rendered for those who see real addresses and for those who do not.
    pub(super) shown: [Option<Arc<Rendered>>; 2],
}

/// What an occupant says about itself: kept as bytes, rebroadcast untouched.
#[derive(Clone, Default)]
pub(crate) struct Payload {
    id: Option<Box<str>>,
    language: Option<Box<str>>,
    children: Box<str>,
}

/// Children of a presence that only the room may write.
fn is_reserved(child: &Element) -> bool {
    child.name() == identity::NAME
        || (child.name() == "x" && (child.has_ns(ns::MUC) || child.has_ns(ns::MUC_USER)))
        || child.is("occupant-id", ns::OCCUPANT_ID)
        || child.is("delay", ns::DELAY)
        || child.is("takeover", ns::FOCUS_TAKEOVER)
        || child.is("memory", ns::ROOM_MEMORY)
}

/// Whether somewhere inside there is what only the server may say.
fn holds_identity(element: &Element) -> bool {
    element
        .children()
        .any(|child| child.name() == identity::NAME || holds_identity(child))
}

fn remove_identities(element: &mut Element) {
    while let Some(child) = element
        .children()
        .find(|child| child.name() == identity::NAME)
    {
        let namespace = child.ns();
        element.remove_child(identity::NAME, namespace.as_str());
    }
    element.children_mut().for_each(remove_identities);
}

impl Payload {
    /// The payload of a stanza, without what only the room may write. `extra`: a fragment to append.
    pub(crate) fn of(stanza: &Element, extra: &str) -> Self {
        let mut writer = Writer::fragment();
        for child in stanza.children().filter(|child| !is_reserved(child)) {
            if holds_identity(child) {
                let mut child = child.clone();
                remove_identities(&mut child);
                writer.element(&child);
            } else {
                writer.element(child);
            }
        }
        writer.raw(extra);
        Self {
            id: stanza.attr("id").map(Into::into),
            language: stanza.attr_ns(ns::XML, "lang").map(Into::into),
            children: writer.into_fragment().into_boxed_str(),
        }
    }

    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        let length = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        self.children.len() + length(&self.id) + length(&self.language)
    }

    /// Writes attributes of the stanza.
    pub(crate) fn write_head(&self, writer: &mut Writer) {
        writer
            .opt("id", self.id.as_deref())
            .opt("xml:lang", self.language.as_deref());
    }

    /// Writes children of the stanza.
    pub(crate) fn write_children(&self, writer: &mut Writer) {
        writer.raw(&self.children);
    }
}
