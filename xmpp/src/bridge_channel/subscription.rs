//! What a receiver wants to hear.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// Audio sources that a client wants: `exclude` wins over `include`, `include` over `all`.
/// Synthetic sources come only by `include`. Without any message a client hears all real ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Fields")]
pub struct ReceiverAudioSubscription {
    /// All real sources.
    pub all: bool,
    /// These sources.
    pub include: Vec<String>,
    /// Not these sources.
    pub exclude: Vec<String>,
}

impl Default for ReceiverAudioSubscription {
    fn default() -> Self {
        Self {
            all: true,
            include: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

impl ReceiverAudioSubscription {
    /// Whether a source is wanted.
    pub fn wants(&self, source: &str, synthetic: bool) -> bool {
        let listed = |list: &[String]| list.iter().any(|name| name == source);
        !listed(&self.exclude) && (listed(&self.include) || (self.all && !synthetic))
    }
}

/// Both forms: the present one, and the old one of `mode` and `list`.
#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "lenient::optional_flag")]
    all: Option<bool>,
    #[serde(default, deserialize_with = "lenient::list")]
    include: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    exclude: Vec<String>,
    mode: Option<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    list: Vec<String>,
}

impl From<Fields> for ReceiverAudioSubscription {
    /// A client that lists sources and does not say `all` wants only those.
    fn from(fields: Fields) -> Self {
        let mode = fields.mode.as_deref().unwrap_or_default();
        let is = |name: &str| mode.eq_ignore_ascii_case(name);
        let (all, include, exclude) = if is("none") {
            (false, Vec::new(), Vec::new())
        } else if is("include") {
            (false, fields.list, Vec::new())
        } else if is("exclude") {
            (true, Vec::new(), fields.list)
        } else {
            let all = fields.all.unwrap_or(fields.include.is_empty());
            (all, fields.include, fields.exclude)
        };
        Self {
            all,
            include,
            exclude,
        }
    }
}
