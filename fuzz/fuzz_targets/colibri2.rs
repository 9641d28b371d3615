//! Colibri2 requests and answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::colibri2::{Colibri2Error, ConferenceModified, ConferenceModify};

fuzz_target!(|data: &[u8]| {
    if let Some(element) = fuzz::element(data) {
        fuzz::view::<ConferenceModify>(&element);
        fuzz::view::<ConferenceModified>(&element);
        fuzz::view::<Colibri2Error>(&element);
    }
});
