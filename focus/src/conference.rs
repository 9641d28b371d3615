//! One conference: a room, its participants, and their sessions with a bridge.
//!
//! Pure: stanzas, answers, bridge events and the time go in, actions come out. One file per concern.

mod action;
mod adoption;
mod bridge_exit;
mod colibri_errors;
mod departure;
mod discovery;
mod endpoint;
mod features;
mod focus_presence;
mod ice;
mod idle;
mod invite;
mod members;
mod memory;
mod metadata;
mod migration;
mod moderation;
mod moderators;
mod mute;
mod offer;
mod on_bridge;
mod participant;
mod restart_limit;
mod room;
mod room_memory;
mod session;
mod source_map;
mod source_signalling;
mod summary;

pub use action::{Action, Answer, Ask, NoAnswer, Question};
pub use discovery::own_info;
pub use features::Features;
pub use memory::Memory;
pub use migration::MoveReason;
use participant::Muted;
pub use participant::{Discovery, Kind, Participant};
pub use session::{Session, State};
pub use source_map::{SourceError, SourceLimits, SourceMap};
pub use summary::{ParticipantSummary, Summary};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::{BareJid, Element, FullJid, Jid, ns, ping, version};

use crate::bridges::BridgeId;
use crate::context::Context;

use colibri_errors::Mark;
use departure::Departure;
use focus_presence::Published;
use moderation::Moderation;
use on_bridge::{OnBridge, Progress};
use room::RoomState;
use session::Reply;

/// What the first asker wished.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// Participants beyond this number join with their microphone muted.
    pub start_audio_muted: Option<usize>,
    /// Participants beyond this number join with their camera off.
    pub start_video_muted: Option<usize>,
    /// Statistics of calls may be collected.
    pub rtcstats_enabled: bool,
}

/// A meeting, from its first request to its end.
pub struct Conference {
    room: BareJid,
    /// Own address in the room.
    occupant: FullJid,
    /// Own real address.
    me: FullJid,
    state: RoomState,
    /// Id of the last presence with which the room was joined.
    join_id: String,
    meeting_id: String,
    /// People were there before the focus: a bridge may have an earlier conference of theirs.
    adopted: bool,
    rtcstats_enabled: bool,
    wishes: Wishes,
    participants: BTreeMap<Arc<str>, Participant>,
    arrivals: u64,
    started: bool,
    sources: SourceMap,
    on_bridges: Vec<OnBridge>,
    departures: Vec<Departure>,
    bridge_unavailable: bool,
    moderation: Moderation,
    /// What newcomers do not send at first, as the room's metadata says.
    start_muted: Muted,
    /// Somebody waits to be invited again.
    retries: bool,
    published: Option<Published>,
    empty_deadline: Option<Instant>,
    /// When everybody had left, or the room was opened with nobody in it.
    empty_since: Option<Instant>,
    /// People who asked for the room and have not come yet, and until when they may.
    expected: u32,
    expected_until: Option<Instant>,
    single_deadline: Option<Instant>,
    room_memory: room_memory::RoomMemory,
    out: Vec<Action>,
}

impl Conference {
    /// A conference in a room that somebody asked for ([`Self::handle_wanted`]) or that was found.
    /// [`Self::handle_connected`] makes it join.
    pub fn new(room: BareJid, nick: &str, me: FullJid, wishes: Wishes) -> Option<Self> {
        let occupant = room.with_resource_str(nick).ok()?;
        Some(Self {
            room,
            occupant,
            me,
            state: RoomState::Outside,
            join_id: String::new(),
            meeting_id: String::new(),
            adopted: false,
            rtcstats_enabled: wishes.rtcstats_enabled,
            wishes,
            participants: BTreeMap::new(),
            arrivals: 0,
            started: false,
            sources: SourceMap::default(),
            on_bridges: Vec::new(),
            departures: Vec::new(),
            bridge_unavailable: false,
            moderation: Moderation::default(),
            start_muted: Muted::NOTHING,
            retries: false,
            published: None,
            empty_deadline: None,
            empty_since: None,
            expected: 0,
            expected_until: None,
            single_deadline: None,
            room_memory: room_memory::RoomMemory::default(),
            out: Vec::new(),
        })
    }

    /// Bare address, by which everybody knows the meeting.
    pub fn room(&self) -> &BareJid {
        &self.room
    }

    /// Whether participants may come.
    pub fn is_ready(&self) -> bool {
        self.state == RoomState::Open
    }

    /// Number of participants.
    pub fn participant_count(&self) -> usize {
        self.participants.len()
    }

    /// A presence from the room.
    pub fn handle_presence(&mut self, presence: &Element, ctx: &mut Context<'_>) -> Vec<Action> {
        self.on_presence(presence, ctx);
        self.take_actions()
    }

