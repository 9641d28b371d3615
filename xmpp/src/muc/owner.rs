//! Configuration of rooms (XEP-0045 §10).

use super::Destroy;
use crate::dataform::{DataForm, FormType};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// A `<query xmlns='http://jabber.org/protocol/muc#owner'/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerQuery {
    /// The configuration form; absent when it is asked for.
    pub form: Option<DataForm>,
    /// The room shall end.
    pub destroy: Option<Destroy>,
}

impl OwnerQuery {
    /// Asks for the form.
    pub fn request() -> Self {
        Self::default()
    }

    /// A query that carries this form.
    pub fn with_form(form: DataForm) -> Self {
        Self {
            form: Some(form),
            destroy: None,
        }
    }

    /// A form to submit: `FORM_TYPE` and these fields.
    pub fn submit<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let form = DataForm::new(FormType::Submit, ns::MUC_ROOMCONFIG);
        Self::with_form(
            fields
                .into_iter()
                .fold(form, |form, (var, value)| form.with(var, value)),
        )
    }

    /// Whether the payload is such a query.
    pub fn is(payload: &Element) -> bool {
        payload.is("query", ns::MUC_OWNER)
    }
}

impl TryFrom<&Element> for OwnerQuery {
    type Error = ParseError;

    fn try_from(query: &Element) -> Result<Self, ParseError> {
        query.expect_is("query", ns::MUC_OWNER)?;
        Ok(Self {
            form: query.view("x", ns::DATA)?,
            destroy: query
                .get_child("destroy", ns::MUC_OWNER)
                .map(|destroy| Destroy::parse(destroy, ns::MUC_OWNER)),
        })
    }
}

impl From<&OwnerQuery> for Element {
    fn from(query: &OwnerQuery) -> Self {
        element("query", ns::MUC_OWNER)
            .with_children(&query.form)
            .with_children(query.destroy.iter().map(|d| d.render(ns::MUC_OWNER)))
    }
}
