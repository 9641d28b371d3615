//! The last messages, for those who come later (XEP-0045 §7.2.13). Bounded in number and bytes.

use super::{Join, Room};
use crate::context::{Context, Outbox};
use crate::now::{Now, iso8601};
use crate::render::{Rendered, Writer};
use crate::session::Session;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use xmpp::{Element, ns};

const MOST_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct History {
    messages: VecDeque<Message>,
    bytes: usize,
}

struct Message {
    at: Instant,
    stanza: Arc<Rendered>,
}

/// Whether a message is worth keeping: it has a text or asks for it, and does not object.
fn is_kept(stanza: &Element) -> bool {
    let wanted = stanza.has_child("body", ns::CLIENT) || stanza.has_child("store", ns::HINTS);
    wanted && !stanza.has_child("no-store", ns::HINTS)
}

impl History {
    /// Keeps a message. `write` writes the stanza as it was broadcast.
    pub(super) fn keep(
        &mut self,
        stanza: &Element,
        room: &str,
        length: usize,
        now: Now,
        write: impl FnOnce() -> Writer,
    ) {
        if length == 0 || !is_kept(stanza) {
            return;
        }
        let mut writer = write();
        writer.open("delay", ns::DELAY);
        writer
            .attr("stamp", &iso8601(now.unix.as_secs()))
            .attr("from", room)
            .close();
        let stanza = Arc::new(writer.finish());
        self.bytes += stanza.len();
        self.messages.push_back(Message {
            at: now.instant,
            stanza,
        });
        while self.messages.len() > length || self.bytes > MOST_BYTES {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= oldest.stanza.len();
        }
    }
}

/// What a joiner asks for (`<history/>`).
struct Wanted {
    stanzas: usize,
    characters: usize,
    seconds: Option<u64>,
}

impl Wanted {
    fn of(stanza: &Element) -> Self {
        let history = stanza
            .get_child("x", ns::MUC)
            .and_then(|x| x.get_child("history", ns::MUC));
        let number = |name: &str| history?.attr(name)?.parse().ok();
        Self {
            stanzas: number("maxstanzas").map_or(usize::MAX, |number: u32| number as usize),
            characters: number("maxchars").map_or(usize::MAX, |number: u32| number as usize),
            seconds: number("seconds").map(u64::from),
        }
    }
}

pub(super) fn joined(
    room: &mut Room,
    session: &Arc<Session>,
    join: &Join<'_>,
    context: &Context<'_>,
    out: &mut Outbox,
) {
    let wanted = Wanted::of(join.stanza);
    let mut room_left = wanted.characters;
    let mut chosen = Vec::new();
    for message in room.history.messages.iter().rev().take(wanted.stanzas) {
        let age = context
            .now
            .instant
            .saturating_duration_since(message.at)
            .as_secs();
        if wanted.seconds.is_some_and(|most| age > most) || message.stanza.len() > room_left {
            break;
        }
        room_left -= message.stanza.len();
        chosen.push(&message.stanza);
    }
    for stanza in chosen.into_iter().rev() {
        out.share(session, stanza);
    }
}
