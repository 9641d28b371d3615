//! The first look at a datagram, and STUN messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::demux::demux;

fuzz_target!(|data: &[u8]| {
    let _ = demux(data);
    media::fuzzing::stun(data);
});
