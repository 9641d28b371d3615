//! Vectors made by hand from the RFCs, round trips, and hostile bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

use super::*;
use crate::rtp::{NtpTime, SeqNum, Timestamp};
use crate::units::{Bitrate, Ssrc};

fn one(bytes: &[u8]) -> RtcpPacket<'_> {
    let mut compound = Compound::new(bytes);
    let packet = compound.next().unwrap().unwrap();
    assert!(compound.next().is_none());
    packet
}

fn block() -> ReportBlock {
    ReportBlock {
        ssrc: Ssrc(0x0a0b_0c0d),
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_seq: 0x0001_0002,
        jitter: 33,
        last_sender_report: 0x1122_3344,
        delay_since_last_sender_report: 65_536,
    }
}

const BLOCK_BYTES: [u8; 24] = [
    0x0a, 0x0b, 0x0c, 0x0d, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 2, 0, 0, 0, 33, 0x11, 0x22, 0x33, 0x44,
    0, 1, 0, 0,
];

#[test]
fn a_sender_report_has_its_rfc_3550_layout() {
    let info = SenderInfo {
        ssrc: Ssrc(1),
        ntp: NtpTime(0x0102_0304_0506_0708),
        timestamp: Timestamp(9),
        packets: 10,
        bytes: 11,
    };
    let mut out = Vec::new();
    SenderReport::write(&info, &[block()], &mut out);
    let mut expected = vec![0x81, 200, 0, 12, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8];
    expected.extend([0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11]);
    expected.extend(BLOCK_BYTES);
    assert_eq!(out, expected);
    let RtcpPacket::SenderReport(report) = one(&out) else {
        panic!()
    };
    assert_eq!(report.info, info);
    assert_eq!(report.blocks().collect::<Vec<_>>(), [block()]);
}

#[test]
fn a_receiver_report_has_its_rfc_3550_layout() {
    let mut out = Vec::new();
    ReceiverReport::write(Ssrc(7), &[block(), block()], &mut out);
    assert_eq!(out[..8], [0x82, 201, 0, 13, 0, 0, 0, 7]);
    assert_eq!(out[32..], BLOCK_BYTES);
    let RtcpPacket::ReceiverReport(report) = one(&out) else {
        panic!()
    };
    assert_eq!(report.ssrc, Ssrc(7));
    assert_eq!(report.blocks().count(), 2);
}

#[test]
fn a_cname_is_written_and_read_over_other_items() {
    let mut out = Vec::new();
    cname(Ssrc(5), b"shoal", &mut out);
    assert_eq!(
        out,
        [
            0x81, 202, 0, 3, 0, 0, 0, 5, 1, 5, b's', b'h', b'o', b'a', b'l', 0
        ]
    );
    let two = [
        0x82, 202, 0, 6, 0, 0, 0, 5, 2, 1, b'x', 1, 1, b'a', 0, 0, 0, 0, 0, 6, 1, 2, b'b', b'c', 0,
        0, 0, 0,
    ];
    let RtcpPacket::SourceDescription(sdes) = one(&two) else {
        panic!()
    };
    assert_eq!(
        sdes.cnames().collect::<Vec<_>>(),
        [(Ssrc(5), &b"a"[..]), (Ssrc(6), &b"bc"[..])]
    );
}

#[test]
fn a_goodbye_names_its_sources() {
    let mut out = Vec::new();
    Bye::write(&[Ssrc(1), Ssrc(2)], &mut out);
    assert_eq!(out, [0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    let RtcpPacket::Bye(bye) = one(&out) else {
        panic!()
    };
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [Ssrc(1), Ssrc(2)]);
}

#[test]
fn neighbours_share_a_nack_item_also_over_the_wrap() {
    let missing = [65_534, 65_535, 14, 15, 300].map(SeqNum);
    let mut out = Vec::new();
    Nack::write(Ssrc(1), Ssrc(2), &missing, &mut out);
    assert_eq!(
        out,
        [
            0x81, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 0x80, 0x01, 0, 15, 0, 0, 1, 44, 0,
            0
        ]
    );
    let RtcpPacket::Nack(nack) = one(&out) else {
        panic!()
    };
    assert_eq!((nack.sender, nack.media), (Ssrc(1), Ssrc(2)));
    assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), missing);
    out.clear();
    Nack::write(Ssrc(1), Ssrc(2), &[], &mut out);
    assert!(out.is_empty());
}

