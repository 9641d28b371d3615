//! A MUC service, bridges and clients around a [`Director`], with virtual time.

#[path = "world/bridge.rs"]
mod bridge;
#[path = "world/stanzas.rs"]
mod stanzas;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use focus::{Config, Director, Output, Random, Settings};
use xmpp::brewery::BridgeStats;
use xmpp::colibri2::ConferenceModify;
use xmpp::conference::ConferenceAnswer;
use xmpp::jingle::{Action, Content, Jingle};
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, FullJid, Jid, ns};

pub(crate) use bridge::{Bridge, Mood};
use stanzas::{answer, muc_user, own_presence};
pub(crate) use stanzas::{bridge_session, client_transport, contents, features, real, sources};

pub(crate) const ROOM: &str = "r@muc.meet.shoal";
pub(crate) const BREWERY: &str = "jvbbrewery@internal-muc.meet.shoal";
const TEST_ROOM: &str = "__jicofo-health-check";
const ME: &str = "focus@auth.meet.shoal/focus";

struct Counting(u64);

impl Random for Counting {
    fn next_u64(&mut self) -> u64 {
        self.0 += 1;
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// What a client of the stand-in can do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// SSRC rewriting.
    Current,
    /// The same, with a data channel.
    DataChannel,
    /// Sources in JSON.
    Json,
    /// Sources in XML.
    Plain,
}

pub(crate) struct Client {
    pub level: Level,
    pub affiliation: &'static str,
    /// IQs that the focus sent.
    pub received: Vec<Element>,
    pub next_id: u32,
    pub answers: BTreeMap<String, Element>,
    /// Refuses the next session.
    pub refuses: bool,
    pub silent: bool,
    pub extra: Vec<Element>,
    pub role: &'static str,
}

pub(crate) struct World {
    pub director: Director,
    pub now: Instant,
    pub clients: BTreeMap<String, Client>,
    pub bridges: BTreeMap<String, Bridge>,
    focus_in_rooms: BTreeSet<String>,
    /// Rooms of those who are not in [`ROOM`].
    rooms: BTreeMap<String, String>,
    focus_in_brewery: bool,
    /// Presences that the focus sent to the room.
    pub presences: Vec<Element>,
    pub http: Vec<(u64, Result<ConferenceAnswer, StanzaError>)>,
    pub replies: Vec<Element>,
    inbox: VecDeque<Element>,
    pub rooms_listed: Vec<String>,
    /// Id that the room has: another one after the server has lost its rooms.
    pub meeting: String,
    pub nick_taken: u32,
    /// The MUC service answers no join.
    pub rooms_silent: bool,
    /// Presences with which the focus joined rooms.
    pub joins: Vec<Element>,
    pub brewery_silent: bool,
    /// The MUC service refuses to open rooms.
    pub rooms_refused: bool,
    pub sent: usize,
    last_to_bridge: String,
    /// Whether the server says that it wants tokens; `good` is one for [`ROOM`].
    pub wants_tokens: bool,
    /// It says nothing of itself.
    pub is_mute: bool,
    /// Whether the server keeps what accounts give it (XEP-0049).
    pub keeps: bool,
    /// It answers nothing about it until [`World::answer_storage`].
    pub keeps_silent: bool,
    storage_asked: Vec<Element>,
    /// What it keeps, by namespace.
    pub kept: BTreeMap<String, Element>,
    /// Time that the focus took by `clock`, and for how many stanzas.
    pub spent: Duration,
    pub handled: u32,
    pub clock: fn() -> Duration,
    /// Whether everything that the focus is told goes to `log`.
    pub keep_log: bool,
    pub log: Vec<Element>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let mut world = Self::unconnected(config);
        world.connect(false);
        world
    }

