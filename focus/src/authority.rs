//! Who may open rooms, and who is made owner.
//!
//! A server that wants a token for it says so in its disco#info ([`xmpp::hosts`]): it has people without one on a
//! domain of their own, judges tokens that come over HTTP, and makes owners by itself. Behind another server
//! `moderators.login_domain` says on which domain people are who have logged in, as with Jicofo.

use xmpp::Jid;

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// The server has not yet said whether it does.
    Unknown,
    /// Nobody: everybody opens rooms, and the first person of one is made owner, if that is configured.
    Nobody,
    /// Whoever is on this domain has logged in: each of them opens rooms and is made owner.
    Domain(String),
    /// The server: whoever is on this domain of it has a token.
    Server(String),
}

/// Who asks for a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// Somebody with an address.
    Person(Jid),
    /// Somebody who came over HTTP, with a token or without one.
    Http(Option<Token>),
    /// Somebody who has been judged.
    Judged,
}

/// A token, a bearer secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Whether a room may be opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// It may.
    Opens,
    /// It may not.
    Refused,
    /// It is to be asked again when more is known.
    Later,
    /// The server knows.
    AskServer(&'a Token),
}

impl Authority {
    /// What is decided about a room that is not there.
    pub fn judge<'a>(&self, bearer: &'a Bearer) -> Judgement<'a> {
        match (self, bearer) {
            (_, Bearer::Judged) | (Self::Nobody, _) => Judgement::Opens,
            (Self::Unknown, _) => Judgement::Later,
            (Self::Domain(domain) | Self::Server(domain), Bearer::Person(person)) => {
                match person.domain().as_str() == domain {
                    true => Judgement::Opens,
                    false => Judgement::Refused,
                }
            }
            (Self::Server(_), Bearer::Http(Some(token))) => Judgement::AskServer(token),
            (Self::Domain(_) | Self::Server(_), Bearer::Http(_)) => Judgement::Refused,
        }
    }

    /// Whether people log in here.
    pub fn knows_logins(&self) -> bool {
        matches!(self, Self::Domain(_) | Self::Server(_))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn rooms_are_opened_by_whom_the_authority_knows() {
        use Judgement::{AskServer, Later, Opens, Refused};
        let token = Token("t".into());
        let host = Bearer::Person(Jid::new("u@d/r").unwrap());
        let guest = Bearer::Person(Jid::new("u@guest.d/r").unwrap());
        // What an occupant of another room sends comes from its address there.
        let occupant = Bearer::Person(Jid::new("room@muc.d/u").unwrap());
        let bearers = [
            host,
            guest,
            occupant,
            Bearer::Http(Some(token.clone())),
            Bearer::Http(None),
            Bearer::Judged,
        ];
        let ask = || AskServer(&token);
        for (authority, expected) in [
            (
                Authority::Unknown,
                [Later, Later, Later, Later, Later, Opens],
            ),
            (
                Authority::Nobody,
                [Opens, Opens, Opens, Opens, Opens, Opens],
            ),
            (
                Authority::Domain("d".into()),
                [Opens, Refused, Refused, Refused, Refused, Opens],
            ),
            (
                Authority::Server("d".into()),
                [Opens, Refused, Refused, ask(), Refused, Opens],
            ),
        ] {
            for (bearer, expected) in bearers.iter().zip(expected) {
                assert_eq!(
                    authority.judge(bearer),
                    expected,
                    "{authority:?} {bearer:?}"
                );
            }
        }
    }
}
