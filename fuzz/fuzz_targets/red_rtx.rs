//! Redundant audio (RFC 2198) and retransmission (RFC 4588).
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::rtp::{RtpPacket, Timestamp};
use media::units::{PayloadType, Ssrc};
use media::{red, rtx};

fuzz_target!(|data: &[u8]| {
    if let Ok(blocks) = red::parse(data) {
        let (_, range) = red::primary(data).expect("what is parsed has a primary block");
        assert!(data.get(range).is_some());
        let mut encoder = red::RedEncoder::new(red::Distance::Two);
        let mut out = [0; 2048];
        for (n, block) in (0..).zip(&blocks) {
            if let Some(length) = encoder.encode(
                PayloadType::new(111).expect("below 128"),
                Timestamp(n * 960),
                block.data,
                true,
                &mut out,
            ) {
                red::parse(&out[..length]).expect("what was encoded is read");
            }
        }
    }
    if let Ok(packet) = RtpPacket::parse(data) {
        let layout = packet.layout();
        let mut copy = data.to_vec();
        let payload_type = PayloadType::new(100).expect("below 128");
        if let rtx::Unwrapped::Packet(range) = rtx::unwrap(&mut copy, layout, payload_type, Ssrc(5))
        {
            let original = RtpPacket::parse(&copy[range]).expect("the original is a packet");
            assert_eq!(original.ssrc(), Ssrc(5));
        }
    }
});
