//! What protection costs per packet, beside the bare cipher over the same buffers.
//!
//! `cargo bench -p shoal-media --bench srtp`. The ratio is what to compare between machines.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use media::srtp::{KeyMaterial, MAX_OVERHEAD, Protector, Side, SrtpProfile, Unprotector};

/// Packets in a round, each in a slot of one contiguous buffer, as a send batch is.
const PACKETS: usize = 64;
const SLOT: usize = 1500;
const ROUNDS: usize = 2000;

fn contexts(profile: SrtpProfile) -> (Protector, Unprotector) {
    let exported = vec![7; 2 * (profile.key_len() + profile.salt_len())];
    let material = KeyMaterial::split(profile, &exported).unwrap();
    let (protector, _) = material.clone().into_contexts(Side::Client, 64);
    let (_, unprotector) = material.into_contexts(Side::Server, 64);
    (protector, unprotector)
}

fn write_header(slot: &mut [u8], index: u64) {
    slot[..12].copy_from_slice(&[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    slot[2..4].copy_from_slice(&(index as u16).to_be_bytes());
}

/// Nanoseconds for each packet; the fastest of five runs.
fn measure(mut round: impl FnMut(&mut [u8], u64)) -> f64 {
    let mut buffer = vec![0x5a; PACKETS * SLOT];
    let mut index = 0;
    (0..5)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                for slot in buffer.chunks_exact_mut(SLOT) {
                    round(slot, index);
                    index += 1;
                }
                black_box(&mut buffer);
            }
            start.elapsed().as_nanos() as f64 / (PACKETS * ROUNDS) as f64
        })
        .fold(f64::INFINITY, f64::min)
}

fn floor(len: usize) -> f64 {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap());
    measure(|slot, index| {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&index.to_be_bytes());
        let (header, rest) = slot.split_at_mut(12);
        let (payload, tag) = rest.split_at_mut(len - 12);
        key.seal_in_place_scatter(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&*header),
            payload,
            &[],
            &mut tag[..16],
        )
        .unwrap();
    })
}

fn main() {
    for len in [120, 1100] {
        let floor = floor(len);
        println!("{len} byte packets: bare AES-128-GCM {floor:.0} ns");
        for profile in [
            SrtpProfile::AeadAes128Gcm,
            SrtpProfile::AeadAes256Gcm,
            SrtpProfile::Aes128CmSha1_80,
        ] {
            let (mut protector, _) = contexts(profile);
            let in_place = measure(|slot, index| {
                write_header(slot, index);
                protector.protect_rtp_at(slot, len, index).unwrap();
            });

            let (mut protector, _) = contexts(profile);
            let payload = vec![0x5a; len - 12];
            let from_shared = measure(|slot, index| {
                write_header(slot, index);
                protector
                    .protect_rtp_from(slot, 12, &payload, index)
                    .unwrap();
            });

            let (mut protector, mut unprotector) = contexts(profile);
            let both = measure(|slot, index| {
                write_header(slot, index);
                let sealed = protector.protect_rtp_at(slot, len, index).unwrap();
                debug_assert!(sealed <= len + MAX_OVERHEAD);
                unprotector.unprotect_rtp(&mut slot[..sealed]).unwrap();
            });
            let unprotect = both - in_place;
            println!(
                "  {profile:?}: protect {in_place:.0} ns ({:.2}x), from a shared payload {from_shared:.0} ns ({:.2}x), unprotect {unprotect:.0} ns ({:.2}x)",
                in_place / floor,
                from_shared / floor,
                unprotect / floor
            );
        }
    }
}