    /// An IQ of type get or set from an occupant; it is always answered.
    pub fn handle_iq(&mut self, iq: &Element, ctx: &mut Context<'_>) -> Vec<Action> {
        let nick = iq.attr("from").and_then(|from| FullJid::new(from).ok());
        let nick = nick.as_ref().map_or("", |from| from.resource().as_str());
        let reply = match stanza::payload(iq) {
            None => Err(StanzaError::new(Condition::BadRequest).with_text("nothing in it")),
            Some(payload) => self.reply_to(nick, payload, iq.attr("type") == Some("set"), ctx),
        };
        let answer = match reply {
            Ok(payload) => stanza::iq_result(iq, payload),
            Err(error) => {
                ctx.counters.refused_stanzas += 1;
                tracing::debug!(room = %self.room, %nick, %error, "refused");
                stanza::error_reply(iq, &error)
            }
        };
        // The answer goes before whatever the request leads to.
        let mut actions = vec![Action::Send(answer)];
        actions.append(&mut self.out);
        actions
    }

    fn reply_to(
        &mut self,
        nick: &str,
        payload: &Element,
        set: bool,
        ctx: &mut Context<'_>,
    ) -> Reply {
        if set && payload.is("jingle", ns::JINGLE) {
            return self.handle_jingle(nick, payload, ctx);
        }
        if set && xmpp::mute::Mute::is(payload) {
            return self.handle_mute(nick, payload, ctx);
        }
        if !set && payload.is("query", ns::DISCO_INFO) {
            return Ok(Some(discovery::own_info(payload)));
        }
        if !set && ping::is_request(payload) {
            return Ok(None);
        }
        if !set && version::is_request(payload) {
            return Ok(Some(Element::from(&discovery::own_version())));
        }
        Err(StanzaError::new(Condition::ServiceUnavailable))
    }

    /// The answer to something that was asked with [`Action::Ask`].
    pub fn handle_answer(
        &mut self,
        question: &Question,
        answer: Answer<'_>,
        ctx: &mut Context<'_>,
    ) -> Vec<Action> {
        match question {
            Question::RoomForm => self.handle_form(answer, ctx),
            Question::RoomConfigured => self.handle_configured(answer, ctx),
            Question::Grant { nick } => self.handle_granted(nick, answer, ctx),
            Question::Discover { nick, caps } => {
                self.handle_discovered(nick, caps.as_ref(), answer, ctx)
            }
            Question::Offer { nick, sid } => self.handle_offered(nick, sid, answer.err(), ctx),
            Question::Allocate { bridge, nick, sid } => {
                self.handle_allocated(bridge, nick, sid, answer, ctx)
            }
            Question::Update { bridge, nick, sid } => {
                self.handle_updated(bridge, nick, sid, answer, ctx)
            }
            Question::RestartIce { nick, sid, .. } => {
                self.handle_ice_restarted(nick, sid, on_bridge::modified(answer), ctx);
            }
            Question::CloseOnBridge { bridge } => self.handle_closed(bridge, ctx),
        }
        self.take_actions()
    }

    /// A bridge can be used: whoever waits for one is invited.
    pub fn handle_bridge_available(&mut self, ctx: &mut Context<'_>) -> Vec<Action> {
        self.invite_waiting(ctx);
        self.take_actions()
    }

    /// It is known who owns rooms.
    pub fn handle_authority(&mut self, ctx: &mut Context<'_>) -> Vec<Action> {
        if self.is_ready() {
            self.elect_moderators(ctx);
        }
        self.take_actions()
    }

    /// A bridge is gone.
    pub fn handle_bridge_gone(&mut self, bridge: &BridgeId, ctx: &mut Context<'_>) -> Vec<Action> {
        self.lose_bridge(bridge, ctx);
        self.take_actions()
    }

    /// A message of a room component about this room.
    pub fn handle_room_message(
        &mut self,
        content: &Map<String, Value>,
        ctx: &mut Context<'_>,
    ) -> Vec<Action> {
        match content.get("type").and_then(Value::as_str) {
            Some("av_moderation") => self.handle_moderation(content, ctx),
            Some("room_metadata") => self.handle_metadata(content),
            _ => {}
        }
        self.take_actions()
    }

    /// A deadline has passed.
    pub fn handle_timeout(&mut self, ctx: &mut Context<'_>) -> Vec<Action> {
        self.on_timeout(ctx);
        self.take_actions()
    }

    /// The conference moves away from a bridge: to a certain one, or to whichever selection says; it stays where
    /// there is none. Without relays between bridges a conference moves as a whole.
    pub fn handle_move(
        &mut self,
        from: &BridgeId,
        to: Option<&BridgeId>,
        reason: MoveReason,
        ctx: &mut Context<'_>,
    ) -> Vec<Action> {
        self.move_away(from, to, reason, ctx);
        self.take_actions()
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.out)
    }

    fn ask(&mut self, ask: Ask) {
        self.out.push(Action::Ask(ask));
    }

    /// An IQ set whose answer does not matter.
    fn send_iq<'a, T>(&mut self, to: FullJid, payload: &'a T)
    where
        Element: From<&'a T>,
    {
        self.out.push(Action::Send(stanza::iq_set(
            &Jid::from(to),
            Element::from(payload),
        )));
    }
}

impl std::fmt::Debug for Conference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conference")
            .field("room", &self.room)
            .field("participants", &self.participants.len())
            .finish_non_exhaustive()
    }
}
