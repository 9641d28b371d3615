//! With `dimpl`, a stack of others' with ECDSA certificates, in both roles.

use std::sync::Arc;

use ::dimpl::{Config, Dtls as Other, DtlsCertificate, Output, certificate};

use super::*;

fn profile(profile: ::dimpl::SrtpProfile) -> SrtpProfile {
    match profile {
        ::dimpl::SrtpProfile::AEAD_AES_128_GCM => SrtpProfile::AeadAes128Gcm,
        ::dimpl::SrtpProfile::AEAD_AES_256_GCM => SrtpProfile::AeadAes256Gcm,
        _ => SrtpProfile::Aes128CmSha1_80,
    }
}

/// Shakes hands, sends a text each way, and gives what both sides agreed on.
fn meet(side: Side, cookie: bool) -> [(SrtpProfile, KeyMaterial); 2] {
    let now = Instant::now();
    let certificate: DtlsCertificate = certificate::generate_self_signed_certificate().unwrap();
    let fingerprint = Fingerprint::of("sha-256", &certificate.certificate).unwrap();
    let config = Config::builder().use_server_cookie(cookie).build().unwrap();
    let mut other = Other::new_12(Arc::new(config), certificate, now);
    other.set_active(side == Side::Server);
    let mut ours = Dtls::new(&CERTIFICATES[own(side)], side, vec![fingerprint]);
    let (mut outcome, mut agreed, mut heard) = (Outcome::default(), None, Vec::new());
    let mut buf = vec![0; 4096];
    for round in 0..20 {
        ours.handle_timeout(now);
        other.handle_timeout(now).unwrap();
        while let Some(packet) = ours.poll_transmit() {
            other.handle_packet(&packet).unwrap();
        }
        loop {
            match other.poll_output(&mut buf) {
                Output::Packet(packet) => ours.handle_packet(packet, now).unwrap(),
                Output::KeyingMaterial(material, chosen) => {
                    let chosen = profile(chosen);
                    agreed = KeyMaterial::split(chosen, &material).map(|keys| (chosen, keys));
                }
                Output::ApplicationData(data) => heard.push(data.to_vec()),
                Output::Timeout(_) => break,
                _ => {}
            }
        }
        outcome.gather(&mut ours);
        if round == 10 {
            ours.send(b"from us");
            other.send_application_data(b"to us").unwrap();
        }
    }
    assert_eq!(outcome.failed, None);
    assert_eq!(outcome.data, [b"to us"]);
    assert_eq!(heard, [b"from us"]);
    [outcome.connected.unwrap(), agreed.unwrap()]
}

#[test]
fn ours_shakes_hands_with_dimpl_in_both_roles() {
    let [ours, theirs] = meet(Side::Client, false);
    assert!(keys_agree(ours, theirs));
    let [ours, theirs] = meet(Side::Server, false);
    assert!(keys_agree(theirs, ours));
}

/// RFC 6347 §4.2.1.
#[test]
fn a_server_that_wants_its_cookie_back_gets_it() {
    let [ours, theirs] = meet(Side::Client, true);
    assert!(keys_agree(ours, theirs));
}