#[test]
fn key_frame_requests_have_their_layouts() {
    let mut out = Vec::new();
    let pli = Pli {
        sender: Ssrc(1),
        media: Ssrc(2),
    };
    pli.write(&mut out);
    assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    assert!(matches!(one(&out), RtcpPacket::Pli(p) if p == pli));
    out.clear();
    Fir::write(Ssrc(1), Ssrc(3), 9, &mut out);
    assert_eq!(
        out,
        [
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 9, 0, 0, 0
        ]
    );
    let RtcpPacket::Fir(fir) = one(&out) else {
        panic!()
    };
    assert_eq!(fir.entries().collect::<Vec<_>>(), [(Ssrc(3), 9)]);
}

#[test]
fn a_remb_keeps_eighteen_significant_bits() {
    let mut out = Vec::new();
    Remb::write(
        Ssrc(1),
        Bitrate::from_bps(1_000_000),
        &[Ssrc(2), Ssrc(3)],
        &mut out,
    );
    // 1,000,000 = 250,000 × 2².
    assert_eq!(
        out[..16],
        [
            0x8f, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B'
        ]
    );
    assert_eq!(out[16..20], [2, 2 << 2 | 3, 0xd0, 0x90]);
    let RtcpPacket::Remb(remb) = one(&out) else {
        panic!()
    };
    assert_eq!(remb.bitrate, Bitrate::from_bps(1_000_000));
    assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [Ssrc(2), Ssrc(3)]);
    out[17] = 0xff;
    let RtcpPacket::Remb(remb) = one(&out) else {
        panic!()
    };
    assert_eq!(remb.bitrate, Bitrate::MAX);
}

#[test]
fn transport_feedback_from_the_draft_is_read() {
    let bytes = [
        0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, // header
        0, 10, 0, 11, 0xff, 0xff, 0xfe, 5, // base 10, 11 packets, reference −2, count 5
        0x20, 0x03, // run: 3 small
        0xd8, 0x80, // vector of two bits: small, large, lost, large, lost, lost, lost
        0x90, 0x00, // vector of one bit: small at the second place, which is beyond the count
        1, 2, 3, 4, 0xff, 0xff, 1, 0, 0, 0,
    ];
    let RtcpPacket::TransportCc(feedback) = one(&bytes) else {
        panic!()
    };
    assert_eq!((feedback.reference, feedback.feedback_count), (-2, 5));
    let times: Vec<_> = feedback.arrivals().map(|a| a.time).collect();
    let (lost, at) = (None, Some::<i32>);
    assert_eq!(
        times,
        [
            at(1),
            at(3),
            at(6),
            at(10),
            at(9),
            lost,
            at(265),
            lost,
            lost,
            lost,
            lost
        ]
    );
    assert_eq!(feedback.arrivals().last().unwrap().seq, SeqNum(20));
}

#[test]
fn transport_feedback_survives_the_round_trip() {
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..2_000 {
        let loss = random.random_range(0.0..1.0);
        let spread = *[3, 300, 20_000].get(random.random_range(0..3)).unwrap();
        let mut time = 0;
        let times: Vec<_> = (0..random.random_range(1..200))
            .map(|_| {
                time += random.random_range(-spread / 4..spread);
                (!random.random_bool(loss)).then_some(time)
            })
            .collect();
        let (mut out, base) = (Vec::new(), SeqNum(random.random()));
        let taken = TransportCc::write((Ssrc(1), Ssrc(2)), base, -7, 200, &times, &mut out);
        let RtcpPacket::TransportCc(feedback) = one(&out) else {
            panic!()
        };
        assert_eq!(usize::from(feedback.count), taken);
        assert_eq!(
            (feedback.base, feedback.reference, feedback.feedback_count),
            (base, -7, 200)
        );
        let read: Vec<_> = feedback.arrivals().map(|a| a.time).collect();
        assert_eq!(read, times[..taken]);
        if spread < 1_000 {
            assert_eq!(taken, times.len());
        }
    }
}

