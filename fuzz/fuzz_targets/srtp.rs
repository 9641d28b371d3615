//! SRTP and SRTCP: forged packets, and packets that were protected and then changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::srtp::{KeyMaterial, MAX_OVERHEAD, Side, SrtpProfile};

fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let profile = if mode & 1 == 0 {
        SrtpProfile::AeadAes128Gcm
    } else {
        SrtpProfile::Aes128CmSha1_80
    };
    let exported = vec![7; 2 * (profile.key_len() + profile.salt_len())];
    let keys = KeyMaterial::split(profile, &exported).expect("the length is the profile's");
    let (mut protector, _) = keys.clone().into_contexts(Side::Client, 16);
    let (_, mut unprotector) = keys.into_contexts(Side::Server, 16);
    for packet in fuzz::packets(data) {
        let mut forged = packet.to_vec();
        let _ = unprotector.unprotect_rtp(&mut forged);
        let mut forged = packet.to_vec();
        let _ = unprotector.unprotect_rtcp(&mut forged);

        let mut sent = packet.to_vec();
        sent.resize(packet.len() + MAX_OVERHEAD, 0);
        let protected = if mode & 2 == 0 {
            protector.protect_rtp(&mut sent, packet.len())
        } else {
            protector.protect_rtcp(&mut sent, packet.len())
        };
        let Ok(length) = protected else {
            continue;
        };
        sent.truncate(length);
        if mode & 4 != 0
            && let Some(byte) = sent.get_mut(usize::from(mode >> 3))
        {
            *byte ^= 1;
        }
        let unprotected = if mode & 2 == 0 {
            unprotector.unprotect_rtp(&mut sent)
        } else {
            unprotector.unprotect_rtcp(&mut sent)
        };
        if let Ok(length) = unprotected {
            assert_eq!(
                &sent[..length],
                packet,
                "what is accepted is what was protected"
            );
        }
    }
});
