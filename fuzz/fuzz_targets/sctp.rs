//! SCTP under the data channel: hostile packets before, during and after the handshake. The
//! verification tag and the checksum are made right, or nothing would get past them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzzing::SctpSession;

fuzz_target!(|data: &[u8]| {
    let mut clock = fuzz::Clock::start();
    let mut client = SctpSession::new(true, clock.after(0));
    let mut server = SctpSession::new(false, clock.after(0));
    let mut tag = [0; 4];
    // Rounds of the handshake before the hostile packets come.
    let Some((&rounds, data)) = data.split_first() else {
        return;
    };
    for _ in 0..rounds % 8 {
        let now = clock.after(1);
        while let Some(packet) = client.poll_transmit() {
            if let Some(found) = packet.get(4..8)
                && found != [0; 4]
            {
                tag.copy_from_slice(found);
            }
            server.handle_packet(packet, now);
        }
        while let Some(packet) = server.poll_transmit() {
            client.handle_packet(packet, now);
        }
    }
    for chunks in fuzz::packets(data) {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88];
        // An INIT has no verification tag (RFC 9260 §8.5.1).
        let is_init = chunks.first() == Some(&1);
        packet.extend(if is_init { [0; 4] } else { tag });
        packet.extend([0; 4]);
        packet.extend(chunks);
        let checksum = crc32c::crc32c(&packet);
        packet[8..12].copy_from_slice(&checksum.to_le_bytes());
        server.handle_packet(packet, clock.after(5));
        server.drain();
        server.handle_timeout(clock.after(100));
    }
});