#[test]
fn a_gap_that_no_delta_expresses_ends_the_feedback() {
    let mut out = Vec::new();
    let times = [Some(0), None, Some(40_000), Some(40_001)];
    assert_eq!(
        TransportCc::write((Ssrc(1), Ssrc(2)), SeqNum(0), 0, 0, &times, &mut out),
        2
    );
}

#[test]
fn a_compound_is_read_packet_by_packet_over_unknown_and_malformed_ones() {
    let mut bytes = Vec::new();
    ReceiverReport::write(Ssrc(7), &[], &mut bytes);
    bytes.extend([0x80, 207, 0, 1, 0, 0, 0, 1]);
    bytes.extend([0x81, 206, 0, 1, 0, 0, 0, 1]);
    cname(Ssrc(7), b"x", &mut bytes);
    let all: Vec<_> = Compound::new(&bytes).collect();
    assert!(matches!(all[0], Ok(RtcpPacket::ReceiverReport(_))));
    assert!(matches!(
        all[1],
        Ok(RtcpPacket::Unknown {
            packet_type: 207,
            ..
        })
    ));
    assert_eq!(all[2].unwrap_err(), RtcpError::Malformed);
    assert!(matches!(all[3], Ok(RtcpPacket::SourceDescription(_))));
    assert_eq!(all.len(), 4);
}

#[test]
fn padding_at_the_end_of_a_packet_is_left_out() {
    let bytes = [
        0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 4,
    ];
    let RtcpPacket::Nack(nack) = one(&bytes) else {
        panic!()
    };
    assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), [SeqNum(9)]);
}

#[test]
fn rtcp_is_told_from_rtp_by_its_type() {
    assert!(is_rtcp(&[0x80, 200]));
    assert!(!is_rtcp(&[0x80, 0x80 | 111]));
    assert!(!is_rtcp(&[0x80]));
}

#[test]
fn hostile_bytes_never_panic() {
    let mut random = SmallRng::seed_from_u64(2);
    let mut bytes = [0; 256];
    for _ in 0..50_000 {
        random.fill_bytes(&mut bytes);
        let len = random.random_range(0..bytes.len());
        bytes[0] = 0x80 | bytes[0] & 0x3f;
        bytes[1] = *[200, 201, 202, 203, 205, 206]
            .get(random.random_range(0..6))
            .unwrap();
        if random.random_bool(0.8) {
            bytes[2] = 0;
            bytes[3] = (len / 4).saturating_sub(1) as u8;
        }
        if random.random_bool(0.5) {
            bytes[0] = 0x8f;
            bytes[12..16].copy_from_slice(b"REMB");
        }
        for packet in Compound::new(&bytes[..len]).flatten() {
            match packet {
                RtcpPacket::SenderReport(p) => drop(p.blocks().count()),
                RtcpPacket::ReceiverReport(p) => drop(p.blocks().count()),
                RtcpPacket::SourceDescription(p) => drop(p.cnames().count()),
                RtcpPacket::Bye(p) => drop(p.ssrcs().count()),
                RtcpPacket::Nack(p) => drop(p.sequence_numbers().count()),
                RtcpPacket::Fir(p) => drop(p.entries().count()),
                RtcpPacket::Remb(p) => drop(p.ssrcs().count()),
                RtcpPacket::TransportCc(p) => drop(p.arrivals().count()),
                RtcpPacket::Pli(_) | RtcpPacket::Unknown { .. } => {}
            }
        }
    }
}
