//! Who is in the room: presence of occupants becomes participants.

use std::sync::Arc;

use xmpp::presence::ClientPresence;
use xmpp::source::MediaType;
use xmpp::stanza::IqType;
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, FullJid, Jid, ns};

use crate::authority::Authority;

use super::action::{Answer, Ask, Question};
use super::moderators::{Elector, elect};
use super::participant::{Kind, Muted, Participant, Rights, Sighting};
use super::restart_limit::RestartLimit;
use super::room::RoomState;
use super::{Conference, Context};

/// The longest nickname that is taken for an endpoint id.
const MAX_NICK: usize = 256;

impl Conference {
    pub(super) fn on_presence(&mut self, presence: &Element, ctx: &mut Context<'_>) {
        let Some(from) = presence
            .attr("from")
            .and_then(|from| FullJid::new(from).ok())
        else {
            // An error about the room as a whole, such as a refused join.
            if presence.attr("type") == Some("error") {
                self.handle_own_presence(presence, ctx);
            }
            return;
        };
        if from == self.occupant {
            self.handle_own_presence(presence, ctx);
            return;
        }
        match presence.attr("type") {
            None => self.handle_occupant(from, presence, ctx),
            Some("unavailable") => self.handle_left(from.resource().as_str(), ctx),
            _ => {}
        }
    }

    fn handle_occupant(&mut self, from: FullJid, presence: &Element, ctx: &mut Context<'_>) {
        let nick: Arc<str> = from.resource().as_str().into();
        if nick.len() > MAX_NICK || matches!(self.state, RoomState::Outside | RoomState::Left) {
            return;
        }
        let item = presence
            .get_child("x", ns::MUC_USER)
            .and_then(|x| x.get_child("item", ns::MUC_USER));
        let (affiliation, role) = (
            item.and_then(|i| i.attr("affiliation")),
            item.and_then(|i| i.attr("role")),
        );
        let real = item
            .and_then(|i| i.attr("jid"))
            .and_then(|jid| Jid::new(jid).ok());
        // After a new connection, a nickname may belong to somebody else.
        let somebody_else = self
            .participants
            .get(&nick)
            .is_some_and(|p| p.real.is_some() && real.is_some() && p.real != real);
        if somebody_else {
            self.handle_left(&nick, ctx);
        }
        let client = ClientPresence::from_presence(presence);
        let is_new = !self.participants.contains_key(&nick);
        if is_new {
            self.add_participant(nick.clone(), from, ctx);
        }
        let settings = ctx.settings;
        let joining = matches!(self.state, RoomState::Joining { .. });
        let Some(participant) = self.participants.get_mut(&nick) else {
            return;
        };
        let again = participant.sighting == Sighting::Unseen;
        if is_new && joining {
            participant.sighting = Sighting::Found;
        } else if again {
            participant.sighting = Sighting::Seen;
        }
        let ask_features = is_new || (again && participant.features().is_none());
        if real.is_some() {
            participant.real = real;
        }
        let was_moderator = participant.is_moderator();
        let is_moderator =
            matches!(affiliation, Some("owner" | "admin")) || role == Some("moderator");
        if is_moderator {
            participant.rights = Rights::Moderator;
        } else if was_moderator {
            participant.rights = Rights::None;
        }
        participant.kind = kind(
            participant.real.as_ref(),
            &client.features,
            role,
            &settings.config.trusted_domains,
        );
        participant.muted = Muted {
            audio: client.is_muted(MediaType::Audio),
            video: client.is_muted(MediaType::Video),
        };
        participant.region = client.region.or(participant.region.take());
        participant.stats_id = client.stats_id.or(participant.stats_id.take());
        let changed_rights = was_moderator != is_moderator;
        if ask_features {
            self.discover(&nick, presence, ctx);
        }
        if self.is_ready() {
            if is_new || changed_rights {
                self.enforce_moderation(&[nick]);
                self.elect_moderators(ctx);
            }
            if is_new {
                self.check_size(ctx);
            }
            self.publish(ctx);
        }
    }

    fn add_participant(&mut self, nick: Arc<str>, occupant: FullJid, ctx: &mut Context<'_>) {
        let limits = &ctx.settings.config.conference;
        let restarts = RestartLimit::new(
            crate::config::seconds(limits.restart_min_interval_s),
            limits.restarts_per_minute,
        );
        self.arrivals += 1;
        let mut participant = Participant::new(nick.clone(), occupant, self.arrivals, restarts);
        let number = self.participants.len() + 1;
        let beyond = |limit: Option<usize>| limit.is_some_and(|limit| number > limit);
        let Muted { audio, video } = self.start_muted;
        participant.start_muted = Muted {
            audio: audio || beyond(self.wishes.start_audio_muted.or(limits.start_audio_muted)),
            video: video || beyond(self.wishes.start_video_muted.or(limits.start_video_muted)),
        };
        self.participants.insert(nick, participant);
        self.empty_deadline = None;
        self.expected = self.expected.saturating_sub(1);
        ctx.counters.participants += 1;
    }