    pub(crate) fn unconnected(config: Config) -> Self {
        let settings = Arc::new(Settings::new(config).unwrap());
        Self {
            director: Director::new(settings, Box::new(Counting(0))),
            now: Instant::now(),
            clients: BTreeMap::new(),
            bridges: BTreeMap::new(),
            focus_in_rooms: BTreeSet::new(),
            rooms: BTreeMap::new(),
            focus_in_brewery: false,
            presences: Vec::new(),
            http: Vec::new(),
            replies: Vec::new(),
            inbox: VecDeque::new(),
            rooms_listed: Vec::new(),
            meeting: "the-meeting".to_owned(),
            nick_taken: 0,
            rooms_silent: false,
            joins: Vec::new(),
            brewery_silent: false,
            rooms_refused: false,
            sent: 0,
            last_to_bridge: String::new(),
            wants_tokens: false,
            is_mute: false,
            keeps: false,
            keeps_silent: false,
            storage_asked: Vec::new(),
            kept: BTreeMap::new(),
            spent: Duration::ZERO,
            handled: 0,
            clock: || Duration::ZERO,
            keep_log: false,
            log: Vec::new(),
        }
    }

    /// Whatever the focus says is lost.
    pub(crate) fn pump_into_the_void(&mut self) {
        while self.director.poll_output().is_some() {}
    }

    /// A focus process that knows nothing takes the place of the running one.
    pub(crate) fn restart_focus(&mut self, config: Config) {
        let settings = Arc::new(Settings::new(config).unwrap());
        self.director = Director::new(settings, Box::new(Counting(1_000_000)));
        self.focus_in_rooms.clear();
        self.focus_in_brewery = false;
        self.presences.clear();
        self.connect(false);
    }

    pub(crate) fn connect(&mut self, resumed: bool) {
        self.director
            .handle_online(FullJid::new(ME).unwrap(), resumed, self.now);
        self.pump();
    }

    pub(crate) fn disconnect(&mut self) {
        self.director.handle_offline();
        self.focus_in_rooms.clear();
        self.focus_in_brewery = false;
    }

    pub(crate) fn bridge(&mut self, nick: &str) {
        let mut stats = BridgeStats::new();
        stats
            .set("stress_level", 0.1)
            .set("drain", false)
            .set("healthy", true)
            .set("version", "2.3");
        stats.set("region", format!("region-{nick}"));
        let bridge = Bridge {
            conferences: BTreeMap::new(),
            mood: Mood::Answers,
            health: Mood::Answers,
            requests: Vec::new(),
            ice_generation: None,
            stats,
            session: format!("jvb@auth.meet.shoal/{nick}"),
        };
        self.bridges.insert(nick.to_owned(), bridge);
        self.announce(nick);
        self.pump();
    }

    pub(crate) fn announce(&mut self, nick: &str) {
        let presence = element("presence", ns::CLIENT)
            .with_attr("from", format!("{BREWERY}/{nick}"))
            .with_attr("to", ME)
            .with_child(&self.bridges[nick].stats)
            .with_child(muc_user(
                "none",
                "participant",
                &self.bridges[nick].session,
                false,
            ));
        self.inbox.push_back(presence);
    }

    /// The bridge's process ends and another is there under its nick, and the server shows nothing of it but what is
    /// `changed`.
    pub(crate) fn restart_bridge_unseen(&mut self, nick: &str, changed: impl Fn(&mut Bridge)) {
        let bridge = self.bridges.get_mut(nick).unwrap();
        bridge.conferences.clear();
        changed(bridge);
        self.announce(nick);
        self.pump();
    }

    /// Prosody's way when another session of the account enters under the nick: the first one's presence, and both.
    pub(crate) fn announce_with_second_session(&mut self, nick: &str, second: &str) {
        self.announce(nick);
        let presence = self.inbox.back_mut().unwrap();
        let mut user = presence.remove_child("x", ns::MUC_USER).unwrap();
        let mut item = user.get_child("item", ns::MUC_USER).unwrap().clone();
        item.put_attr("jid", second);
        user.append_child(item);
        presence.append_child(user);
        self.pump();
    }

