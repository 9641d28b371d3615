//! Moving conferences to other bridges at an operator's request, at a bounded rate.
//!
//! Without relays between bridges a conference moves as a whole.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use xmpp::BareJid;

use crate::bridges::BridgeId;

use super::Director;

/// Time between two rounds.
const ROUND: Duration = Duration::from_millis(100);

/// Moves that are yet to be made.
#[derive(Debug)]
pub(super) struct Moves {
    /// Participants for each round; a larger conference takes a round of its own.
    per_round: usize,
    queue: VecDeque<Move>,
    due: Option<Instant>,
}

#[derive(Debug)]
struct Move {
    room: BareJid,
    from: BridgeId,
    to: Option<BridgeId>,
    participants: usize,
}

impl Moves {
    pub(super) fn new(per_second: usize) -> Self {
        Self {
            per_round: (per_second / 10).max(1),
            queue: VecDeque::new(),
            due: None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
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
        if to.is_none() && self.bridges.select_other_than(&from, now).is_none() {
            return Err(MoveError::NoOtherBridge);
        }
        let participants = slot.conference.movable(&from);
        self.moves.queue.push_back(Move {
            room,
            from,
            to,
            participants,
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
        if self.bridges.select_other_than(&bridge, now).is_none() {
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
        let mut affected: Vec<(usize, BareJid)> = self
            .conferences
            .iter()
            .filter(|(name, _)| room.as_ref().is_none_or(|room| room == *name))
            .map(|(name, slot)| (slot.conference.movable(&bridge), name.clone()))
            .filter(|(participants, _)| *participants > 0)
            .collect();
        affected.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
        let mut moved = Moved::default();
        for (participants, room) in affected {
            if moved.moved_endpoints >= count {
                break;
            }
            moved.moved_endpoints += participants;
            moved.conferences += 1;
            self.moves.queue.push_back(Move {
                room,
                from: bridge.clone(),
                to: None,
                participants,
            });
        }
        self.move_due(now);
        Ok(moved)
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

    pub(super) fn move_due(&mut self, now: Instant) {
        if self.moves.due.is_some_and(|at| at > now) {
            return;
        }
        let mut participants = 0;
        while participants < self.moves.per_round {
            let Some(next) = self.moves.queue.pop_front() else {
                break;
            };
            participants += next.participants;
            self.with(&next.room, now, |conference, ctx| {
                conference.handle_move(&next.from, next.to.as_ref(), ctx)
            });
        }
        self.moves.due = (!self.moves.queue.is_empty()).then(|| now + ROUND);
    }
}
