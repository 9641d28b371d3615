//! Looking around after login: which components there are, and which rooms wait for a focus.

use std::time::Instant;

use xmpp::stanza::IqType;
use xmpp::xml::element;
use xmpp::{BareJid, Element, Jid, ns};

use crate::conference::{NoAnswer, Wishes};
use crate::config::seconds;

use super::Director;
use super::iqs::Waiter;

/// Components whose messages about rooms are heeded.
const COMPONENTS: [&str; 2] = ["av_moderation", "room_metadata"];
/// Rooms that focuses make to test themselves.
const TEST_ROOM: &str = "__jicofo-health-check";

impl Director {
    /// Asks for components and rooms. Every MUC service lists its rooms to an admin.
    pub(super) fn look_around(&mut self, now: Instant) {
        let deadline = now + seconds(self.settings.config.conference.iq_timeout_s);
        let domain = self.settings.domain.clone();
        self.request(
            domain,
            IqType::Get,
            element("query", ns::DISCO_INFO),
            Waiter::Components,
            deadline,
        );
        for muc in self.settings.mucs.clone() {
            self.request(
                muc,
                IqType::Get,
                element("query", ns::DISCO_ITEMS),
                Waiter::Rooms,
                deadline,
            );
        }
    }

    pub(super) fn handle_components(&mut self, answer: Result<Option<&Element>, NoAnswer>) {
        let Ok(Some(info)) = answer else { return };
        self.components = info
            .children()
            .filter(|c| c.name() == "identity" && c.attr("category") == Some("component"))
            .filter(|c| c.attr("type").is_some_and(|t| COMPONENTS.contains(&t)))
            .filter_map(|c| Jid::new(c.attr("name")?).ok())
            .collect();
    }

    pub(super) fn handle_rooms(
        &mut self,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        let Ok(Some(items)) = answer else { return };
        let rooms: Vec<BareJid> = items
            .children()
            .filter(|c| c.name() == "item")
            .filter_map(|c| BareJid::new(c.attr("jid")?).ok())
            .filter(|room| {
                room.node()
                    .is_some_and(|node| !node.as_str().starts_with(TEST_ROOM))
            })
            .filter(|room| {
                self.settings
                    .mucs
                    .iter()
                    .any(|muc| muc.as_str() == room.domain().as_str())
            })
            .filter(|room| *room != self.settings.brewery && !self.conferences.contains_key(room))
            .collect();
        if !rooms.is_empty() {
            tracing::info!(rooms = rooms.len(), "found rooms of an earlier focus");
        }
        for room in rooms {
            let wishes = Wishes {
                rtcstats_enabled: true,
                ..Wishes::default()
            };
            if let Err(error) = self.create(&room, wishes, now) {
                tracing::warn!(%room, %error, "the room cannot be picked up");
            }
        }
    }
}
