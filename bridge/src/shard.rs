//! The bridge's part towards one shard's signalling: it sits in the brewery room, tells how it is, and answers the focus.
//!
//! Pure: stanzas in, stanzas out. [`crate::io`] has the connection.

use rustc_hash::FxHashMap;
use xmpp::brewery::BridgeStats;
use xmpp::colibri2::{ConferenceModified, ConferenceModify};
use xmpp::muc::{self, MucUser, status};
use xmpp::stanza::{self, Condition, IqType, StanzaError};
use xmpp::{BareJid, Element, FullJid, Jid, disco, healthcheck, ns, ping, version};

use crate::colibri::Refusal;

/// Occupants remembered of the brewery; a shard has tens of bridges.
const MAX_OCCUPANTS: usize = 4_096;

/// What the bridge behind the shard answers.
pub trait Answers {
    /// Obeys a request of the focus.
    ///
    /// # Errors
    /// The refusal for the focus.
    fn modify(&self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal>;
    /// Checks the bridge's health.
    ///
    /// # Errors
    /// What is wrong.
    fn health(&self) -> Result<(), String>;
    /// The bridge's version.
    fn version(&self) -> String;
    /// What the presence tells.
    fn stats(&self) -> BridgeStats;
}

/// Where the bridge stands with the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not in it.
    Outside,
    /// Asked to be let in.
    Joining,
    /// In it.
    Inside,
}

/// Another occupant of the brewery.
#[derive(Debug)]
struct Occupant {
    /// `None` where the room hides it.
    real: Option<Jid>,
    /// Publishes statistics: another bridge.
    is_bridge: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Shard {
    room: BareJid,
    nick: String,
    place: Place,
    conflicts: u32,
    /// The others in the room, by nick.
    occupants: FxHashMap<String, Occupant>,
}

impl Shard {
    /// A shard whose brewery is `room`, to be joined as `nick`.
    #[must_use]
    pub fn new(room: BareJid, nick: String) -> Self {
        Self {
            room,
            nick,
            place: Place::Outside,
            conflicts: 0,
            occupants: FxHashMap::default(),
        }
    }

    /// Whether the room is joined.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.place == Place::Inside
    }

    /// Whether somebody in the room could be a focus: anyone who is no bridge.
    #[must_use]
    pub fn has_focus(&self) -> bool {
        self.is_joined() && self.occupants.values().any(|occupant| !occupant.is_bridge)
    }

    /// A new session with the server: nothing of before is true any more. Returns the presence that joins.
    pub fn handle_online(&mut self, answers: &dyn Answers) -> Vec<Element> {
        self.place = Place::Outside;
        self.occupants.clear();
        self.handle_timeout(answers)
    }

    /// Time to tell how the bridge is: the presence, which also joins when the bridge is not in the room.
    pub fn handle_timeout(&mut self, answers: &dyn Answers) -> Vec<Element> {
        let stats = Element::from(&answers.stats());
        let Some(occupant) = self.occupant() else {
            tracing::error!(nick = %self.nick, "this nickname cannot be in an XMPP address; choose another for the shard");
            return Vec::new();
        };
        let mut presence = if self.place == Place::Inside {
            stanza::presence(&Jid::from(occupant))
        } else {
            self.place = Place::Joining;
            let without_history = muc::Join {
                history: Some(muc::History {
                    max_stanzas: Some(0),
                    ..muc::History::default()
                }),
                ..muc::Join::default()
            };
            muc::join(&occupant, &without_history)
        };
        presence.append_child(stats);
        vec![presence]
    }

    /// The presence that leaves, when the bridge is in the room.
    pub fn handle_leave(&mut self) -> Option<Element> {
        let inside = self.place != Place::Outside;
        self.place = Place::Outside;
        self.occupant()
            .filter(|_| inside)
            .map(|occupant| muc::leave(&occupant))
    }

    fn occupant(&self) -> Option<FullJid> {
        self.room.with_resource_str(&self.nick).ok()
    }

    /// Takes a stanza and returns what to send.
    pub fn handle_stanza(&mut self, stanza: &Element, answers: &dyn Answers) -> Vec<Element> {
        if stanza::is_presence(stanza) {
            return self.handle_presence(stanza, answers);
        }
        match stanza::iq_type(stanza) {
            Some(IqType::Get | IqType::Set) => vec![self.answer(stanza, answers)],
            _ => Vec::new(),
        }
    }

