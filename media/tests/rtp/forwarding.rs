//! Nothing is allocated per packet once everything is warm.

use std::time::{Duration, Instant};

use media::bwe::{Config, Estimator};
use media::cache::{CacheConfig, PacketCache, Resend};
use media::codec::vp8::Vp8Descriptor;
use media::nack::NackGenerator;
use media::probing::{Need, Prober};
use media::rtcp::{Compound, RtcpPacket};
use media::rtp::{
    AbsSendTime, Extension, ExtensionMap, ExtensionSet, HeaderFields, HeaderWriter, Reception,
    RtpLayout, RtpPacket, RtpPacketMut, SeqNum, Stamps,
};
use media::rtx::{self, RtxStream};
use media::twcc::{FeedbackGenerator, SendHistory};
use media::units::{Bitrate, PayloadType, Ssrc};

struct Path {
    incoming: ExtensionMap,
    outgoing: ExtensionMap,
    generator: FeedbackGenerator,
    nack: NackGenerator,
    reception: Reception,
    cache: PacketCache,
    stream: RtxStream,
    history: SendHistory,
    estimator: Estimator,
    prober: Prober,
    results: Vec<media::twcc::PacketResult>,
    missing: Vec<SeqNum>,
    feedback: Vec<u8>,
    received: Vec<u8>,
    sent: Vec<u8>,
}

impl Path {
    /// One packet comes in, is rewritten, sent, acknowledged; one in ten is asked for again.
    fn forward(&mut self, index: u32, now: Instant) {
        let seq = SeqNum(index as u16);
        let mut incoming = RtpPacketMut::parse(&mut self.received).unwrap();
        incoming.set_sequence_number(seq);
        incoming
            .extension_mut(5)
            .unwrap()
            .copy_from_slice(&seq.0.to_be_bytes());
        let layout = RtpLayout::parse(&self.received).unwrap();
        let packet = RtpPacket::with_layout(&self.received, layout).unwrap();
        self.reception
            .handle_packet(seq, packet.timestamp(), self.received.len(), now);
        self.nack.handle_packet(seq, now);
        self.nack.poll(now, &mut self.missing);
        let descriptor = Vp8Descriptor::parse(packet.payload()).unwrap();
        let writer = HeaderWriter {
            incoming: &self.incoming,
            outgoing: &self.outgoing,
            forward: ExtensionSet::END_TO_END,
        };
        let stamps = Stamps {
            transport_cc: Some(self.history.next().0),
            abs_send_time: Some(AbsSendTime::from_time(Duration::from_millis(u64::from(
                index,
            )))),
            mid: Some(b"v1"),
            ..Stamps::default()
        };
        let fields = HeaderFields {
            ssrc: Ssrc(9),
            ..HeaderFields::of(&packet)
        };
        let written = writer
            .write(&packet, &fields, &stamps, &[], &mut self.sent)
            .unwrap();
        descriptor.rewrite(
            &mut self.sent[written.header_len..written.len],
            index as u16,
            7,
            0,
        );
        self.cache.insert(seq, &self.sent[..written.len], now);
        let cluster = self.prober.handle_sent(written.len);
        let transport_seq = self.history.handle_sent(written.len, cluster, now);
        self.estimator.handle_sent(written.len, now);
        if index.is_multiple_of(10)
            && let Resend::Packet(original) = self.cache.resend(seq.minus(5), Duration::ZERO, now)
        {
            let original = RtpPacket::parse(original).unwrap();
            let pt = PayloadType::new(97).unwrap();
            let written = self
                .stream
                .wrap(pt, &writer, &original, &stamps, &mut self.sent);
            let bytes = &mut self.sent[..written.unwrap().len];
            let layout = RtpLayout::parse(bytes).unwrap();
            rtx::unwrap(bytes, layout, PayloadType::new(96).unwrap(), Ssrc(9));
        }
        self.generator.handle_packet(transport_seq, Ssrc(9), now);
        self.feedback.clear();
        if self.generator.poll(Ssrc(1), now, &mut self.feedback) {
            let RtcpPacket::TransportCc(feedback) =
                Compound::new(&self.feedback).next().unwrap().unwrap()
            else {
                panic!()
            };
            self.results.clear();
            self.history.handle_feedback(&feedback, &mut self.results);
            self.estimator.handle_feedback(&self.results, now);
            self.estimator.handle_timeout(now);
        }
        let wanted = Bitrate::from_kbps(9_000);
        if let Some(cluster) = self.estimator.poll_probe(wanted, now) {
            self.prober.handle_cluster(cluster, now);
        }
        let need = Need {
            target: Bitrate::from_kbps(1_000),
            ideal: wanted,
            wanting: true,
        };
        self.prober.poll(need, self.estimator.estimate(), now);
    }
}

#[test]
fn forwarding_a_packet_allocates_nothing_once_warm() {
    let start = Instant::now();
    let mut incoming = ExtensionMap::new();
    incoming.insert(Extension::TransportCc, 5).unwrap();
    let mut outgoing = incoming.clone();
    outgoing.insert(Extension::AbsSendTime, 3).unwrap();
    outgoing.insert(Extension::Mid, 4).unwrap();
    let mut received = vec![0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    received.extend([
        0xbe, 0xde, 0, 1, 0x51, 0, 0, 0, 0x90, 0xe0, 0x80, 0x01, 0x02, 0x20,
    ]);
    received.extend([0x55; 1_000]);
    let mut path = Path {
        incoming,
        outgoing,
        generator: FeedbackGenerator::new(),
        nack: NackGenerator::new(),
        reception: Reception::new(90_000),
        cache: PacketCache::new(CacheConfig::default()),
        stream: RtxStream {
            ssrc: Ssrc(10),
            next: SeqNum(0),
        },
        history: SendHistory::new(),
        estimator: Estimator::new(Config::default()),
        prober: Prober::new(),
        results: Vec::new(),
        missing: Vec::new(),
        feedback: Vec::new(),
        received,
        sent: vec![0; 1_500],
    };
    let at = |index: u32| start + Duration::from_millis(2) * index;
    for index in 0..5_000 {
        path.forward(index, at(index));
    }
    let allocated = allocation_counter::measure(|| {
        for index in 5_000..20_000 {
            path.forward(index, at(index));
        }
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}
