//! One occupant of the room that takes part in the conference.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use xmpp::{FullJid, Jid};

use super::features::Features;
use super::restart_limit::RestartLimit;
use super::session::Session;

/// Ended sessions whose ids are remembered.
const MAX_ENDED: usize = 8;

/// What sort of occupant it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody with a browser or an app.
    Person,
    /// A recorder or streamer.
    Recorder,
    /// A telephone gateway or transcriber.
    Gateway,
    /// Somebody who only watches.
    Visitor,
}

/// What an occupant may do in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Nothing in particular.
    None,
    /// The room was asked to make it owner.
    Asked,
    /// It is owner, admin or moderator.
    Moderator,
}

/// What is known of a client's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// Asked, not answered.
    Asked,
    /// What the client said that it can.
    Known(Features),
}

/// Which of its media are not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Muted {
    /// Sound.
    pub audio: bool,
    /// Pictures.
    pub video: bool,
}

impl Muted {
    /// Is heard and seen.
    pub const NOTHING: Self = Self {
        audio: false,
        video: false,
    };
    /// Neither is let through.
    pub const EVERYTHING: Self = Self {
        audio: true,
        video: true,
    };
}

/// Whether a participant without a session is to get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitation {
    /// As soon as everything that it takes is there.
    Due,
    /// When there is a bridge.
    WaitsForBridge,
    /// No: it ended its session, or would not have it.
    Declined,
}

/// What this connection has shown of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It was not seen since the room was joined (again).
    Unseen,
    /// It is there.
    Seen,
    /// It is there, and was before this focus: it may have a session that nobody knows.
    Found,
}

/// Somebody whom the focus invites.
#[derive(Debug)]
pub struct Participant {
    /// Nickname: the endpoint id.
    pub nick: Arc<str>,
    /// Address in the room.
    pub occupant: FullJid,
    /// Real address.
    pub real: Option<Jid>,
    /// Order of arrival.
    pub order: u64,
    /// What sort it is.
    pub kind: Kind,
    /// What it may do in the room.
    pub rights: Rights,
    /// Region the client is in.
    pub region: Option<String>,
    /// Name under which statistics are kept.
    pub stats_id: Option<String>,
    /// What it says that it does not send.
    pub muted: Muted,
    /// What the client can do.
    pub discovery: Discovery,
    /// The session that is being set up or runs.
    pub session: Option<Session>,
    /// Whether it is to be invited.
    pub invitation: Invitation,
    /// What it is asked not to send at first.
    pub start_muted: Muted,
    /// What the bridge does not take from it.
    pub force_muted: Muted,
    /// Limits restarts by this participant.
    pub restarts: RestartLimit,
    /// Limits in-place ICE restarts by this participant.
    pub ice_restarts: RestartLimit,
    /// Invitations that failed in a row.
    pub failures: u32,
    /// When to invite again after a failure.
    pub retry_at: Option<Instant>,
    /// Whether it was seen in the room.
    pub sighting: Sighting,
    /// Sessions begun.
    pub sessions: u32,
    ended: VecDeque<String>,
}

impl Participant {
    /// Somebody who just came.
    pub fn new(nick: Arc<str>, occupant: FullJid, order: u64, restarts: RestartLimit) -> Self {
        Self {
            nick,
            occupant,
            real: None,
            order,
            kind: Kind::Person,
            rights: Rights::None,
            region: None,
            stats_id: None,
            muted: Muted::EVERYTHING,
            discovery: Discovery::Asked,
            session: None,
            invitation: Invitation::Due,
            start_muted: Muted::NOTHING,
            force_muted: Muted::NOTHING,
            ice_restarts: restarts.clone(),
            restarts,
            failures: 0,
            retry_at: None,
            sighting: Sighting::Seen,
            sessions: 0,
            ended: VecDeque::new(),
        }
    }

    /// Whether it is owner, admin or moderator of the room.
    pub fn is_moderator(&self) -> bool {
        self.rights == Rights::Moderator
    }

    /// Features, once they are known.
    pub fn features(&self) -> Option<Features> {
        match self.discovery {
            Discovery::Asked => None,
            Discovery::Known(features) => Some(features),
        }
    }

    /// Takes the session away and remembers its id.
    pub fn end_session(&mut self) -> Option<Session> {
        let session = self.session.take()?;
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(session.sid.clone());
        Some(session)
    }

    /// Whether a session of that id ran and ended.
    pub fn had_session(&self, sid: &str) -> bool {
        self.ended.iter().any(|ended| ended == sid)
    }
}
