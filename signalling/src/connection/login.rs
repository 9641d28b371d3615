//! STARTTLS and SASL (RFC 6120 §5, §6): ANONYMOUS on the main domain, with or without a token; SCRAM and PLAIN for
//! accounts.

use super::{Connection, Output, Stage};
use crate::config::AuthMode;
use crate::host::{Guesser, Login, Waiting};
use crate::now::Now;
use crate::render::Writer;
use crate::session::scram::{self, Credentials, Hash, ScramError};
use crate::session::token::{self, Claims, Invalid, Refusal};
use crate::session::{Kind, Profile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp::stream::{StreamCondition, StreamError};
use xmpp::{BareJid, Element, ns};

const ANONYMOUS: &str = "ANONYMOUS";
const PLAIN: &str = "PLAIN";
const SCRAM_SHA_1: &str = "SCRAM-SHA-1";
const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// A SASL exchange that needs another message.
pub(super) enum Exchange {
    /// The mechanism is chosen, the initial response is still to come.
    Start(&'static str),
    /// SCRAM after the first message.
    Scram(Box<scram::Exchange>),
    /// A token whose key is being looked for, until then.
    Key(String, Instant),
}

/// How long a login waits for the key of its token.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a login may wait for the key of its token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Some,
    None,
}

/// Why a login fails.
struct Failure {
    condition: &'static str,
    text: Option<&'static str>,
    kind: FailureKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// The exchange or the token is not good.
    Plain,
    /// The name and the password do not belong together.
    WrongPassword,
    /// The address has guessed too often; nothing was looked at.
    TooMany,
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self {
            condition: invalid.condition,
            text: Some(invalid.reason),
            kind: FailureKind::Plain,
        }
    }
}

fn failure(condition: &'static str) -> Failure {
    Failure {
        condition,
        text: None,
        kind: FailureKind::Plain,
    }
}

fn wrong_password() -> Failure {
    Failure {
        kind: FailureKind::WrongPassword,
        ..failure("not-authorized")
    }
}

/// What a message leads to.
enum Step {
    Challenge(Exchange, String),
    /// Nothing is said yet.
    Wait(Exchange),
    Success(Box<Login>, Option<String>),
}

