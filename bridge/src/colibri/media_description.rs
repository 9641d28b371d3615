//! What an endpoint can receive and what it sends, from Colibri2's words into the workers'.

use rustc_hash::FxHashSet;
use xmpp::colibri2::{Media, MediaSource};
use xmpp::jingle;
use xmpp::source::{self, MediaType};

use super::refusal::Refusal;
use crate::command::{
    Codec, Extension, Feedback, HeaderExtension, MediaCapabilities, MediaKind, PayloadType,
    Semantics, SourceDescription, Ssrc, SsrcGroup, VideoType,
};
use crate::ids::SourceName;

/// The receive capabilities. Codecs and header extensions that the bridge does not know are left out.
pub(super) fn capabilities(media: &[Media]) -> Result<MediaCapabilities, Refusal> {
    let mut out = MediaCapabilities::default();
    let mut ids = FxHashSet::default();
    for media in media {
        let kind = kind_of(media.media_type)?;
        for payload in &media.payload_types {
            if payload.id > 127 {
                return Err(Refusal::bad(format!(
                    "payload type {} is above 127",
                    payload.id
                )));
            }
            if !ids.insert(payload.id) {
                return Err(Refusal::bad(format!(
                    "payload type {} is there twice",
                    payload.id
                )));
            }
            let Some(codec) = Codec::from_name(&payload.name) else {
                continue;
            };
            out.payload_types.push(PayloadType {
                id: payload.id,
                kind,
                codec,
                clock_rate: payload.clockrate,
                associated: associated(codec, payload),
                feedback: feedback(payload),
            });
        }
        for extension in &media.hdrexts {
            if let Some(known) = Extension::from_uri(&extension.uri) {
                let extension = HeaderExtension {
                    id: extension.id,
                    extension: known,
                };
                if !out.extensions.contains(&extension) {
                    out.extensions.push(extension);
                }
            }
        }
    }
    Ok(out)
}

fn kind_of(media_type: MediaType) -> Result<MediaKind, Refusal> {
    match media_type {
        MediaType::Audio => Ok(MediaKind::Audio),
        MediaType::Video => Ok(MediaKind::Video),
        MediaType::Application => Err(Refusal::bad(
            "media type application is neither audio nor video",
        )),
    }
}

