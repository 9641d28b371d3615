//! STARTTLS and SASL (RFC 6120 §5, §6): ANONYMOUS on the main domain, with or without a token; SCRAM and PLAIN for
//! accounts.

use super::{Connection, Output, Stage};
use crate::config::AuthMode;
use crate::host::Login;
use crate::now::Now;
use crate::render::Writer;
use crate::session::scram::{self, Credentials, Hash, ScramError};
use crate::session::token::{self, Claims, Invalid};
use crate::session::{Kind, Profile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
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
}

/// Why a login fails.
struct Failure {
    condition: &'static str,
    text: Option<&'static str>,
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self {
            condition: invalid.condition,
            text: Some(invalid.reason),
        }
    }
}

fn failure(condition: &'static str) -> Failure {
    Failure {
        condition,
        text: None,
    }
}

/// What a message leads to.
enum Step {
    Challenge(Exchange, String),
    Success(Box<Login>, Option<String>),
}

impl Connection {
    /// Mechanisms for the domain that the stream addresses. None where passwords would travel in the clear.
    fn mechanisms(&self) -> &'static [&'static str] {
        let settings = &self.host.settings;
        if self.domain == settings.names.domain {
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
        match step {
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
            Err(failure) => self.refuse_login(&failure),
        }
    }

    /// The serialisation is literal: lib-jitsi-meet finds the text only like this.
    fn refuse_login(&mut self, failure: &Failure) {
        self.host.counters.logins_failed.increase();
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
        if self.failed_logins >= self.host.settings.limits.login_attempts {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            self.fail(&error.with_text("too many failed logins"));
        }
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
            ANONYMOUS => self
                .anonymous(now)
                .map(|login| Step::Success(Box::new(login), None)),
            PLAIN => {
                let (user, password) =
                    scram::parse_plain(message).ok_or_else(|| failure("malformed-request"))?;
                let login = self.account(&user)?;
                let account = &self.host.settings.accounts[&login.user];
                let mut good = account.passwords.good(now.instant);
                if !good.any(|credentials| credentials.fits(&password)) {
                    return Err(failure("not-authorized"));
                }
                Ok(Step::Success(Box::new(login), None))
            }
            _ => {
                let hash = if mechanism == SCRAM_SHA_1 {
                    Hash::Sha1
                } else {
                    Hash::Sha256
                };
                self.start_scram(hash, message)
            }
        }
    }

    fn start_scram(&self, hash: Hash, message: &[u8]) -> Result<Step, Failure> {
        let user = scram::client_first_user(message).map_err(|_| failure("malformed-request"))?;
        let host = &self.host;
        let account = self.account(&user).ok();
        let (exchange, first) = host
            .random
            .with(|random| {
                let unknown = Credentials::impossible(&user, &host.login_secret);
                let known = account
                    .as_ref()
                    .map(|login| host.settings.accounts[&login.user].passwords.current());
                let credentials = known.as_deref().unwrap_or(&unknown);
                scram::Exchange::start(hash, message, credentials, random)
            })
            .map_err(|_| failure("malformed-request"))?;
        Ok(Step::Challenge(Exchange::Scram(Box::new(exchange)), first))
    }

    fn finish_scram(
        &self,
        exchange: &scram::Exchange,
        message: &[u8],
        now: Now,
    ) -> Result<Step, Failure> {
        let login = self.account(exchange.user())?;
        let account = &self.host.settings.accounts[&login.user];
        for credentials in account.passwords.good(now.instant) {
            match exchange.finish(message, &credentials) {
                Ok(proof) => return Ok(Step::Success(Box::new(login), Some(proof))),
                Err(ScramError::NotAuthorized) => {}
                Err(ScramError::Malformed) => return Err(failure("malformed-request")),
            }
        }
        Err(failure("not-authorized"))
    }

    /// The account of that name on this domain, if it may use this transport.
    fn account(&self, user: &str) -> Result<Login, Failure> {
        let user = user
            .strip_suffix(&format!("@{}", self.domain))
            .unwrap_or(user);
        let unknown = || failure("not-authorized");
        let jid = BareJid::new(&format!("{user}@{}", self.domain)).map_err(|_| unknown())?;
        let account = self.host.settings.accounts.get(&jid).ok_or_else(unknown)?;
        if self.origin.framing.is_web() && !account.web {
            return Err(unknown());
        }
        let kind = Kind::Service {
            admin: account.admin,
        };
        Ok(self.login(jid, kind, None))
    }

    /// A guest or token user (rooms reference §2.2, §2.3). The user of a session that can be resumed keeps its name.
    fn anonymous(&self, now: Now) -> Result<Login, Failure> {
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
                    condition: "not-allowed",
                    text: Some("token required"),
                });
            }
            (_, Some(rules), Some(token)) => {
                Some(token::verify(token, rules, &self.host.keys(), now)?)
            }
        };
        let previous = self.origin.query.previous.as_deref();
        let known = previous
            .and_then(|id| self.host.user_of_previous(id))
            .filter(|user| user.domain().as_str() == settings.names.domain);
        let user = match known {
            Some(user) => user,
            None => BareJid::new(&format!(
                "{}@{}",
                self.host.random.uuid(),
                settings.names.domain
            ))
            .expect("a UUID and a checked domain make an address"),
        };
        Ok(self.login(user, Kind::Guest, claims))
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
