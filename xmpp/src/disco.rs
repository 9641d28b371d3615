//! Service discovery (XEP-0030) and entity capabilities (XEP-0115).

mod caps;

pub use caps::Caps;

use crate::dataform::DataForm;
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children.
const MAX_FEATURES: usize = 1024;
const MAX_IDENTITIES: usize = 256;
const MAX_ITEMS: usize = 4096;
const MAX_FORMS: usize = 16;

/// What kind of thing an entity is (XEP-0030 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Category, such as `server`, `conference`, `component`.
    pub category: String,
    /// Type within the category.
    pub kind: String,
    /// Language of the name.
    pub lang: String,
    /// Name for people; Jitsi's components put their address here.
    pub name: Option<String>,
}

impl Identity {
    /// An identity.
    pub fn new(category: &str, kind: &str, name: Option<&str>) -> Self {
        Self {
            category: category.to_owned(),
            kind: kind.to_owned(),
            lang: String::new(),
            name: name.map(str::to_owned),
        }
    }
}

impl TryFrom<&Element> for Identity {
    type Error = ParseError;

    fn try_from(identity: &Element) -> Result<Self, ParseError> {
        identity.expect_is("identity", ns::DISCO_INFO)?;
        Ok(Self {
            category: identity.required("category")?.to_owned(),
            kind: identity.required("type")?.to_owned(),
            lang: identity
                .attr_ns(ns::XML, "lang")
                .unwrap_or_default()
                .to_owned(),
            name: identity.optional("name"),
        })
    }
}

impl From<&Identity> for Element {
    fn from(identity: &Identity) -> Self {
        let mut out = element("identity", ns::DISCO_INFO)
            .with_attr("category", &identity.category)
            .with_attr("type", &identity.kind)
            .with_opt("name", identity.name.as_deref());
        if !identity.lang.is_empty() {
            let lang = "lang".try_into().expect("an XML name");
            out.attrs_mut()
                .insert(rxml::Namespace::XML, lang, identity.lang.clone());
        }
        out
    }
}

/// What an entity is and can do: the content of a disco#info answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Node that was asked.
    pub node: Option<String>,
    /// At least one, in an answer that keeps to XEP-0030.
    pub identities: Vec<Identity>,
    /// Namespaces.
    pub features: Vec<String>,
    /// Extended information (XEP-0128).
    pub forms: Vec<DataForm>,
}

impl Info {
    /// Nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// With an identity added.
    #[must_use]
    pub fn with_identity(mut self, category: &str, kind: &str, name: Option<&str>) -> Self {
        self.identities.push(Identity::new(category, kind, name));
        self
    }

    /// With a feature added.
    #[must_use]
    pub fn with_feature(mut self, feature: impl Into<String>) -> Self {
        self.features.push(feature.into());
        self
    }

    /// With features added.
    #[must_use]
    pub fn with_features<'a>(mut self, features: impl IntoIterator<Item = &'a str>) -> Self {
        self.features
            .extend(features.into_iter().map(str::to_owned));
        self
    }

    /// With a form added.
    #[must_use]
    pub fn with_form(mut self, form: DataForm) -> Self {
        self.forms.push(form);
        self
    }

    /// Whether a feature is there.
    pub fn has_feature(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    /// The form with this `FORM_TYPE`.
    pub fn form(&self, form_type: &str) -> Option<&DataForm> {
        self.forms
            .iter()
            .find(|form| form.form_type() == Some(form_type))
    }
}

/// The payload of a disco#info request.
pub fn info_request(node: Option<&str>) -> Element {
    element("query", ns::DISCO_INFO).with_opt("node", node)
}

/// Whether the payload is a disco#info request or answer.
pub fn is_info(payload: &Element) -> bool {
    payload.is("query", ns::DISCO_INFO)
}

/// Whether the payload is a disco#items request or answer.
pub fn is_items(payload: &Element) -> bool {
    payload.is("query", ns::DISCO_ITEMS)
}

impl TryFrom<&Element> for Info {
    type Error = ParseError;

    fn try_from(query: &Element) -> Result<Self, ParseError> {
        query.expect_is("query", ns::DISCO_INFO)?;
        let mut features = Vec::new();
        for feature in query.children_named("feature", ns::DISCO_INFO) {
            if features.len() == MAX_FEATURES {
                return Err(ParseError::TooMany {
                    element: "query".to_owned(),
                    child: "feature",
                    limit: MAX_FEATURES,
                });
            }
            features.push(feature.required("var")?.to_owned());
        }
        Ok(Self {
            node: query.optional("node"),
            identities: query.views("identity", ns::DISCO_INFO, MAX_IDENTITIES)?,
            features,
            forms: query.views("x", ns::DATA, MAX_FORMS)?,
        })
    }
}

impl From<&Info> for Element {
    fn from(info: &Info) -> Self {
        element("query", ns::DISCO_INFO)
            .with_opt("node", info.node.as_deref())
            .with_children(&info.identities)
            .with_children(
                info.features
                    .iter()
                    .map(|var| element("feature", ns::DISCO_INFO).with_attr("var", var)),
            )
            .with_children(&info.forms)
    }
}

/// An item of a disco#items answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Address.
    pub jid: String,
    /// Node at the address.
    pub node: Option<String>,
    /// Name for people.
    pub name: Option<String>,
}

impl TryFrom<&Element> for Item {
    type Error = ParseError;

    fn try_from(item: &Element) -> Result<Self, ParseError> {
        item.expect_is("item", ns::DISCO_ITEMS)?;
        Ok(Self {
            jid: item.required("jid")?.to_owned(),
            node: item.optional("node"),
            name: item.optional("name"),
        })
    }
}

impl From<&Item> for Element {
    fn from(item: &Item) -> Self {
        element("item", ns::DISCO_ITEMS)
            .with_attr("jid", &item.jid)
            .with_opt("node", item.node.as_deref())
            .with_opt("name", item.name.as_deref())
    }
}

/// What an entity consists of: the content of a disco#items answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// Node that was asked.
    pub node: Option<String>,
    /// In the order of the answer.
    pub items: Vec<Item>,
}

/// The payload of a disco#items request.
pub fn items_request(node: Option<&str>) -> Element {
    element("query", ns::DISCO_ITEMS).with_opt("node", node)
}

impl TryFrom<&Element> for Items {
    type Error = ParseError;

    fn try_from(query: &Element) -> Result<Self, ParseError> {
        query.expect_is("query", ns::DISCO_ITEMS)?;
        Ok(Self {
            node: query.optional("node"),
            items: query.views("item", ns::DISCO_ITEMS, MAX_ITEMS)?,
        })
    }
}

impl From<&Items> for Element {
    fn from(items: &Items) -> Self {
        element("query", ns::DISCO_ITEMS)
            .with_opt("node", items.node.as_deref())
            .with_children(&items.items)
    }
}
