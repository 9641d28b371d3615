//! Messages of the bridge channel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::bridge_channel::parse;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(message) = parse(text)
    {
        let rendered = message.to_json();
        let again = parse(&rendered).expect("what was rendered is read");
        assert_eq!(again.to_json(), rendered);
    }
});
