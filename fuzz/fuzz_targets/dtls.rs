//! DTLS: hostile handshake messages before, during and after the handshake, in both roles. The
//! headers of records are made right, or nothing would get past them.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use media::Certificate;
use media::fuzzing::DtlsSession;
use media::srtp::Side;

fn certificate() -> &'static Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| Certificate::generate().expect("a certificate"))
}

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let mut clock = fuzz::Clock::start();
    let mut sides = [Side::Client, Side::Server].map(|side| DtlsSession::new(certificate(), side));
    // Steps of the handshake before the hostile messages come.
    for step in 0..usize::from(mode >> 1) % 6 {
        let now = clock.after(1);
        sides[step % 2].handle_timeout(now);
        while let Some(datagram) = sides[step % 2].poll_transmit() {
            sides[1 - step % 2].handle_packet(&datagram, now);
        }
    }
    let victim = &mut sides[usize::from(mode & 1)];
    for (number, message) in fuzz::packets(data).enumerate() {
        let mut datagram = vec![22, 254, 253, 0, 0, 0, 1, 0, 0];
        datagram.extend((number as u16).to_be_bytes());
        datagram.extend((message.len() as u16).to_be_bytes());
        datagram.extend(message);
        victim.handle_packet(&datagram, clock.after(5));
        victim.drain();
        victim.handle_timeout(clock.after(100));
    }
});
