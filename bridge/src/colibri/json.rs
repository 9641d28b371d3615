//! Colibri2 as JSON, for the REST interface: the same content as the XML form, parsed into the same request.
//!
//! Jitsi's bridge ignores keys that it does not know (its writers add `xmlns` and whatever else an element has) and takes
//! attributes as text or as what they mean; so does this one.

mod media;
mod transport;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use xmpp::colibri2::{ConferenceModified, ConferenceModify, Endpoint, ForceMute, MediaSource};
use xmpp::lenient;
use xmpp::source::{MediaType, Semantics, Source, SsrcGroup};

use media::Media;
use transport::Transport;

/// A request as JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Request {
    #[serde(deserialize_with = "lenient::optional_text")]
    meeting_id: Option<String>,
    #[serde(deserialize_with = "lenient::optional_text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    create: bool,
    #[serde(deserialize_with = "lenient::flag")]
    expire: bool,
    #[serde(deserialize_with = "lenient::optional_flag")]
    rtcstats_enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::list")]
    endpoints: Vec<JsonEndpoint>,
    #[serde(deserialize_with = "lenient::list")]
    relays: Vec<IgnoredAny>,
    #[serde(deserialize_with = "lenient::list")]
    connects: Vec<IgnoredAny>,
}

/// An answer as JSON.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Answer {
    endpoints: Vec<JsonEndpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<JsonSource>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct JsonEndpoint {
    #[serde(deserialize_with = "lenient::text")]
    id: String,
    #[serde(deserialize_with = "lenient::flag", skip_serializing_if = "is_false")]
    create: bool,
    #[serde(deserialize_with = "lenient::flag", skip_serializing_if = "is_false")]
    expire: bool,
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    stats_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    muc_role: Option<String>,
    #[serde(deserialize_with = "lenient::flag", skip_serializing_if = "is_false")]
    diarize: bool,
    #[serde(
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    medias: Vec<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<JsonSource>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    force_mute: Option<Mute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_last_n: Option<InitialLastN>,
    #[serde(
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    capabilities: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Mute {
    #[serde(deserialize_with = "lenient::optional_flag")]
    audio: Option<bool>,
    #[serde(deserialize_with = "lenient::optional_flag")]
    video: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct InitialLastN {
    #[serde(deserialize_with = "lenient::number")]
    value: i32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonSource {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    #[serde(default, deserialize_with = "lenient::list")]
    sources: Vec<JsonSsrc>,
    #[serde(
        default,
        deserialize_with = "lenient::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    ssrc_groups: Vec<JsonGroup>,
}

/// An SSRC alone, or with its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum JsonSsrc {
    Bare(#[serde(deserialize_with = "lenient::number")] u32),
    Named {
        #[serde(deserialize_with = "lenient::number")]
        ssrc: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct JsonGroup {
    semantics: String,
    #[serde(default, deserialize_with = "lenient::list")]
    sources: Vec<JsonSsrc>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Request {
    /// The request in the terms of the XML form. `meeting_id` is that of the address, if it has one.
    ///
    /// # Errors
    /// What is wrong, for the sender.
    pub fn into_modify(self, meeting_id: Option<String>) -> Result<ConferenceModify, String> {
        if !self.relays.is_empty() || !self.connects.is_empty() {
            return Err("relays and connects are not implemented by this bridge".into());
        }
        let meeting_id = match (meeting_id, self.meeting_id) {
            (Some(address), Some(body)) if address != body => {
                return Err("meeting-id differs from the one in the address".into());
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Err("meeting-id is missing".into()),
        };
        let endpoints: Result<_, String> = self.endpoints.into_iter().map(endpoint).collect();
        Ok(ConferenceModify {
            meeting_id,
            name: self.name,
            create: self.create,
            expire: self.expire,
            rtcstats_enabled: self.rtcstats_enabled,
            endpoints: endpoints?,
            ..ConferenceModify::default()
        })
    }
}

fn media_type(text: &str) -> Result<MediaType, String> {
    text.parse()
        .map_err(|()| format!("{text:?} is no media type"))
}

fn endpoint(json: JsonEndpoint) -> Result<Endpoint, String> {
    let media: Result<_, String> = json.medias.into_iter().map(Media::into_media).collect();
    let sources = json
        .sources
        .map(|list| list.into_iter().map(source).collect::<Result<_, String>>());
    Ok(Endpoint {
        id: json.id,
        create: json.create,
        expire: json.expire,
        stats_id: json.stats_id,
        muc_role: json.muc_role,
        diarize: json.diarize,
        media: media?,
        transport: json.transport.map(Transport::into_transport).transpose()?,
        sources: sources.transpose()?,
        force_mute: json.force_mute.map(|mute| ForceMute {
            audio: mute.audio,
            video: mute.video,
        }),
        initial_last_n: json.initial_last_n.map(|last_n| last_n.value),
        capabilities: json.capabilities,
    })
}

fn source(json: JsonSource) -> Result<MediaSource, String> {
    let sources = json.sources.into_iter().map(JsonSsrc::into_source);
    let mut out = MediaSource::new(json.id, media_type(&json.kind)?, sources.collect());
    let groups = json.ssrc_groups.into_iter();
    let groups = groups.map(|group| {
        let ssrcs = group.sources.into_iter().map(|s| s.into_source().ssrc);
        let semantics = Semantics::from(group.semantics.as_str());
        SsrcGroup::new(semantics, ssrcs.collect::<Vec<_>>())
    });
    out.ssrc_groups = groups.collect();
    Ok(out)
}

impl JsonSsrc {
    fn into_source(self) -> Source {
        match self {
            Self::Bare(ssrc) => Source::new(ssrc),
            Self::Named { ssrc, name } => Source {
                name,
                ..Source::new(ssrc)
            },
        }
    }
}

impl From<&ConferenceModified> for Answer {
    fn from(modified: &ConferenceModified) -> Self {
        let endpoints = modified.endpoints.iter().map(|endpoint| JsonEndpoint {
            id: endpoint.id.clone(),
            expire: endpoint.expire,
            transport: endpoint.transport.as_ref().map(Transport::from),
            ..JsonEndpoint::default()
        });
        let source = |source: &MediaSource| JsonSource {
            kind: source.media_type.as_str().to_owned(),
            id: source.id.clone(),
            sources: source
                .sources
                .iter()
                .map(|source| JsonSsrc::Named {
                    ssrc: source.ssrc,
                    name: source.name.clone(),
                })
                .collect(),
            ssrc_groups: Vec::new(),
        };
        let sources = modified.sources.as_ref();
        Self {
            endpoints: endpoints.collect(),
            sources: sources.map(|sources| sources.iter().map(source).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use xmpp::Element;

    fn modify(json: &str) -> Result<ConferenceModify, String> {
        let request: Request = serde_json::from_str(json).map_err(|error| error.to_string())?;
        request.into_modify(None)
    }

    #[test]
    fn json_and_xml_are_the_same_request() {
        let json = modify(
            r#"{"meeting-id": "m", "name": "room@muc.example", "create": true, "endpoints": [{
                "id": "a", "create": true, "stats-id": "Probe", "muc-role": "visitor",
                "medias": [{"type": "video",
                    "payload-types": [{"id": 100, "name": "VP8", "clockrate": "90000",
                        "parameters": {"x": "1"}, "rtcp-fbs": [{"type": "nack"}, {"type": "nack", "subtype": "pli"}]}],
                    "rtp-hdrexts": [{"id": 10, "uri": "urn:ietf:params:rtp-hdrext:sdes:mid"}], "extmap-allow-mixed": true}],
                "transport": {"ice-controlling": true, "sctp": {"port": 5000, "role": "server"},
                    "transport": {"ufrag": "abcd", "pwd": "0123456789abcdef01234567", "rtcp-mux": true,
                        "fingerprints": [{"fingerprint": "AB:CD", "hash": "sha-256", "setup": "active"}],
                        "candidates": [{"component": "1", "foundation": "1", "generation": "0", "id": "x", "ip": "192.0.2.9",
                            "network": "0", "port": "4000", "priority": "1", "protocol": "udp", "type": "host"}]}},
                "sources": [{"type": "video", "id": "a-v0", "sources": [10, {"ssrc": 11, "name": "a-v0"}],
                    "ssrc-groups": [{"semantics": "FID", "sources": [10, 11]}]}],
                "force-mute": {"audio": true}, "initial-last-n": {"value": 5}, "capabilities": ["source-names"]}]}"#,
        );
        let xml = "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' name='room@muc.example' create='true'>\
            <endpoint id='a' create='true' stats-id='Probe' muc-role='visitor'><media type='video'>\
            <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' id='100' name='VP8' clockrate='90000'><parameter name='x' value='1'/>\
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack'/>\
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack' subtype='pli'/></payload-type>\
            <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='10' uri='urn:ietf:params:rtp-hdrext:sdes:mid'/>\
            <extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/></media>\
            <transport ice-controlling='true'>\
            <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' pwd='0123456789abcdef01234567'><rtcp-mux/>\
            <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>AB:CD</fingerprint>\
            <candidate component='1' foundation='1' generation='0' id='x' ip='192.0.2.9' network='0' port='4000' priority='1' \
            protocol='udp' type='host'/></transport><sctp port='5000' role='server'/></transport>\
            <sources><media-source type='video' id='a-v0'><source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='10'/>\
            <source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='11' name='a-v0'/>\
            <ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='10'/><source ssrc='11'/>\
            </ssrc-group></media-source></sources>\
            <force-mute audio='true'/><initial-last-n value='5'/><capability name='source-names'/></endpoint></conference-modify>";
        let xml = ConferenceModify::try_from(&xml.parse::<Element>().unwrap()).unwrap();
        assert_eq!(json.unwrap(), xml);
    }

    #[test]
    fn what_jitsis_json_has_besides_and_writes_otherwise_is_taken() {
        let plain = r#"{"meeting-id": "m", "create": true, "rtcstats-enabled": false, "endpoints": [{"id": "a", "create": true,
            "medias": [{"type": "audio", "payload-types": [{"id": 111, "name": "opus", "clockrate": 48000, "channels": 2,
                "parameters": {"minptime": "10"}}], "rtp-hdrexts": [{"id": 1, "uri": "urn:x"}], "extmap-allow-mixed": true}],
            "transport": {"ice-controlling": true, "sctp": {"port": 5000}, "transport": {"ufrag": "1234", "pwd": "p",
                "rtcp-mux": true, "ice-generation": 1, "candidates": [{"foundation": "1", "ip": "192.0.2.9", "port": 4000,
                "protocol": "udp", "type": "host"}]}},
            "sources": [{"type": "video", "id": "a-v0", "sources": [10, 11],
                "ssrc-groups": [{"semantics": "FID", "sources": [10, 11]}]}],
            "force-mute": {"audio": true, "video": false}, "initial-last-n": {"value": 5}, "capabilities": ["source-names"]}]}"#;
        let jitsis = r#"{"xmlns": "jitsi:colibri2", "meeting-id": "m", "create": "true", "rtcstats-enabled": "false",
            "relays": [], "connects": null, "endpoints": [{"id": "a", "create": "true", "expire": "false", "muc-role": null,
            "medias": [{"type": "audio", "xmlns": "jitsi:colibri2", "payload-types": [{"id": "111", "name": "opus",
                "clockrate": "48000", "channels": "2", "parameters": {"minptime": 10}, "rtcp-fbs": null}],
                "rtp-hdrexts": [{"id": "1", "uri": "urn:x", "senders": "both"}], "extmap-allow-mixed": "true"}],
            "transport": {"ice-controlling": "true", "sctp": {"port": "5000"}, "transport": {
                "xmlns": "urn:xmpp:jingle:transports:ice-udp:1", "ufrag": 1234, "pwd": "p", "rtcp-mux": "true",
                "ice-generation": "1", "fingerprints": [], "candidates": [{"foundation": 1, "ip": "192.0.2.9", "port": "4000",
                "protocol": "udp", "type": "host", "rel-addr": "10.0.0.1", "tcptype": null}]}},
            "sources": [{"type": "video", "id": "a-v0", "sources": ["10", {"ssrc": "11", "rid": "x"}],
                "ssrc-groups": [{"semantics": "FID", "sources": ["10", {"ssrc": 11}]}]}],
            "force-mute": {"audio": "true", "video": "false"}, "initial-last-n": {"value": "5"},
            "capabilities": ["source-names"]}]}"#;
        assert_eq!(modify(jitsis).unwrap(), modify(plain).unwrap());
    }

    #[test]
    fn an_answers_transport_names_its_kind_without_which_jitsis_reader_takes_none() {
        let modified = ConferenceModified {
            endpoints: vec![Endpoint {
                transport: Some(xmpp::colibri2::Transport {
                    ice: Some(xmpp::jingle::IceUdpTransport::default()),
                    ..xmpp::colibri2::Transport::default()
                }),
                ..Endpoint::new("a")
            }],
            ..ConferenceModified::default()
        };
        let json = serde_json::to_value(Answer::from(&modified)).unwrap();
        let transport = &json["endpoints"][0]["transport"]["transport"];
        assert_eq!(transport["xmlns"], "urn:xmpp:jingle:transports:ice-udp:1");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (json, named) in [
            (r#"{"create": true}"#, "meeting-id"),
            (r#"{"meeting-id": "m", "relays": [{}]}"#, "relays"),
            (
                r#"{"meeting-id": "m", "endpoints": [{"id": "a", "medias": [{"type": "smell"}]}]}"#,
                "smell",
            ),
        ] {
            let error = modify(json).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
