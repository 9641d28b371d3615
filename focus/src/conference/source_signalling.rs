//! Telling participants about each other's sources.
//!
//! Clients for which the bridge rewrites SSRCs are told nothing here: the bridge announces what it
//! sends on its channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use xmpp::jingle::{Action as Verb, Jingle, sources};
use xmpp::source::{ConferenceSources, EndpointSources, json};
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::{Element, ElementExt, Jid};

use super::action::Action;
use super::participant::Kind;
use super::session::{Reply, State};
use super::{Conference, Context};

impl Conference {
    pub(super) fn handle_source_add(
        &mut self,
        nick: &str,
        jingle: &Jingle,
        ctx: &mut Context<'_>,
    ) -> Reply {
        let new = jingle.own_sources();
        self.check_may_send(nick, &new, ctx)?;
        let added = self
            .sources
            .try_add(nick, new, ctx.source_limits())
            .map_err(|e| StanzaError::new(Condition::BadRequest).with_text(e.to_string()))?;
        if !added.is_empty() {
            self.update_endpoint(nick, None, true, None);
            self.signal_added(nick, &added, ctx);
        }
        Ok(None)
    }

    pub(super) fn handle_source_remove(
        &mut self,
        nick: &str,
        jingle: &Jingle,
        ctx: &mut Context<'_>,
    ) -> Reply {
        let removed = self
            .sources
            .try_remove(nick, &jingle.own_sources())
            .map_err(|e| StanzaError::new(Condition::BadRequest).with_text(e.to_string()))?;
        if !removed.is_empty() {
            self.update_endpoint(nick, None, true, None);
            self.signal_removed(&[(nick.into(), Arc::new(removed))], ctx);
        }
        Ok(None)
    }

    /// Visitors may not send; and nobody may once enough others do.
    pub(super) fn check_may_send(
        &self,
        nick: &str,
        sources: &EndpointSources,
        ctx: &Context<'_>,
    ) -> Result<(), StanzaError> {
        if sources.is_empty() {
            return Ok(());
        }
        if self
            .participants
            .get(nick)
            .is_some_and(|p| p.kind == Kind::Visitor)
        {
            return Err(
                StanzaError::new(Condition::Forbidden).with_text("visitors do not send media")
            );
        }
        let limits = &ctx.settings.config.conference;
        let others = |muted: fn(&super::Participant) -> bool| {
            self.participants
                .values()
                .filter(|p| &*p.nick != nick && !muted(p))
                .count()
        };
        let full = (!sources.audio.is_empty()
            && limits.max_audio_senders < self.participants.len()
            && others(|p| p.muted.audio) >= limits.max_audio_senders)
            || (!sources.video.is_empty()
                && limits.max_video_senders < self.participants.len()
                && others(|p| p.muted.video) >= limits.max_video_senders);
        if full {
            return Err(
                StanzaError::new(Condition::ResourceConstraint).with_text("too many senders")
            );
        }
        Ok(())
    }

    /// Tells everybody but the owner of new sources.
    pub(super) fn signal_added(
        &mut self,
        owner: &str,
        added: &EndpointSources,
        ctx: &mut Context<'_>,
    ) {
        let added = for_receivers(added, ctx);
        if added.is_empty() {
            return;
        }
        self.broadcast_sources(Verb::SourceAdd, &ConferenceSources::one(owner, added), ctx);
    }

    /// Tells everybody but their owners that sources are gone.
    pub(super) fn signal_removed(
        &mut self,
        removed: &[(Arc<str>, Arc<EndpointSources>)],
        ctx: &mut Context<'_>,
    ) {
        let mut gone = ConferenceSources::new();
        for (owner, sources) in removed {
            let sources = for_receivers(sources, ctx);
            if !sources.is_empty() {
                gone.add(owner, sources);
            }
        }
        if !gone.is_empty() {
            self.broadcast_sources(Verb::SourceRemove, &gone, ctx);
        }
    }

