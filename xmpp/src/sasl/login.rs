//! The client's side of a login.

use std::fmt;

use sasl::client::Mechanism;
use sasl::client::mechanisms::{Plain, Scram};
use sasl::common::Credentials;
use sasl::common::scram::{Sha1, Sha256};

use super::{SaslError, auth, data_of, response};
use crate::xml::ElementExt;
use crate::{Element, ns};

/// The largest number of hash iterations that a server may demand; more is a denial of service.
const MAX_ITERATIONS: u32 = 1_000_000;

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
                })
            } else {
                Err(none())
            };
        };
        let credentials = Credentials::default()
            .with_username(user)
            .with_password(password);
        let (name, mechanism): (_, Result<Box<dyn Mechanism + Send>, _>) =
            if offers("SCRAM-SHA-256") {
                let scram = Scram::<Sha256>::from_credentials(credentials);
                ("SCRAM-SHA-256", scram.map(|m| Box::new(m) as _))
            } else if offers("SCRAM-SHA-1") {
                let scram = Scram::<Sha1>::from_credentials(credentials);
                ("SCRAM-SHA-1", scram.map(|m| Box::new(m) as _))
            } else if offers("PLAIN") && confidential {
                let plain = Plain::from_credentials(credentials);
                ("PLAIN", plain.map(|m| Box::new(m) as _))
            } else {
                return Err(none());
            };
        let mechanism = mechanism.map_err(|error| SaslError::Mechanism(error.to_string()))?;
        Ok(Self {
            mechanism: Some(mechanism),
            name,
        })
    }

    /// Name of the mechanism.
    pub fn mechanism(&self) -> &'static str {
        self.name
    }

    /// The `<auth/>` to send.
    pub fn start(&mut self) -> Element {
        match &mut self.mechanism {
            Some(mechanism) => auth(self.name, Some(&mechanism.initial())),
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
        check_iterations(&data)?;
        match &mut self.mechanism {
            Some(mechanism) => {
                let data = mechanism.response(&data).map_err(broken)?;
                Ok(Step::Respond(response(&data)))
            }
            None => Ok(Step::Respond(response(&[]))),
        }
    }
}

/// Refuses a SCRAM challenge (RFC 5802 §7) that would keep this side busy for minutes.
fn check_iterations(challenge: &[u8]) -> Result<(), SaslError> {
    let iterations = challenge
        .split(|byte| *byte == b',')
        .find_map(|part| part.strip_prefix(b"i="))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse::<u32>().ok());
    match iterations {
        Some(iterations) if iterations > MAX_ITERATIONS => Err(SaslError::Mechanism(format!(
            "{iterations} iterations, more than {MAX_ITERATIONS}"
        ))),
        _ => Ok(()),
    }
}
