//! Routes what arrives to conferences, bridges and whoever asked; pure.
//!
//! Run loop: feed [`Director::handle_online`], [`Director::handle_stanza`], [`Director::handle_request`]
//! and [`Director::handle_timeout`] (due at [`Director::poll_timeout`]); after each, take everything
//! from [`Director::poll_output`].

mod admission;
mod brewery;
mod farewells;
mod index;
mod iqs;
mod memory;
mod moves;
mod opening;
mod overview;
mod pickup;
mod probe;
mod redistribution;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use xmpp::conference::ConferenceAnswer;
use xmpp::json_message::JsonMessage;
use xmpp::stanza::{self, Condition, IqType, StanzaError};
use xmpp::{BareJid, Element, FullJid, Jid, ns};

use crate::authority::Authority;
use crate::bridges::{BridgeEvent, BridgeId, Bridges, Doctor};
use crate::conference::{Action, Conference, MoveReason};
use crate::context::{CapsCache, Context, Counters, Random};
use crate::settings::Settings;

use iqs::Pending;
use moves::Moves;
pub(crate) use moves::{MoveError, Moved};
pub(crate) use overview::{BridgeSummary, Overview};
use requests::Asker;
pub use requests::RequestId;

/// What the director wants done.
#[derive(Debug)]
pub enum Output {
    /// Send this stanza.
    Send(Element),
    /// A request that came over HTTP is answered.
    Answered(RequestId, Result<ConferenceAnswer, StanzaError>),
}

struct Slot {
    conference: Conference,
    /// Tells conferences in one room, one after the other, apart.
    generation: u64,
    askers: Vec<Asker>,
    deadline: Option<Instant>,
    since: Instant,
}

/// Routes what arrives.
pub struct Director {
    settings: Arc<Settings>,
    me: Option<FullJid>,
    online: bool,
    conferences: BTreeMap<BareJid, Slot>,
    deadlines: BTreeSet<(Instant, BareJid)>,
    generation: u64,
    bridges: Bridges,
    doctor: Doctor,
    brewery: brewery::Brewery,
    caps: CapsCache,
    counters: Counters,
    random: Box<dyn Random>,
    pending: BTreeMap<String, Pending>,
    timeouts: BTreeSet<(Instant, String)>,
    /// Room components that may speak about rooms.
    components: Vec<Jid>,
    moves: Moves,
    redistribution: redistribution::Redistribution,
    farewells: farewells::Farewells,
    notes: memory::Notes,
    pickup: pickup::Pickup,
    probe: probe::Probe,
    admission: admission::Admission,
    authority: Authority,
    /// Requests about which the server is asked.
    asked_about: usize,
    out: VecDeque<Output>,
}

impl Director {
    /// Nothing known yet.
    pub fn new(settings: Arc<Settings>, random: Box<dyn Random>) -> Self {
        let bridge_config = settings.config.bridges.clone();
        let admission = admission::Admission::new(
            settings.config.max_new_conferences_per_second,
            settings.config.max_new_conferences_per_second_and_address,
        );
        Self {
            moves: Moves::new(bridge_config.moves_per_second),
            redistribution: redistribution::Redistribution::new(
                bridge_config.redistribution.clone(),
            ),
            bridges: Bridges::new(bridge_config.clone()),
            doctor: Doctor::new(bridge_config),
            settings,
            me: None,
            online: false,
            conferences: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            generation: 0,
            brewery: brewery::Brewery::default(),
            caps: CapsCache::default(),
            counters: Counters::default(),
            random,
            pending: BTreeMap::new(),
            timeouts: BTreeSet::new(),
            components: Vec::new(),
            farewells: farewells::Farewells::default(),
            notes: memory::Notes::default(),
            pickup: pickup::Pickup::default(),
            probe: probe::Probe::default(),
            admission,
            authority: Authority::Unknown,
            asked_about: 0,
            out: VecDeque::new(),
        }
    }

    /// Logged in. Unless the session was resumed, everything is joined again.
    pub fn handle_online(&mut self, me: FullJid, resumed: bool, now: Instant) {
        self.me = Some(me.clone());
        self.online = true;
        if resumed {
            self.extend_pending(now);
            self.probe.handle_resumed(now);
            self.with_all(now, |conference, ctx| {
                conference.handle_resumed(ctx);
                Vec::new()
            });
            self.answer_waiting();
            return;
        }
        let rooms: Vec<BareJid> = self.conferences.keys().cloned().collect();
        for room in &rooms {
            if let Some(slot) = self.conferences.get_mut(room) {
                slot.conference.handle_disconnected();
            }
        }
        self.drop_pending(now);
        self.out
            .push_back(Output::Send(xmpp::xml::element("presence", ns::CLIENT)));
        self.join_brewery(now);
        self.probe.handle_connected(now);
        for room in rooms {
            let me = me.clone();
            self.with(&room, now, |conference, ctx| {
                conference.handle_connected(me, ctx)
            });
        }
        self.look_around(now);
        self.note_everything(now);
    }