    fn broadcast_sources(
        &mut self,
        verb: Verb,
        sources: &ConferenceSources,
        ctx: &mut Context<'_>,
    ) {
        let receivers: Vec<Arc<str>> = self
            .participants
            .values()
            .filter(|p| !sources.by_owner.contains_key(&*p.nick) || sources.by_owner.len() > 1)
            .filter(|p| {
                p.session
                    .as_ref()
                    .is_some_and(|s| s.state == State::Active && !s.features.ssrc_rewriting)
            })
            .map(|p| p.nick.clone())
            .collect();
        let mut forms = Forms::default();
        for nick in receivers {
            if sources.by_owner.contains_key(&*nick) {
                let mut others = sources.clone();
                others.by_owner.remove(&*nick);
                self.send_sources(&nick, &verb, &others, &mut Forms::default(), ctx);
            } else {
                self.send_sources(&nick, &verb, sources, &mut forms, ctx);
            }
        }
    }

    /// After an accept: what has changed among the others' sources since the offer was made. Those
    /// who have left the room are not mentioned, their leaving was seen.
    pub(super) fn signal_difference(
        &mut self,
        nick: &str,
        offered: &BTreeMap<Arc<str>, Arc<EndpointSources>>,
        ctx: &mut Context<'_>,
    ) {
        let mut gone = ConferenceSources::new();
        let mut new = ConferenceSources::new();
        for (owner, then) in offered {
            let now = self.sources.of(owner);
            if &**owner == nick
                || now.is_some_and(|n| Arc::ptr_eq(n, then))
                || !self.participants.contains_key(owner)
            {
                continue;
            }
            let missing = subtract(then, now.map(|n| &**n));
            if !missing.is_empty() {
                gone.add(owner, for_receivers(&missing, ctx));
            }
        }
        for (owner, now) in self.sources.iter() {
            let then = offered.get(owner);
            if &**owner == nick || then.is_some_and(|t| Arc::ptr_eq(t, now)) {
                continue;
            }
            let added = subtract(now, then.map(|t| &**t));
            if !added.is_empty() {
                new.add(owner, for_receivers(&added, ctx));
            }
        }
        if !gone.is_empty() {
            self.send_sources(nick, &Verb::SourceRemove, &gone, &mut Forms::default(), ctx);
        }
        if !new.is_empty() {
            self.send_sources(nick, &Verb::SourceAdd, &new, &mut Forms::default(), ctx);
        }
    }

    fn send_sources(
        &mut self,
        nick: &str,
        verb: &Verb,
        sources: &ConferenceSources,
        forms: &mut Forms,
        ctx: &mut Context<'_>,
    ) {
        if sources.is_empty() {
            return;
        }
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        let Some(session) = &participant.session else {
            return;
        };
        ctx.counters.count_jingle_sent(verb);
        let payload = Element::from(&Jingle::new(verb.clone(), session.sid.clone()))
            .with_children(forms.get(sources, session.features.json_sources));
        let to = Jid::from(participant.occupant.clone());
        self.out.push(Action::Send(stanza::iq_set(&to, payload)));
    }
}

/// Sources in the forms that clients want, made once for all receivers.
#[derive(Default)]
struct Forms {
    json: Option<Vec<Element>>,
    xml: Option<Vec<Element>>,
}

impl Forms {
    fn get(&mut self, of: &ConferenceSources, json: bool) -> Vec<Element> {
        let form = if json {
            self.json.get_or_insert_with(|| vec![json::to_element(of)])
        } else {
            self.xml
                .get_or_insert_with(|| sources::to_contents(of).iter().map(Element::from).collect())
        };
        form.clone()
    }
}

/// What receivers are told of an endpoint's sources.
pub(super) fn for_receivers(sources: &EndpointSources, ctx: &Context<'_>) -> EndpointSources {
    if ctx.settings.config.conference.strip_simulcast {
        sources.without_simulcast()
    } else {
        sources.clone()
    }
}

/// What is in `all` and not in `without`.
fn subtract(all: &EndpointSources, without: Option<&EndpointSources>) -> EndpointSources {
    let Some(without) = without else {
        return all.clone();
    };
    let mut rest = all.clone();
    rest.audio.retain(|s| !without.audio.contains(s));
    rest.video.retain(|s| !without.video.contains(s));
    rest.audio_groups
        .retain(|g| !without.audio_groups.contains(g));
    rest.video_groups
        .retain(|g| !without.video_groups.contains(g));
    rest
}
