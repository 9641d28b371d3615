//! A StatefulSet of bridges, and the conferences on them.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::bridge::{Bridge, CAPACITY, State};
use super::focus::{Focus, Leaves, Load};
use super::traffic::{Event, Traffic, bytes};

/// Seconds from a pod's creation until its bridge serves.
const START: std::ops::RangeInclusive<u32> = 20..=40;
/// Seconds between two presences of a bridge.
const PRESENCE: u32 = 5;

/// What happens to a pod that the StatefulSet removes while people are on its bridge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The bridge says that it shuts down, and the focus moves everybody at once.
    Handover,
    /// It takes no new conferences, and is killed after so many seconds.
    Grace(u32),
}

/// What happened to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created(usize),
    Serves(usize),
    Gone(usize),
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub calls: u64,
    /// Conferences for which no bridge with room was found when they began.
    pub calls_rejected: u64,
    pub joins: u64,
    /// Participants whose bridge had no room for them.
    pub joins_rejected: u64,
    /// Participants moved while their bridge drained.
    pub moved: u64,
    /// Participants who were on a bridge when its pod was told to end, and were moved then.
    pub pushed: u64,
    /// Participants whose bridge ended under them.
    pub cut: u64,
    /// Pods that were created.
    pub started: u64,
    /// Bytes per second of the fullest bridge.
    pub fullest: u64,
}

#[derive(Default)]
struct Conference {
    bridge: Option<usize>,
    members: Vec<u32>,
    /// Somebody wanted to begin it.
    asked: bool,
}

/// Bridges by ordinal, and who is on them.
pub(crate) struct Cluster {
    pub bridges: Vec<Option<Bridge>>,
    pub counts: Counts,
    end: End,
    replicas: usize,
    focus: Focus,
    conferences: Vec<Conference>,
    /// Whether each participant is in.
    present: Vec<bool>,
    changes: VecDeque<Change>,
    random: StdRng,
}

impl Cluster {
    /// As many bridges as asked for, which serve already.
    pub(crate) fn new(traffic: &Traffic, end: End, replicas: usize, seed: u64) -> Self {
        let mut cluster = Self {
            bridges: Vec::new(),
            counts: Counts::default(),
            end,
            replicas,
            focus: Focus::new(),
            conferences: Vec::new(),
            present: vec![false; traffic.participants as usize],
            changes: VecDeque::new(),
            random: StdRng::seed_from_u64(seed),
        };
        cluster
            .conferences
            .resize_with(traffic.conferences as usize, Conference::default);
        for ordinal in 0..replicas {
            cluster.bridges.push(Some(Bridge::new(State::Starting(0))));
            cluster.changes.push_back(Change::Created(ordinal));
        }
        cluster
    }

    pub(crate) fn replicas(&self) -> usize {
        self.replicas
    }

    /// Pods, whatever their state.
    pub(crate) fn pods(&self) -> usize {
        self.bridges.iter().flatten().count()
    }

    /// Bridges that take new conferences.
    pub(crate) fn serving(&self) -> usize {
        let all = self.bridges.iter().flatten();
        all.filter(|bridge| bridge.serves() && !bridge.draining)
            .count()
    }

    pub(crate) fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// A second passes.
    pub(crate) fn handle_second(&mut self, now: u32) {
        for ordinal in 0..self.bridges.len() {
            let Some(bridge) = &mut self.bridges[ordinal] else {
                continue;
            };
            match bridge.state {
                State::Starting(until) if until <= now => {
                    bridge.state = State::Serving;
                    self.focus
                        .handle_presence(ordinal, Load::default(), Leaves::No, now);
                    self.changes.push_back(Change::Serves(ordinal));
                }
                State::Ending(until) if bridge.participants == 0 || until <= now => {
                    let (moved, lost) = self.remove(ordinal, now);
                    self.counts.cut += moved + lost;
                }
                State::Serving | State::Ending(_)
                    if now % PRESENCE == ordinal as u32 % PRESENCE =>
                {
                    self.publish(ordinal, now);
                }
                _ => {}
            }
        }
        self.fill(now);
    }

    /// The StatefulSet gets another number of replicas.
    pub(crate) fn handle_replicas(&mut self, replicas: usize, now: u32) {
        self.replicas = replicas;
        for ordinal in (replicas..self.bridges.len()).rev() {
            let Some(bridge) = &mut self.bridges[ordinal] else {
                continue;
            };
            match (bridge.state, self.end) {
                (State::Ending(_), _) => {}
                (State::Serving, End::Grace(seconds)) => {
                    bridge.state = State::Ending(now.saturating_add(seconds));
                    self.publish(ordinal, now);
                }
                (State::Serving, End::Handover) => {
                    let (moved, lost) = self.remove(ordinal, now);
                    self.counts.pushed += moved;
                    self.counts.cut += lost;
                }
                (State::Starting(_), _) => drop(self.remove(ordinal, now)),
            }
        }
        self.fill(now);
    }

    /// A bridge is told to take no new conferences, or to take them again.
    pub(crate) fn handle_drain(&mut self, ordinal: usize, draining: bool, now: u32) {
        if let Some(bridge) = &mut self.bridges[ordinal]
            && bridge.serves()
        {
            bridge.draining = draining;
            self.publish(ordinal, now);
        }
    }

