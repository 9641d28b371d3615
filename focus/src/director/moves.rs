//! Moving conferences to other bridges: when a bridge leaves, is drained or has too much load, and at an operator's
//! request; at a bounded rate, so that those who move at one time find room where they go.
//!
//! Without relays between bridges a conference moves as a whole.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use xmpp::BareJid;

use crate::bridges::BridgeId;
use crate::conference::MoveReason;

use super::Director;
use super::redistribution::Load;

/// Time between two rounds.
const ROUND: Duration = Duration::from_millis(100);
/// Rounds within which everybody has left a bridge that is about to exit, however many they are: its time is short.
const SHUTDOWN_ROUNDS: usize = 50;
/// How long a conference whose sessions are just being set up is left alone, so that it is not moved about without
/// ever getting media.
const SETTLE: Duration = Duration::from_secs(3);

/// Moves that are yet to be made.
#[derive(Debug)]
pub(super) struct Moves {
    /// Participants for each round; a larger conference takes a round of its own.
    per_round: usize,
    /// The same while a bridge is about to exit.
    hurried: usize,
    /// The most urgent first.
    queue: VecDeque<Move>,
    due: Option<Instant>,
}

#[derive(Debug)]
struct Move {
    room: BareJid,
    from: BridgeId,
    to: Option<BridgeId>,
    reason: MoveReason,
    participants: usize,
    since: Instant,
}

impl Moves {
    pub(super) fn new(per_second: usize) -> Self {
        Self {
            per_round: (per_second / 10).max(1),
            hurried: 0,
            queue: VecDeque::new(),
            due: None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Behind what is as urgent. A conference that waits to be moved off that bridge is not moved twice.
    fn put(&mut self, new: Move) {
        if let Some(at) = self.position(&new.room, &new.from) {
            if self.queue[at].reason <= new.reason {
                return;
            }
            self.queue.remove(at);
        }
        let at = self.queue.partition_point(|m| m.reason <= new.reason);
        self.queue.insert(at, new);
    }

    fn position(&self, room: &BareJid, from: &BridgeId) -> Option<usize> {
        self.queue
            .iter()
            .position(|m| m.room == *room && m.from == *from)
    }
}

/// Why nobody is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// The named thing does not exist.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// There is only one bridge.
    #[error("there is no other bridge")]
    NoOtherBridge,
}

/// How much was set moving.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Participants.
    pub moved_endpoints: usize,
    /// Their conferences.
    pub conferences: usize,
}

impl Director {
    /// Moves the conference of a participant, to a bridge or wherever selection says.
    ///
    /// # Errors
    /// [`MoveError`].
    pub fn move_participant(
        &mut self,
        conference: &str,
        participant: &str,
        to: Option<&str>,
        now: Instant,
    ) -> Result<Moved, MoveError> {
        let room = BareJid::new(conference).map_err(|_| MoveError::NotFound("conference"))?;
        let to = match to {
            Some(name) => Some(
                self.bridges
                    .find(name)
                    .cloned()
                    .ok_or(MoveError::NotFound("bridge"))?,
            ),
            None => None,
        };
        let slot = self
            .conferences
            .get(&room)
            .ok_or(MoveError::NotFound("conference"))?;
        let from = slot
            .conference
            .bridge_of(participant)
            .cloned()
            .ok_or(MoveError::NotFound("endpoint"))?;
        if to.is_none() && !self.is_other_bridge(&from, now) {
            return Err(MoveError::NoOtherBridge);
        }
        let participants = slot.conference.movable(&from);
        self.moves.put(Move {
            room,
            reason: self.reason_for(&from),
            from,
            to,
            participants,
            since: now,
        });
        self.move_due(now);
        Ok(Moved {
            moved_endpoints: participants,
            conferences: 1,
        })
    }

    /// Moves at least `count` participants away from a bridge, the largest conferences first.
    ///
    /// # Errors
    /// [`MoveError`].
    pub fn move_from(
        &mut self,
        bridge: &str,
        conference: Option<&str>,
        count: usize,
        now: Instant,
    ) -> Result<Moved, MoveError> {
        let bridge = self
            .bridges
            .find(bridge)
            .cloned()
            .ok_or(MoveError::NotFound("bridge"))?;
        if !self.is_other_bridge(&bridge, now) {
            return Err(MoveError::NoOtherBridge);
        }
        let room = match conference {
            Some(name) => Some(BareJid::new(name).map_err(|_| MoveError::NotFound("conference"))?),
            None => None,
        };
        if room
            .as_ref()
            .is_some_and(|room| !self.conferences.contains_key(room))
        {
            return Err(MoveError::NotFound("conference"));
        }
        let mut affected = self.conferences_on(&bridge);
        affected.retain(|(_, name)| {
            room.as_ref().is_none_or(|room| room == name)
                && self.moves.position(name, &bridge).is_none()
        });
        let mut moved = Moved::default();
        for (participants, room) in affected {
            if moved.moved_endpoints >= count {
                break;
            }
            moved.moved_endpoints += participants;
            moved.conferences += 1;
            self.moves.put(Move {
                room,
                from: bridge.clone(),
                to: None,
                reason: self.reason_for(&bridge),
                participants,
                since: now,
            });
        }
        self.move_due(now);
        Ok(moved)
    }

