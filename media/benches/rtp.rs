//! What rewriting a packet for a receiver costs, beside copying it.
//!
//! `cargo bench -p shoal-media --bench rtp`. The ratio is what to compare between machines.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use media::codec::av1::{DependencyDescriptor, DescriptorEdit};
use media::codec::vp8::Vp8Descriptor;
use media::rtp::{
    AbsSendTime, Extension, ExtensionMap, ExtensionSet, HeaderFields, HeaderWriter, RtpPacket,
    SeqNum, Stamps,
};
use media::units::Ssrc;

const ROUNDS: u32 = 1_000_000;

/// Nanoseconds for each call; the fastest of five runs.
fn measure(name: &str, floor: Option<f64>, mut call: impl FnMut(u32)) -> f64 {
    let run = |call: &mut dyn FnMut(u32)| {
        let start = Instant::now();
        (0..ROUNDS).for_each(&mut *call);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    let best = (0..5).map(|_| run(&mut call)).fold(f64::INFINITY, f64::min);
    let ratio = floor.map_or(String::new(), |floor| {
        format!("  {:5.2} × copy", best / floor)
    });
    println!("{name:<44} {best:7.1} ns{ratio}");
    best
}

fn main() {
    let mut incoming = ExtensionMap::new();
    incoming.insert(Extension::TransportCc, 5).unwrap();
    incoming.insert(Extension::VideoOrientation, 6).unwrap();
    let mut outgoing = incoming.clone();
    outgoing.insert(Extension::AbsSendTime, 3).unwrap();
    outgoing.insert(Extension::Mid, 4).unwrap();
    let mut bytes = vec![0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    bytes.extend([0xbe, 0xde, 0, 2, 0x51, 1, 2, 0x60, 1, 0, 0, 0]);
    bytes.extend([0x90, 0xe0, 0x80, 0x01, 0x02, 0x20]);
    bytes.extend([0x55; 1_070]);
    let mut out = vec![0; 1_500];

    let floor = measure("copy of 1,100 bytes", None, |_| {
        out[..bytes.len()].copy_from_slice(black_box(&bytes));
        black_box(&mut out);
    });
    measure("parse", Some(floor), |_| {
        black_box(RtpPacket::parse(black_box(&bytes)).unwrap());
    });
    let packet = RtpPacket::parse(&bytes).unwrap();
    let writer = HeaderWriter {
        incoming: &incoming,
        outgoing: &outgoing,
        forward: ExtensionSet::END_TO_END,
    };
    let stamped = |round: u32| Stamps {
        transport_cc: Some(round as u16),
        abs_send_time: Some(AbsSendTime::from_time(Duration::from_micros(u64::from(
            round,
        )))),
        mid: Some(b"v1"),
        ..Stamps::default()
    };
    measure("header, extensions and copy", Some(floor), |round| {
        let seq = SeqNum(round as u16);
        let fields = HeaderFields {
            sequence_number: seq,
            ssrc: Ssrc(9),
            ..HeaderFields::of(&packet)
        };
        black_box(
            writer
                .write(&packet, &fields, &stamped(round), &[], &mut out)
                .unwrap(),
        );
    });
    let descriptor = Vp8Descriptor::parse(packet.payload()).unwrap();
    measure("the same, and the VP8 descriptor", Some(floor), |round| {
        let seq = SeqNum(round as u16);
        let fields = HeaderFields {
            sequence_number: seq,
            ssrc: Ssrc(9),
            ..HeaderFields::of(&packet)
        };
        let written = writer
            .write(&packet, &fields, &stamped(round), &[], &mut out)
            .unwrap();
        descriptor.rewrite(&mut out[written.header_len..], round as u16, round as u8, 0);
        black_box(&mut out);
    });
    let mut value = [0x81, 0, 7];
    measure("AV1 dependency descriptor in place", Some(floor), |round| {
        let edit = DescriptorEdit {
            frame_number: round as u16,
            ..DescriptorEdit::default()
        };
        DependencyDescriptor::rewrite(black_box(&mut value), &edit);
    });
}
