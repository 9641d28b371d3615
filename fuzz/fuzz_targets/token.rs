//! Tokens: their form, their claims with a right signature, their room, and the keys that a key server answers with.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use signalling::fuzzing;

fuzz_target!(|data: &[u8]| {
    let (room, token) = data.split_at_checked(8).unwrap_or((b"maths", data));
    fuzzing::token(token, &String::from_utf8_lossy(room), Instant::now());
    fuzzing::keys(&String::from_utf8_lossy(data));
});