    /// The bridge's stream to the signalling server ends.
    pub(crate) fn kill_bridge(&mut self, nick: &str) {
        self.bridges.remove(nick);
        let presence = element("presence", ns::CLIENT)
            .with_attr("from", format!("{BREWERY}/{nick}"))
            .with_attr("to", ME)
            .with_attr("type", "unavailable");
        self.inbox.push_back(presence);
        self.pump();
    }

    /// A client asks for the room, and enters it when the answer comes.
    pub(crate) fn join(&mut self, nick: &str, level: Level) {
        self.request(nick);
        self.enter(nick, level);
    }

    /// A client asks for another room than [`ROOM`] and enters it.
    pub(crate) fn join_elsewhere(&mut self, room: &str, nick: &str, level: Level) {
        self.rooms.insert(nick.to_owned(), room.to_owned());
        self.join(nick, level);
    }

    fn room_of(&self, nick: &str) -> &str {
        self.rooms.get(nick).map_or(ROOM, String::as_str)
    }

    pub(crate) fn request(&mut self, nick: &str) -> Element {
        let room = self.room_of(nick).to_owned();
        self.request_room(nick, &room)
    }

    /// A client asks for a room by this address; the last answer of the focus.
    pub(crate) fn request_room(&mut self, nick: &str, room: &str) -> Element {
        let from = format!("focus.meet.shoal/{nick}@meet.shoal/x");
        self.request_room_from(nick, room, &from)
    }

    /// The request for [`ROOM`] comes from this address.
    pub(crate) fn request_from(&mut self, nick: &str, from: &str) -> Element {
        self.request_room_from(nick, ROOM, from)
    }

    fn request_room_from(&mut self, nick: &str, room: &str, from: &str) -> Element {
        let conference = element("conference", ns::FOCUS)
            .with_attr("room", room)
            .with_attr("machine-uid", nick)
            .with_child(
                element("property", ns::FOCUS)
                    .with_attr("name", "rtcstatsEnabled")
                    .with_attr("value", "false"),
            );
        let iq = element("iq", ns::CLIENT)
            .with_attr("type", "set")
            .with_attr("id", format!("request-{nick}"))
            .with_attr("from", from)
            .with_attr("to", ME)
            .with_child(conference);
        self.inbox.push_back(iq);
        self.pump();
        self.replies
            .last()
            .cloned()
            .unwrap_or_else(|| element("none", ns::CLIENT))
    }

    pub(crate) fn enter(&mut self, nick: &str, level: Level) {
        let client = Client {
            level,
            silent: false,
            ..Self::silent_client()
        };
        self.clients.insert(nick.to_owned(), client);
        self.show(nick);
        self.pump();
    }

    /// Enters with something added to the presence.
    pub(crate) fn enter_with(&mut self, nick: &str, level: Level, extra: Element) {
        let client = Client {
            level,
            silent: false,
            extra: vec![extra],
            ..Self::silent_client()
        };
        self.clients.insert(nick.to_owned(), client);
        self.show(nick);
        self.pump();
    }

    pub(crate) fn set_role(&mut self, nick: &str, role: &'static str) {
        self.clients.get_mut(nick).unwrap().role = role;
        self.show(nick);
        self.pump();
    }

    fn show(&mut self, nick: &str) {
        if !self.focus_in_rooms.contains(self.room_of(nick)) {
            return;
        }
        let presence = self.client_presence(nick);
        self.inbox.push_back(presence);
    }

    fn client_presence(&self, nick: &str) -> Element {
        let client = &self.clients[nick];
        let role = if client.affiliation == "owner" {
            "moderator"
        } else {
            client.role
        };
        let mut presence = element("presence", ns::CLIENT)
            .with_attr("from", format!("{}/{nick}", self.room_of(nick)))
            .with_attr("to", ME)
            .with_child(element("stats-id", ns::CLIENT).with_text(format!("Stats-{nick}")))
            .with_child(muc_user(client.affiliation, role, &real(nick), false));
        for extra in &client.extra {
            presence.append_child(extra.clone());
        }
        presence
    }

