//! Bodies of BOSH.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::stream::Limits;
use xmpp::stream::bosh::Body;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(body) = Body::parse(text, &Limits::PARTICIPANT)
    {
        let rendered = body.render();
        assert_eq!(
            Body::parse(&rendered, &Limits::SERVICE),
            Ok(body),
            "{rendered}"
        );
    }
});