/// The payload type that another repeats or wraps: `apt=100` of RTX, `111/111` without a name of RED.
fn associated(codec: Codec, payload: &jingle::PayloadType) -> Option<u8> {
    let find = |wanted: &str| {
        let found = payload.parameters.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let text = match codec {
        Codec::Rtx => find("apt")?,
        Codec::Red => find("")?.split('/').next()?,
        _ => return None,
    };
    text.trim().parse().ok().filter(|id| *id <= 127)
}

fn feedback(payload: &jingle::PayloadType) -> Feedback {
    let mut feedback = Feedback::default();
    for entry in &payload.rtcp_fb {
        match (entry.kind.as_str(), entry.subtype.as_deref()) {
            ("nack", None) => feedback.nack = true,
            ("nack", Some("pli")) => feedback.pli = true,
            ("ccm", Some("fir")) => feedback.fir = true,
            ("goog-remb", _) => feedback.remb = true,
            ("transport-cc", _) => feedback.transport_cc = true,
            _ => {}
        }
    }
    feedback
}

/// All sources of an endpoint. Groups of semantics that the bridge does not know are left out; their SSRCs stay.
pub(super) fn sources(
    described: &[MediaSource],
    max_ssrcs: usize,
) -> Result<Vec<SourceDescription>, Refusal> {
    let mut seen = FxHashSet::default();
    let mut names = FxHashSet::default();
    let mut out = Vec::with_capacity(described.len());
    for media_source in described {
        if media_source.synthetic {
            return Err(Refusal::NotImplemented("a synthetic source"));
        }
        if media_source.id.is_empty() || media_source.id.len() > SourceName::MAX_LEN {
            return Err(Refusal::bad("a source name is empty or too long"));
        }
        if !names.insert(media_source.id.as_str()) {
            return Err(Refusal::bad(format!(
                "source {} is there twice",
                media_source.id
            )));
        }
        let mut source = SourceDescription {
            name: SourceName::from(media_source.id.as_str()),
            kind: kind_of(media_source.media_type)?,
            ssrcs: Vec::new(),
            groups: Vec::new(),
            video_type: None,
        };
        for described in &media_source.sources {
            add_ssrc(&mut source, described.ssrc, &mut seen)?;
            if let Some(video_type) = described.video_type {
                source.video_type = Some(match video_type {
                    source::VideoType::Camera => VideoType::Camera,
                    source::VideoType::Desktop => VideoType::Desktop,
                });
            }
        }
        for group in &media_source.ssrc_groups {
            let semantics = match group.semantics {
                source::Semantics::Sim => Semantics::Sim,
                source::Semantics::Fid if group.ssrcs.len() == 2 => Semantics::Fid,
                source::Semantics::Fid => {
                    return Err(Refusal::bad("an FID group has not two SSRCs"));
                }
                source::Semantics::FecFr if group.ssrcs.len() == 2 => Semantics::FecFr,
                _ => continue,
            };
            for ssrc in &group.ssrcs {
                // A group may name an SSRC that is not listed for itself.
                if !source.ssrcs.contains(&Ssrc(*ssrc)) {
                    add_ssrc(&mut source, *ssrc, &mut seen)?;
                }
            }
            source.groups.push(SsrcGroup {
                semantics,
                ssrcs: group.ssrcs.iter().copied().map(Ssrc).collect(),
            });
        }
        out.push(source);
    }
    if seen.len() > max_ssrcs {
        return Err(Refusal::bad(format!(
            "the endpoint has {} SSRCs, and this bridge accepts {max_ssrcs}",
            seen.len()
        )));
    }
    Ok(out)
}

fn add_ssrc(
    source: &mut SourceDescription,
    ssrc: u32,
    seen: &mut FxHashSet<u32>,
) -> Result<(), Refusal> {
    if ssrc == 0 {
        return Err(Refusal::bad("SSRC 0 is not allowed"));
    }
    if !seen.insert(ssrc) {
        return Err(Refusal::bad(format!("SSRC {ssrc} is in two sources")));
    }
    source.ssrcs.push(Ssrc(ssrc));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use xmpp::Element;

    fn media(xml: &str) -> Media {
        Media::try_from(&xml.parse::<Element>().unwrap()).unwrap()
    }

    #[test]
    fn a_focus_offer_becomes_payload_types_with_feedback_and_associations() {
        let video = media(
            "<media xmlns='jitsi:colibri2' type='video'>\
             <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='VP8' clockrate='90000' id='100'>\
             <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='fir' type='ccm'/>\
             <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack'/>\
             <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='pli' type='nack'/>\
             <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='transport-cc'/></payload-type>\
             <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='rtx' clockrate='90000' id='96'>\
             <parameter name='apt' value='100'/></payload-type>\
             <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='flexfec-03' clockrate='90000' id='98'/>\
             <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' uri='urn:ietf:params:rtp-hdrext:sdes:mid' id='10'/>\
             <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' uri='urn:example:unknown' id='12'/></media>",
        );
        let audio = media(
            "<media xmlns='jitsi:colibri2' type='audio'>\
             <payload-type xmlns='urn:xmpp:jingle:apps:rtp:1' name='red' channels='2' clockrate='48000' id='112'>\
             <parameter value='111/111'/></payload-type>\
             <rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' uri='urn:ietf:params:rtp-hdrext:sdes:mid' id='10'/></media>",
        );
        let told = capabilities(&[video, audio]).unwrap();
        let ids: Vec<_> = told
            .payload_types
            .iter()
            .map(|p| (p.id, p.codec, p.associated))
            .collect();
        assert_eq!(
            ids,
            [
                (100, Codec::Vp8, None),
                (96, Codec::Rtx, Some(100)),
                (112, Codec::Red, Some(111))
            ]
        );
        let all = Feedback {
            nack: true,
            pli: true,
            fir: true,
            remb: false,
            transport_cc: true,
        };
        assert_eq!(told.payload_types[0].feedback, all);
        assert_eq!(told.extensions.len(), 1);
    }

    fn media_source(id: &str, ssrcs: &[u32], groups: &[(&str, &[u32])]) -> MediaSource {
        let sources = ssrcs
            .iter()
            .map(|ssrc| source::Source::new(*ssrc))
            .collect();
        let mut described = MediaSource::new(id, MediaType::Video, sources);
        for (semantics, ssrcs) in groups {
            let group = source::SsrcGroup::new(source::Semantics::from(*semantics), *ssrcs);
            described.ssrc_groups.push(group);
        }
        described
    }

    #[test]
    fn simulcast_with_retransmission_keeps_its_groups_in_order() {
        let described = media_source(
            "a-v0",
            &[10, 11, 12, 13],
            &[
                ("SIM", &[10, 12]),
                ("FID", &[10, 11]),
                ("FID", &[12, 13]),
                ("FEC-FR", &[10, 99]),
            ],
        );
        let sources = sources(&[described], 64).unwrap();
        assert_eq!(sources[0].ssrcs, [10, 11, 12, 13, 99].map(Ssrc));
        let semantics: Vec<_> = sources[0]
            .groups
            .iter()
            .map(|group| group.semantics)
            .collect();
        use Semantics::{FecFr, Fid, Sim};
        assert_eq!(semantics, [Sim, Fid, Fid, FecFr]);
    }

    #[test]
    fn contradictory_sources_are_bad_requests() {
        let table = [
            vec![
                media_source("a-v0", &[10], &[]),
                media_source("a-v1", &[10], &[]),
            ],
            vec![
                media_source("a-v0", &[10], &[]),
                media_source("a-v0", &[11], &[]),
            ],
            vec![media_source(
                "a-v0",
                &[10, 11, 12],
                &[("FID", &[10, 11, 12])],
            )],
            vec![media_source("", &[10], &[])],
            vec![media_source("a-v0", &[0], &[])],
            vec![media_source("a-v0", &[1, 2, 3, 4, 5], &[])],
        ];
        for described in table {
            let result = sources(&described, 4);
            assert!(
                matches!(result, Err(Refusal::BadRequest(_))),
                "{described:?}"
            );
        }
    }
}
