//! All the smaller views of elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::conference::focus_presence::FocusPresence;
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::presence::ClientPresence;
use xmpp::{brewery, dataform, disco, extdisco, json_message, muc, mute, sm, stanza, version};

fuzz_target!(|data: &[u8]| {
    let Some(element) = fuzz::element(data) else {
        return;
    };
    fuzz::view::<brewery::BridgeStats>(&element);
    fuzz::view::<dataform::DataForm>(&element);
    fuzz::view::<disco::Info>(&element);
    fuzz::view::<disco::Items>(&element);
    fuzz::view::<disco::Caps>(&element);
    fuzz::view::<extdisco::Services>(&element);
    fuzz::view::<json_message::JsonMessage>(&element);
    fuzz::view::<muc::Join>(&element);
    fuzz::view::<muc::MucUser>(&element);
    fuzz::view::<muc::AdminQuery>(&element);
    fuzz::view::<muc::OwnerQuery>(&element);
    fuzz::view::<mute::Mute>(&element);
    fuzz::view::<sm::Nonza>(&element);
    fuzz::view::<version::Version>(&element);
    fuzz::view::<stanza::StanzaError>(&element);
    fuzz::view::<ConferenceRequest>(&element);
    fuzz::view::<ConferenceAnswer>(&element);
    let _ = FocusPresence::from_presence(&element);
    let presence = ClientPresence::from_presence(&element);
    let _ = presence.to_elements();
    let _ = (
        stanza::to(&element),
        stanza::from(&element),
        stanza::error_of(&element),
    );
    if let Ok(info) = disco::Info::try_from(&element) {
        let _ = info.caps_ver();
    }
});
