//! The packet path allocates nothing once it is warm.

#![allow(clippy::unwrap_used, reason = "tests")]

use media::srtp::{KeyMaterial, MAX_OVERHEAD, Protector, Side, SrtpProfile, Unprotector};

fn contexts(profile: SrtpProfile) -> (Protector, Unprotector) {
    let exported = vec![7; 2 * (profile.key_len() + profile.salt_len())];
    let material = KeyMaterial::split(profile, &exported).unwrap();
    let (protector, _) = material.clone().into_contexts(Side::Client, 64);
    let (_, unprotector) = material.into_contexts(Side::Server, 64);
    (protector, unprotector)
}

#[test]
fn protecting_and_unprotecting_media_and_control_allocates_nothing_per_packet() {
    for profile in [
        SrtpProfile::AeadAes128Gcm,
        SrtpProfile::AeadAes256Gcm,
        SrtpProfile::Aes128CmSha1_80,
    ] {
        let (mut protector, mut unprotector) = contexts(profile);
        let mut buf = [0u8; 1200 + MAX_OVERHEAD];
        let mut pass = |sequence: u16| {
            buf[..12].copy_from_slice(&[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            buf[2..4].copy_from_slice(&sequence.to_be_bytes());
            let len = protector.protect_rtp(&mut buf, 1200).unwrap();
            assert_eq!(unprotector.unprotect_rtp(&mut buf[..len]), Ok(1200));
            buf[..8].copy_from_slice(&[0x80, 201, 0, 1, 0, 0, 0, 1]);
            let len = protector.protect_rtcp(&mut buf, 100).unwrap();
            assert_eq!(unprotector.unprotect_rtcp(&mut buf[..len]), Ok(100));
        };
        pass(0);
        let allocated = allocation_counter::measure(|| (1..1000).for_each(&mut pass));
        assert_eq!(allocated.count_total, 0, "{profile:?}");
    }
}
