//! The presence of a bridge in the brewery room: `<stats xmlns='http://jitsi.org/protocol/colibri'/>`.

use std::collections::BTreeMap;

use crate::xml::{ElementExt, ParseError, element, parse_bool};
use crate::{Element, ns};

/// The largest accepted number of values; Jitsi Videobridge publishes 82.
const MAX_STATS: usize = 512;

/// Values by name, with readers for those that the focus acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeStats {
    /// All values as they were sent.
    pub values: BTreeMap<String, String>,
}

impl BridgeStats {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites what was there under the name.
    pub fn set(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    fn bool(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(parse_bool)
    }

    fn finite(&self, name: &str) -> Option<f64> {
        let value: f64 = self.get(name)?.parse().ok()?;
        value.is_finite().then_some(value)
    }

    /// Load of the bridge: 0 idle, 1 at its limit; may exceed 1.
    pub fn stress_level(&self) -> Option<f64> {
        self.finite("stress_level")
    }

    /// Load that one more participant adds on average.
    pub fn average_participant_stress(&self) -> Option<f64> {
        self.finite("average_participant_stress")
    }

    /// Participants of all its conferences.
    pub fn participants(&self) -> Option<u64> {
        self.get("participants")?.parse().ok()
    }

    /// No new conferences; the process ends when the last one is over.
    pub fn graceful_shutdown(&self) -> Option<bool> {
        self.bool("graceful_shutdown")
    }

    /// The process ends soon: move everybody.
    pub fn shutting_down(&self) -> Option<bool> {
        self.bool("shutting_down")
    }

    /// Not to be chosen while others are there. A bridge that does not say is to be taken as
    /// draining until it does.
    pub fn drain(&self) -> Option<bool> {
        self.bool("drain")
    }

    /// Result of the bridge's own health check.
    pub fn healthy(&self) -> Option<bool> {
        self.bool("healthy")
    }

    /// Tells one process of a bridge from the next. Shoal's own: Jitsi's bridges have none, and its focus does not
    /// look.
    pub fn instance_id(&self) -> Option<&str> {
        self.get("instance_id").filter(|id| !id.is_empty())
    }

    /// Version of the bridge.
    pub fn version(&self) -> Option<&str> {
        self.get("version")
    }

    /// Release of the bridge.
    pub fn release(&self) -> Option<&str> {
        self.get("release")
    }

    /// Region of the bridge.
    pub fn region(&self) -> Option<&str> {
        self.get("region")
    }

    /// Id of the bridge towards other bridges; without it no conference spans this bridge and
    /// another.
    pub fn relay_id(&self) -> Option<&str> {
        self.get("relay_id")
    }

    /// Version and release: bridges of one conference must have the same.
    pub fn full_version(&self) -> Option<String> {
        let version = self.version()?;
        Some(match self.release() {
            Some(release) => format!("{version}-{release}"),
            None => version.to_owned(),
        })
    }
}

impl TryFrom<&Element> for BridgeStats {
    type Error = ParseError;

    /// Reads a `<stats/>`. Entries without name or value are skipped; of equal names the last
    /// counts.
    fn try_from(stats: &Element) -> Result<Self, ParseError> {
        stats.expect_is("stats", ns::COLIBRI)?;
        let mut out = Self::new();
        for stat in stats.children_named("stat", ns::COLIBRI) {
            if let (Some(name), Some(value)) = (stat.attr("name"), stat.attr("value")) {
                if out.values.len() == MAX_STATS && !out.values.contains_key(name) {
                    return Err(ParseError::TooMany {
                        element: "stats".to_owned(),
                        child: "stat",
                        limit: MAX_STATS,
                    });
                }
                out.values.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(out)
    }
}

impl From<&BridgeStats> for Element {
    fn from(stats: &BridgeStats) -> Self {
        element("stats", ns::COLIBRI).with_children(stats.values.iter().map(|(name, value)| {
            element("stat", ns::COLIBRI)
                .with_attr("name", name)
                .with_attr("value", value)
        }))
    }
}