    fn handle_presence(&mut self, presence: &Element, answers: &dyn Answers) -> Vec<Element> {
        let Some(from) = stanza::from(presence).filter(|from| from.to_bare() == self.room) else {
            return Vec::new();
        };
        let nick = from.resource().map(ToString::to_string).unwrap_or_default();
        let user = MucUser::inside(presence).unwrap_or_default();
        let own = user.has_status(status::SELF_PRESENCE) || nick == self.nick;
        match presence.attr("type") {
            Some("error") => self.handle_refusal(presence, answers),
            Some("unavailable") => {
                self.occupants.remove(&nick);
                if own && self.place == Place::Inside {
                    tracing::warn!(room = %self.room, status = ?user.status, "removed from the brewery; joins again");
                    self.place = Place::Outside;
                    self.occupants.clear();
                }
                Vec::new()
            }
            None => {
                let real = user.item().and_then(|item| item.jid.as_deref());
                if own {
                    if self.place != Place::Inside {
                        tracing::info!(room = %self.room, %nick, "joined the brewery");
                    }
                    self.place = Place::Inside;
                    self.conflicts = 0;
                    self.nick = nick;
                } else if self.occupants.len() < MAX_OCCUPANTS || self.occupants.contains_key(&nick)
                {
                    let occupant = Occupant {
                        real: real.and_then(|jid| Jid::new(jid).ok()),
                        is_bridge: presence.has_child("stats", ns::COLIBRI),
                    };
                    self.occupants.insert(nick, occupant);
                }
                Vec::new()
            }
            Some(_) => Vec::new(),
        }
    }

    /// The room does not let the bridge in, or has forgotten it.
    fn handle_refusal(&mut self, presence: &Element, answers: &dyn Answers) -> Vec<Element> {
        let error = stanza::error_of(presence);
        let condition = error.as_ref().map(|error| error.condition);
        let was = std::mem::replace(&mut self.place, Place::Outside);
        if was == Place::Joining && condition == Some(Condition::Conflict) && self.conflicts < 8 {
            self.conflicts += 1;
            self.nick = format!(
                "{}-{}",
                self.nick
                    .trim_end_matches(|c: char| c == '-' || c.is_ascii_digit()),
                self.conflicts + 1
            );
            tracing::warn!(room = %self.room, nick = %self.nick, "the nickname is taken in the brewery; tries another");
            return self.handle_timeout(answers);
        }
        let text = error.map_or_else(|| "no reason given".to_owned(), |error| error.to_string());
        tracing::warn!(room = %self.room, error = %text, "the brewery refuses this bridge; tries again at the next presence");
        Vec::new()
    }

    /// Only who is in the brewery may command the bridge: the room admits services only.
    fn is_trusted(&self, from: Option<&Jid>) -> bool {
        let Some(from) = from else {
            return false;
        };
        if from.to_bare() == self.room {
            return from
                .resource()
                .is_some_and(|nick| self.occupants.contains_key(nick.as_str()));
        }
        let mut reals = self
            .occupants
            .values()
            .filter_map(|occupant| occupant.real.as_ref());
        reals.any(|real| real == from)
    }

    fn answer(&self, iq: &Element, answers: &dyn Answers) -> Element {
        let refuse = |error: StanzaError| stanza::error_reply(iq, &error);
        let Some(payload) = stanza::payload(iq) else {
            return refuse(StanzaError::new(Condition::BadRequest));
        };
        if ping::is_request(payload) {
            return stanza::iq_result(iq, None);
        }
        if version::is_request(payload) {
            let version = version::Version {
                name: "Shoal".to_owned(),
                version: answers.version(),
                os: Some(std::env::consts::OS.to_owned()),
            };
            return stanza::iq_result(iq, Some((&version).into()));
        }
        if disco::is_info(payload) {
            return stanza::iq_result(iq, Some((&disco_info(payload)).into()));
        }
        let is_modify = payload.is("conference-modify", ns::COLIBRI2);
        if !is_modify && !healthcheck::is_request(payload) {
            return refuse(StanzaError::new(Condition::ServiceUnavailable));
        }
        if !self.is_trusted(stanza::from(iq).as_ref()) {
            tracing::debug!(
                from = iq.attr("from").unwrap_or(""),
                "a stranger's request to the bridge is refused"
            );
            return refuse(
                StanzaError::new(Condition::Forbidden)
                    .with_text("only occupants of the brewery command this bridge"),
            );
        }
        if is_modify {
            match ConferenceModify::try_from(payload) {
                Err(error) => refuse(error.into()),
                Ok(request) => match answers.modify(&request) {
                    Ok(modified) => stanza::iq_result(iq, Some((&modified).into())),
                    Err(refusal) => refuse(refusal.to_stanza_error()),
                },
            }
        } else {
            match answers.health() {
                Ok(()) => stanza::iq_result(iq, None),
                Err(reason) => {
                    refuse(StanzaError::new(Condition::InternalServerError).with_text(reason))
                }
            }
        }
    }
}

/// What Jitsi's focus expects of a bridge, and what this one has besides.
fn disco_info(request: &Element) -> disco::Info {
    let mut info = disco::Info::new()
        .with_identity("component", "conference", Some("Shoal bridge"))
        .with_features([
            ns::DISCO_INFO,
            ns::HEALTHCHECK,
            ns::JINGLE_DTLS,
            ns::JINGLE_ICE_UDP,
            ns::VERSION,
            ns::PING,
            ns::COLIBRI2,
        ]);
    info.node = request.attr("node").map(str::to_owned);
    info
}

#[cfg(test)]
mod tests;