    pub(crate) fn leave(&mut self, nick: &str) {
        self.clients.remove(nick);
        let presence = element("presence", ns::CLIENT)
            .with_attr("from", format!("{}/{nick}", self.room_of(nick)))
            .with_attr("to", ME)
            .with_attr("type", "unavailable")
            .with_child(muc_user("none", "none", &real(nick), false));
        self.inbox.push_back(presence);
        self.pump();
    }

    /// Lets time pass, with everything that falls due meanwhile.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        while let Some(at) = self.director.poll_timeout().filter(|at| *at <= end) {
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 1_000, "a deadline stays due when it has passed");
            self.now = self.now.max(at);
            self.director.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
    }

    pub(crate) fn feed(&mut self, stanza: Element) {
        self.inbox.push_back(stanza);
        self.pump();
    }

    /// Exchanges stanzas until nobody has anything to say.
    pub(crate) fn pump(&mut self) {
        loop {
            let mut idle = true;
            while let Some(stanza) = self.inbox.pop_front() {
                idle = false;
                if self.keep_log {
                    self.log.push(stanza.clone());
                }
                let before = (self.clock)();
                self.director.handle_stanza(&stanza, self.now);
                self.spent += (self.clock)() - before;
                self.handled += 1;
            }
            while let Some(output) = self.director.poll_output() {
                idle = false;
                self.sent += 1;
                match output {
                    Output::Send(stanza) => self.deliver(stanza),
                    Output::Answered(id, answer) => self.http.push((id.0, answer)),
                }
            }
            if idle {
                return;
            }
        }
    }

    fn deliver(&mut self, stanza: Element) {
        let Some(to) = stanza::to(&stanza) else {
            return;
        };
        let bare = to.to_bare().to_string();
        if bare == BREWERY {
            self.deliver_to_brewery(&to, &stanza);
        } else if bare.contains("@muc.") && bare.ends_with(".meet.shoal") {
            self.deliver_to_room(&bare, &to, stanza);
        } else if bare == "muc.meet.shoal" {
            let items = self
                .rooms_listed
                .iter()
                .map(|room| element("item", ns::DISCO_ITEMS).with_attr("jid", room));
            let query = element("query", ns::DISCO_ITEMS).with_children(items);
            self.inbox.push_back(answer(&stanza, Ok(Some(query))));
        } else if bare == "meet.shoal" && stanza.attr("type") == Some("get") {
            if let Some(opening) = stanza.get_child("opening", ns::HOSTS) {
                let good = opening.text() == "good" && opening.attr("room") == Some(ROOM);
                let error = StanzaError::new(Condition::NotAuthorized);
                let verdict = if good { Ok(None) } else { Err(error) };
                self.inbox.push_back(answer(&stanza, verdict));
                return;
            }
            if self.is_mute {
                return;
            }
            let identity = element("identity", ns::DISCO_INFO)
                .with_attr("category", "component")
                .with_attr("type", "av_moderation")
                .with_attr("name", "avmoderation.meet.shoal");
            let mut query = element("query", ns::DISCO_INFO).with_child(identity);
            if self.wants_tokens {
                let feature = element("feature", ns::DISCO_INFO).with_attr("var", ns::HOSTS);
                query = query.with_child(feature);
            }
            self.inbox.push_back(answer(&stanza, Ok(Some(query))));
        } else if ME.starts_with(&bare) {
            self.storage_asked.push(stanza);
            if !self.keeps_silent {
                self.take_storage_requests();
            }
        } else if bare == "breakout.meet.shoal" {
            let error = StanzaError::new(Condition::RemoteServerNotFound);
            self.inbox.push_back(answer(&stanza, Err(error)));
        } else {
            self.replies.push(stanza);
        }
    }

    fn deliver_to_brewery(&mut self, to: &Jid, stanza: &Element) {
        if stanza::is_presence(stanza) {
            if !self.focus_in_brewery && !self.brewery_silent {
                self.focus_in_brewery = true;
                for nick in self.bridges.keys().cloned().collect::<Vec<_>>() {
                    self.announce(&nick);
                }
                self.inbox.push_back(own_presence(BREWERY));
            }
            return;
        }
        self.last_to_bridge = stanza.attr("id").unwrap().to_owned();
        let nick = to.resource().unwrap().to_string();
        let Some(bridge) = self.bridges.get_mut(&nick) else {
            let error = StanzaError::new(Condition::ItemNotFound);
            self.inbox.push_back(answer(stanza, Err(error)));
            return;
        };
        let payload = stanza::payload(stanza).unwrap();
        let is_health = xmpp::healthcheck::is_request(payload);
        let result = match if is_health {
            &bridge.health
        } else {
            &bridge.mood
        } {
            Mood::Silent => return,
            Mood::Refuses(error) => Err(error.clone()),
            Mood::Answers if is_health => Ok(None),
            Mood::Answers => {
                let modify = ConferenceModify::try_from(payload).unwrap();
                bridge
                    .handle(&nick, modify)
                    .map(|m| Some(Element::from(&m)))
            }
        };
        self.inbox.push_back(answer(stanza, result));
    }

    /// The server answers what it was asked about its storage.
    pub(crate) fn answer_storage(&mut self) {
        self.take_storage_requests();
        self.pump();
    }

    /// Of how many conferences the server keeps something.
    pub(crate) fn memories(&self) -> usize {
        let kept = self.kept.values();
        kept.filter(|kept| kept.name() == "memory").count()
    }

    fn take_storage_requests(&mut self) {
        for stanza in std::mem::take(&mut self.storage_asked) {
            let reply = self.private_storage(&stanza);
            let mut reply = answer(&stanza, reply);
            // Stock servers leave out that it is the account's own.
            reply.take_attr("from");
            self.inbox.push_back(reply);
        }
    }

    /// Private XML storage (XEP-0049).
    fn private_storage(&mut self, stanza: &Element) -> Result<Option<Element>, StanzaError> {
        if !self.keeps {
            return Err(StanzaError::new(Condition::ServiceUnavailable));
        }
        let query = stanza.get_child("query", ns::PRIVATE).unwrap();
        let asked = query.children().next().unwrap();
        if stanza.attr("type") == Some("set") {
            if asked.text().is_empty() {
                self.kept.remove(&asked.ns());
            } else {
                self.kept.insert(asked.ns(), asked.clone());
            }
            return Ok(None);
        }
        let found = self.kept.get(&asked.ns()).unwrap_or(asked).clone();
        Ok(Some(element("query", ns::PRIVATE).with_child(found)))
    }

    fn deliver_to_room(&mut self, room: &str, to: &Jid, stanza: Element) {
        if stanza::is_presence(&stanza) {
            let joins = stanza.has_child("x", ns::MUC);
            if joins && !room.starts_with(TEST_ROOM) {
                self.joins.push(stanza.clone());
            }
            if stanza.attr("type") == Some("unavailable") {
                self.focus_in_rooms.remove(room);
            } else if joins && self.rooms_silent {
                return;
            } else if joins && self.rooms_refused {
                let error = StanzaError::new(Condition::ResourceConstraint);
                self.inbox.push_back(stanza::error_reply(&stanza, &error));
                return;
            } else if room.starts_with(TEST_ROOM) {
                self.inbox.push_back(own_presence(room));
                return;
            } else if self.nick_taken > 0 {
                self.nick_taken -= 1;
                let error = StanzaError::new(Condition::Conflict);
                self.inbox.push_back(stanza::error_reply(&stanza, &error));
                return;
            } else if self.focus_in_rooms.insert(room.to_owned()) {
                let nicks = self.clients.keys().cloned();
                for nick in nicks.collect::<Vec<_>>() {
                    if self.room_of(&nick) == room {
                        let presence = self.client_presence(&nick);
                        self.inbox.push_back(presence);
                    }
                }
                self.inbox.push_back(own_presence(room));
            }
            self.presences.push(stanza);
            return;
        }
        match to.resource() {
            None => self.answer_for_room(room, &stanza),
            Some(nick) => {
                let nick = nick.to_string();
                self.deliver_to_client(&nick, stanza);
            }
        }
    }

    fn answer_for_room(&mut self, room: &str, stanza: &Element) {
        let payload = stanza::payload(stanza).unwrap();
        if payload.is("query", ns::MUC_ADMIN) {
            let item = payload.get_child("item", ns::MUC_ADMIN).unwrap();
            let jid = item.attr("jid").unwrap().to_owned();
            self.inbox.push_back(answer(stanza, Ok(None)));
            let nick = jid.split('@').next().unwrap().to_owned();
            if let Some(client) = self.clients.get_mut(&nick) {
                client.affiliation = "owner";
                self.show(&nick);
            }
            return;
        }
        let form = (stanza.attr("type") == Some("get")).then(|| {
            let field = element("field", ns::DATA)
                .with_attr("var", "muc#roominfo_meetingId")
                .with_child(element("value", ns::DATA).with_text(if room == ROOM {
                    &self.meeting
                } else {
                    room
                }));
            element("query", ns::MUC_OWNER).with_child(
                element("x", ns::DATA)
                    .with_attr("type", "form")
                    .with_child(field),
            )
        });
        self.inbox.push_back(answer(stanza, Ok(form)));
    }

    fn deliver_to_client(&mut self, nick: &str, stanza: Element) {
        let Some(client) = self.clients.get_mut(nick) else {
            if matches!(stanza.attr("type"), Some("get" | "set")) {
                self.inbox.push_back(answer(
                    &stanza,
                    Err(StanzaError::new(Condition::ItemNotFound)),
                ));
            }
            return;
        };
        if client.silent {
            return;
        }
        match stanza.attr("type") {
            Some("get") => {
                let query = features(client.level);
                self.inbox.push_back(answer(&stanza, Ok(Some(query))));
            }
            Some("set") => {
                let result = if std::mem::take(&mut client.refuses) {
                    Err(StanzaError::new(Condition::ServiceUnavailable))
                } else {
                    Ok(None)
                };
                client.received.push(stanza.clone());
                self.inbox.push_back(answer(&stanza, result));
            }
            _ => {
                let id = stanza.attr("id").unwrap().to_owned();
                client.answers.insert(id, stanza);
            }
        }
    }

    /// The client asks the focus for something; the answer is an error or none.
    pub(crate) fn ask(&mut self, nick: &str, payload: Element) -> Result<(), StanzaError> {
        let client = self.clients.get_mut(nick).unwrap();
        client.next_id += 1;
        let id = format!("{nick}-{}", client.next_id);
        let iq = element("iq", ns::CLIENT)
            .with_attr("type", "set")
            .with_attr("id", &id)
            .with_attr("from", format!("{}/{nick}", self.room_of(nick)))
            .with_attr("to", ME)
            .with_child(payload);
        self.feed(iq);
        let reply = self.clients[nick]
            .answers
            .get(&id)
            .expect("every request is answered");
        stanza::error_of(reply).map_or(Ok(()), Err)
    }

    pub(crate) fn jingle(&mut self, nick: &str, jingle: &Jingle) -> Result<(), StanzaError> {
        self.ask(nick, Element::from(jingle))
    }

    /// Jingle that the client received, oldest first.
    pub(crate) fn jingles(&self, nick: &str) -> Vec<Jingle> {
        self.clients[nick]
            .received
            .iter()
            .filter_map(|iq| Jingle::try_from(iq.get_child("jingle", ns::JINGLE)?).ok())
            .collect()
    }

    pub(crate) fn verbs(&self, nick: &str) -> Vec<String> {
        self.jingles(nick)
            .iter()
            .map(|j| j.action.as_str().to_owned())
            .collect()
    }

    pub(crate) fn offer(&self, nick: &str) -> Jingle {
        self.jingles(nick)
            .into_iter()
            .rfind(|j| j.action == Action::SessionInitiate)
            .expect("an offer")
    }

    pub(crate) fn last(&self, nick: &str) -> Jingle {
        self.jingles(nick).pop().expect("some Jingle")
    }

    pub(crate) fn clear(&mut self) {
        self.clients.values_mut().for_each(|c| c.received.clear());
        self.bridges.values_mut().for_each(|b| b.requests.clear());
        self.presences.clear();
    }

    /// The client accepts its offer, sending audio and simulcast video on SSRCs from `first` on.
    pub(crate) fn accept(&mut self, nick: &str, first: u32) {
        let accept = self.acceptance(nick, first);
        self.jingle(nick, &accept).unwrap();
    }

    pub(crate) fn acceptance(&self, nick: &str, first: u32) -> Jingle {
        let mut jingle = Jingle::new(Action::SessionAccept, self.offer(nick).sid);
        jingle.contents = contents(&sources(nick, first));
        for content in &mut jingle.contents {
            content.transport = Some(client_transport());
        }
        jingle
    }

    /// Three people are in the room, connected and sending.
    pub(crate) fn meeting(level: Level) -> Self {
        let mut world = Self::new();
        world.bridge("jvb1");
        for (nick, first) in [("a", 1000), ("b", 2000), ("c", 3000)] {
            world.join(nick, level);
            if nick != "a" {
                world.accept(nick, first);
            }
            if nick == "b" {
                world.accept("a", 1000);
            }
        }
        world.clear();
        world
    }

    pub(crate) fn clear_requests(&mut self) {
        self.bridges.values_mut().for_each(|b| b.requests.clear());
    }

    /// A client.
    pub(crate) fn client(level: Level) -> Client {
        Client {
            level,
            silent: false,
            ..Self::silent_client()
        }
    }

    /// A client that answers nothing.
    pub(crate) fn silent_client() -> Client {
        Client {
            level: Level::Plain,
            affiliation: "none",
            received: Vec::new(),
            next_id: 0,
            answers: BTreeMap::new(),
            refuses: false,
            silent: true,
            extra: Vec::new(),
            role: "participant",
        }
    }

    pub(crate) fn show_again(&mut self, nick: &str) {
        self.show(nick);
        self.pump();
    }

    /// The client's presence, with nothing but this added from then on.
    pub(crate) fn say_instead(&mut self, nick: &str, extra: Element) {
        let client = self.clients.get_mut(nick).unwrap();
        client.extra = vec![extra];
        self.show(nick);
        self.pump();
    }

    /// Id of the last IQ that the focus sent to a bridge.
    pub(crate) fn last_request_id(&self) -> String {
        self.last_to_bridge.clone()
    }

    /// The client sends a transport-info, which reaches the bridge as an update.
    pub(crate) fn send_transport(&mut self, nick: &str) {
        let summary = self.director.conference(ROOM).unwrap();
        let sid = summary
            .participants
            .into_iter()
            .find(|p| p.id == nick)
            .unwrap()
            .session
            .unwrap()
            .0;
        let mut info = Jingle::new(Action::TransportInfo, sid);
        let mut content = Content::new("audio");
        content.transport = Some(client_transport());
        info.contents.push(content);
        self.jingle(nick, &info).unwrap();
    }

    pub(crate) fn bridge_session(&self, nick: &str) -> String {
        self.offer(nick).bridge_session.unwrap().id.unwrap()
    }

    pub(crate) fn last_presence(&self) -> &Element {
        self.presences.last().expect("a presence of the focus")
    }

    pub(crate) fn endpoints(&self, bridge: &str) -> BTreeSet<String> {
        self.bridges[bridge]
            .conferences
            .values()
            .flat_map(|c| c.endpoints.keys().cloned())
            .collect()
    }
}