    /// The connection is lost; it may be resumed.
    pub fn handle_offline(&mut self) {
        if std::mem::take(&mut self.online) {
            self.counters.disconnects += 1;
        }
    }

    /// A stanza arrived.
    pub fn handle_stanza(&mut self, stanza: &Element, now: Instant) {
        if stanza::is_iq(stanza) {
            self.handle_iq(stanza, now);
        } else if stanza::is_presence(stanza) {
            self.handle_presence(stanza, now);
        } else if stanza::is_message(stanza) {
            self.handle_message(stanza, now);
        }
    }

    fn handle_iq(&mut self, iq: &Element, now: Instant) {
        match stanza::iq_type(iq) {
            Some(IqType::Result | IqType::Error) => self.handle_answer(iq, now),
            Some(kind) => {
                let payload = stanza::payload(iq);
                if kind == IqType::Set && payload.is_some_and(|p| p.is("conference", ns::FOCUS)) {
                    self.handle_iq_request(iq, now);
                    return;
                }
                let room = iq
                    .attr("from")
                    .and_then(|from| FullJid::new(from).ok())
                    .map(|from| from.to_bare());
                match room.filter(|room| self.conferences.contains_key(room)) {
                    Some(room) => {
                        self.with(&room, now, |conference, ctx| conference.handle_iq(iq, ctx));
                    }
                    None => {
                        self.counters.refused_stanzas += 1;
                        let reply = iqs::reply_to_stranger(iq);
                        self.out.push_back(Output::Send(reply));
                    }
                }
            }
            None => {
                let error = StanzaError::new(Condition::BadRequest);
                self.out
                    .push_back(Output::Send(stanza::error_reply(iq, &error)));
            }
        }
    }

    fn handle_presence(&mut self, presence: &Element, now: Instant) {
        let Some(from) = presence.attr("from").and_then(|from| Jid::new(from).ok()) else {
            return;
        };
        let bare = from.to_bare();
        if bare == self.settings.brewery {
            self.handle_brewery_presence(presence, now);
        } else if self.conferences.contains_key(&bare) {
            self.with(&bare, now, |conference, ctx| {
                conference.handle_presence(presence, ctx)
            });
        } else if self.probe.is_about(&bare) {
            self.handle_probe_presence(presence, now);
        } else if presence.attr("type") == Some("subscribe") && from == self.settings.alias {
            // The alias of a stock server watches whether the focus is there.
            let reply = stanza::presence(&from);
            let reply = xmpp::ElementExt::with_attr(reply, "type", "subscribed");
            self.out.push_back(Output::Send(reply));
        }
    }