    /// A conference is moved away from its bridge, as a whole; says how many participants that were.
    pub(crate) fn handle_move(&mut self, conference: u32, now: u32) -> usize {
        let size = self.size(conference);
        let from = self.conferences[conference as usize].bridge;
        let Some(to) = self.focus.select(now).filter(|to| Some(*to) != from) else {
            return 0;
        };
        if self.bridges[to]
            .as_ref()
            .is_none_or(|bridge| bridge.draining)
        {
            return 0;
        }
        self.place(conference, Some(to), now);
        self.counts.moved += size as u64;
        size
    }

    pub(crate) fn size(&self, conference: u32) -> usize {
        self.conferences[conference as usize].members.len()
    }

    /// Somebody comes or goes.
    pub(crate) fn handle_event(&mut self, event: &Event, now: u32) {
        if event.joins {
            self.join(event, now);
        } else if std::mem::take(&mut self.present[event.participant as usize]) {
            self.resize(event.conference, now, |members| {
                members.retain(|member| *member != event.participant);
            });
            if self.size(event.conference) == 0 {
                self.place(event.conference, None, now);
            }
        }
    }

    fn join(&mut self, event: &Event, now: u32) {
        let index = event.conference as usize;
        self.counts.joins += 1;
        if self.conferences[index].bridge.is_none() {
            let first = !std::mem::replace(&mut self.conferences[index].asked, true);
            self.counts.calls += u64::from(first);
            let chosen = self.focus.select(now).filter(|to| self.has_room(*to, 0));
            if let Some(to) = chosen {
                self.place(event.conference, Some(to), now);
            } else {
                self.counts.calls_rejected += u64::from(first);
            }
        }
        let size = self.size(event.conference) as u32;
        match self.conferences[index].bridge {
            Some(bridge) if self.has_room(bridge, size) => {
                self.present[event.participant as usize] = true;
                self.resize(event.conference, now, |members| {
                    members.push(event.participant)
                });
                self.focus.handle_added(bridge, 1, now);
            }
            _ => self.counts.joins_rejected += 1,
        }
    }

    /// Whether one more of a conference that has so many can be carried.
    fn has_room(&self, ordinal: usize, size: u32) -> bool {
        let more = bytes(size + 1) - bytes(size);
        let bridge = self.bridges[ordinal].as_ref();
        bridge.is_some_and(|bridge| bridge.rate + more <= CAPACITY)
    }

    fn resize(&mut self, conference: u32, now: u32, change: impl FnOnce(&mut Vec<u32>)) {
        let conference = &mut self.conferences[conference as usize];
        let before = conference.members.len() as u32;
        change(&mut conference.members);
        let after = conference.members.len() as u32;
        if let Some(bridge) = conference.bridge.and_then(|at| self.bridges[at].as_mut()) {
            bridge.participants = bridge.participants + after - before;
            bridge.handle_rate(bytes(before), bytes(after), now);
            self.counts.fullest = self.counts.fullest.max(bridge.rate);
        }
    }

    /// Puts a conference on a bridge, or on none.
    fn place(&mut self, number: u32, to: Option<usize>, now: u32) {
        let conference = &mut self.conferences[number as usize];
        let size = conference.members.len() as u32;
        let from = std::mem::replace(&mut conference.bridge, to);
        if let Some(bridge) = from.and_then(|at| self.bridges[at].as_mut()) {
            bridge.conferences.retain(|one| *one != number);
            bridge.participants -= size;
            bridge.handle_rate(bytes(size), 0, now);
        }
        if let Some((ordinal, bridge)) = to.and_then(|at| Some((at, self.bridges[at].as_mut()?))) {
            bridge.conferences.push(number);
            bridge.participants += size;
            bridge.handle_rate(0, bytes(size), now);
            self.counts.fullest = self.counts.fullest.max(bridge.rate);
            self.focus.handle_added(ordinal, size as usize, now);
        }
    }

    /// A pod ends. Says how many people went on elsewhere, and how many could not.
    fn remove(&mut self, ordinal: usize, now: u32) -> (u64, u64) {
        self.focus.handle_gone(ordinal);
        let (mut moved, mut lost) = (0, 0);
        let bridge = self.bridges[ordinal].as_mut();
        for conference in bridge
            .map(|one| one.conferences.clone())
            .unwrap_or_default()
        {
            let to = self.focus.select(now);
            self.place(conference, to, now);
            let members = &mut self.conferences[conference as usize].members;
            if to.is_some() {
                moved += members.len() as u64;
            } else {
                lost += members.len() as u64;
                for participant in members.drain(..) {
                    self.present[participant as usize] = false;
                }
            }
        }
        self.bridges[ordinal] = None;
        self.changes.push_back(Change::Gone(ordinal));
        (moved, lost)
    }

    /// The StatefulSet makes the pods that are missing.
    fn fill(&mut self, now: u32) {
        if self.bridges.len() < self.replicas {
            self.bridges.resize_with(self.replicas, || None);
        }
        for ordinal in 0..self.replicas {
            if self.bridges[ordinal].is_none() {
                let until = now + self.random.random_range(START);
                self.bridges[ordinal] = Some(Bridge::new(State::Starting(until)));
                self.counts.started += 1;
                self.changes.push_back(Change::Created(ordinal));
            }
        }
    }

    fn publish(&mut self, ordinal: usize, now: u32) {
        if let Some(bridge) = &self.bridges[ordinal] {
            let leaves = match bridge.state {
                State::Ending(_) => Leaves::ShutsDown,
                _ if bridge.draining => Leaves::Drains,
                _ => Leaves::No,
            };
            let load = Load {
                stress: bridge.stress(),
                participants: bridge.participants as u64,
            };
            self.focus.handle_presence(ordinal, load, leaves, now);
        }
    }
}
