//! Login by SCRAM and PLAIN, as the server reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::fuzzing;

fuzz_target!(|data: &[u8]| {
    fuzzing::plain(data);
    let mut messages = fuzz::packets(data);
    let (first, last) = (messages.next(), messages.next());
    fuzzing::scram(first.unwrap_or_default(), last.unwrap_or_default());
});
