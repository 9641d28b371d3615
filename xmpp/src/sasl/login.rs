//! The client's side of a login.

use std::fmt;
use std::ops::RangeInclusive;

use sasl::client::Mechanism;
use sasl::client::mechanisms::{Plain, Scram};
use sasl::common::scram::{Sha1, Sha256};
use sasl::common::{ChannelBinding, Credentials};

use super::{SaslError, auth, data_of, response};
use crate::xml::ElementExt;
use crate::{Element, ns};

/// How many hash iterations a server may demand. Fewer would give whoever poses as the server a
/// cheap guess at the password (RFC 5802 §5.1), more would keep this side busy for minutes.
const ITERATIONS: RangeInclusive<u32> = 4096..=1_000_000;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this and wait for an answer.
    Respond(Element),
    /// Logged in: restart the stream.
    Done,
}

/// A login that goes on.
pub struct Login {
    /// `None`: anonymous.
    mechanism: Option<Box<dyn Mechanism + Send>>,
    name: &'static str,
    /// What SCRAM sent first; empty before that.
    first: Vec<u8>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.name)
    }
}

impl Login {
    /// Chooses the strongest mechanism. Without user and password that is ANONYMOUS. PLAIN, which
    /// shows the password to whoever listens, is chosen last and only if `confidential`: the
    /// connection is encrypted or never leaves the process.
    ///
    /// # Errors
    /// [`SaslError::NoMechanism`].
    pub fn choose(
        offered: &[String],
        account: Option<(&str, &str)>,
        confidential: bool,
    ) -> Result<Self, SaslError> {
        let offers = |name: &str| offered.iter().any(|mechanism| mechanism == name);
        let none = || SaslError::NoMechanism {
            offered: offered.to_vec(),
        };
        let Some((user, password)) = account else {
            return if offers("ANONYMOUS") {
                Ok(Self {
                    mechanism: None,
                    name: "ANONYMOUS",
                    first: Vec::new(),
                })
            } else {
                Err(none())
            };
        };
        let credentials = |user: &str| {
            Credentials::default()
                .with_username(user)
                .with_password(password)
                // "n": this side has no channel binding. Any other answer makes a server that
                // offers it refuse the login (RFC 5802 §6).
                .with_channel_binding(ChannelBinding::None)
        };
        // RFC 5802 §5.1, saslname.
        let scram_user = user.replace('=', "=3D").replace(',', "=2C");
        let (name, mechanism): (_, Result<Box<dyn Mechanism + Send>, _>) =
            if offers("SCRAM-SHA-256") {
                let scram = Scram::<Sha256>::from_credentials(credentials(&scram_user));
                ("SCRAM-SHA-256", scram.map(|m| Box::new(m) as _))
            } else if offers("SCRAM-SHA-1") {
                let scram = Scram::<Sha1>::from_credentials(credentials(&scram_user));
                ("SCRAM-SHA-1", scram.map(|m| Box::new(m) as _))
            } else if offers("PLAIN") && confidential {
                let plain = Plain::from_credentials(credentials(user));
                ("PLAIN", plain.map(|m| Box::new(m) as _))
            } else {
                return Err(none());
            };
        let mechanism = mechanism.map_err(|error| SaslError::Mechanism(error.to_string()))?;
        Ok(Self {
            mechanism: Some(mechanism),
            name,
            first: Vec::new(),
        })
    }

    /// Name of the mechanism.
    pub fn mechanism(&self) -> &'static str {
        self.name
    }

    /// The `<auth/>` to send.
    pub fn start(&mut self) -> Element {
        match &mut self.mechanism {
            Some(mechanism) => {
                self.first = mechanism.initial();
                auth(self.name, Some(&self.first))
            }
            None => auth(self.name, None),
        }
    }

    /// Takes the server's answer.
    ///
    /// # Errors
    /// [`SaslError`].
    pub fn handle(&mut self, answer: &Element) -> Result<Step, SaslError> {
        if answer.is("failure", ns::SASL) {
            let mut condition = None;
            let mut text = None;
            for child in answer.children() {
                if child.name() == "text" {
                    text = Some(child.text());
                } else {
                    condition.get_or_insert_with(|| child.name().to_owned());
                }
            }
            return Err(SaslError::Refused {
                condition: condition.unwrap_or_else(|| "not-authorized".to_owned()),
                text,
            });
        }
        let broken = |error: sasl::client::MechanismError| SaslError::Mechanism(error.to_string());
        let data = data_of(answer)?.unwrap_or_default();
        if answer.is("success", ns::SASL) {
            if let Some(mechanism) = &mut self.mechanism {
                mechanism.success(&data).map_err(broken)?;
            }
            return Ok(Step::Done);
        }
        answer.expect_is("challenge", ns::SASL)?;
        if self.name.starts_with("SCRAM") {
            check_challenge(&data, &self.first).map_err(SaslError::Mechanism)?;
        }
        match &mut self.mechanism {
            Some(mechanism) => {
                let data = mechanism.response(&data).map_err(broken)?;
                Ok(Step::Respond(response(&data)))
            }
            None => Ok(Step::Respond(response(&[]))),
        }
    }
}

/// Checks what the library leaves unchecked of a SCRAM challenge (RFC 5802 §5.1, §7): the order of
/// its attributes, that the nonce begins with the client's own, and the number of iterations.
fn check_challenge(challenge: &[u8], first: &[u8]) -> Result<(), String> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned());
    let own_nonce = text(first)?
        .rsplit_once("r=")
        .map(|(_, nonce)| nonce)
        .ok_or("a challenge before the first message")?;
    let mut attributes = text(challenge)?.split(',');
    let mut attribute = |key: &str| {
        attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix(key))
            .ok_or_else(|| format!("the challenge lacks '{key}' in its place"))
    };
    let nonce = attribute("r=")?;
    attribute("s=")?;
    let iterations = attribute("i=")?;
    if nonce.len() <= own_nonce.len() || !nonce.starts_with(own_nonce) {
        return Err("the nonce is not this side's with the server's behind it".to_owned());
    }
    match iterations.parse() {
        Ok(number) if ITERATIONS.contains(&number) => {}
        _ => {
            let (least, most) = ITERATIONS.into_inner();
            return Err(format!("the number of iterations is not {least} to {most}"));
        }
    }
    if attributes.any(|extension| {
        ["r=", "s=", "i=", "m="]
            .iter()
            .any(|key| extension.starts_with(key))
    }) {
        return Err("an attribute comes twice or must be understood and is not".to_owned());
    }
    Ok(())
}
