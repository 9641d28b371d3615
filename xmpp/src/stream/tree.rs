//! Elements out of parser events, within [`Limits`].

use rxml::{AttrMap, Namespace, NcName};

use super::{Limits, StreamCondition, StreamError};
use crate::Element;
use crate::ns;

/// Builds one element at a time.
#[derive(Debug)]
pub(super) struct Tree {
    stack: Vec<Element>,
    elements: usize,
    limits: Limits,
    /// Namespaces that stand for another: the first is what the peer wrote.
    substitutes: &'static [(&'static str, &'static str)],
}

impl Tree {
    pub(super) fn new(
        limits: Limits,
        substitutes: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            stack: Vec::new(),
            elements: 0,
            limits,
            substitutes,
        }
    }

    /// Whether no element is open.
    pub(super) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    pub(super) fn start(
        &mut self,
        namespace: Namespace<'static>,
        name: NcName,
        attributes: AttrMap,
    ) -> Result<(), StreamError> {
        if self.stack.len() == self.limits.depth {
            return Err(exceeded("elements deeper", self.limits.depth));
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(exceeded("more elements", self.limits.elements));
        }
        check_names(&self.limits, &name, &attributes)?;
        // No default namespace may be this one (Namespaces in XML 1.0 §3), so strict readers would refuse the copy that we write.
        if *namespace == *ns::XML {
            let error = StreamError::new(StreamCondition::BadNamespacePrefix);
            return Err(error.with_text("an element whose prefix is xml"));
        }
        let substitute = self
            .substitutes
            .iter()
            .find(|(from, _)| *from == &*namespace);
        let mut element = match substitute {
            Some((_, to)) => Element::bare(String::from(name), *to),
            None => Element::bare(String::from(name), namespace),
        };
        *element.attrs_mut() = attributes;
        self.stack.push(element);
        Ok(())
    }

    pub(super) fn text(&mut self, text: String) {
        if let Some(top) = self.stack.last_mut() {
            top.append_text(text);
        }
    }

    /// Ends the innermost element; returns the outermost when it is complete.
    pub(super) fn end(&mut self) -> Option<Element> {
        let element = self.stack.pop()?;
        match self.stack.last_mut() {
            Some(parent) => {
                parent.append_child(element);
                None
            }
            None => {
                self.elements = 0;
                Some(element)
            }
        }
    }
}

/// Checks the number of attributes and the length of names of one element.
pub(super) fn check_names(
    limits: &Limits,
    name: &NcName,
    attributes: &AttrMap,
) -> Result<(), StreamError> {
    if attributes.len() > limits.attributes {
        return Err(exceeded("more attributes", limits.attributes));
    }
    let longest = attributes
        .names()
        .map(|(_, name)| name.len())
        .max()
        .unwrap_or(0);
    if longest.max(name.len()) > limits.name_bytes {
        return Err(exceeded("a name longer", limits.name_bytes));
    }
    Ok(())
}

pub(super) fn exceeded(what: &str, limit: usize) -> StreamError {
    StreamError::new(StreamCondition::PolicyViolation).with_text(format!("{what} than {limit}"))
}