impl Connection {
    /// Mechanisms for the domain that the stream addresses. None where passwords would travel in the clear.
    fn mechanisms(&self) -> &'static [&'static str] {
        let settings = &self.host.settings;
        if settings.has_people_on(&self.domain) {
            return &[ANONYMOUS];
        }
        let safe =
            self.origin.encrypted || self.origin.address.is_local() || settings.plaintext_auth;
        if safe {
            &[SCRAM_SHA_256, SCRAM_SHA_1, PLAIN]
        } else {
            &[]
        }
    }

    pub(super) fn login_features(&self) -> String {
        let mut writer = Writer::fragment();
        let mechanisms = self.mechanisms();
        if self.origin.can_encrypt && !self.origin.encrypted {
            writer.open("starttls", ns::TLS);
            if mechanisms.is_empty() {
                writer.open("required", ns::TLS).close();
            }
            writer.close();
        }
        if !mechanisms.is_empty() {
            writer.open("mechanisms", ns::SASL);
            for mechanism in mechanisms {
                writer.leaf("mechanism", ns::SASL, mechanism);
            }
            writer.close();
        }
        writer.into_fragment()
    }

    pub(super) fn handle_login(&mut self, element: &Element, now: Now) {
        let offered = self.origin.can_encrypt && !self.origin.encrypted;
        if element.is("starttls", ns::TLS) && offered {
            self.send(format!("<proceed xmlns='{}'/>", ns::TLS));
            self.out.push_back(Output::StartTls);
            return;
        }
        if !element.has_ns(ns::SASL) {
            return self.fail(&StreamError::new(StreamCondition::NotAuthorized));
        }
        let Stage::Negotiating(exchange) = &mut self.stage else {
            return;
        };
        let exchange = exchange.take();
        let step = match (element.name(), exchange) {
            (_, Some(Exchange::Key(..))) => Err(failure("malformed-request")),
            ("auth", _) => self.start(element, now),
            ("response", Some(Exchange::Start(mechanism))) => {
                decode(element).and_then(|message| self.respond(mechanism, &message, now))
            }
            ("response", Some(Exchange::Scram(exchange))) => {
                decode(element).and_then(|message| self.finish_scram(&exchange, &message, now))
            }
            ("abort", _) => Err(failure("aborted")),
            _ => Err(failure("malformed-request")),
        };
        self.take_step(step, now);
    }

    /// When a login that waits for a key has waited long enough.
    pub(super) fn key_deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Negotiating(Some(Exchange::Key(_, until))) => Some(*until),
            _ => None,
        }
    }

    /// A login that waits for a key goes on when the key is there, is not to be had, or takes too long.
    pub(super) fn look_for_key(&mut self, now: Now) {
        let Stage::Negotiating(exchange) = &mut self.stage else {
            return;
        };
        let waits = match exchange {
            Some(Exchange::Key(id, until)) => {
                now.instant < *until && self.host.key_ring.is_wanted(id)
            }
            _ => true,
        };
        if !waits {
            *exchange = None;
            let step = self.anonymous(now, Patience::None);
            self.take_step(step, now);
        }
    }

    fn take_step(&mut self, step: Result<Step, Failure>, now: Now) {
        match step {
            Ok(Step::Wait(exchange)) => self.stage = Stage::Negotiating(Some(exchange)),
            Ok(Step::Challenge(exchange, message)) => {
                self.stage = Stage::Negotiating(Some(exchange));
                let message = BASE64.encode(message);
                self.send(format!(
                    "<challenge xmlns='{}'>{message}</challenge>",
                    ns::SASL
                ));
            }
            Ok(Step::Success(login, message)) => {
                let message = message
                    .map(|message| BASE64.encode(message))
                    .unwrap_or_default();
                self.send(match message.as_str() {
                    "" => format!("<success xmlns='{}'/>", ns::SASL),
                    message => format!("<success xmlns='{}'>{message}</success>", ns::SASL),
                });
                self.stage = Stage::Authenticated(login);
                self.restart = true;
            }
            Err(failure) => self.refuse_login(&failure, now),
        }
    }

    /// The serialisation is literal: lib-jitsi-meet finds the text only like this.
    fn refuse_login(&mut self, failure: &Failure, now: Now) {
        self.host.counters.logins_failed.increase();
        if failure.kind == FailureKind::WrongPassword {
            let attempts = &self.host.login_attempts;
            attempts.handle_failure(self.guesser(), now.instant);
        }
        let text = failure
            .text
            .map(|text| format!("<text>{text}</text>"))
            .unwrap_or_default();
        let condition = failure.condition;
        self.send(format!(
            "<failure xmlns='{}'><{condition}/>{text}</failure>",
            ns::SASL
        ));
        self.failed_logins += 1;
        let many = self.failed_logins >= self.host.settings.limits.login_attempts;
        if many || failure.kind == FailureKind::TooMany {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            self.fail(&error.with_text("too many failed logins"));
        }
    }

    fn guesser(&self) -> Guesser {
        Guesser {
            address: self.origin.address,
            web: self.origin.framing.is_web(),
        }
    }

    /// Refuses who has guessed too often, on whatever connections.
    fn may_try(&self, now: Now) -> Result<(), Failure> {
        let most = self.host.settings.limits.login_attempts_per_address;
        let attempts = &self.host.login_attempts;
        if attempts.may_try(self.guesser(), most, now.instant) {
            return Ok(());
        }
        Err(Failure {
            kind: FailureKind::TooMany,
            ..failure("temporary-auth-failure")
        })
    }

    fn start(&mut self, element: &Element, now: Now) -> Result<Step, Failure> {
        let wanted = element.attr("mechanism").unwrap_or_default();
        let mechanism = self
            .mechanisms()
            .iter()
            .find(|mechanism| **mechanism == wanted)
            .ok_or_else(|| failure("invalid-mechanism"))?;
        if *mechanism != ANONYMOUS && element.text().trim().is_empty() {
            return Ok(Step::Challenge(Exchange::Start(mechanism), String::new()));
        }
        let message = decode(element)?;
        self.respond(mechanism, &message, now)
    }

    fn respond(&mut self, mechanism: &str, message: &[u8], now: Now) -> Result<Step, Failure> {
        match mechanism {
            ANONYMOUS => self.anonymous(now, Patience::Some),
            PLAIN => {
                let (user, password) =
                    scram::parse_plain(message).ok_or_else(|| failure("malformed-request"))?;
                self.may_try(now)?;
                let (login, credentials) = self.candidates(&user, now);
                let fits = Credentials::any_fits(&credentials, &password);
                let login = login.filter(|_| fits).ok_or_else(wrong_password)?;
                Ok(Step::Success(Box::new(login), None))
            }
            _ => {
                let hash = if mechanism == SCRAM_SHA_1 {
                    Hash::Sha1
                } else {
                    Hash::Sha256
                };
                self.may_try(now)?;
                self.start_scram(hash, message, now)
            }
        }
    }

    fn start_scram(&self, hash: Hash, message: &[u8], now: Now) -> Result<Step, Failure> {
        let user = scram::client_first_user(message).map_err(|_| failure("malformed-request"))?;
        let (_, credentials) = self.candidates(&user, now);
        let (exchange, first) = (self.host.random)
            .with(|random| scram::Exchange::start(hash, message, &credentials[0], random))
            .map_err(|_| failure("malformed-request"))?;
        Ok(Step::Challenge(Exchange::Scram(Box::new(exchange)), first))
    }

    fn finish_scram(
        &self,
        exchange: &scram::Exchange,
        message: &[u8],
        now: Now,
    ) -> Result<Step, Failure> {
        self.may_try(now)?;
        let (login, all) = self.candidates(exchange.user(), now);
        for credentials in all {
            match (exchange.finish(message, &credentials), &login) {
                (Ok(proof), Some(login)) => {
                    return Ok(Step::Success(Box::new(login.clone()), Some(proof)));
                }
                (Err(ScramError::Malformed), _) => return Err(failure("malformed-request")),
                (Ok(_), None) | (Err(ScramError::NotAuthorized), _) => {}
            }
        }
        Err(wrong_password())
    }

    /// The account of that name, and what its password is checked by, the current one first. A name that does not exist
    /// here gets something that nothing fits and that costs as much.
    fn candidates(&self, user: &str, now: Now) -> (Option<Login>, Vec<Arc<Credentials>>) {
        let user = user
            .strip_suffix(&format!("@{}", self.domain))
            .unwrap_or(user);
        let address = format!("{user}@{}", self.domain);
        let jid = BareJid::new(&address).ok();
        let login = jid.clone().and_then(|jid| self.account(jid));
        let credentials = match &login {
            Some(login) => {
                let passwords = &self.host.settings.accounts[&login.user].passwords;
                passwords.good(now.instant).collect()
            }
            None => {
                let user = jid.as_ref().map_or(address.as_str(), |jid| jid.as_str());
                let secret = &self.host.login_secret;
                vec![Arc::new(Credentials::impossible(user, secret))]
            }
        };
        (login, credentials)
    }

    /// The account, if it may use this transport.
    fn account(&self, jid: BareJid) -> Option<Login> {
        let account = self.host.settings.accounts.get(&jid)?;
        if self.origin.framing.is_web() && !account.web {
            return None;
        }
        let kind = Kind::Service {
            admin: account.admin,
        };
        Some(self.login(jid, kind, None))
    }

    /// A guest or token user (rooms reference §2.2, §2.3). The user of a session that can be resumed keeps its name.
    fn anonymous(&self, now: Now, patience: Patience) -> Result<Step, Failure> {
        let settings = &self.host.settings;
        let given = self
            .origin
            .query
            .token
            .as_deref()
            .filter(|token| !token.is_empty());
        let claims: Option<Claims> = match (settings.auth, &settings.token, given) {
            (AuthMode::Anonymous, ..) | (_, None, _) | (AuthMode::Both, _, None) => None,
            (AuthMode::Token, _, None) => {
                return Err(Failure {
                    text: Some("token required"),
                    ..failure("not-allowed")
                });
            }
            (_, Some(rules), Some(token)) => {
                match token::verify(token, rules, &self.host.key_ring.keys(), now) {
                    Ok(claims) => Some(claims),
                    Err(Refusal::UnknownKey(id)) if patience == Patience::Some => {
                        let waiting = Waiting::Login(Arc::clone(&self.wake));
                        if !self.host.key_ring.want(&id, waiting) {
                            return Err(Refusal::UnknownKey(id).into_invalid().into());
                        }
                        let until = now.instant + KEY_PATIENCE;
                        return Ok(Step::Wait(Exchange::Key(id, until)));
                    }
                    Err(refusal) => return Err(refusal.into_invalid().into()),
                }
            }
        };
        let previous = self.origin.query.previous.as_deref();
        let known = previous
            .and_then(|id| self.host.user_of_previous(id))
            .filter(|user| settings.has_people_on(user.domain().as_str()));
        let user = known.unwrap_or_else(|| self.host.new_person(claims.is_some()));
        let login = self.login(user, Kind::Guest, claims);
        Ok(Step::Success(Box::new(login), None))
    }

    fn login(&self, user: BareJid, kind: Kind, claims: Option<Claims>) -> Login {
        let query = &self.origin.query;
        Login {
            user,
            kind,
            address: self.origin.address,
            profile: Profile {
                room: query.room.clone(),
                prefix: query.prefix.clone(),
                region: query.region.clone(),
                previous: query
                    .previous
                    .as_deref()
                    .map(crate::room::memory::digest_of),
                claims,
            },
        }
    }
}

fn decode(element: &Element) -> Result<Vec<u8>, Failure> {
    let text = element.text();
    match text.trim() {
        "" | "=" => Ok(Vec::new()),
        text => BASE64
            .decode(text)
            .map_err(|_| failure("incorrect-encoding")),
    }
}
