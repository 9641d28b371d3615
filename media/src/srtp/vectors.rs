//! Published vectors, and what must hold for every profile.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::cipher::SessionCipher;
use super::*;

const PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AeadAes128Gcm,
    SrtpProfile::AeadAes256Gcm,
    SrtpProfile::Aes128CmSha1_80,
];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn roomy(packet: &[u8]) -> Vec<u8> {
    let mut buf = packet.to_vec();
    buf.resize(packet.len() + MAX_OVERHEAD, 0xee);
    buf
}

fn both(profile: SrtpProfile) -> ((Protector, Unprotector), (Protector, Unprotector)) {
    let exported: Vec<u8> = (0..2 * (profile.key_len() + profile.salt_len()))
        .map(|n| n as u8)
        .collect();
    let material = KeyMaterial::split(profile, &exported).unwrap();
    (
        material.clone().into_contexts(Side::Client, 16),
        material.into_contexts(Side::Server, 16),
    )
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn sealed(protector: &mut Protector, packet: &[u8]) -> Vec<u8> {
    let mut buf = roomy(packet);
    let len = protector.protect_rtp(&mut buf, packet.len()).unwrap();
    buf.truncate(len);
    buf
}

fn opened(unprotector: &mut Unprotector, mut packet: Vec<u8>) -> Result<Vec<u8>, UnprotectError> {
    let len = unprotector.unprotect_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

const QUID: [u8; 12] = *b"Quid pro quo";

fn rfc_7714(key_len: u8) -> (Protector, Unprotector) {
    let key: Vec<u8> = (0..key_len).collect();
    let cipher = || SessionCipher::Gcm(super::cipher::Gcm::with_session_key(&key, QUID));
    (Protector::new(cipher(), 4), Unprotector::new(cipher(), 4))
}

/// RFC 7714 §16.1, §16.2.
#[test]
fn srtp_under_gcm_is_that_of_rfc_7714() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
         696e2070 61727465 73207472 6573",
    );
    for (key_len, expected) in [
        (
            16,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
             42a5f47a 51c7d19b 36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce",
        ),
        (
            32,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
             b50b2a02 76ffae0f 1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
        ),
    ] {
        let (mut protector, mut unprotector) = rfc_7714(key_len);
        let protected = sealed(&mut protector, &plain);
        assert_eq!(protected, hex(expected));
        assert_eq!(opened(&mut unprotector, protected).unwrap(), plain);
    }
}

/// RFC 7714 §17.1; the index of the vector is reached by counting up to it.
#[test]
fn srtcp_under_gcm_is_that_of_rfc_7714() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let expected = hex(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade
         800005d4",
    );
    let (mut protector, mut unprotector) = rfc_7714(16);
    let mut last = Vec::new();
    for _ in 0..0x5d4 {
        let mut buf = roomy(&plain);
        let len = protector.protect_rtcp(&mut buf, plain.len()).unwrap();
        last = buf[..len].to_vec();
    }
    assert_eq!(last, expected);
    let len = unprotector.unprotect_rtcp(&mut last).unwrap();
    assert_eq!(last[..len], plain);
}

