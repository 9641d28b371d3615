//! What follows from a Colibri2 request that failed.

use xmpp::colibri2::{Colibri2Error, ErrorReason};
use xmpp::stanza::Condition;

use super::action::NoAnswer;

/// What was asked of the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A new endpoint.
    Allocate,
    /// A change of one.
    Update,
}

/// What a failure says about the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    None,
    /// It takes no new conferences.
    Graceful,
    /// It does not work.
    Failed,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nothing.
    Ignore,
    /// The bridge has forgotten the conference: everybody on it is invited again.
    ConferenceLost,
    /// The bridge has forgotten endpoints (none named: the one asked about): they are invited again.
    EndpointsLost(Vec<String>),
    /// The conference leaves the bridge.
    LeaveBridge(Mark),
    /// The bridge has a conference left over from an earlier focus: end it and begin anew.
    Recreate,
    /// Only this participant is affected.
    DropParticipant {
        /// Invite it again.
        retry: bool,
    },
}

/// The table. `recreated`: a left-over conference was ended on this bridge before.
pub(super) fn react(request: Request, no_answer: &NoAnswer, recreated: bool) -> Reaction {
    let error = match (no_answer, request) {
        (NoAnswer::Timeout, Request::Allocate) => return Reaction::LeaveBridge(Mark::Failed),
        (NoAnswer::Timeout | NoAnswer::Disconnected, Request::Update) => return Reaction::Ignore,
        (NoAnswer::Disconnected, Request::Allocate) => {
            return Reaction::DropParticipant { retry: true };
        }
        (NoAnswer::Refused(error), _) => error,
    };
    let colibri = Colibri2Error::of(error);
    let reason = colibri
        .as_ref()
        .map_or(ErrorReason::Unspecified, |e| e.reason);
    match (error.condition, reason, request) {
        (Condition::ItemNotFound, ErrorReason::ConferenceNotFound, _) => Reaction::ConferenceLost,
        (Condition::ItemNotFound, ErrorReason::UnknownEndpoint, _) => {
            Reaction::EndpointsLost(colibri.map(|e| e.endpoints).unwrap_or_default())
        }
        (Condition::ItemNotFound | Condition::RecipientUnavailable, _, Request::Allocate) => {
            Reaction::DropParticipant { retry: true }
        }
        (Condition::ItemNotFound | Condition::RecipientUnavailable, _, Request::Update) => {
            Reaction::Ignore
        }
        (Condition::Conflict, ErrorReason::ConferenceAlreadyExists, Request::Allocate)
            if !recreated =>
        {
            Reaction::Recreate
        }
        (Condition::Conflict, _, _) => Reaction::LeaveBridge(Mark::None),
        (Condition::ServiceUnavailable, ErrorReason::GracefulShutdown, _) => {
            Reaction::LeaveBridge(Mark::Graceful)
        }
        (Condition::BadRequest, _, Request::Allocate) => Reaction::DropParticipant { retry: false },
        (Condition::BadRequest, _, Request::Update) => Reaction::Ignore,
        _ => Reaction::LeaveBridge(Mark::Failed),
    }
}

#[cfg(test)]
mod tests {
    use xmpp::stanza::StanzaError;

    use super::*;

    fn refused(condition: Condition, reason: Option<ErrorReason>) -> NoAnswer {
        let error = StanzaError::new(condition);
        NoAnswer::Refused(match reason {
            Some(reason) => error.with_application(&Colibri2Error::new(reason)),
            None => error,
        })
    }

    #[test]
    fn every_colibri_failure_has_its_reaction() {
        use Condition as C;
        use ErrorReason as R;
        use Request::{Allocate, Update};
        let retry = Reaction::DropParticipant { retry: true };
        let fail = Reaction::DropParticipant { retry: false };
        let failed = Reaction::LeaveBridge(Mark::Failed);
        let cases = [
            (Allocate, NoAnswer::Timeout, failed.clone()),
            (Update, NoAnswer::Timeout, Reaction::Ignore),
            (Allocate, NoAnswer::Disconnected, retry.clone()),
            (
                Update,
                refused(C::ItemNotFound, Some(R::ConferenceNotFound)),
                Reaction::ConferenceLost,
            ),
            (
                Allocate,
                refused(C::ItemNotFound, Some(R::ConferenceNotFound)),
                Reaction::ConferenceLost,
            ),
            (
                Update,
                refused(C::ItemNotFound, Some(R::UnknownEndpoint)),
                Reaction::EndpointsLost(vec![]),
            ),
            (Allocate, refused(C::ItemNotFound, None), retry),
            (Update, refused(C::ItemNotFound, None), Reaction::Ignore),
            (
                Allocate,
                refused(C::Conflict, Some(R::ConferenceAlreadyExists)),
                Reaction::Recreate,
            ),
            (
                Allocate,
                refused(C::Conflict, None),
                Reaction::LeaveBridge(Mark::None),
            ),
            (
                Allocate,
                refused(C::ServiceUnavailable, Some(R::GracefulShutdown)),
                Reaction::LeaveBridge(Mark::Graceful),
            ),
            (
                Allocate,
                refused(C::ServiceUnavailable, None),
                failed.clone(),
            ),
            (Allocate, refused(C::BadRequest, None), fail),
            (Update, refused(C::BadRequest, None), Reaction::Ignore),
            (
                Allocate,
                refused(C::FeatureNotImplemented, Some(R::FeatureNotImplemented)),
                failed.clone(),
            ),
            (Allocate, refused(C::InternalServerError, None), failed),
        ];
        for (request, no_answer, reaction) in cases {
            assert_eq!(
                react(request, &no_answer, false),
                reaction,
                "{request:?} {no_answer:?}"
            );
        }
        let left_over = refused(C::Conflict, Some(R::ConferenceAlreadyExists));
        assert_eq!(
            react(Allocate, &left_over, true),
            Reaction::LeaveBridge(Mark::None)
        );
    }
}
