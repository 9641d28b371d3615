//! Stanza errors (RFC 6120 §8.3).

use std::fmt;
use std::str::FromStr;

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// What the sender of a stanza can do about an error (RFC 6120 §8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Proceed: it was only a warning.
    Continue,
    /// Retry after changing the data sent.
    Modify,
    /// Retry after waiting.
    Wait,
}

impl ErrorType {
    /// The value of the `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Cancel => "cancel",
            Self::Continue => "continue",
            Self::Modify => "modify",
            Self::Wait => "wait",
        }
    }
}

impl FromStr for ErrorType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "auth" => Self::Auth,
            "cancel" => Self::Cancel,
            "continue" => Self::Continue,
            "modify" => Self::Modify,
            "wait" => Self::Wait,
            _ => return Err(()),
        })
    }
}

macro_rules! conditions {
    ($($variant:ident $name:literal $kind:ident $doc:literal;)*) => {
        /// Defined conditions of stanza errors (RFC 6120 §8.3.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Condition {
            $(#[doc = $doc] $variant,)*
        }

        impl Condition {
            /// The name of the element.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The error type that RFC 6120 recommends with this condition.
            pub fn default_type(self) -> ErrorType {
                match self { $(Self::$variant => ErrorType::$kind,)* }
            }
        }

        impl FromStr for Condition {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($name => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

conditions! {
    BadRequest "bad-request" Modify "The stanza cannot be processed as it is.";
    Conflict "conflict" Cancel "A resource or session of that name exists.";
    FeatureNotImplemented "feature-not-implemented" Cancel "The feature is not there.";
    Forbidden "forbidden" Auth "The sender lacks the rights.";
    Gone "gone" Cancel "The recipient is no longer at this address.";
    InternalServerError "internal-server-error" Cancel "A fault of the answering side.";
    ItemNotFound "item-not-found" Cancel "The addressed thing does not exist.";
    JidMalformed "jid-malformed" Modify "An address breaks the rules of addresses.";
    NotAcceptable "not-acceptable" Modify "The request does not meet the recipient's criteria.";
    NotAllowed "not-allowed" Cancel "Nobody may do this.";
    NotAuthorized "not-authorized" Auth "Credentials are needed.";
    PolicyViolation "policy-violation" Modify "A local policy is broken, such as a rate.";
    RecipientUnavailable "recipient-unavailable" Wait "The recipient is away for now.";
    Redirect "redirect" Modify "The recipient is elsewhere, usually for now.";
    RegistrationRequired "registration-required" Auth "Membership is needed.";
    RemoteServerNotFound "remote-server-not-found" Cancel "The addressed server does not exist.";
    RemoteServerTimeout "remote-server-timeout" Wait "The addressed server did not answer.";
    ResourceConstraint "resource-constraint" Wait "Too busy or a limit is reached.";
    ServiceUnavailable "service-unavailable" Cancel "The service is not provided.";
    SubscriptionRequired "subscription-required" Auth "A subscription is needed.";
    UndefinedCondition "undefined-condition" Cancel "None of the others; see the application's own element.";
    UnexpectedRequest "unexpected-request" Wait "The request came out of order.";
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stanza error (RFC 6120 §8.3.2): type, defined condition, optional text for people, optional
/// elements of the application.
#[derive(Clone, Debug, PartialEq)]
pub struct StanzaError {
    /// What the sender can do about it.
    pub kind: ErrorType,
    /// The defined condition.
    pub condition: Condition,
    /// Text for people.
    pub text: Option<String>,
    /// Elements that refine the condition.
    pub application: Vec<Element>,
}

impl StanzaError {
    /// An error with the type that RFC 6120 recommends for the condition.
    pub fn new(condition: Condition) -> Self {
        Self {
            kind: condition.default_type(),
            condition,
            text: None,
            application: Vec::new(),
        }
    }

    /// The error with another type.
    #[must_use]
    pub fn with_type(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }

    /// The error with a text for people.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The error with an application element added.
    #[must_use]
    pub fn with_application(mut self, element: impl Into<Element>) -> Self {
        self.application.push(element.into());
        self
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.condition.as_str())?;
        match &self.text {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StanzaError {}

/// A stanza that cannot be parsed is a `bad-request` whose text says why.
impl From<ParseError> for StanzaError {
    fn from(error: ParseError) -> Self {
        Self::new(Condition::BadRequest).with_text(error.to_string())
    }
}

impl From<&StanzaError> for Element {
    fn from(error: &StanzaError) -> Self {
        let mut out = element("error", ns::CLIENT)
            .with_attr("type", error.kind.as_str())
            .with_child(element(error.condition.as_str(), ns::STANZA_ERRORS));
        if let Some(text) = &error.text {
            out.append_child(element("text", ns::STANZA_ERRORS).with_text(text));
        }
        out.with_children(error.application.iter().cloned())
    }
}

impl TryFrom<&Element> for StanzaError {
    type Error = ParseError;

    /// Reads an `<error/>`. A missing or unknown type is taken from the condition, an unknown
    /// condition counts as `undefined-condition` (RFC 6120 §8.3.3.21).
    fn try_from(error: &Element) -> Result<Self, ParseError> {
        error.expect_is("error", ns::CLIENT)?;
        let mut condition = None;
        let mut text = None;
        let mut application = Vec::new();
        for child in error.children() {
            if !child.has_ns(ns::STANZA_ERRORS) {
                application.push(child.clone());
            } else if child.name() == "text" {
                text.get_or_insert_with(|| child.text());
            } else {
                condition = condition.or_else(|| child.name().parse().ok());
            }
        }
        let condition = condition.unwrap_or(Condition::UndefinedCondition);
        Ok(Self {
            kind: error
                .attr("type")
                .and_then(|kind| kind.parse().ok())
                .unwrap_or_else(|| condition.default_type()),
            condition,
            text,
            application,
        })
    }
}
