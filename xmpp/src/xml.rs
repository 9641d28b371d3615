//! Reading and building [`Element`]s with plain string names, and the error of every typed view.

use std::fmt::Display;
use std::str::FromStr;

use minidom::Element;
use rxml::{Namespace, NcName};

/// Why an element is not what a typed view wants. Each variant names the element and, where there
/// is one, the attribute, so that the sender of the stanza can be told what to repair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A different element stands where `expected` should.
    #[error("expected <{expected}/>, found <{found}/>")]
    Unexpected {
        /// Name of the element that was expected.
        expected: &'static str,
        /// Name of the element that is there.
        found: String,
    },
    /// A mandatory attribute is absent.
    #[error("<{element}/> lacks the attribute '{attribute}'")]
    MissingAttribute {
        /// Name of the element.
        element: String,
        /// Name of the attribute.
        attribute: &'static str,
    },
    /// An attribute's value cannot be understood.
    #[error("attribute '{attribute}' of <{element}/> is not valid: '{value}'")]
    InvalidAttribute {
        /// Name of the element.
        element: String,
        /// Name of the attribute.
        attribute: &'static str,
        /// The value, cut to 64 characters.
        value: String,
    },
    /// A mandatory child element is absent.
    #[error("<{element}/> lacks the child <{child}/>")]
    MissingChild {
        /// Name of the element.
        element: String,
        /// Name of the missing child.
        child: &'static str,
    },
    /// An element's text or children cannot be understood.
    #[error("content of <{element}/> is not valid: {reason}")]
    InvalidContent {
        /// Name of the element.
        element: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An element has more children of a kind than a receiver accepts.
    #[error("<{element}/> has more than {limit} <{child}/>")]
    TooMany {
        /// Name of the element.
        element: String,
        /// Name of the children.
        child: &'static str,
        /// The largest accepted number.
        limit: usize,
    },
}

impl ParseError {
    /// [`ParseError::InvalidAttribute`] for `attribute` of `element` as it is.
    pub fn invalid(element: &Element, attribute: &'static str) -> Self {
        Self::InvalidAttribute {
            element: element.name().to_owned(),
            attribute,
            value: cut(element.attr(attribute).unwrap_or_default()),
        }
    }

    /// [`ParseError::InvalidContent`] for `element`.
    pub fn content(element: &Element, reason: impl Display) -> Self {
        Self::InvalidContent {
            element: element.name().to_owned(),
            reason: cut(&reason.to_string()),
        }
    }

    /// [`ParseError::MissingChild`] for `element`.
    pub fn missing_child(element: &Element, child: &'static str) -> Self {
        Self::MissingChild {
            element: element.name().to_owned(),
            child,
        }
    }
}

/// Cuts `text` to 64 characters, so that remote input does not fill logs and error stanzas.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

/// A new element without attributes and children.
pub fn element(name: &str, namespace: &str) -> Element {
    Element::bare(name, namespace)
}

