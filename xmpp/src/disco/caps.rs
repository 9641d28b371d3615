//! Entity capabilities (XEP-0115): a hash over what an entity can do, so that others ask once for
//! each kind of entity and not for each entity.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::Info;
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// A `<c/>` of a presence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caps {
    /// Software, as a URL.
    pub node: String,
    /// Hash over what it can do.
    pub ver: String,
    /// Hash function, `sha-1`.
    pub hash: String,
}

impl Caps {
    /// Capabilities of software that can do this.
    pub fn of(node: impl Into<String>, info: &Info) -> Self {
        Self {
            node: node.into(),
            ver: info.caps_ver(),
            hash: "sha-1".to_owned(),
        }
    }

    /// The capabilities in a presence.
    pub fn in_presence(presence: &Element) -> Option<Self> {
        Self::try_from(presence.get_child("c", ns::CAPS)?).ok()
    }

    /// The node to ask for what the hash stands for.
    pub fn query_node(&self) -> String {
        format!("{}#{}", self.node, self.ver)
    }

    /// Whether the answer to a question for these capabilities is true: only then may it be
    /// remembered for others (XEP-0115 §5.4).
    pub fn matches(&self, info: &Info) -> bool {
        self.hash.eq_ignore_ascii_case("sha-1") && self.ver == info.caps_ver()
    }
}

impl Info {
    /// The verification string with SHA-1 (XEP-0115 §5.1).
    pub fn caps_ver(&self) -> String {
        let mut text = String::new();
        let mut push = |part: &str| {
            text.push_str(part);
            text.push('<');
        };
        let mut identities: Vec<_> = self
            .identities
            .iter()
            .map(|i| {
                let name = i.name.as_deref().unwrap_or_default();
                format!("{}/{}/{}/{name}", i.category, i.kind, i.lang)
            })
            .collect();
        identities.sort_unstable();
        identities.iter().for_each(|identity| push(identity));
        let mut features: Vec<_> = self.features.iter().collect();
        features.sort_unstable();
        features.dedup();
        features.into_iter().for_each(|feature| push(feature));
        let mut forms: Vec<_> = self
            .forms
            .iter()
            .filter_map(|form| Some((form.form_type()?, form)))
            .collect();
        forms.sort_by_key(|(form_type, _)| *form_type);
        for (form_type, form) in forms {
            push(form_type);
            let mut fields: Vec<_> = form
                .fields
                .iter()
                .filter(|f| f.var != "FORM_TYPE")
                .collect();
            fields.sort_by(|a, b| a.var.cmp(&b.var));
            for field in fields {
                push(&field.var);
                let mut values: Vec<_> = field.values.iter().collect();
                values.sort_unstable();
                values.into_iter().for_each(|value| push(value));
            }
        }
        STANDARD.encode(Sha1::digest(text))
    }
}

impl TryFrom<&Element> for Caps {
    type Error = ParseError;

    fn try_from(caps: &Element) -> Result<Self, ParseError> {
        caps.expect_is("c", ns::CAPS)?;
        Ok(Self {
            node: caps.required("node")?.to_owned(),
            ver: caps.required("ver")?.to_owned(),
            hash: caps.required("hash")?.to_owned(),
        })
    }
}

impl From<&Caps> for Element {
    fn from(caps: &Caps) -> Self {
        element("c", ns::CAPS)
            .with_attr("hash", &caps.hash)
            .with_attr("node", &caps.node)
            .with_attr("ver", &caps.ver)
    }
}