    /// Moves everybody off a bridge that is to be left.
    pub(super) fn move_all(&mut self, bridge: &BridgeId, reason: MoveReason, now: Instant) {
        let affected = self.conferences_on(bridge);
        if reason == MoveReason::Shutdown {
            let all: usize = affected.iter().map(|(participants, _)| participants).sum();
            self.moves.hurried = self.moves.hurried.max(all.div_ceil(SHUTDOWN_ROUNDS));
        }
        for (participants, room) in affected {
            self.moves.put(Move {
                room,
                from: bridge.clone(),
                to: None,
                reason,
                participants,
                since: now,
            });
        }
        self.move_due(now);
    }

    /// Bridges that are too hot give conferences away.
    pub(super) fn redistribute(&mut self, now: Instant) {
        if self.redistribution.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        let loads: Vec<Load> = self
            .bridges
            .candidates(now)
            .into_iter()
            .map(|c| Load {
                conferences: self.conferences_on(&c.id),
                stress: c.stress,
                welcomes: c.operational && !self.bridges.is_avoided(&c.id),
                bridge: c.id,
            })
            .collect();
        for order in self.redistribution.handle_timeout(&loads, now) {
            let participants = self
                .conferences
                .get(&order.room)
                .map_or(0, |slot| slot.conference.movable(&order.from));
            self.moves.put(Move {
                room: order.room,
                from: order.from,
                to: Some(order.to),
                reason: MoveReason::Hot,
                participants,
                since: now,
            });
        }
    }

    /// Conferences on a bridge with their participants there, the largest first.
    pub(super) fn conferences_on(&self, bridge: &BridgeId) -> Vec<(usize, BareJid)> {
        let mut there: Vec<(usize, BareJid)> = self
            .conferences
            .iter()
            .map(|(name, slot)| (slot.conference.movable(bridge), name.clone()))
            .filter(|(participants, _)| *participants > 0)
            .collect();
        there.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
        there
    }

    fn is_other_bridge(&self, from: &BridgeId, now: Instant) -> bool {
        self.bridges
            .select_other_than(from, None, false, now)
            .is_some()
    }

    fn reason_for(&self, from: &BridgeId) -> MoveReason {
        if self.bridges.is_avoided(from) {
            MoveReason::Drain
        } else {
            MoveReason::Rest
        }
    }

    /// Number of participants on a bridge.
    pub fn endpoints_on(&self, bridge: &str) -> Option<usize> {
        let bridge = self.bridges.find(bridge)?;
        Some(
            self.conferences
                .values()
                .flat_map(|slot| slot.conference.endpoints_by_bridge())
                .filter(|(id, _)| *id == bridge)
                .map(|(_, n)| n)
                .sum(),
        )
    }

    /// Makes the moves of this round.
    pub(super) fn move_due(&mut self, now: Instant) {
        let early = self.moves.due.is_some_and(|at| at > now);
        let round = self.moves.per_round.max(self.moves.hurried);
        let mut left = if early { 0 } else { round };
        for _ in 0..self.moves.queue.len() {
            // People on a bridge that has failed have no media: they do not wait for their turn.
            let waits = |m: &Move| m.reason != MoveReason::Failure;
            if left == 0 && self.moves.queue.front().is_none_or(waits) {
                break;
            }
            let Some(next) = self.moves.queue.pop_front() else {
                break;
            };
            let settling = self
                .conferences
                .get(&next.room)
                .is_some_and(|slot| slot.conference.is_settling(&next.from));
            if waits(&next) && settling && now < next.since + SETTLE {
                self.moves.put(next);
                continue;
            }
            left = left.saturating_sub(next.participants);
            self.with(&next.room, now, |conference, ctx| {
                conference.handle_move(&next.from, next.to.as_ref(), next.reason, ctx)
            });
        }
        let idle = self.moves.queue.is_empty();
        if idle {
            self.moves.hurried = 0;
        }
        if !early {
            self.moves.due = (!idle || left < round).then(|| now + ROUND);
        }
    }
}