/// Building and reading of elements with plain string attribute names.
///
/// Attribute names given to the writing methods must be XML names; they are literals of the
/// program, never remote input.
pub trait ElementExt: Sized {
    /// Sets an attribute without a namespace.
    fn put_attr(&mut self, name: &str, value: impl Display);
    /// Removes an attribute without a namespace and returns its value.
    fn take_attr(&mut self, name: &str) -> Option<String>;
    /// The element with an attribute set.
    #[must_use]
    fn with_attr(self, name: &str, value: impl Display) -> Self;
    /// The element with an attribute set if there is a value.
    #[must_use]
    fn with_opt(self, name: &str, value: Option<impl Display>) -> Self;
    /// The element with the attribute set to `true`, if `value` is true; else unchanged.
    #[must_use]
    fn with_flag(self, name: &str, value: bool) -> Self;
    /// The element with a child appended.
    #[must_use]
    fn with_child(self, child: impl Into<Element>) -> Self;
    /// The element with children appended.
    #[must_use]
    fn with_children<C: Into<Element>>(self, children: impl IntoIterator<Item = C>) -> Self;
    /// The element with text appended.
    #[must_use]
    fn with_text(self, text: impl Into<String>) -> Self;
    /// Fails unless the element has this name and namespace.
    ///
    /// # Errors
    /// [`ParseError::Unexpected`].
    fn expect_is(&self, name: &'static str, namespace: &str) -> Result<(), ParseError>;
    /// A mandatory attribute.
    ///
    /// # Errors
    /// [`ParseError::MissingAttribute`].
    fn required(&self, name: &'static str) -> Result<&str, ParseError>;
    /// A mandatory attribute, parsed.
    ///
    /// # Errors
    /// [`ParseError::MissingAttribute`], [`ParseError::InvalidAttribute`].
    fn required_as<T: FromStr>(&self, name: &'static str) -> Result<T, ParseError>;
    /// An optional attribute, parsed.
    ///
    /// # Errors
    /// [`ParseError::InvalidAttribute`].
    fn optional_as<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ParseError>;
    /// An optional attribute, owned.
    fn optional(&self, name: &'static str) -> Option<String>;
    /// An optional boolean attribute: `true`, `1`, `false`, `0` (XML Schema §3.3.2), letters in
    /// either case.
    ///
    /// # Errors
    /// [`ParseError::InvalidAttribute`].
    fn flag(&self, name: &'static str) -> Result<Option<bool>, ParseError>;
    /// Children with this name and namespace.
    fn children_named<'a>(
        &'a self,
        name: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Element>;
    /// Views of all children with this name and namespace, at most `limit` of them.
    ///
    /// # Errors
    /// [`ParseError::TooMany`], and what the view's parser returns.
    fn views<'a, T>(
        &'a self,
        name: &'static str,
        namespace: &str,
        limit: usize,
    ) -> Result<Vec<T>, ParseError>
    where
        T: TryFrom<&'a Element, Error = ParseError>;
    /// View of the first child with this name and namespace.
    ///
    /// # Errors
    /// What the view's parser returns.
    fn view<'a, T>(&'a self, name: &str, namespace: &str) -> Result<Option<T>, ParseError>
    where
        T: TryFrom<&'a Element, Error = ParseError>;
}

impl ElementExt for Element {
    fn put_attr(&mut self, name: &str, value: impl Display) {
        let name = NcName::try_from(name).expect("attribute names are XML names of the program");
        self.attrs_mut()
            .insert(Namespace::NONE, name, value.to_string());
    }

    fn take_attr(&mut self, name: &str) -> Option<String> {
        self.attrs_mut().remove(&Namespace::NONE, name)
    }

    fn with_attr(mut self, name: &str, value: impl Display) -> Self {
        self.put_attr(name, value);
        self
    }

    fn with_opt(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with_attr(name, value),
            None => self,
        }
    }

    fn with_flag(self, name: &str, value: bool) -> Self {
        if value {
            self.with_attr(name, "true")
        } else {
            self
        }
    }

    fn with_child(mut self, child: impl Into<Element>) -> Self {
        self.append_child(child.into());
        self
    }

    fn with_children<C: Into<Element>>(mut self, children: impl IntoIterator<Item = C>) -> Self {
        for child in children {
            self.append_child(child.into());
        }
        self
    }

    fn with_text(mut self, text: impl Into<String>) -> Self {
        self.append_text(text);
        self
    }

    fn expect_is(&self, name: &'static str, namespace: &str) -> Result<(), ParseError> {
        if self.is(name, namespace) {
            Ok(())
        } else {
            Err(ParseError::Unexpected {
                expected: name,
                found: cut(self.name()),
            })
        }
    }

    fn required(&self, name: &'static str) -> Result<&str, ParseError> {
        self.attr(name).ok_or_else(|| ParseError::MissingAttribute {
            element: self.name().to_owned(),
            attribute: name,
        })
    }

    fn required_as<T: FromStr>(&self, name: &'static str) -> Result<T, ParseError> {
        self.required(name)?
            .parse()
            .map_err(|_| ParseError::invalid(self, name))
    }

    fn optional_as<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ParseError> {
        match self.attr(name) {
            None => Ok(None),
            Some(value) => match value.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(ParseError::invalid(self, name)),
            },
        }
    }

    fn optional(&self, name: &'static str) -> Option<String> {
        self.attr(name).map(str::to_owned)
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, ParseError> {
        match self.attr(name) {
            None => Ok(None),
            Some(value) => parse_bool(value)
                .map(Some)
                .ok_or_else(|| ParseError::invalid(self, name)),
        }
    }

    fn children_named<'a>(
        &'a self,
        name: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Element> {
        self.children()
            .filter(move |child| child.is(name, namespace))
    }

    fn views<'a, T>(
        &'a self,
        name: &'static str,
        namespace: &str,
        limit: usize,
    ) -> Result<Vec<T>, ParseError>
    where
        T: TryFrom<&'a Element, Error = ParseError>,
    {
        let mut views = Vec::new();
        for child in self.children().filter(|child| child.is(name, namespace)) {
            if views.len() == limit {
                return Err(ParseError::TooMany {
                    element: self.name().to_owned(),
                    child: name,
                    limit,
                });
            }
            views.push(T::try_from(child)?);
        }
        Ok(views)
    }

    fn view<'a, T>(&'a self, name: &str, namespace: &str) -> Result<Option<T>, ParseError>
    where
        T: TryFrom<&'a Element, Error = ParseError>,
    {
        self.get_child(name, namespace).map(T::try_from).transpose()
    }
}

/// Parses a boolean of XML Schema; letters in either case.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
