//! The media that are offered to one client, in Jingle and (the same) to the bridge.

use xmpp::jingle::{HdrExt, PayloadType, RtpDescription};
use xmpp::source::MediaType;

use crate::config::{Codecs, VideoCodec};

use super::features::Features;

const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const TCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const AV1_DD: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const VLA: &str = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";

/// The offer's media for a client with these features; audio first.
pub(super) fn media(features: &Features, codecs: &Codecs) -> Vec<RtpDescription> {
    let mut media = Vec::with_capacity(2);
    if features.audio {
        media.push(audio(features, codecs));
    }
    if features.video {
        media.push(video(features, codecs));
    }
    media
}

fn audio(features: &Features, codecs: &Codecs) -> RtpDescription {
    let red = codecs.opus_red && features.opus_red;
    let mut description = RtpDescription::new(MediaType::Audio);
    description.maxptime = Some(60);
    if red {
        description.payload_types.push(
            PayloadType::new(112, "red", 48_000)
                .with_channels(2)
                .with_parameter("", "111/111"),
        );
    }
    let mut opus = PayloadType::new(111, "opus", 48_000)
        .with_channels(2)
        .with_parameter("minptime", "10");
    if !red {
        opus = opus.with_parameter("useinbandfec", "1");
    }
    if features.tcc {
        opus = opus.with_feedback("transport-cc", None);
    }
    description.payload_types.push(opus);
    description
        .payload_types
        .push(PayloadType::new(126, "telephone-event", 8_000));
    description.hdrexts.push(HdrExt::new(1, AUDIO_LEVEL));
    description.hdrexts.push(HdrExt::new(10, MID));
    if features.tcc {
        description.hdrexts.push(HdrExt::new(5, TCC));
    }
    description.extmap_allow_mixed = true;
    description.rtcp_mux = true;
    description
}

struct Video {
    codec: VideoCodec,
    id: u8,
    rtx: u8,
    name: &'static str,
}

/// In the order in which retransmission payload types are listed.
const VIDEO: [Video; 4] = [
    Video {
        codec: VideoCodec::Av1,
        id: 41,
        rtx: 42,
        name: "AV1",
    },
    Video {
        codec: VideoCodec::Vp8,
        id: 100,
        rtx: 96,
        name: "VP8",
    },
    Video {
        codec: VideoCodec::Vp9,
        id: 101,
        rtx: 97,
        name: "VP9",
    },
    Video {
        codec: VideoCodec::H264,
        id: 107,
        rtx: 99,
        name: "H264",
    },
];

fn video(features: &Features, codecs: &Codecs) -> RtpDescription {
    let mut description = RtpDescription::new(MediaType::Video);
    for wanted in &codecs.video {
        let Some(video) = VIDEO.iter().find(|v| v.codec == *wanted) else {
            continue;
        };
        let mut payload = with_nack(PayloadType::new(video.id, video.name, 90_000));
        if features.remb && !features.tcc {
            payload = payload.with_feedback("goog-remb", None);
        }
        if features.tcc {
            payload = payload.with_feedback("transport-cc", None);
        }
        if video.codec == VideoCodec::H264 {
            payload = payload.with_parameter(
                "profile-level-id",
                "42e01f;level-asymmetry-allowed=1;packetization-mode=1;",
            );
        }
        description.payload_types.push(payload);
    }
    if codecs.rtx && features.rtx {
        for video in VIDEO.iter().filter(|v| codecs.video.contains(&v.codec)) {
            let rtx = PayloadType::new(video.rtx, "rtx", 90_000)
                .with_parameter("apt", video.id.to_string());
            description
                .payload_types
                .push(if video.codec == VideoCodec::H264 {
                    rtx
                } else {
                    with_nack(rtx)
                });
        }
    }
    if codecs.video_layers_allocation {
        description.hdrexts.push(HdrExt::new(12, VLA));
    }
    description.hdrexts.push(HdrExt::new(11, AV1_DD));
    description.hdrexts.push(HdrExt::new(10, MID));
    description.hdrexts.push(HdrExt::new(3, ABS_SEND_TIME));
    if features.tcc {
        description.hdrexts.push(HdrExt::new(5, TCC));
    }
    description.extmap_allow_mixed = true;
    description.rtcp_mux = true;
    description
}

