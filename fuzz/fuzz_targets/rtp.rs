//! RTP packets and their header extensions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::rtp::{Extension, LayersAllocation, RtpPacket, RtpPacketMut, SeqNum};
use media::units::Ssrc;

fuzz_target!(|data: &[u8]| {
    let _ = LayersAllocation::parse(data);
    let _ = RtpPacket::parse_header(data).map(|packet| packet.extensions().count());
    let Ok(packet) = RtpPacket::parse(data) else {
        return;
    };
    let _ = (
        packet.payload(),
        packet.csrcs().count(),
        packet.is_padding_only(),
    );
    let extensions: Vec<_> = packet.extensions().collect();
    for (id, value) in &extensions {
        assert!(packet.extension_by_id(*id).is_some());
        let _ = LayersAllocation::parse(value);
    }
    let _ = Extension::ALL;
    let mut copy = data.to_vec();
    let mut edit = RtpPacketMut::parse(&mut copy).expect("it parsed before");
    edit.set_ssrc(Ssrc(7));
    edit.set_sequence_number(SeqNum(7));
    let edited = edit.view();
    assert_eq!(edited.payload(), packet.payload());
    assert_eq!(
        (edited.ssrc(), edited.sequence_number()),
        (Ssrc(7), SeqNum(7))
    );
});
