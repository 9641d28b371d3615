//! What a page has kept of its room, as the server opens it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalling::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::room_memory(data));
