//! Whether somebody may open a room: the authority's judgement, and the server's where it has to be asked.

use std::time::Instant;

use xmpp::hosts::OpeningRequest;
use xmpp::stanza::{Condition, IqType, StanzaError};
use xmpp::{BareJid, Element, Jid, ns};

use crate::authority::{Authority, Bearer, Judgement, Token};
use crate::conference::{Conference, NoAnswer, Wishes};
use crate::config::seconds;

use super::Director;
use super::iqs::Waiter;
use super::requests::Asker;

/// Most requests about which the server is asked at one time.
const MOST_ASKED: usize = 10_000;

/// A request for a room that is not there.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) asker: Asker,
    pub(super) bearer: Bearer,
    pub(super) room: BareJid,
    pub(super) wishes: Wishes,
}

impl Director {
    /// Whether the room may be opened at once; if not, what is to be done about it is done.
    pub(super) fn may_open(&mut self, opening: &Opening, now: Instant) -> bool {
        match self.authority.judge(&opening.bearer) {
            Judgement::Opens => return true,
            Judgement::Refused => {
                let error = StanzaError::new(Condition::NotAuthorized);
                let error = error.with_text("log in to open a room");
                self.reply(opening.asker.clone(), &opening.room, &Err(error));
            }
            Judgement::Later => self.wait_for_pickup(opening.clone()),
            Judgement::AskServer(token) => {
                let token = token.clone();
                self.ask_server(opening, &token, now);
            }
        }
        false
    }

    fn ask_server(&mut self, opening: &Opening, Token(token): &Token, now: Instant) {
        let question = OpeningRequest {
            room: opening.room.to_string(),
            token: token.clone(),
        };
        let deadline = now + seconds(self.settings.config.conference.iq_timeout_s);
        let to = self.settings.domain.clone();
        let waiter = Waiter::Opening(Box::new(opening.clone()));
        let asked = self.asked_about < MOST_ASKED
            && self.request(to, IqType::Get, Element::from(&question), waiter, deadline);
        if asked {
            self.asked_about += 1;
        } else {
            let error = StanzaError::new(Condition::ResourceConstraint);
            let error = error.with_text("too many tokens are being looked at");
            self.reply(opening.asker.clone(), &opening.room, &Err(error));
        }
    }

    /// What the server thinks of a token.
    pub(super) fn handle_judged(
        &mut self,
        mut opening: Opening,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        self.asked_about = self.asked_about.saturating_sub(1);
        let error = match answer {
            Ok(_) => {
                opening.bearer = Bearer::Judged;
                return self.open(opening, now);
            }
            Err(NoAnswer::Refused(error)) if error.condition == Condition::NotAuthorized => error,
            Err(_) => StanzaError::new(Condition::ServiceUnavailable)
                .with_text("the XMPP server says nothing of tokens"),
        };
        self.reply(opening.asker, &opening.room, &Err(error));
    }

    /// What the server says of itself in answer to disco#info. `None`: it answers with an error.
    pub(super) fn learn_authority(&mut self, info: Option<&Element>, now: Instant) {
        let by_server = info.is_some_and(|info| {
            info.children()
                .any(|child| child.name() == "feature" && child.attr("var") == Some(ns::HOSTS))
        });
        let configured = &self.settings.config.moderators.login_domain;
        let authority = match configured {
            _ if by_server => Authority::Server(Jid::to_string(&self.settings.domain)),
            Some(domain) => Authority::Domain(domain.clone()),
            None => Authority::Nobody,
        };
        if authority != self.authority {
            tracing::info!(?authority, "it is known who opens rooms");
            self.authority = authority;
            self.with_all(now, Conference::handle_authority);
        }
    }
}
