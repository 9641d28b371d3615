//! Loss repair from end to end: a sender with a cache, a link that loses and reorders, a receiver
//! that asks for what it misses.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use media::cache::{CacheConfig, PacketCache, Resend};
use media::nack::{NackGenerator, Received};
use media::rtcp::{Compound, Nack, RtcpPacket};
use media::rtp::{
    ExtensionMap, ExtensionSet, HeaderFields, HeaderWriter, RtpPacket, SeqNum, Stamps, Timestamp,
};
use media::rtx::{self, RtxStream, Unwrapped};
use media::units::{PayloadType, Ssrc};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const MS: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(40);
const MEDIA: Ssrc = Ssrc(11);
const RTX: Ssrc = Ssrc(12);
const RECEIVER: Ssrc = Ssrc(1);

fn media_type() -> PayloadType {
    PayloadType::new(100).unwrap()
}

fn rtx_type() -> PayloadType {
    PayloadType::new(101).unwrap()
}

fn packet(seq: SeqNum) -> Vec<u8> {
    let map = ExtensionMap::new();
    let writer = HeaderWriter {
        incoming: &map,
        outgoing: &map,
        forward: ExtensionSet::EMPTY,
    };
    let fields = HeaderFields {
        marker: false,
        payload_type: media_type(),
        sequence_number: seq,
        timestamp: Timestamp(u32::from(seq.0)),
        ssrc: MEDIA,
    };
    let source = [
        &[0x80, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[seq.0 as u8; 900],
    ]
    .concat();
    let mut out = vec![0; 1_200];
    let source = RtpPacket::parse(&source).unwrap();
    let written = writer
        .write(&source, &fields, &Stamps::default(), &[], &mut out)
        .unwrap();
    out.truncate(written.len);
    out
}

/// What is on its way, either way.
struct Wire {
    random: SmallRng,
    loss: f64,
    packets: Vec<(Instant, Vec<u8>)>,
}

impl Wire {
    fn send(&mut self, bytes: Vec<u8>, now: Instant) {
        if !self.random.random_bool(self.loss) {
            let late = if self.random.random_bool(0.05) {
                8 * MS
            } else {
                Duration::ZERO
            };
            self.packets.push((now + DELAY + late, bytes));
        }
    }

    fn arrived(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let (arrived, rest) = self.packets.drain(..).partition(|&(at, _)| at <= now);
        self.packets = rest;
        arrived.into_iter().map(|(_, bytes)| bytes).collect()
    }
}

/// Sends 5,000 packets, and some more that show the loss of the last; returns how many of the
/// 5,000 the receiver has at the end, and how many came by RTX.
fn run(loss: f64, seed: u64) -> (usize, usize) {
    let start = Instant::now();
    let wire = |seed| Wire {
        random: SmallRng::seed_from_u64(seed),
        loss,
        packets: Vec::new(),
    };
    let (mut forth, mut back) = (wire(seed), wire(seed + 1_000));
    let map = ExtensionMap::new();
    let writer = HeaderWriter {
        incoming: &map,
        outgoing: &map,
        forward: ExtensionSet::EMPTY,
    };
    let mut cache = PacketCache::new(CacheConfig::default());
    let mut stream = RtxStream {
        ssrc: RTX,
        next: SeqNum(65_000),
    };
    let mut generator = NackGenerator::new();
    generator.handle_rtt(DELAY * 2);
    let mut have = BTreeSet::new();
    let mut repaired = 0;
    for tick in 0..5_700_u32 {
        let now = start + MS * 2 * tick;
        if tick < 5_100 {
            let seq = SeqNum(63_000).plus(tick as u16);
            let bytes = packet(seq);
            cache.insert(seq, &bytes, now);
            forth.send(bytes, now);
        }
        for mut bytes in forth.arrived(now) {
            let arrived = RtpPacket::parse(&bytes).unwrap();
            let range = if arrived.ssrc() == RTX {
                let layout = arrived.layout();
                match rtx::unwrap(&mut bytes, layout, media_type(), MEDIA) {
                    Unwrapped::Packet(range) => range,
                    Unwrapped::Probe => panic!("nothing probes here"),
                }
            } else {
                0..bytes.len()
            };
            let original = RtpPacket::parse(&bytes[range.clone()]).unwrap();
            let seq = original.sequence_number();
            assert_eq!(bytes[range.clone()], packet(seq));
            match generator.handle_packet(seq, now) {
                Received::New => assert!(have.insert(seq.0)),
                Received::Repaired => {
                    repaired += usize::from(range.start > 0);
                    assert!(have.insert(seq.0));
                }
                Received::Duplicate => {}
                Received::Reset => panic!("no jump was sent"),
            }
        }
        let mut missing = Vec::new();
        generator.poll(now, &mut missing);
        let mut request = Vec::new();
        Nack::write(RECEIVER, MEDIA, &missing, &mut request);
        if !request.is_empty() {
            back.send(request, now);
        }
        for bytes in back.arrived(now) {
            let RtcpPacket::Nack(nack) = Compound::new(&bytes).next().unwrap().unwrap() else {
                panic!()
            };
            for seq in nack.sequence_numbers() {
                if let Resend::Packet(original) = cache.resend(seq, DELAY * 2, now) {
                    let original = RtpPacket::parse(original).unwrap();
                    let mut out = vec![0; 1_200];
                    let stamps = Stamps::default();
                    let written = stream
                        .wrap(rtx_type(), &writer, &original, &stamps, &mut out)
                        .unwrap();
                    out.truncate(written.len);
                    forth.send(out, now);
                }
            }
        }
    }
    let first = SeqNum(63_000);
    let counted = have
        .iter()
        .filter(|&&seq| (0..5_000).contains(&SeqNum(seq).since(first)));
    (counted.count(), repaired)
}

#[test]
fn a_receiver_gets_every_packet_over_five_percent_loss_each_way() {
    for seed in 0..3 {
        let (have, repaired) = run(0.05, seed);
        assert_eq!(have, 5_000);
        assert!((150..400).contains(&repaired), "{repaired}");
    }
}

#[test]
fn over_thirty_percent_loss_nearly_every_packet_comes_in_the_end() {
    let (have, _) = run(0.3, 9);
    assert!(have > 4_900, "{have}");
}

#[test]
fn reordering_alone_asks_for_nothing() {
    assert_eq!(run(0.0, 5), (5_000, 0));
}
