//! `medias`: receive capabilities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xmpp::colibri2;
use xmpp::jingle::{HdrExt, PayloadType, RtcpFb};
use xmpp::lenient;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Media {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "lenient::list")]
    payload_types: Vec<JsonPayloadType>,
    #[serde(default, deserialize_with = "lenient::list")]
    rtp_hdrexts: Vec<JsonExtension>,
    #[serde(default, deserialize_with = "lenient::flag")]
    extmap_allow_mixed: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonPayloadType {
    #[serde(deserialize_with = "lenient::number")]
    id: u8,
    #[serde(default, deserialize_with = "lenient::text")]
    name: String,
    #[serde(default, deserialize_with = "lenient::number")]
    clockrate: u32,
    #[serde(default = "one", deserialize_with = "lenient::number")]
    channels: u8,
    #[serde(default)]
    parameters: BTreeMap<String, Text>,
    #[serde(default, deserialize_with = "lenient::list")]
    rtcp_fbs: Vec<JsonFeedback>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Text(#[serde(deserialize_with = "lenient::text")] String);

fn one() -> u8 {
    1
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct JsonFeedback {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    subtype: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct JsonExtension {
    #[serde(deserialize_with = "lenient::number")]
    id: u8,
    uri: String,
}

impl Media {
    pub(super) fn into_media(self) -> Result<colibri2::Media, String> {
        let payload_types = self.payload_types.into_iter().map(|payload| PayloadType {
            channels: payload.channels,
            parameters: payload
                .parameters
                .into_iter()
                .map(|(name, Text(value))| (name, value))
                .collect(),
            rtcp_fb: payload
                .rtcp_fbs
                .into_iter()
                .map(|feedback| RtcpFb {
                    kind: feedback.kind,
                    subtype: feedback.subtype,
                })
                .collect(),
            ..PayloadType::new(payload.id, payload.name, payload.clockrate)
        });
        let extensions = self.rtp_hdrexts.into_iter();
        Ok(colibri2::Media {
            media_type: super::media_type(&self.kind)?,
            payload_types: payload_types.collect(),
            hdrexts: extensions
                .map(|extension| HdrExt::new(extension.id, extension.uri))
                .collect(),
            extmap_allow_mixed: self.extmap_allow_mixed,
        })
    }
}