    fn handle_message(&mut self, message: &Element, now: Instant) {
        let Some(from) = message.attr("from").and_then(|from| Jid::new(from).ok()) else {
            return;
        };
        if let Some(memory) = message.children().find(|it| it.has_ns(ns::ROOM_MEMORY))
            && let Ok(room) = from
                .try_as_full()
                .map_or_else(|bare| Ok(bare.clone()), |_| Err(()))
        {
            // Only a room itself speaks without a nick.
            self.with(&room, now, |conference, ctx| {
                conference.handle_room_memory(memory, ctx)
            });
            return;
        }
        if !self.components.contains(&from) {
            return;
        }
        let Some(json) = message.get_child("json-message", ns::JITMEET) else {
            return;
        };
        let Ok(json) = JsonMessage::try_from(json) else {
            return;
        };
        let room = json
            .room
            .as_deref()
            .or_else(|| json.content.get("room").and_then(|r| r.as_str()));
        if let Some(room) = room.and_then(|room| self.settings.room(room)) {
            self.with(&room, now, |conference, ctx| {
                conference.handle_room_message(&json.content, ctx)
            });
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        // Without a connection nothing can be asked, and no silence is anybody's fault.
        if !self.online {
            return None;
        }
        [
            self.timeouts.first().map(|(at, _)| *at),
            self.deadlines.first().map(|(at, _)| *at),
            self.doctor.poll_timeout(),
            self.brewery.deadline(),
            self.probe.deadline(),
            self.farewells.poll_timeout(),
            self.notes_due(),
            self.moves.poll_timeout(),
            self.redistribution.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.online {
            return;
        }
        self.expire_pending(now);
        self.say_farewells(now);
        self.send_notes_if_due(now);
        while let Some((at, room)) = self.deadlines.first().cloned() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(slot) = self.conferences.get_mut(&room) {
                slot.deadline = None;
            }
            self.with(&room, now, Conference::handle_timeout);
        }
        self.check_bridges(now);
        self.probe_if_due(now);
        self.redistribute(now);
        self.move_due(now);
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn handle_bridge_event(&mut self, bridge: &BridgeId, event: BridgeEvent, now: Instant) {
        match event {
            BridgeEvent::Available => {
                self.with_all(now, Conference::handle_bridge_available);
                // Conferences that had nowhere to go have somewhere.
                let known: Vec<BridgeId> = self.bridges.iter().map(|(id, _)| id.clone()).collect();
                for left in known {
                    if let Some(reason) = self.bridges.to_be_left(&left) {
                        self.move_all(&left, reason, now);
                    }
                }
            }
            BridgeEvent::Gone => self.with_all(now, |conference, ctx| {
                conference.handle_bridge_gone(bridge, ctx)
            }),
            BridgeEvent::Failed => self.move_all(bridge, MoveReason::Failure, now),
            BridgeEvent::ShuttingDown => self.move_all(bridge, MoveReason::Shutdown, now),
        }
    }

    fn with_all(
        &mut self,
        now: Instant,
        handle: impl Fn(&mut Conference, &mut Context<'_>) -> Vec<Action>,
    ) {
        let rooms: Vec<BareJid> = self.conferences.keys().cloned().collect();
        for room in rooms {
            self.with(&room, now, &handle);
        }
    }

    /// Lets one conference handle something. If it panics, it is dropped and the others go on.
    fn with(
        &mut self,
        room: &BareJid,
        now: Instant,
        handle: impl FnOnce(&mut Conference, &mut Context<'_>) -> Vec<Action>,
    ) {
        let Some(slot) = self.conferences.get_mut(room) else {
            return;
        };
        let mut context = Context {
            now,
            settings: &self.settings,
            authority: &self.authority,
            bridges: &mut self.bridges,
            caps: &mut self.caps,
            random: &mut *self.random,
            counters: &mut self.counters,
        };
        let handled = catch_unwind(AssertUnwindSafe(|| {
            handle(&mut slot.conference, &mut context)
        }));
        let generation = slot.generation;
        match handled {
            Ok(actions) => {
                if !actions.is_empty() {
                    self.notes.changed(room, now);
                }
                for action in actions {
                    self.execute(room, generation, action, now);
                }
                self.note_deadline(room);
            }
            Err(_) => {
                tracing::error!(%room, "a conference broke an invariant and is dropped; see the panic above");
                self.counters.panics += 1;
                if let Ok(me) = room.with_resource_str(&self.settings.config.nick) {
                    self.out
                        .push_back(Output::Send(stanza::presence_unavailable(&me.into())));
                }
                let error = StanzaError::new(Condition::InternalServerError);
                self.answer(room, &Err(error));
                self.remove(room);
                self.notes.changed(room, now);
            }
        }
    }

    fn execute(&mut self, room: &BareJid, generation: u64, action: Action, now: Instant) {
        match action {
            Action::Send(stanza) => self.out.push_back(Output::Send(stanza)),
            Action::Ask(ask) => self.ask_for_conference(room, generation, ask, now),
            Action::Answer(result) => self.answer(room, &result),
            Action::ForgetLater(bridge, meeting) => self.farewells.later(&bridge, meeting, now),
            Action::ForgetSoon(bridge, meeting) => self.farewells.soon(&bridge, meeting, now),
            Action::End => self.remove(room),
        }
    }

    fn remove(&mut self, room: &BareJid) {
        let Some(slot) = self.conferences.remove(room) else {
            return;
        };
        if let Some(deadline) = slot.deadline {
            self.deadlines.remove(&(deadline, room.clone()));
        }
        for asker in slot.askers {
            self.reply(
                asker,
                room,
                &Err(StanzaError::new(Condition::Gone).with_text("the conference has ended")),
            );
        }
    }

    fn note_deadline(&mut self, room: &BareJid) {
        let Some(slot) = self.conferences.get_mut(room) else {
            return;
        };
        let deadline = slot.conference.poll_timeout();
        if deadline == slot.deadline {
            return;
        }
        if let Some(old) = std::mem::replace(&mut slot.deadline, deadline) {
            self.deadlines.remove(&(old, room.clone()));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, room.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::conference::Wishes;
    use crate::config::Config;

    struct Zero;

    impl Random for Zero {
        fn next_u64(&mut self) -> u64 {
            0
        }
    }

    #[test]
    fn a_conference_that_panics_is_dropped_and_the_others_go_on() {
        let now = Instant::now();
        let settings = Arc::new(Settings::new(Config::default()).unwrap());
        let mut director = Director::new(settings, Box::new(Zero));
        director.me = Some(FullJid::new("focus@auth.meet.shoal/x").unwrap());
        let rooms = ["bad@muc.meet.shoal", "good@muc.meet.shoal"].map(|r| BareJid::new(r).unwrap());
        for room in &rooms {
            director.create(room, Wishes::default(), now).unwrap();
        }
        director.out.clear();
        director.with(&rooms[0], now, |_, _| {
            panic!("an invariant, broken by the test")
        });
        assert_eq!(director.rooms(), ["good@muc.meet.shoal"]);
        assert_eq!(director.counters.panics, 1);
        let Some(Output::Send(goodbye)) = director.poll_output() else {
            panic!("the room is left")
        };
        assert_eq!(goodbye.attr("type"), Some("unavailable"));
    }
}
