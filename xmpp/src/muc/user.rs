//! What occupants see: `<x xmlns='http://jabber.org/protocol/muc#user'/>`.

use super::{Affiliation, Role};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of items and status codes.
const MAX_CHILDREN: usize = 64;

/// Status codes (XEP-0045 §15.6).
pub mod status {
    /// Everybody sees full JIDs.
    pub const NON_ANONYMOUS: u16 = 100;
    /// The configuration of the room changed.
    pub const CONFIGURATION_CHANGED: u16 = 104;
    /// This presence is the receiver's own.
    pub const SELF_PRESENCE: u16 = 110;
    /// The room is new.
    pub const ROOM_CREATED: u16 = 201;
    /// The room gave another nick than was asked for.
    pub const NICK_ASSIGNED: u16 = 210;
    /// 301: somebody was banned from the room.
    pub const BANNED: u16 = 301;
    /// New nick.
    pub const NICK_CHANGED: u16 = 303;
    /// 307: somebody was kicked out of the room.
    pub const KICKED: u16 = 307;
    /// Removed because of a change of affiliation.
    pub const AFFILIATION_LOST: u16 = 321;
    /// Removed because the room is now for members only.
    pub const NOT_A_MEMBER: u16 = 322;
    /// Removed because the service goes down.
    pub const SHUTDOWN: u16 = 332;
    /// Removed because of a technical problem.
    pub const TECHNICAL: u16 = 333;
}

/// Who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// Real address; hidden from those who may not see it.
    pub jid: Option<String>,
    /// In the room, where the actor is an occupant.
    pub nick: Option<String>,
}

/// Role and affiliation of an occupant, or a wanted change of them; the same in muc#user and
/// muc#admin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Absent where it is not told, or not to be changed.
    pub affiliation: Option<Affiliation>,
    /// Absent where it is not told, or not to be changed.
    pub role: Option<Role>,
    /// Real JID.
    pub jid: Option<String>,
    /// Of the occupant that is meant.
    pub nick: Option<String>,
    /// Who did it.
    pub actor: Option<Actor>,
    /// Why.
    pub reason: Option<String>,
}

impl Item {
    /// Role and affiliation of an occupant.
    pub fn new(affiliation: Affiliation, role: Role) -> Self {
        Self {
            affiliation: Some(affiliation),
            role: Some(role),
            ..Self::default()
        }
    }

    pub(super) fn parse(item: &Element, namespace: &str) -> Result<Self, ParseError> {
        item.expect_is("item", namespace)?;
        Ok(Self {
            affiliation: item.optional_as("affiliation")?,
            role: item.optional_as("role")?,
            jid: item.optional("jid"),
            nick: item.optional("nick"),
            actor: item.get_child("actor", namespace).map(|actor| Actor {
                jid: actor.optional("jid"),
                nick: actor.optional("nick"),
            }),
            reason: item.get_child("reason", namespace).map(Element::text),
        })
    }

    pub(super) fn render(&self, namespace: &str) -> Element {
        let mut out = element("item", namespace)
            .with_opt("affiliation", self.affiliation)
            .with_opt("role", self.role)
            .with_opt("jid", self.jid.as_deref())
            .with_opt("nick", self.nick.as_deref());
        if let Some(actor) = &self.actor {
            out.append_child(
                element("actor", namespace)
                    .with_opt("jid", actor.jid.as_deref())
                    .with_opt("nick", actor.nick.as_deref()),
            );
        }
        if let Some(reason) = &self.reason {
            out.append_child(element("reason", namespace).with_text(reason));
        }
        out
    }
}

/// The room is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destroy {
    /// Room to go to instead.
    pub jid: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Destroy {
    pub(super) fn parse(destroy: &Element, namespace: &str) -> Self {
        Self {
            jid: destroy.optional("jid"),
            reason: destroy.get_child("reason", namespace).map(Element::text),
        }
    }

    pub(super) fn render(&self, namespace: &str) -> Element {
        let reason = self.reason.as_deref();
        element("destroy", namespace)
            .with_opt("jid", self.jid.as_deref())
            .with_children(reason.map(|text| element("reason", namespace).with_text(text)))
    }
}

/// An `<x xmlns='http://jabber.org/protocol/muc#user'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MucUser {
    /// Role and affiliation.
    pub items: Vec<Item>,
    /// Status codes; see [`status`].
    pub status: Vec<u16>,
    /// The room is gone.
    pub destroy: Option<Destroy>,
}

impl MucUser {
    /// With one item.
    pub fn new(item: Item) -> Self {
        Self {
            items: vec![item],
            ..Self::default()
        }
    }

    /// With a status code added.
    #[must_use]
    pub fn with_status(mut self, code: u16) -> Self {
        self.status.push(code);
        self
    }

    /// The extension of a presence or message. What cannot be understood counts as absent.
    pub fn inside(stanza: &Element) -> Option<Self> {
        Self::try_from(stanza.get_child("x", ns::MUC_USER)?).ok()
    }

    /// The first item.
    pub fn item(&self) -> Option<&Item> {
        self.items.first()
    }

    /// Whether a status code is there.
    pub fn has_status(&self, code: u16) -> bool {
        self.status.contains(&code)
    }

    /// Whether the presence is the receiver's own.
    pub fn is_self(&self) -> bool {
        self.has_status(status::SELF_PRESENCE)
    }
}

impl TryFrom<&Element> for MucUser {
    type Error = ParseError;

    fn try_from(x: &Element) -> Result<Self, ParseError> {
        x.expect_is("x", ns::MUC_USER)?;
        let mut out = Self::default();
        for child in x.children().filter(|child| child.has_ns(ns::MUC_USER)) {
            let (count, name) = match child.name() {
                "item" => {
                    out.items.push(Item::parse(child, ns::MUC_USER)?);
                    (out.items.len(), "item")
                }
                "status" => {
                    out.status.extend(child.optional_as::<u16>("code")?);
                    (out.status.len(), "status")
                }
                "destroy" => {
                    out.destroy = Some(Destroy::parse(child, ns::MUC_USER));
                    continue;
                }
                _ => continue,
            };
            if count > MAX_CHILDREN {
                return Err(ParseError::TooMany {
                    element: "x".to_owned(),
                    child: name,
                    limit: MAX_CHILDREN,
                });
            }
        }
        Ok(out)
    }
}

impl From<&MucUser> for Element {
    fn from(user: &MucUser) -> Self {
        element("x", ns::MUC_USER)
            .with_children(user.items.iter().map(|item| item.render(ns::MUC_USER)))
            .with_children(user.destroy.iter().map(|d| d.render(ns::MUC_USER)))
            .with_children(
                user.status
                    .iter()
                    .map(|code| element("status", ns::MUC_USER).with_attr("code", code)),
            )
    }
}
