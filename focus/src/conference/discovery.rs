//! Finding out what a client can do (XEP-0030, XEP-0115), and saying what the focus is.

use std::sync::OnceLock;

use xmpp::disco::{self, Caps, Info};
use xmpp::stanza::IqType;
use xmpp::version::Version;
use xmpp::{Element, Jid, ns};

use super::action::{Answer, Ask, NoAnswer, Question};
use super::participant::Discovery;
use super::{Conference, Context, Features};

/// The longest capabilities that are remembered, in bytes.
const MAX_CAPS_LENGTH: usize = 512;
/// The node under which the focus publishes its own capabilities.
const OWN_NODE: &str = "http://jitsi.org/jicofo";

impl Conference {
    /// Looks up or asks for a newcomer's features.
    pub(super) fn discover(&mut self, nick: &str, presence: &Element, ctx: &mut Context<'_>) {
        let caps =
            Caps::in_presence(presence).filter(|caps| caps.query_node().len() < MAX_CAPS_LENGTH);
        let Some(participant) = self.participants.get_mut(nick) else {
            return;
        };
        let node = caps.as_ref().map(Caps::query_node);
        if let Some(features) = node.as_deref().and_then(|node| ctx.caps.get(node)) {
            participant.discovery = Discovery::Known(features);
            return;
        }
        let ask = Ask {
            to: Jid::from(participant.occupant.clone()),
            kind: IqType::Get,
            payload: disco::info_request(node.as_deref()),
            question: Question::Discover {
                nick: nick.to_owned(),
                caps,
            },
        };
        self.ask(ask);
    }

    pub(super) fn handle_discovered(
        &mut self,
        nick: &str,
        caps: Option<&Caps>,
        answer: Answer<'_>,
        ctx: &mut Context<'_>,
    ) {
        let features = match answer {
            Ok(info) => match info.map(Info::try_from) {
                Some(Ok(info)) => {
                    let features = Features::from_vars(info.features.iter().map(String::as_str));
                    // Only what the hash proves is taken for everybody else with the same hash.
                    if let Some(caps) = caps.filter(|caps| caps.matches(&info)) {
                        ctx.caps.put(caps.query_node(), features);
                    }
                    features
                }
                _ => Features::UNKNOWN,
            },
            // Asked again when the room has been joined again.
            Err(NoAnswer::Disconnected) => return,
            Err(error) => {
                tracing::debug!(room = %self.room, %nick, %error, "the client does not say what it can do");
                Features::UNKNOWN
            }
        };
        let Some(participant) = self.participants.get_mut(nick) else {
            return;
        };
        if participant.features().is_some() {
            return;
        }
        participant.discovery = Discovery::Known(features);
        self.invite(nick, ctx);
    }
}

/// The answer to a disco#info request to the focus.
pub fn own_info(query: &Element) -> Element {
    let mut info = info();
    info.node = query.attr("node").map(str::to_owned);
    Element::from(&info)
}

fn info() -> Info {
    Info::new()
        .with_identity("component", "conference", Some("focus"))
        .with_features([
            ns::CAPS,
            ns::DISCO_INFO,
            ns::JINGLE,
            ns::JINGLE_DTLS,
            ns::JINGLE_ICE_UDP,
            ns::JINGLE_RTP,
            ns::JINGLE_RTP_AUDIO,
            ns::JINGLE_RTP_VIDEO,
            ns::PING,
            ns::VERSION,
        ])
}

/// What the focus puts into its presence about itself.
pub(super) fn own_caps() -> &'static Caps {
    static CAPS: OnceLock<Caps> = OnceLock::new();
    CAPS.get_or_init(|| Caps::of(OWN_NODE, &info()))
}

/// The answer to a version request.
pub(super) fn own_version() -> Version {
    Version {
        name: "Shoal focus".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        os: None,
    }
}
