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

/// Everything that one idle connected peer costs, certificate aside.
#[test]
fn a_connected_transport_holds_less_than_a_hundred_kibibytes() {
    use std::time::Instant;

    use media::dtls::Certificate;
    use media::ice::{IceCredentials, RemoteCandidate};
    use media::sctp::SctpConfig;
    use media::transport::{DEFAULT_MAX_SSRCS, RemoteTransport, Setup, Transport, TransportConfig};
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    let certificate = Certificate::generate().unwrap();
    let mut rng = SmallRng::seed_from_u64(1);
    let credentials = [0, 1].map(|_| IceCredentials::generate(&mut rng));
    let addresses = [[192, 0, 2, 1], [192, 0, 2, 2]].map(|ip| (ip, 5000).into());
    let mut pair = None;
    let held = allocation_counter::measure(|| {
        let mut now = Instant::now();
        let mut transports = [0, 1].map(|n: usize| {
            let config = TransportConfig {
                local: credentials[n].clone(),
                ice_controlling: n == 0,
                certificate: certificate.clone(),
                local_candidates: vec![addresses[n]],
                setup: Setup::Actpass,
                sctp: Some(SctpConfig {
                    open: (n == 1).then(|| ("a".to_owned(), "b".to_owned())),
                    ..SctpConfig::default()
                }),
                max_ssrcs: DEFAULT_MAX_SSRCS,
            };
            Transport::new(config, 1, now)
        });
        for n in 0..2 {
            let remote = RemoteTransport {
                credentials: credentials[1 - n].clone(),
                candidates: vec![RemoteCandidate::host(addresses[1 - n])],
                fingerprints: vec![certificate.fingerprint().clone()],
                setup: [Setup::Active, Setup::Passive][n],
            };
            transports[n].set_remote(remote, now).unwrap();
        }
        for _ in 0..100 {
            for n in 0..2 {
                while let Some(mut sent) = transports[n].poll_transmit() {
                    transports[1 - n]
                        .handle_datagram(&mut sent.payload, sent.from, sent.to, now)
                        .unwrap();
                }
                while transports[n].poll_event().is_some() {}
                transports[n].handle_timeout(now);
            }
            now += std::time::Duration::from_millis(50);
        }
        assert!(transports.iter().all(Transport::is_connected));
        pair = Some(transports);
    });
    let each = held.bytes_current / 2 + size_of::<Transport>() as i64;
    assert!(each < 100 * 1024, "{each} bytes");
    drop(pair);
}
