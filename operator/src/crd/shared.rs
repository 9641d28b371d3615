//! What several resources have in common.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How one component's pods run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentSpec {
    /// Container image; that of the JitsiCluster's `images.shoal` by default.
    #[schemars(length(min = 1, max = 500))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Requests and limits of the main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// More environment variables, for instance `RUST_LOG` or `SHOAL_FOCUS__CONFERENCE__MAX_PARTICIPANTS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Where the pods run.
    #[serde(default, skip_serializing_if = "Scheduling::is_default")]
    pub scheduling: Scheduling,
}

/// Where pods run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scheduling {
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Affinity; by default replicas of a component prefer different nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How pods spread over zones and nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Name of the PriorityClass that pods have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
}

impl Scheduling {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A span of time as people write it: `90s`, `30m`, `2h`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// A span of so many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no span of time: write for instance 90s, 30m or 1h30m");
        let mut seconds = 0_u64;
        let mut number = String::new();
        for letter in text.chars() {
            let unit = match letter {
                '0'..='9' => {
                    number.push(letter);
                    continue;
                }
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return Err(wrong()),
            };
            let count: u64 = number.parse().map_err(|_| wrong())?;
            number.clear();
            seconds = count
                .checked_mul(unit)
                .and_then(|more| seconds.checked_add(more))
                .ok_or_else(wrong)?;
        }
        if text.is_empty() || !number.is_empty() {
            return Err(wrong());
        }
        Ok(Self::seconds(seconds))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.as_secs();
        if all == 0 {
            return f.write_str("0s");
        }
        for (count, unit) in [(all / 3600, 'h'), (all % 3600 / 60, 'm'), (all % 60, 's')] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 20,
            "x-kubernetes-validations": [{
                "rule": "self.matches('^([0-9]+[smh])+$')",
                "message": "must be a span of time, for instance 90s, 30m or 1h30m",
            }],
        })
    }
}

/// Name of the JitsiCluster that shards and pools belong to when they name none.
#[must_use]
pub fn default_cluster() -> String {
    "default".into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_span_is_read_and_written_as_people_do() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("30m", 1800), ("1h30m", 5400)] {
            assert_eq!(text.parse::<Span>().unwrap(), Span::seconds(seconds));
        }
        assert_eq!(Span::seconds(5400).to_string(), "1h30m");
        assert_eq!(Span::seconds(90).to_string(), "1m30s");
        for wrong in ["", "5", "m", "1d", "-1s", "99999999999999999999s", "1h5"] {
            let error = wrong.parse::<Span>().unwrap_err();
            assert!(error.contains("90s, 30m or 1h30m"), "{error}");
        }
    }
}
