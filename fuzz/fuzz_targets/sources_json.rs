//! Sources in the JSON form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp::source::json::{parse, render};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(sources) = parse(text)
    {
        assert_eq!(
            parse(&render(&sources)).expect("what was rendered is read"),
            sources
        );
        for (owner, sources) in &sources.by_owner {
            let mut rest = sources.clone();
            rest.remove(sources);
            let _ = sources.without_simulcast();
            let _ = xmpp::colibri2::MediaSource::from_sources(owner, sources);
        }
    }
});