fn with_nack(payload: PayloadType) -> PayloadType {
    payload
        .with_feedback("ccm", Some("fir"))
        .with_feedback("nack", None)
        .with_feedback("nack", Some("pli"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROWSER: Features = Features {
        audio: true,
        video: true,
        sctp: false,
        rtx: true,
        remb: true,
        tcc: true,
        opus_red: true,
        json_sources: true,
        ssrc_rewriting: true,
        mid_demux: true,
    };

    fn ids(description: &RtpDescription) -> Vec<u8> {
        description.payload_types.iter().map(|p| p.id).collect()
    }

    fn extensions(description: &RtpDescription) -> Vec<u8> {
        description.hdrexts.iter().map(|e| e.id).collect()
    }

    #[test]
    fn a_browser_is_offered_what_jicofo_offers() {
        let offer = media(&BROWSER, &Codecs::default());
        assert_eq!(ids(&offer[0]), [111, 126]);
        assert_eq!(extensions(&offer[0]), [1, 10, 5]);
        assert_eq!(
            offer[0].payload_types[0].parameter("useinbandfec"),
            Some("1")
        );
        assert_eq!(ids(&offer[1]), [41, 100, 107, 101, 42, 96, 97, 99]);
        assert_eq!(extensions(&offer[1]), [11, 10, 3, 5]);
        let h264_rtx = &offer[1].payload_types[7];
        assert_eq!(h264_rtx.parameter("apt"), Some("107"));
        assert!(h264_rtx.rtcp_fb.is_empty());
        assert!(!offer[1].payload_types[0].has_feedback("goog-remb", None));
    }

    #[test]
    fn the_offer_is_cut_to_what_the_client_and_the_configuration_allow() {
        let audio_only = Features {
            video: false,
            ..BROWSER
        };
        assert_eq!(media(&audio_only, &Codecs::default()).len(), 1);

        let plain = Features {
            rtx: false,
            tcc: false,
            ..BROWSER
        };
        let offer = media(&plain, &Codecs::default());
        assert_eq!(ids(&offer[1]), [41, 100, 107, 101]);
        assert_eq!(extensions(&offer[1]), [11, 10, 3]);
        assert!(offer[1].payload_types[0].has_feedback("goog-remb", None));

        let ordered = Codecs {
            video: vec![VideoCodec::Vp9, VideoCodec::Vp8],
            ..Codecs::default()
        };
        assert_eq!(ids(&media(&BROWSER, &ordered)[1]), [101, 100, 96, 97]);

        let red = Codecs {
            opus_red: true,
            ..Codecs::default()
        };
        let offer = media(&BROWSER, &red);
        assert_eq!(ids(&offer[0]), [112, 111, 126]);
        assert_eq!(
            offer[0].payload_types[0].parameters,
            [(String::new(), "111/111".to_owned())]
        );
        assert_eq!(offer[0].payload_types[1].parameter("useinbandfec"), None);
    }

    /// What Jicofo offered to this client, taken from a recording.
    const RECORDED: &str = "<content xmlns='urn:xmpp:jingle:1' creator='initiator' senders='both' name='video'>
        <description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'>
        <payload-type id='41' name='AV1' clockrate='90000'>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='fir' type='ccm'/>
            <rtcp-fb type='nack' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='pli' type='nack'/>
            <rtcp-fb type='transport-cc' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/></payload-type>
        <payload-type id='107' name='H264' clockrate='90000'>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='fir' type='ccm'/>
            <rtcp-fb type='nack' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='pli' type='nack'/>
            <rtcp-fb type='transport-cc' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>
            <parameter value='42e01f;level-asymmetry-allowed=1;packetization-mode=1;' name='profile-level-id'/>
        </payload-type>
        <payload-type id='42' name='rtx' clockrate='90000'>
            <parameter value='41' name='apt'/>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='fir' type='ccm'/>
            <rtcp-fb type='nack' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>
            <rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' subtype='pli' type='nack'/></payload-type>
        <payload-type id='99' name='rtx' clockrate='90000'><parameter value='107' name='apt'/></payload-type>
        <rtp-hdrext id='11' uri='https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension' xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/>
        <rtp-hdrext id='10' uri='urn:ietf:params:rtp-hdrext:sdes:mid' xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/>
        <rtp-hdrext id='3' uri='http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time' xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/>
        <rtp-hdrext id='5' uri='http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01' xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/>
        <extmap-allow-mixed xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/><rtcp-mux/></description></content>";

    #[test]
    fn two_codecs_of_a_recorded_offer_of_jicofo_s_are_reproduced() {
        let content: xmpp::Element = RECORDED.parse().expect("XML");
        let recorded = xmpp::jingle::Content::try_from(&content).expect("a content");
        let codecs = Codecs {
            video: vec![VideoCodec::Av1, VideoCodec::H264],
            ..Codecs::default()
        };
        assert_eq!(
            Some(&media(&BROWSER, &codecs)[1]),
            recorded.description.as_ref()
        );
    }
}
