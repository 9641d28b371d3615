//! What is remembered of a conference across a restart of the focus, so that running sessions stay as
//! they are and media never notices.
//!
//! Remembered are sessions that the client has accepted, with their sources and bridge. Everything
//! else is found out anew: who is still there by joining the room, whether the bridge still has the
//! endpoints by telling it their sources again.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xmpp::source::{BRIDGE_OWNER, ConferenceSources, json};
use xmpp::{BareJid, FullJid, Jid};

use crate::bridges::BridgeId;
use crate::context::Context;

use super::action::Action;
use super::moderation::Moderation;
use super::on_bridge::{OnBridge, Progress};
use super::participant::{Discovery, Kind, Muted, Participant, Rights, Sighting};
use super::restart_limit::RestartLimit;
use super::session::{Session, State};
use super::{Conference, Features, Wishes};

/// A conference as it is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    /// Its bare address.
    pub room: String,
    meeting_id: String,
    wishes: Wishes,
    moderation: Moderation,
    bridges: Vec<BridgeMemory>,
    participants: Vec<ParticipantMemory>,
    /// Sources of all participants, in the JSON form.
    sources: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BridgeMemory {
    jid: String,
    id: String,
    feedback: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ParticipantMemory {
    nick: String,
    real: Option<String>,
    sessions: u32,
    moderator: bool,
    /// Audio, video.
    force_muted: (bool, bool),
    sid: String,
    bridge: String,
    bridge_session: String,
    features: Features,
}

impl Conference {
    /// What is to be remembered; `None` while there is nothing.
    pub fn memory(&self) -> Option<Memory> {
        let mut participants: Vec<&Participant> = self.participants.values().collect();
        participants.sort_unstable_by_key(|p| p.order);
        let participants: Vec<ParticipantMemory> = participants
            .into_iter()
            .filter_map(|p| {
                let session = p.session.as_ref().filter(|s| s.state == State::Active)?;
                Some(ParticipantMemory {
                    nick: p.nick.to_string(),
                    real: p.real.as_ref().map(ToString::to_string),
                    sessions: p.sessions,
                    moderator: p.is_moderator(),
                    force_muted: (p.force_muted.audio, p.force_muted.video),
                    sid: session.sid.clone(),
                    bridge: session.bridge.jid().to_string(),
                    bridge_session: session.bridge_session.clone(),
                    features: session.features,
                })
            })
            .collect();
        if participants.is_empty() {
            return None;
        }
        let mut sources = ConferenceSources::new();
        for (owner, of_owner) in self.sources.iter() {
            sources.add(owner, (**of_owner).clone());
        }
        let bridges = self
            .on_bridges
            .iter()
            .filter(|b| b.progress == Progress::Ready);
        Some(Memory {
            room: self.room.to_string(),
            meeting_id: self.meeting_id.clone(),
            wishes: self.wishes.clone(),
            moderation: self.moderation.clone(),
            bridges: bridges
                .map(|b| BridgeMemory {
                    jid: b.bridge.jid().to_string(),
                    id: b.id.clone(),
                    feedback: json::render(&ConferenceSources::one(
                        BRIDGE_OWNER,
                        b.feedback.clone(),
                    )),
                })
                .collect(),
            participants,
            sources: json::render(&sources),
        })
    }

    /// A conference as it was. `None` if the memory makes no sense.
    pub fn remembered(
        memory: &Memory,
        nick: &str,
        me: FullJid,
        ctx: &mut Context<'_>,
    ) -> Option<Self> {
        let room = BareJid::new(&memory.room).ok()?;
        let mut conference = Self::new(room, nick, me, memory.wishes.clone())?;
        conference.meeting_id.clone_from(&memory.meeting_id);
        conference.moderation = memory.moderation.clone();
        for bridge in &memory.bridges {
            let feedback = json::parse(&bridge.feedback)
                .ok()?
                .by_owner
                .remove(BRIDGE_OWNER);
            conference.on_bridges.push(OnBridge {
                bridge: BridgeId::new(FullJid::new(&bridge.jid).ok()?),
                id: bridge.id.clone(),
                progress: Progress::Ready,
                endpoints: 0,
                feedback: feedback.unwrap_or_default(),
                recreated: false,
                queued: VecDeque::new(),
            });
        }
        for participant in &memory.participants {
            conference.remember_participant(participant, ctx)?;
        }
        for (owner, sources) in json::parse(&memory.sources).ok()?.by_owner {
            if conference.participants.contains_key(owner.as_str()) {
                conference
                    .sources
                    .try_add(&owner, sources, ctx.source_limits())
                    .ok()?;
            }
        }
        conference.started = !conference.participants.is_empty();
        Some(conference)
    }

    fn remember_participant(
        &mut self,
        memory: &ParticipantMemory,
        ctx: &Context<'_>,
    ) -> Option<()> {
        let limits = &ctx.settings.config.conference;
        let restarts = RestartLimit::new(
            crate::config::seconds(limits.restart_min_interval_s),
            limits.restarts_per_minute,
        );
        let bridge = BridgeId::new(FullJid::new(&memory.bridge).ok()?);
        self.on_bridges
            .iter_mut()
            .find(|b| b.bridge == bridge)?
            .endpoints += 1;
        self.arrivals += 1;
        let nick: Arc<str> = memory.nick.as_str().into();
        let occupant = self.room.with_resource_str(&memory.nick).ok()?;
        let mut participant = Participant::new(nick.clone(), occupant, self.arrivals, restarts);
        participant.real = memory.real.as_deref().and_then(|real| Jid::new(real).ok());
        participant.kind = Kind::Person;
        if memory.moderator {
            participant.rights = Rights::Moderator;
        }
        let (audio, video) = memory.force_muted;
        participant.force_muted = Muted { audio, video };
        participant.sessions = memory.sessions;
        participant.sighting = Sighting::Unseen;
        participant.discovery = Discovery::Known(memory.features);
        participant.session = Some(Session {
            sid: memory.sid.clone(),
            bridge,
            bridge_session: memory.bridge_session.clone(),
            state: State::Active,
            features: memory.features,
            offered: None,
            transport: None,
            // The bridge's answer to its sources will tell whether it still has the endpoint.
            unconfirmed: true,
        });
        self.participants.insert(nick, participant);
        Some(())
    }

    /// The room is another one than the one that was remembered: nothing that is known holds.
    pub(super) fn forget_sessions(&mut self) {
        for on_bridge in std::mem::take(&mut self.on_bridges) {
            let meeting = self.meeting_id.clone();
            self.out
                .push(Action::ForgetLater(on_bridge.bridge, meeting));
        }
        self.sources = super::SourceMap::default();
        for participant in self.participants.values_mut() {
            participant.session = None;
            if participant.sighting == Sighting::Seen {
                participant.sighting = Sighting::Found;
            }
        }
    }
}
