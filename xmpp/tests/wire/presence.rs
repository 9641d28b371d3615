//! What clients say in their presence.

use xmpp::presence::ClientPresence;
use xmpp::source::MediaType;
use xmpp::{ElementExt, stanza};

use crate::xml;

#[test]
fn the_presence_of_a_client_is_read() {
    let presence = ClientPresence::from_presence(&xml(
        "<presence><stats-id>Izabella-qJK</stats-id><jitsi_participant_region>eu</jitsi_participant_region>\
         <jitsi_participant_codecList>vp8, VP9,h264,,av1</jitsi_participant_codecList>\
         <nick xmlns='http://jabber.org/protocol/nick'>user1</nick><jitsi_participant_diarize>true\
         </jitsi_participant_diarize><features><feature var='http://jitsi.org/protocol/jibri'/></features>\
         <SourceInfo>{\"a9-a0\":{\"muted\":false},\"a9-v0\":{},\"a9-v1\":{\"muted\":false,\
         \"videoType\":\"desktop\"},\"odd\":{\"mediaType\":\"AUDIO\",\"muted\":true}}</SourceInfo></presence>",
    ));
    assert_eq!(presence.nick.as_deref(), Some("user1"));
    assert_eq!(presence.region.as_deref(), Some("eu"));
    assert_eq!(presence.codecs, ["vp8", "vp9", "h264", "av1"]);
    assert!(presence.diarize);
    assert_eq!(presence.features, ["http://jitsi.org/protocol/jibri"]);
    let info = presence.source_info.as_ref().unwrap();
    assert!(info["a9-v0"].muted);
    assert_eq!(info["a9-v1"].video_type.as_deref(), Some("desktop"));
    assert_eq!(info["odd"].media_type_of("odd"), Some(MediaType::Audio));
    assert_eq!(info["a9-a0"].media_type_of("a9-a0"), Some(MediaType::Audio));
    assert!(!presence.is_muted(MediaType::Audio) && !presence.is_muted(MediaType::Video));
    let again = stanza::presence(&"r@m/a9".parse().unwrap()).with_children(presence.to_elements());
    assert_eq!(ClientPresence::from_presence(&again), presence);
}

#[test]
fn a_client_that_says_nothing_is_muted_and_old_ways_to_say_it_count() {
    let empty = ClientPresence::from_presence(&xml("<presence/>"));
    assert_eq!(empty, ClientPresence::default());
    assert!(empty.is_muted(MediaType::Audio));
    let old = ClientPresence::from_presence(&xml(
        "<presence><audiomuted xmlns='jabber:client'>false</audiomuted><videomuted>true</videomuted></presence>",
    ));
    assert!(!old.is_muted(MediaType::Audio) && old.is_muted(MediaType::Video));
    let none =
        ClientPresence::from_presence(&xml("<presence><SourceInfo>{}</SourceInfo></presence>"));
    assert!(none.is_muted(MediaType::Audio));
}

#[test]
fn nonsense_in_a_presence_is_left_out() {
    for json in ["", "[]", "{\"a\":7}", "{\"a\":{\"muted\":\"yes\"}}", "{"] {
        let text = format!("<presence><SourceInfo>{json}</SourceInfo></presence>");
        assert_eq!(
            ClientPresence::from_presence(&xml(&text)).source_info,
            None,
            "{json}"
        );
    }
}
