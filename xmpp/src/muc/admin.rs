//! Changes of role and affiliation, kicks (XEP-0045 §8, §9).

use super::{Affiliation, Item, Role};
use crate::xml::{ElementExt, ParseError, element};
use crate::{BareJid, Element, ns};

/// The largest accepted number of items: a room may be made members-only with all its occupants.
const MAX_ITEMS: usize = 2048;

/// A `<query xmlns='http://jabber.org/protocol/muc#admin'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminQuery {
    /// Items to change, or to list.
    pub items: Vec<Item>,
}

impl AdminQuery {
    /// Changes the affiliation of a user.
    pub fn set_affiliation(user: &BareJid, affiliation: Affiliation) -> Self {
        Self {
            items: vec![Item {
                affiliation: Some(affiliation),
                jid: Some(user.to_string()),
                ..Item::default()
            }],
        }
    }

    /// Changes the role of an occupant. [`Role::None`] kicks it.
    pub fn set_role(nick: &str, role: Role, reason: Option<&str>) -> Self {
        Self {
            items: vec![Item {
                role: Some(role),
                nick: Some(nick.to_owned()),
                reason: reason.map(str::to_owned),
                ..Item::default()
            }],
        }
    }

    /// Whether the payload is such a query.
    pub fn is(payload: &Element) -> bool {
        payload.is("query", ns::MUC_ADMIN)
    }
}

impl TryFrom<&Element> for AdminQuery {
    type Error = ParseError;

    fn try_from(query: &Element) -> Result<Self, ParseError> {
        query.expect_is("query", ns::MUC_ADMIN)?;
        let mut items = Vec::new();
        for item in query.children_named("item", ns::MUC_ADMIN) {
            if items.len() == MAX_ITEMS {
                return Err(ParseError::TooMany {
                    element: "query".to_owned(),
                    child: "item",
                    limit: MAX_ITEMS,
                });
            }
            items.push(Item::parse(item, ns::MUC_ADMIN)?);
        }
        Ok(Self { items })
    }
}

impl From<&AdminQuery> for Element {
    fn from(query: &AdminQuery) -> Self {
        element("query", ns::MUC_ADMIN)
            .with_children(query.items.iter().map(|item| item.render(ns::MUC_ADMIN)))
    }
}