/// Key material of RFC 3711 §B.3; the packets are those of libsrtp's self-test.
#[test]
fn srtp_and_srtcp_under_counter_mode_agree_with_libsrtp() {
    let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    let exported = [&*key, &*key, &*salt, &*salt].concat();
    let material = KeyMaterial::split(SrtpProfile::Aes128CmSha1_80, &exported).unwrap();
    let (mut protector, mut unprotector) = material.into_contexts(Side::Client, 4);

    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let protected = sealed(&mut protector, &plain);
    assert_eq!(
        protected,
        hex(
            "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb"
        )
    );
    assert_eq!(opened(&mut unprotector, protected).unwrap(), plain);

    let plain = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let mut buf = roomy(&plain);
    let len = protector.protect_rtcp(&mut buf, plain.len()).unwrap();
    assert_eq!(
        buf[..len],
        hex(
            "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798"
        )
    );
    let len = unprotector.unprotect_rtcp(&mut buf[..len]).unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn each_side_reads_what_the_other_writes_and_not_what_it_writes_itself() {
    for profile in PROFILES {
        let ((mut client, mut from_server), (mut server, mut from_client)) = both(profile);
        let packet = rtp(1, 1, b"hello");
        let protected = sealed(&mut client, &packet);
        assert_ne!(protected[12..17], packet[12..]);
        assert_eq!(
            opened(&mut from_server, protected.clone()),
            Err(UnprotectError::Auth)
        );
        assert_eq!(opened(&mut from_client, protected).unwrap(), packet);
        let protected = sealed(&mut server, &packet);
        assert_eq!(opened(&mut from_server, protected).unwrap(), packet);
    }
}

#[test]
fn a_payload_encrypted_from_elsewhere_is_the_packet_encrypted_in_place() {
    for profile in PROFILES {
        let ((mut one, _), (mut other, _)) = (both(profile).0, both(profile).0);
        let packet = rtp(1, 9, b"a payload that many peers get");
        let mut buf = roomy(&packet[..12]);
        buf.resize(200, 0);
        let len = one
            .protect_rtp_from(&mut buf, 12, &packet[12..], 9)
            .unwrap();
        assert_eq!(buf[..len], sealed(&mut other, &packet));
    }
}

#[test]
fn a_packet_is_taken_once_and_a_changed_one_never() {
    for profile in PROFILES {
        let ((mut client, _), (_, mut from_client)) = both(profile);
        let protected = sealed(&mut client, &rtp(1, 500, b"hello"));
        for at in 0..protected.len() {
            let mut forged = protected.clone();
            forged[at] ^= 1;
            assert!(opened(&mut from_client, forged).is_err(), "byte {at}");
        }
        for len in 0..protected.len() {
            assert!(opened(&mut from_client, protected[..len].to_vec()).is_err());
        }
        assert!(opened(&mut from_client, protected.clone()).is_ok());
        assert_eq!(
            opened(&mut from_client, protected),
            Err(UnprotectError::Replay)
        );
    }
}

#[test]
fn control_packets_are_taken_once_and_changed_ones_never() {
    for profile in PROFILES {
        let ((mut client, _), (_, mut from_client)) = both(profile);
        let plain = hex("80c90001 00000001 00000000");
        let mut buf = roomy(&plain);
        let len = client.protect_rtcp(&mut buf, plain.len()).unwrap();
        let protected = buf[..len].to_vec();
        for at in 0..len {
            let mut forged = protected.clone();
            forged[at] ^= 0x80;
            assert!(
                from_client.unprotect_rtcp(&mut forged).is_err(),
                "byte {at}"
            );
        }
        for short in 0..len {
            let mut cut = protected[..short].to_vec();
            assert!(from_client.unprotect_rtcp(&mut cut).is_err());
        }
        let mut first = protected.clone();
        assert_eq!(from_client.unprotect_rtcp(&mut first), Ok(plain.len()));
        let mut again = protected.clone();
        assert_eq!(
            from_client.unprotect_rtcp(&mut again),
            Err(UnprotectError::Replay)
        );
    }
}

#[test]
fn the_rollover_counter_follows_across_many_wraps_with_loss_and_reordering() {
    for profile in PROFILES {
        let ((mut client, _), (_, mut from_client)) = both(profile);
        let mut held = None;
        for step in 0u64..700 {
            let extended = 65_000 + step * 300;
            let packet = rtp(1, extended as u16, &step.to_be_bytes());
            let protected = sealed(&mut client, &packet);
            match step % 7 {
                2 => held = Some((packet, protected)),
                3 => {
                    assert_eq!(opened(&mut from_client, protected).unwrap(), packet);
                    let (packet, protected) = held.take().unwrap();
                    assert_eq!(opened(&mut from_client, protected).unwrap(), packet);
                }
                5 => {}
                _ => assert_eq!(opened(&mut from_client, protected).unwrap(), packet),
            }
        }
    }
}

#[test]
fn an_index_is_never_used_for_two_packets() {
    for profile in PROFILES {
        let ((mut client, _), _) = both(profile);
        let packet = rtp(1, 20, b"one");
        sealed(&mut client, &packet);
        let other = rtp(1, 20, b"two");
        let mut buf = roomy(&other);
        assert_eq!(
            client.protect_rtp(&mut buf, other.len()),
            Err(ProtectError::IndexReused)
        );
        assert_eq!(buf[..other.len()], other, "nothing was encrypted");
        assert_eq!(
            client.protect_rtp_at(&mut buf, other.len(), 20),
            Err(ProtectError::IndexReused)
        );
        assert_eq!(
            client.protect_rtp_at(&mut buf, other.len(), 21),
            Err(ProtectError::WrongIndex)
        );
        assert!(
            client
                .protect_rtp_at(&mut buf, other.len(), 0x1_0014)
                .is_ok()
        );
    }
}

#[test]
fn the_number_of_ssrcs_is_bounded_in_both_directions() {
    for profile in PROFILES {
        let ((mut client, _), (_, mut from_client)) = both(profile);
        let material: Vec<u8> = (0..2 * (profile.key_len() + profile.salt_len()))
            .map(|n| n as u8)
            .collect();
        let (mut roomier, _) = KeyMaterial::split(profile, &material)
            .unwrap()
            .into_contexts(Side::Client, 1000);
        for ssrc in 0..16 {
            let protected = sealed(&mut client, &rtp(ssrc, 1, b"x"));
            assert!(opened(&mut from_client, protected).is_ok());
        }
        let packet = rtp(16, 1, b"x");
        assert_eq!(
            client.protect_rtp(&mut roomy(&packet), packet.len()),
            Err(ProtectError::TooManySsrcs)
        );
        assert_eq!(
            opened(&mut from_client, sealed(&mut roomier, &packet)),
            Err(UnprotectError::TooManySsrcs)
        );
        let known = sealed(&mut client, &rtp(3, 2, b"x"));
        assert!(opened(&mut from_client, known).is_ok());
    }
}

#[test]
fn a_buffer_without_room_for_the_tag_is_refused_untouched() {
    for profile in PROFILES {
        let ((mut client, _), _) = both(profile);
        let packet = rtp(1, 1, b"x");
        let mut buf = packet.clone();
        assert_eq!(
            client.protect_rtp(&mut buf, packet.len()),
            Err(ProtectError::NoRoom)
        );
        assert_eq!(
            client.protect_rtcp(&mut hex("80c90001 00000001"), 8),
            Err(ProtectError::NoRoom)
        );
        assert_eq!(buf, packet);
    }
}
