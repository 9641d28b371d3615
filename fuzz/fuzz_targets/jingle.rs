//! Jingle elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::jingle::Jingle;

fuzz_target!(|data: &[u8]| {
    if let Some(element) = fuzz::element(data) {
        fuzz::view::<Jingle>(&element);
        if let Ok(jingle) = Jingle::try_from(&element) {
            let _ = (jingle.sources(), jingle.own_sources(), jingle.transport());
        }
    }
});
