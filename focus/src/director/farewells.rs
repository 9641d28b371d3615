//! Conferences that a bridge holds and that nobody needs any more: it is told to forget them, a little later, so that
//! media goes on until people have their new sessions. A bridge that was out of reach is told when it comes back.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use xmpp::colibri2::ConferenceModify;
use xmpp::{Jid, stanza};

use crate::bridges::BridgeId;

use super::{Director, Output};

/// Time in which people come back into a room that the server has lost and get new sessions; clients keep an old
/// session for as long.
const LINGER: Duration = Duration::from_secs(8);
/// After this long a bridge that is away has given up an unwanted conference by itself.
const KEEP: Duration = Duration::from_secs(300);
/// Most conferences that are kept in mind, for bridges that are away and for those that are there.
const MOST: usize = 100_000;

/// What is yet to be said to which bridge.
#[derive(Debug, Default)]
pub(super) struct Farewells {
    /// Meetings that bridges are to forget, in order of the time.
    due: VecDeque<(Instant, BridgeId, String)>,
    /// The same for bridges that are away, and until when it is kept.
    away: HashMap<BridgeId, (Vec<String>, Instant)>,
}

impl Farewells {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due.front().map(|(at, ..)| *at)
    }

    pub(super) fn later(&mut self, bridge: &BridgeId, meeting: String, now: Instant) {
        if self.due.len() < MOST {
            self.due.push_back((now + LINGER, bridge.clone(), meeting));
        }
    }

    fn when_back(&mut self, bridge: &BridgeId, meetings: Vec<String>, now: Instant) {
        self.away.retain(|_, (_, until)| *until > now);
        let kept: usize = self.away.values().map(|(ids, _)| ids.len()).sum();
        if meetings.is_empty() || kept + meetings.len() > MOST {
            return;
        }
        let entry = self.away.entry(bridge.clone());
        let (ids, until) = entry.or_insert_with(|| (Vec::new(), now));
        ids.extend(meetings);
        *until = now + KEEP;
    }
}

impl Director {
    /// A bridge is gone: its conferences move.
    pub(super) fn handle_bridge_away(&mut self, bridge: &BridgeId, now: Instant) {
        let conferences = self.conferences.values();
        let mut meetings: Vec<String> = conferences
            .filter_map(|slot| slot.conference.meeting_on(bridge))
            .map(str::to_owned)
            .collect();
        self.farewells.due.retain(|(_, id, meeting)| {
            let is_away = id == bridge;
            if is_away {
                meetings.push(meeting.clone());
            }
            !is_away
        });
        self.farewells.when_back(bridge, meetings, now);
    }

    /// A bridge is there (again).
    pub(super) fn handle_bridge_back(&mut self, bridge: &BridgeId, now: Instant) {
        if let Some((meetings, _)) = self.farewells.away.remove(bridge) {
            for meeting in meetings {
                self.farewells.later(bridge, meeting, now);
            }
        }
    }

    /// A bridge leaves as soon as nobody needs it.
    pub(super) fn say_farewells_now(&mut self, bridge: &BridgeId) {
        let (now, later): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.farewells.due)
            .into_iter()
            .partition(|(_, id, _)| id == bridge);
        self.farewells.due = later;
        for (_, bridge, meeting) in now {
            self.say_farewell(&bridge, meeting);
        }
    }

    /// Says what is due.
    pub(super) fn say_farewells(&mut self, now: Instant) {
        while let Some((_, bridge, meeting)) =
            self.farewells.due.pop_front_if(|(at, ..)| *at <= now)
        {
            self.say_farewell(&bridge, meeting);
        }
    }

    fn say_farewell(&mut self, bridge: &BridgeId, meeting: String) {
        let mut conferences = self.conferences.values();
        if conferences.any(|slot| slot.conference.meeting_on(bridge) == Some(&meeting)) {
            return;
        }
        let mut modify = ConferenceModify::new(meeting);
        modify.expire = true;
        let to = Jid::from(bridge.jid().clone());
        self.out
            .push_back(Output::Send(stanza::iq_get(&to, &modify)));
    }
}
