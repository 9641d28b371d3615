//! What a conference wants done, and what it wants to know.

use xmpp::stanza::{IqType, StanzaError};
use xmpp::{Element, Jid};

use crate::bridges::BridgeId;

/// What a conference wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this stanza.
    Send(Element),
    /// Send an IQ with a new id; its answer, or the lack of one, goes back to the conference.
    Ask(Ask),
    /// The room is open, or cannot be: tell everybody who asked for it.
    Answer(Result<(), StanzaError>),
    /// A bridge is to forget this meeting, once people have had time to get new sessions.
    ForgetLater(BridgeId, String),
    /// The same, and everybody has accepted a new session: all that is missing is that it connects.
    ForgetSoon(BridgeId, String),
    /// The conference is over and can be forgotten.
    End,
}

/// An IQ whose answer matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Recipient.
    pub to: Jid,
    /// `get` or `set`.
    pub kind: IqType,
    /// What is asked.
    pub payload: Element,
    /// What the answer is about.
    pub question: Question,
}

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The room's configuration form.
    RoomForm,
    /// The room takes the configuration.
    RoomConfigured,
    /// A participant is made owner.
    Grant {
        /// Who.
        nick: String,
    },
    /// A participant's features.
    Discover {
        /// Who.
        nick: String,
        /// Hash that stands for the answer (XEP-0115).
        caps: Option<xmpp::disco::Caps>,
    },
    /// A session is offered.
    Offer {
        /// To whom.
        nick: String,
        /// Which.
        sid: String,
    },
    /// A bridge makes an endpoint.
    Allocate {
        /// Which bridge.
        bridge: BridgeId,
        /// For whom.
        nick: String,
        /// For which session.
        sid: String,
    },
    /// A bridge takes a change of an endpoint.
    Update {
        /// Which bridge.
        bridge: BridgeId,
        /// Whose endpoint.
        nick: String,
        /// In which session.
        sid: String,
    },
    /// A bridge restarts an endpoint's ICE.
    RestartIce {
        /// Which bridge.
        bridge: BridgeId,
        /// Whose endpoint.
        nick: String,
        /// In which session.
        sid: String,
    },
    /// A bridge ends its part of the conference.
    CloseOnBridge {
        /// Which bridge.
        bridge: BridgeId,
    },
}

/// Why there is no proper answer.
#[derive(Debug, Clone, PartialEq)]
pub enum NoAnswer {
    /// None came in time.
    Timeout,
    /// The connection to the XMPP server was lost.
    Disconnected,
    /// An error came.
    Refused(StanzaError),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::Disconnected => f.write_str("the connection was lost"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// The payload of a result, if it has one, or why there is none.
pub type Answer<'a> = Result<Option<&'a Element>, NoAnswer>;
