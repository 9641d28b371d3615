//! Picking up a room that an earlier focus served.
//!
//! A focus that only lost its connection still has its conferences and goes on with them. One that
//! starts anew finds rooms with people whose sessions it knows nothing of; media flows on between them
//! and the bridge meanwhile. It then:
//!
//! 1. ends whatever session each client may have. The ids of a participant's sessions are a function of
//!    the meeting, the participant and a counter that runs in a small circle, so that they need not be
//!    remembered anywhere; a client that does not know one of them answers with an error, which is
//!    ignored;
//! 2. has the bridge forget the conference before it makes it anew;
//! 3. invites everybody, all at once.
//!
//! The interruption is one round of invitations. Nobody has to reload.

use std::hash::{Hash, Hasher};

use xmpp::jingle::{Action as Verb, Jingle, Reason, ReasonCondition};

use super::{Conference, Context, Participant};

/// Ids that the sessions of one participant go through, one after the other.
pub(super) const SESSION_IDS: u32 = 4;

/// The id of a participant's session number `n`.
pub(super) fn session_id(meeting_id: &str, participant: &Participant, n: u32) -> String {
    let mut hash = Fnv::default();
    meeting_id.hash(&mut hash);
    participant.nick.hash(&mut hash);
    participant
        .real
        .as_ref()
        .map(|jid| jid.as_str())
        .hash(&mut hash);
    (n % SESSION_IDS).hash(&mut hash);
    format!("{:016x}", hash.finish())
}

/// FNV-1a: a hash that is the same in every process, which the standard library's is not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Conference {
    /// Ends the sessions that an earlier focus may have had with a participant.
    pub(super) fn end_unknown_sessions(&mut self, nick: &str, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        let to = participant.occupant.clone();
        let sids: Vec<String> = (0..SESSION_IDS)
            .map(|n| session_id(&self.meeting_id, participant, n))
            .collect();
        for sid in sids {
            let mut jingle = Jingle::new(Verb::SessionTerminate, sid);
            jingle.reason = Some(Reason::new(ReasonCondition::Success).with_text("moving"));
            ctx.counters.count_jingle_sent(&jingle.action);
            self.send_iq(to.clone(), &jingle);
        }
    }
}
