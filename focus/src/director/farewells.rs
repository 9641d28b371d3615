//! Conferences that a bridge holds and that nobody needs any more: it is told to forget them, a little later, so that
//! media goes on until people have their new sessions. A bridge that was out of reach is told when it comes back.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use xmpp::colibri2::ConferenceModify;
use xmpp::{Jid, stanza};

use crate::bridges::BridgeId;

use super::{Director, Output};

/// Time in which people get new sessions, whatever happens; clients keep an old session for as long.
const LINGER: Duration = Duration::from_secs(8);
/// Time that a session takes, once it is accepted, until media runs in it: ICE, DTLS and a keyframe over a slow path.
const CONNECT: Duration = Duration::from_secs(3);
/// After this long a bridge that is away has given up an unwanted conference by itself.
const KEEP: Duration = Duration::from_secs(300);
/// Most conferences that are kept in mind, for bridges that are away and for those that are there.
const MOST: usize = 100_000;

/// What is yet to be said to which bridge.
#[derive(Debug, Default)]
pub(super) struct Farewells {
    /// Meetings that bridges are to forget, by the time.
    due: BTreeSet<(Instant, BridgeId, String)>,
    /// When which meeting is due.
    times: HashMap<(BridgeId, String), Instant>,
    /// The same for bridges that are away, and until when it is kept.
    away: HashMap<BridgeId, (Vec<String>, Instant)>,
}

impl Farewells {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// The bridge forgets the meeting when everybody must have a new session.
    pub(super) fn later(&mut self, bridge: &BridgeId, meeting: String, now: Instant) {
        self.take(bridge, &meeting);
        if self.due.len() < MOST {
            self.put(bridge, meeting, now + LINGER);
        }
    }

    /// Everybody has accepted a new session.
    pub(super) fn soon(&mut self, bridge: &BridgeId, meeting: String, now: Instant) {
        if let Some(at) = self.take(bridge, &meeting) {
            self.put(bridge, meeting, at.min(now + CONNECT));
        }
    }

    fn put(&mut self, bridge: &BridgeId, meeting: String, at: Instant) {
        self.times.insert((bridge.clone(), meeting.clone()), at);
        self.due.insert((at, bridge.clone(), meeting));
    }

    fn take(&mut self, bridge: &BridgeId, meeting: &str) -> Option<Instant> {
        let key = (bridge.clone(), meeting.to_owned());
        let at = self.times.remove(&key)?;
        self.due.remove(&(at, key.0, key.1));
        Some(at)
    }

    fn next_due(&mut self, now: Instant) -> Option<(BridgeId, String)> {
        let (at, ..) = self.due.first()?;
        if *at > now {
            return None;
        }
        let (_, bridge, meeting) = self.due.pop_first()?;
        self.times.remove(&(bridge.clone(), meeting.clone()));
        Some((bridge, meeting))
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
        let unsaid: Vec<String> = self
            .farewells
            .due
            .iter()
            .filter(|(_, id, _)| id == bridge)
            .map(|(_, _, meeting)| meeting.clone())
            .collect();
        for meeting in unsaid {
            self.farewells.take(bridge, &meeting);
            meetings.push(meeting);
        }
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

    /// Says what is due.
    pub(super) fn say_farewells(&mut self, now: Instant) {
        while let Some((bridge, meeting)) = self.farewells.next_due(now) {
            let mut conferences = self.conferences.values();
            if conferences.any(|slot| slot.conference.meeting_on(&bridge) == Some(&meeting)) {
                continue;
            }
            let mut modify = ConferenceModify::new(meeting);
            modify.expire = true;
            let to = Jid::from(bridge.jid().clone());
            self.out
                .push_back(Output::Send(stanza::iq_get(&to, &modify)));
        }
    }
}
