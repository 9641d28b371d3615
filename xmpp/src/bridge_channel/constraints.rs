//! What a receiver wants to see, and what a sender is asked to send.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient;

/// Limits on one video source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoConstraints {
    /// Largest height in pixels (the smaller dimension); 0: not wanted, −1: no limit.
    #[serde(deserialize_with = "lenient::plain_number")]
    pub max_height: i32,
    /// Largest frame rate; −1: no limit.
    #[serde(
        default = "unlimited_rate",
        deserialize_with = "rate",
        skip_serializing_if = "is_unlimited"
    )]
    pub max_frame_rate: f64,
}

impl VideoConstraints {
    /// A limit of height only.
    pub const fn height(max_height: i32) -> Self {
        Self {
            max_height,
            max_frame_rate: -1.0,
        }
    }
}

fn unlimited_rate() -> f64 {
    -1.0
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(lenient::optional_plain_number(deserializer)?.unwrap_or_else(unlimited_rate))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_unlimited(rate: &f64) -> bool {
    *rate < 0.0
}

/// What a client wants to see. What is absent stays as it was; what is there replaces the whole
/// list or map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverVideoConstraints {
    /// The largest number of video streams; −1: no limit.
    #[serde(
        default,
        deserialize_with = "lenient::optional_plain_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_n: Option<i32>,
    /// Sources that come first, after those on stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_sources: Option<Vec<String>>,
    /// Sources that are shown large: first of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_stage_sources: Option<Vec<String>>,
    /// Limits on sources that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_constraints: Option<VideoConstraints>,
    /// Limits by source name.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "without_duplicates"
    )]
    pub constraints: Option<BTreeMap<String, VideoConstraints>>,
    /// Bandwidth in bit/s that the client assumes to have; −1: none assumed.
    #[serde(
        default,
        deserialize_with = "lenient::optional_plain_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub assumed_bandwidth_bps: Option<i64>,
}

/// See [`super::Message::SenderSourceConstraints`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderSourceConstraints {
    /// `ENDPOINT-v0`, as in Jingle.
    pub source_name: String,
    /// Largest height that anybody wants; 0: stop sending, −1: no limit.
    #[serde(deserialize_with = "lenient::plain_number")]
    pub max_height: i32,
}

/// A map of constraints in which no key comes twice.
fn without_duplicates<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, VideoConstraints>>, D::Error> {
    struct Map;

    impl<'de> Visitor<'de> for Map {
        type Value = Option<BTreeMap<String, VideoConstraints>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("constraints by source name")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, constraints)) = access.next_entry::<String, _>()? {
                if map.insert(name, constraints).is_some() {
                    return Err(A::Error::custom("a source name comes twice in constraints"));
                }
            }
            Ok(Some(map))
        }
    }

    deserializer.deserialize_any(Map)
}