    /// An occupant left, was kicked, or lost its connection for good. Others see that by themselves, so
    /// nothing is signalled about its sources.
    pub(super) fn handle_left(&mut self, nick: &str, ctx: &mut Context<'_>) {
        let Some(participant) = self.drop_participant(nick) else {
            return;
        };
        if !self.is_ready() {
            return;
        }
        if self.participants.is_empty() {
            self.on_empty(ctx);
            return;
        }
        if participant.rights != Rights::None {
            self.elect_moderators(ctx);
        }
        self.check_size(ctx);
        self.publish(ctx);
    }

    fn drop_participant(&mut self, nick: &str) -> Option<Participant> {
        let mut participant = self.participants.remove(nick)?;
        if let Some(session) = participant.end_session() {
            self.release(&[(participant.nick.clone(), session)], true);
        }
        self.note_moved(nick);
        self.sources.remove_owner(nick);
        Some(participant)
    }

    /// Participants that did not turn up after a new connection have left meanwhile.
    pub(super) fn forget_unseen(&mut self) {
        let gone: Vec<Arc<str>> = self
            .participants
            .values()
            .filter(|p| p.sighting == Sighting::Unseen)
            .map(|p| p.nick.clone())
            .collect();
        for nick in gone {
            self.drop_participant(&nick);
        }
    }

    pub(super) fn elect_moderators(&mut self, ctx: &mut Context<'_>) {
        if self.room_memory.awaits_owners(ctx.now) {
            return;
        }
        let login_domain = match ctx.authority {
            // The server does it by itself, or may.
            Authority::Unknown | Authority::Server(_) => return,
            Authority::Nobody => None,
            Authority::Domain(domain) => Some(domain.as_str()),
        };
        let auto_owner = ctx.settings.config.moderators.auto_owner;
        if login_domain.is_none()
            && self
                .participants
                .values()
                .any(|p| p.kind == Kind::Person && p.rights != Rights::None)
        {
            return;
        }
        let mut in_order: Vec<&Participant> = self.participants.values().collect();
        in_order.sort_unstable_by_key(|p| p.order);
        let electors: Vec<Elector<'_>> = in_order
            .iter()
            .map(|p| Elector {
                nick: &p.nick,
                has_rights: p.rights != Rights::None,
                person: p.kind == Kind::Person,
                authenticated: login_domain.is_some()
                    && p.real.as_ref().map(|jid| jid.domain().as_str()) == login_domain,
            })
            .collect();
        let elected: Vec<String> = elect(&electors, auto_owner, login_domain.is_some())
            .into_iter()
            .map(str::to_owned)
            .collect();
        for nick in elected {
            self.grant_owner(&nick);
        }
    }

    fn grant_owner(&mut self, nick: &str) {
        let Some(participant) = self.participants.get_mut(nick) else {
            return;
        };
        let Some(real) = &participant.real else {
            return;
        };
        participant.rights = Rights::Asked;
        let item = element("item", ns::MUC_ADMIN)
            .with_attr("affiliation", "owner")
            .with_attr("jid", real.to_bare());
        self.ask(Ask {
            to: Jid::from(self.room.clone()),
            kind: IqType::Set,
            payload: element("query", ns::MUC_ADMIN).with_child(item),
            question: Question::Grant {
                nick: nick.to_owned(),
            },
        });
    }

    pub(super) fn handle_granted(&mut self, nick: &str, answer: Answer<'_>, ctx: &mut Context<'_>) {
        let _ = ctx;
        if let Err(error) = answer {
            tracing::warn!(room = %self.room, %nick, %error, "the participant could not be made owner");
            if let Some(participant) = self.participants.get_mut(nick)
                && participant.rights == Rights::Asked
            {
                participant.rights = Rights::None;
            }
        }
    }
}

fn kind(real: Option<&Jid>, features: &[String], role: Option<&str>, trusted: &[String]) -> Kind {
    if role == Some("visitor") {
        return Kind::Visitor;
    }
    let is_trusted =
        real.is_some_and(|jid| trusted.iter().any(|domain| domain == jid.domain().as_str()));
    if !is_trusted {
        return Kind::Person;
    }
    if features.iter().any(|f| f == ns::JIBRI) {
        Kind::Recorder
    } else if features
        .iter()
        .any(|f| f == ns::JIGASI || f == "http://jitsi.org/protocol/transcriber")
    {
        Kind::Gateway
    } else {
        Kind::Person
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn only_trusted_accounts_are_believed_to_be_services() {
        let trusted = ["hidden.meet.shoal".to_owned()];
        let recorder = [ns::JIBRI.to_owned()];
        let gateway = [ns::JIGASI.to_owned()];
        let cases: [(&str, &[String], Option<&str>, Kind); 5] = [
            ("x@hidden.meet.shoal/r", &recorder, None, Kind::Recorder),
            ("x@hidden.meet.shoal/r", &gateway, None, Kind::Gateway),
            ("x@meet.shoal/r", &recorder, None, Kind::Person),
            ("x@hidden.meet.shoal/r", &[], None, Kind::Person),
            ("x@meet.shoal/r", &[], Some("visitor"), Kind::Visitor),
        ];
        for (jid, features, role, expected) in cases {
            assert_eq!(
                kind(Some(&Jid::new(jid).unwrap()), features, role, &trusted),
                expected,
                "{jid}"
            );
        }
    }
}
