//! Muting others, for moderators.

use xmpp::Element;
use xmpp::mute::Mute;
use xmpp::stanza::{Condition, StanzaError};

use super::session::Reply;
use super::{Conference, Context, Kind};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// The target is told.
    Forward,
    /// Nothing is to be done.
    Nothing,
    /// Refused.
    NotAllowed,
}

/// Moderators mute anybody, others themselves; nobody unmutes somebody else.
fn decide(moderator: bool, oneself: bool, mute: bool) -> Decision {
    match (moderator, oneself, mute) {
        (_, true, false) => Decision::Nothing,
        (_, false, false) => Decision::NotAllowed,
        (_, true, true) | (true, false, true) => Decision::Forward,
        (false, false, true) => Decision::NotAllowed,
    }
}

impl Conference {
    pub(super) fn handle_mute(
        &mut self,
        nick: &str,
        payload: &Element,
        ctx: &mut Context<'_>,
    ) -> Reply {
        let _ = ctx;
        let mute = Mute::try_from(payload)?;
        let Some(muter) = self.participants.get(nick) else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        let Some(value) = mute.mute else {
            return Err(StanzaError::new(Condition::BadRequest).with_text("neither true nor false"));
        };
        let own = muter.occupant.to_string();
        let target = mute.jid.as_deref().unwrap_or(&own);
        let oneself = target == own;
        match decide(muter.is_moderator(), oneself, value) {
            Decision::NotAllowed => return Err(StanzaError::new(Condition::NotAllowed)),
            Decision::Nothing => return Ok(None),
            Decision::Forward => {}
        }
        let Some(target) = self
            .participants
            .values()
            .find(|p| p.occupant.as_str() == target)
        else {
            return Err(
                StanzaError::new(Condition::InternalServerError).with_text("no such participant")
            );
        };
        if matches!(target.kind, Kind::Recorder | Kind::Gateway) {
            return Err(StanzaError::new(Condition::NotAllowed).with_text("services are not muted"));
        }
        let to = target.occupant.clone();
        let target = target.nick.clone();
        self.send_iq(to, &Mute::order(mute.kind, own, true));
        if !oneself {
            self.enforce_moderation(&[target]);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_mute_whom() {
        let cases = [
            (
                "moderator mutes other",
                true,
                false,
                true,
                Decision::Forward,
            ),
            (
                "guest mutes other",
                false,
                false,
                true,
                Decision::NotAllowed,
            ),
            ("guest mutes itself", false, true, true, Decision::Forward),
            (
                "moderator unmutes other",
                true,
                false,
                false,
                Decision::NotAllowed,
            ),
            (
                "guest unmutes other",
                false,
                false,
                false,
                Decision::NotAllowed,
            ),
            (
                "guest unmutes itself",
                false,
                true,
                false,
                Decision::Nothing,
            ),
        ];
        for (name, moderator, oneself, mute, decision) in cases {
            assert_eq!(decide(moderator, oneself, mute), decision, "{name}");
        }
    }
}
