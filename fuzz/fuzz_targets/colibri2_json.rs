//! Colibri2 over REST.
#![no_main]

use bridge::colibri::json::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let _ = request.into_modify(Some("meeting".into()));
    }
});
