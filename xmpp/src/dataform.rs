//! Data forms (XEP-0004).

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of fields and of values of a field.
const MAX_FIELDS: usize = 256;
const MAX_VALUES: usize = 1024;

/// Purpose of a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FormType {
    /// To be filled in.
    #[default]
    Form,
    /// Filled in.
    Submit,
    /// Not to be filled in.
    Cancel,
    /// Data, not to be filled in.
    Result,
}

impl FormType {
    /// The value of the `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Submit => "submit",
            Self::Cancel => "cancel",
            Self::Result => "result",
        }
    }
}

/// A question or an answer of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub var: String,
    /// Kind of the field, such as `boolean`, `hidden`, `text-single`, `list-single`.
    pub kind: Option<String>,
    /// Text for people.
    pub label: Option<String>,
    /// In order; one for most types, several for `jid-multi`, `list-multi` and `text-multi`.
    pub values: Vec<String>,
    /// Values to choose from.
    pub options: Vec<String>,
}

impl Field {
    /// A field with one value and no kind, as submitted forms have.
    pub fn new(var: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            var: var.into(),
            values: vec![value.into()],
            ..Self::default()
        }
    }

    /// The field with a kind.
    #[must_use]
    pub fn with_kind(mut self, kind: &str) -> Self {
        self.kind = Some(kind.to_owned());
        self
    }

    /// The field with a text for people.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        self.label = Some(label.to_owned());
        self
    }
}

/// Questions, or the answers to them (XEP-0004).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataForm {
    /// Purpose.
    pub kind: FormType,
    /// Title for people.
    pub title: Option<String>,
    /// Fields, `FORM_TYPE` among them.
    pub fields: Vec<Field>,
}

impl DataForm {
    /// A form with a `FORM_TYPE` (XEP-0068).
    pub fn new(kind: FormType, form_type: &str) -> Self {
        Self {
            kind,
            title: None,
            fields: vec![Field::new("FORM_TYPE", form_type).with_kind("hidden")],
        }
    }

    /// The form with a field that has one value.
    #[must_use]
    pub fn with(mut self, var: &str, value: impl Into<String>) -> Self {
        self.fields.push(Field::new(var, value));
        self
    }

    /// The form with a field.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// The `FORM_TYPE`.
    pub fn form_type(&self) -> Option<&str> {
        self.value("FORM_TYPE")
    }

    /// The first field of that name.
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var == var)
    }

    /// The first value of a field.
    pub fn value(&self, var: &str) -> Option<&str> {
        self.field(var)?.values.first().map(String::as_str)
    }

    /// A boolean field (XEP-0004 §3.3): `1`, `true`, `0`, `false`.
    pub fn flag(&self, var: &str) -> Option<bool> {
        crate::xml::parse_bool(self.value(var)?.trim())
    }

    /// The form inside an element, if there is one that can be understood.
    pub fn inside(parent: &Element) -> Option<Self> {
        Self::try_from(parent.get_child("x", ns::DATA)?).ok()
    }
}

impl TryFrom<&Element> for DataForm {
    type Error = ParseError;

    fn try_from(form: &Element) -> Result<Self, ParseError> {
        form.expect_is("x", ns::DATA)?;
        let kind = match form.attr("type") {
            None | Some("form") => FormType::Form,
            Some("submit") => FormType::Submit,
            Some("cancel") => FormType::Cancel,
            Some("result") => FormType::Result,
            Some(_) => return Err(ParseError::invalid(form, "type")),
        };
        Ok(Self {
            kind,
            title: form.get_child("title", ns::DATA).map(Element::text),
            fields: form.views("field", ns::DATA, MAX_FIELDS)?,
        })
    }
}

impl TryFrom<&Element> for Field {
    type Error = ParseError;

    fn try_from(field: &Element) -> Result<Self, ParseError> {
        field.expect_is("field", ns::DATA)?;
        let mut values = Vec::new();
        for value in field.children_named("value", ns::DATA) {
            if values.len() == MAX_VALUES {
                return Err(ParseError::TooMany {
                    element: "field".to_owned(),
                    child: "value",
                    limit: MAX_VALUES,
                });
            }
            values.push(value.text());
        }
        Ok(Self {
            // A field of kind "fixed" may have no name.
            var: field.attr("var").unwrap_or_default().to_owned(),
            kind: field.optional("type"),
            label: field.optional("label"),
            values,
            options: field
                .children_named("option", ns::DATA)
                .take(MAX_VALUES)
                .filter_map(|option| option.get_child("value", ns::DATA))
                .map(Element::text)
                .collect(),
        })
    }
}

impl From<&DataForm> for Element {
    fn from(form: &DataForm) -> Self {
        let mut out = element("x", ns::DATA).with_attr("type", form.kind.as_str());
        if let Some(title) = &form.title {
            out.append_child(element("title", ns::DATA).with_text(title));
        }
        out.with_children(&form.fields)
    }
}

impl From<&Field> for Element {
    fn from(field: &Field) -> Self {
        let value = |value: &String| element("value", ns::DATA).with_text(value);
        let var = (!field.var.is_empty()).then_some(&field.var);
        element("field", ns::DATA)
            .with_opt("var", var)
            .with_opt("type", field.kind.as_deref())
            .with_opt("label", field.label.as_deref())
            .with_children(field.values.iter().map(value))
            .with_children(
                field
                    .options
                    .iter()
                    .map(|option| element("option", ns::DATA).with_child(value(option))),
            )
    }
}
