//! One source rewritten for one receiver.
//!
//! Whatever layers or sources it switches between, the receiver sees one stream: sequence numbers
//! without holes, timestamps that grow with time, picture ids and `TL0PICIDX` in order. A switch of
//! encoding, source or codec waits for a keyframe.

pub mod chains;
pub mod layered;
pub mod number_map;
pub mod vp8;
pub mod written;

use std::time::{Duration, Instant};

use media::codec::Codec;

use crate::allocation::LayerIndex;
use crate::ids::SourceKey;
use crate::packet::{Frame, PacketMeta};
use crate::statistics::DropReason;
use chains::Chains;
use layered::Layers;
use number_map::NumberMap;
use written::Written;

/// What to do with one packet for one receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Send it, with these fields.
    Forward(Rewrite),
    /// Do not.
    Drop(DropReason),
}

/// Fields of the outgoing packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// Sequence number with the rollover counter in its upper bits.
    pub seq: i64,
    /// As the receiver is to see it.
    pub timestamp: u32,
    /// As the receiver is to see it.
    pub marker: bool,
    /// Nothing of it is wanted, but its number is taken: it goes out as padding.
    pub empty: bool,
    /// VP8, VP9: picture id. AV1: frame number of the dependency descriptor.
    pub picture: Option<u16>,
    /// VP8, VP9: `TL0PICIDX`.
    pub tl0: u8,
    /// VP8: `KEYIDX`, of which five bits are written.
    pub key: u8,
}

/// What a projection shall forward.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Whose packets it rewrites.
    pub source: SourceKey,
    /// The highest layer of it.
    pub layer: LayerIndex,
}

/// See the module.
#[derive(Debug)]
pub struct Projection {
    clock_rate: u32,
    target: Option<Target>,
    stream: Option<Stream>,
    seq: NumberMap,
    pictures: NumberMap,
    sent: Option<Sent>,
    first_seq: i64,
    chains: Chains,
    /// Of video.
    written: Option<Box<Written>>,
}

/// What is being forwarded.
#[derive(Clone, Copy, Debug)]
struct Stream {
    source: SourceKey,
    encoding: u8,
    codec: Codec,
    timestamp_offset: u32,
    tl0_offset: u8,
    key_offset: u8,
    layers: Layers,
    /// What they were before, and the incoming number from which on they are what they are.
    before: Layers,
    since: i64,
}

/// The newest that was sent, from which the next stream continues.
#[derive(Clone, Copy, Debug)]
struct Sent {
    timestamp: u32,
    arrival: Instant,
    picture: i64,
    tl0: u8,
    key: u8,
    stream: (SourceKey, u8, Codec),
    timestamp_offset: u32,
}

/// Least distance in time between what was before a switch and what comes after.
const SWITCH_GAP: Duration = Duration::from_millis(10);

impl Projection {
    /// For a stream of this clock rate in Hz. The first packet gets `first_seq`, which should be
    /// below 2^15 so that nobody can mistake the rollover counter.
    pub fn new(clock_rate: u32, first_seq: u16) -> Self {
        Self {
            clock_rate,
            target: None,
            stream: None,
            seq: NumberMap::new(0, i64::from(first_seq)),
            pictures: NumberMap::new(0, 0),
            sent: None,
            first_seq: i64::from(first_seq),
            chains: Chains::default(),
            written: None,
        }
    }

    /// What shall be forwarded from here on.
    pub fn set_target(&mut self, target: Option<Target>) {
        self.target = target;
        if self
            .stream
            .is_some_and(|s| target.is_none_or(|t| t.source != s.source))
        {
            self.stream = None;
        }
    }

    /// What shall be forwarded.
    pub fn target(&self) -> Option<Target> {
        self.target
    }

    /// The encoding that is being forwarded.
    pub fn current_encoding(&self) -> Option<u8> {
        self.stream.map(|s| s.encoding)
    }

    /// The source and encoding without a keyframe of which the target cannot be reached.
    pub fn awaits_keyframe(&self) -> Option<(SourceKey, u8)> {
        let target = self.target?;
        let reached = self.stream.is_some_and(|stream| {
            stream.encoding == target.layer.encoding && !stream.layers.awaits_keyframe(target.layer)
        });
        (!reached).then_some((target.source, target.layer.encoding))
    }

    /// The outgoing timestamp of an instant in the stream that is being forwarded.
    pub fn timestamp(&self, source: SourceKey, encoding: u8, timestamp: u32) -> Option<u32> {
        let stream = self
            .stream
            .filter(|s| s.source == source && s.encoding == encoding)?;
        Some(timestamp.wrapping_add(stream.timestamp_offset))
    }

    /// Source, encoding and incoming sequence number of the packet that went out as `seq` (16 bits),
    /// if that was after the last switch.
    pub fn origin(&self, seq: u16) -> Option<(SourceKey, u8, i64)> {
        let stream = self.stream?;
        let newest = self.seq.next_out() - 1;
        let distance = (newest as u16).wrapping_sub(seq) as i16;
        let number = self.seq.origin(newest - i64::from(distance))?;
        Some((stream.source, stream.encoding, number))
    }

    /// The newest sequence number that went out since the last switch.
    pub fn newest_seq(&self) -> Option<i64> {
        self.stream.map(|_| self.seq.next_out() - 1)
    }

    /// How a packet that was forwarded before is sent again.
    pub fn again(&self, packet: &PacketMeta) -> Option<Rewrite> {
        let stream = self.stream.filter(|s| s.takes(packet))?;
        let seq = self.seq.place(packet.seq)?;
        let written = self.written.as_ref().map(|written| written.get(seq));
        if let Some((_, true)) = written {
            return Some(stream.empty(packet, seq));
        }
        let picture = match packet.frame {
            Frame::Vp8(frame) => match frame.picture {
                Some(picture) => Some(self.pictures.place(picture)?),
                None => None,
            },
            Frame::Layered(frame) => frame.number.and_then(|n| self.pictures.place(n)),
            Frame::Audio | Frame::Opaque { .. } => None,
            Frame::Nothing(_) => return None,
        };
        let rewrite = stream.rewrite(packet, seq, picture);
        Some(Rewrite {
            marker: written.map_or(rewrite.marker, |(marker, _)| marker),
            ..rewrite
        })
    }

    /// Decides on one packet.
    pub fn decide(&mut self, packet: &PacketMeta) -> Decision {
        let Some(target) = self.target else {
            return Decision::Drop(DropReason::Layer);
        };
        if packet.source != target.source {
            return Decision::Drop(DropReason::NoSlot);
        }
        let goes_on = self.stream.is_some_and(|stream| stream.takes(packet));
        if !goes_on {
            if !self.may_switch(packet, target) {
                let waiting = self.stream.is_none() && packet.encoding <= target.layer.encoding;
                return Decision::Drop(if waiting {
                    DropReason::AwaitingKeyframe
                } else {
                    DropReason::Layer
                });
            }
            self.switch(packet, target);
        }
        let Some(mut stream) = self.stream else {
            return Decision::Drop(DropReason::AwaitingKeyframe);
        };
        let decision = self.decide_in(&mut stream, packet, target);
        self.stream = Some(stream);
        if let Decision::Forward(rewrite) = decision {
            if matches!(packet.frame, Frame::Vp8(_) | Frame::Layered(_)) {
                let written = self.written.get_or_insert_default();
                written.note(rewrite.seq, rewrite.marker, rewrite.empty);
            }
            if !rewrite.empty {
                self.note_sent(&stream, packet, &rewrite);
            }
        }
        decision
    }

    /// Up to any encoding on the way to the target, down to the target or below.
    fn may_switch(&self, packet: &PacketMeta, target: Target) -> bool {
        if !packet.starts_keyframe() || packet.encoding > target.layer.encoding {
            return false;
        }
        self.stream.is_none_or(|stream| {
            let changes_codec = stream.codec != packet.codec;
            let up = packet.encoding > stream.encoding;
            let down = stream.encoding > target.layer.encoding;
            up || down || (changes_codec && packet.encoding == stream.encoding)
        })
    }

    fn switch(&mut self, packet: &PacketMeta, target: Target) {
        let next_seq = if self.sent.is_some() {
            self.seq.next_out()
        } else {
            self.first_seq
        };
        self.seq.restart(packet.seq, next_seq);

        let identity = (packet.source, packet.encoding, packet.codec);
        let timestamp_offset = match self.sent {
            None => 0,
            Some(sent) => {
                let same = packet.timestamp.wrapping_add(sent.timestamp_offset);
                let grows = (same.wrapping_sub(sent.timestamp) as i32) > 0;
                if sent.stream == identity && grows {
                    sent.timestamp_offset
                } else {
                    let passed = packet.arrival.saturating_duration_since(sent.arrival);
                    let ticks = passed.max(SWITCH_GAP).as_micros() * u128::from(self.clock_rate);
                    let ticks = (ticks / 1_000_000) as u32;
                    sent.timestamp
                        .wrapping_add(ticks)
                        .wrapping_sub(packet.timestamp)
                }
            }
        };

        let (number, tl0, key) = match packet.frame {
            Frame::Vp8(frame) => (frame.picture, frame.tl0, frame.key),
            Frame::Layered(frame) => (frame.number, frame.tl0, None),
            Frame::Audio | Frame::Opaque { .. } | Frame::Nothing(_) => (None, None, None),
        };
        let (tl0, key) = (tl0.unwrap_or(0), key.unwrap_or(0));
        let (next_picture, next_tl0, next_key) = match self.sent {
            Some(sent) => (
                sent.picture + 1,
                sent.tl0.wrapping_add(1),
                sent.key.wrapping_add(1),
            ),
            None => (number.unwrap_or(0), tl0, key),
        };
        self.pictures.restart(number.unwrap_or(0), next_picture);
        self.stream = Some(Stream {
            source: packet.source,
            encoding: packet.encoding,
            codec: packet.codec,
            timestamp_offset,
            tl0_offset: next_tl0.wrapping_sub(tl0),
            key_offset: next_key.wrapping_sub(key),
            layers: Layers::at_keyframe(target.layer),
            before: Layers::at_keyframe(target.layer),
            since: packet.seq,
        });
        self.chains = Chains::default();
    }

    fn decide_in(&mut self, stream: &mut Stream, packet: &PacketMeta, target: Target) -> Decision {
        // Above the target's encoding only until its keyframe comes; below, all of it is wanted.
        let mut wanted = target.layer;
        if stream.encoding < target.layer.encoding {
            wanted.spatial = u8::MAX;
            wanted.temporal = u8::MAX;
        }
        let late = packet.seq <= self.seq.newest();
        match packet.frame {
            Frame::Nothing(reason) => {
                self.seq.skip(packet.seq);
                Decision::Drop(reason)
            }
            Frame::Audio | Frame::Opaque { .. } => match self.seq.forward(packet.seq) {
                Some(seq) => Decision::Forward(stream.rewrite(packet, seq, None)),
                None => Decision::Drop(DropReason::BeforeSwitch),
            },
            Frame::Vp8(frame) => {
                if late && frame.temporal > stream.layers_at(packet.seq).temporal {
                    return self.fill(stream, packet);
                }
                let before = stream.layers;
                if !late && !vp8::keeps(&mut stream.layers, &frame, wanted) {
                    self.seq.skip(packet.seq);
                    if let Some(picture) = frame.picture {
                        self.pictures.skip(picture);
                    }
                    return Decision::Drop(DropReason::Layer);
                }
                stream.note_layers(before, packet.seq);
                let picture = match frame.picture {
                    None => None,
                    Some(picture) => match self.pictures.forward(picture) {
                        Some(picture) => Some(picture),
                        None => return Decision::Drop(DropReason::BeforeSwitch),
                    },
                };
                match self.seq.forward(packet.seq) {
                    Some(seq) => Decision::Forward(stream.rewrite(packet, seq, picture)),
                    None => Decision::Drop(DropReason::BeforeSwitch),
                }
            }
            Frame::Layered(frame) => {
                if late && !stream.layers_at(packet.seq).include(&frame) {
                    return self.fill(stream, packet);
                }
                if !late {
                    if frame.start {
                        self.chains.handle_start(&frame);
                    }
                    let before = stream.layers;
                    let keeps = stream.layers.keeps(&frame, wanted, &self.chains);
                    stream.note_layers(before, packet.seq);
                    if !keeps {
                        self.seq.skip(packet.seq);
                        return Decision::Drop(DropReason::Layer);
                    }
                }
                self.chains.handle_forwarded(frame.number);
                let Some(seq) = self.seq.forward(packet.seq) else {
                    return Decision::Drop(DropReason::BeforeSwitch);
                };
                // References are by difference of numbers: they keep their distances.
                let number = frame
                    .number
                    .and_then(|number| self.pictures.forward(number));
                let mut rewrite = stream.rewrite(packet, seq, number);
                let top = stream.layers_at(packet.seq).spatial;
                rewrite.marker |= frame.end && frame.spatial == top;
                Decision::Forward(rewrite)
            }
        }
    }

    /// A packet of a layer that is not forwarded came late: its number was kept for it, and a receiver
    /// that finds none asks for it again and again.
    fn fill(&mut self, stream: &Stream, packet: &PacketMeta) -> Decision {
        match self.seq.forward(packet.seq) {
            Some(seq) => Decision::Forward(stream.empty(packet, seq)),
            None => Decision::Drop(DropReason::BeforeSwitch),
        }
    }

    fn note_sent(&mut self, stream: &Stream, packet: &PacketMeta, rewrite: &Rewrite) {
        let picture = match rewrite.picture {
            Some(_) => self.pictures.next_out() - 1,
            None => self.sent.map_or(0, |s| s.picture),
        };
        let before = self
            .sent
            .filter(|s| s.stream == (stream.source, stream.encoding, stream.codec));
        let newer = |sent: &Sent| (rewrite.timestamp.wrapping_sub(sent.timestamp) as i32) >= 0;
        let (timestamp, arrival, tl0, key) = match before {
            Some(sent) if !newer(&sent) => (sent.timestamp, sent.arrival, sent.tl0, sent.key),
            _ => (rewrite.timestamp, packet.arrival, rewrite.tl0, rewrite.key),
        };
        self.sent = Some(Sent {
            timestamp,
            arrival,
            picture,
            tl0,
            key,
            stream: (stream.source, stream.encoding, stream.codec),
            timestamp_offset: stream.timestamp_offset,
        });
    }
}

impl Stream {
    fn takes(&self, packet: &PacketMeta) -> bool {
        self.source == packet.source
            && self.encoding == packet.encoding
            && (self.codec == packet.codec || matches!(packet.frame, Frame::Nothing(_)))
    }

    /// The layers that were forwarded when a packet's turn was.
    fn layers_at(&self, seq: i64) -> Layers {
        if seq < self.since {
            self.before
        } else {
            self.layers
        }
    }

    /// The layers may have changed with a packet.
    fn note_layers(&mut self, before: Layers, seq: i64) {
        if self.layers != before {
            (self.before, self.since) = (before, seq);
        }
    }

    fn empty(&self, packet: &PacketMeta, seq: i64) -> Rewrite {
        Rewrite {
            marker: false,
            empty: true,
            ..self.rewrite(packet, seq, None)
        }
    }

    fn rewrite(&self, packet: &PacketMeta, seq: i64, picture: Option<i64>) -> Rewrite {
        let (tl0, key) = match packet.frame {
            Frame::Vp8(frame) => (frame.tl0, frame.key),
            Frame::Layered(frame) => (frame.tl0, None),
            Frame::Audio | Frame::Opaque { .. } | Frame::Nothing(_) => (None, None),
        };
        Rewrite {
            seq,
            timestamp: packet.timestamp.wrapping_add(self.timestamp_offset),
            marker: packet.marker,
            empty: false,
            picture: picture.map(|p| p as u16),
            tl0: tl0.unwrap_or(0).wrapping_add(self.tl0_offset),
            key: key.unwrap_or(0).wrapping_add(self.key_offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::MediaKind;
    use crate::ids::EndpointKey;
    use crate::packet::{LayeredFrame, SwitchTargets, Vp8Frame};

    fn source(owner: u64) -> SourceKey {
        SourceKey {
            owner: EndpointKey(owner),
            number: 0,
        }
    }

    fn target(owner: u64, encoding: u8, spatial: u8, temporal: u8) -> Option<Target> {
        Some(Target {
            source: source(owner),
            layer: LayerIndex {
                encoding,
                spatial,
                temporal,
            },
        })
    }

    /// A VP8 sender: three temporal layers (0 2 1 2), two packets a frame.
    struct Vp8Sender {
        source: SourceKey,
        encoding: u8,
        seq: i64,
        picture: i64,
        tl0: u8,
        key: u8,
        timestamp: u32,
        start: Instant,
        frames: u64,
    }

    impl Vp8Sender {
        fn new(owner: u64, encoding: u8, start: Instant) -> Self {
            let salt = owner as i64 * 7 + i64::from(encoding);
            Self {
                source: source(owner),
                encoding,
                seq: 1_000 * salt,
                picture: 500 * salt,
                tl0: salt as u8,
                key: salt as u8 * 5,
                timestamp: 0x8000_0000_u32.wrapping_mul(salt as u32),
                start,
                frames: 0,
            }
        }

        fn frame(&mut self, keyframe: bool) -> Vec<PacketMeta> {
            let temporal = if keyframe {
                0
            } else {
                [0, 2, 1, 2][self.frames as usize % 4]
            };
            if temporal == 0 {
                self.tl0 = self.tl0.wrapping_add(1);
            }
            self.key = self.key.wrapping_add(u8::from(keyframe));
            let packet = |part: i64| PacketMeta {
                source: self.source,
                kind: MediaKind::Video,
                encoding: self.encoding,
                codec: Codec::Vp8,
                seq: self.seq + part,
                timestamp: self.timestamp,
                marker: part == 1,
                arrival: self.start + Duration::from_micros(33_333 * self.frames),
                level: None,
                frame: Frame::Vp8(Vp8Frame {
                    start: part == 0,
                    keyframe: keyframe && part == 0,
                    picture: Some(self.picture),
                    tl0: Some(self.tl0),
                    key: Some(self.key & 0x1f),
                    temporal,
                    sync: temporal > 0,
                }),
            };
            let packets = vec![packet(0), packet(1)];
            self.seq += 2;
            self.picture += 1;
            self.timestamp = self.timestamp.wrapping_add(3_000);
            self.frames += 1;
            if keyframe {
                self.frames = self.frames.next_multiple_of(4) + 1;
            }
            packets
        }
    }

    /// Checks what a receiver checks.
    #[derive(Default)]
    struct Continuity {
        last: Option<Rewrite>,
        frames: usize,
    }

    impl Continuity {
        fn take(&mut self, decision: Decision) -> bool {
            let Decision::Forward(now) = decision else {
                return false;
            };
            if let Some(last) = self.last {
                assert_eq!(now.seq, last.seq + 1, "sequence numbers have no holes");
                let step = now.timestamp.wrapping_sub(last.timestamp) as i32;
                assert!(
                    (0..90_000).contains(&step),
                    "timestamps grow with time: {step}"
                );
                let new_frame = step != 0;
                self.frames += usize::from(new_frame);
                if let (Some(picture), Some(before)) = (now.picture, last.picture) {
                    assert_eq!(
                        picture.wrapping_sub(before),
                        u16::from(new_frame),
                        "picture ids"
                    );
                }
                assert!(now.tl0.wrapping_sub(last.tl0) <= 1, "TL0PICIDX");
            }
            self.last = Some(now);
            true
        }
    }

    #[test]
    fn nothing_is_forwarded_before_a_keyframe_and_it_is_asked_for() {
        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 77);
        assert_eq!(projection.awaits_keyframe(), None);
        projection.set_target(target(1, 0, 0, 2));
        assert_eq!(projection.awaits_keyframe(), Some((source(1), 0)));
        let drop = Decision::Drop(DropReason::AwaitingKeyframe);
        assert!(
            sender
                .frame(false)
                .iter()
                .all(|p| projection.decide(p) == drop)
        );
        let keyframe = sender.frame(true);
        let Decision::Forward(first) = projection.decide(&keyframe[0]) else {
            panic!("dropped")
        };
        assert_eq!(first.seq, 77);
        assert_eq!(projection.awaits_keyframe(), None);
    }

    #[test]
    fn temporal_layers_come_and_go_without_a_hole() {
        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 0);
        let mut receiver = Continuity::default();
        projection.set_target(target(1, 0, 0, 2));
        let mut counts = Vec::new();
        for (round, temporal) in [2, 0, 1, 2, 0, 2].into_iter().enumerate() {
            projection.set_target(target(1, 0, 0, temporal));
            let before = receiver.frames;
            for frame in 0..40 {
                for packet in sender.frame(round == 0 && frame == 0) {
                    receiver.take(projection.decide(&packet));
                }
            }
            counts.push(receiver.frames - before);
        }
        assert!(
            counts[0] >= 38 && counts[3] >= 38 && counts[5] >= 38,
            "{counts:?}"
        );
        assert!(
            (10..=11).contains(&counts[1]) && (10..=11).contains(&counts[4]),
            "{counts:?}"
        );
        assert!((19..=22).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn encodings_and_sources_switch_at_keyframes_without_a_hole() {
        let start = Instant::now();
        let mut senders = [
            Vp8Sender::new(1, 0, start),
            Vp8Sender::new(1, 1, start),
            Vp8Sender::new(2, 0, start),
        ];
        let mut projection = Projection::new(90_000, 0);
        let mut receiver = Continuity::default();
        let script = [(1, 0), (1, 1), (1, 0), (2, 0), (1, 1), (2, 0)];
        for (owner, encoding) in script {
            projection.set_target(target(owner, encoding, 0, 2));
            let before = receiver.frames;
            for frame in 0..30 {
                for sender in &mut senders {
                    for packet in sender.frame(frame == 10) {
                        let forwarded = receiver.take(projection.decide(&packet));
                        assert!(
                            !forwarded || packet.source == source(owner),
                            "of nobody else"
                        );
                        let settled = frame > 10;
                        let wanted = packet.source == source(owner) && packet.encoding == encoding;
                        assert!(!settled || forwarded == wanted);
                    }
                }
            }
            assert_eq!(projection.awaits_keyframe(), None);
            assert!(receiver.frames - before >= 18);
        }
    }

    #[test]
    fn a_lower_encoding_serves_until_the_wanted_one_has_a_keyframe() {
        let start = Instant::now();
        let mut low = Vp8Sender::new(1, 0, start);
        let mut high = Vp8Sender::new(1, 2, start);
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 2, 0, 2));
        assert!(matches!(
            projection.decide(&low.frame(true)[0]),
            Decision::Forward(_)
        ));
        assert_eq!(projection.awaits_keyframe(), Some((source(1), 2)));
        assert!(matches!(
            projection.decide(&high.frame(true)[0]),
            Decision::Forward(_)
        ));
        assert_eq!(
            projection.decide(&low.frame(true)[0]),
            Decision::Drop(DropReason::Layer)
        );
    }

    #[test]
    fn a_late_packet_gets_its_own_place_and_one_from_before_a_switch_none() {
        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 2));
        let early = sender.frame(false);
        let keyframe = sender.frame(true);
        let late = sender.frame(false);
        let next = sender.frame(false);
        let seq = |decision| match decision {
            Decision::Forward(rewrite) => Some(rewrite.seq),
            Decision::Drop(_) => None,
        };
        for (packet, expected) in keyframe.iter().zip([0, 1]) {
            assert_eq!(seq(projection.decide(packet)), Some(expected));
        }
        assert_eq!(seq(projection.decide(&next[0])), Some(4));
        assert_eq!(seq(projection.decide(&late[1])), Some(3));
        assert_eq!(seq(projection.decide(&late[0])), Some(2));
        assert_eq!(
            projection.decide(&early[1]),
            Decision::Drop(DropReason::BeforeSwitch)
        );
        assert_eq!(projection.origin(3), Some((source(1), 0, late[1].seq)));
        assert_eq!(projection.again(&late[1]).map(|r| r.seq), Some(3));
        assert_eq!(projection.origin(9), None);
    }

    #[test]
    fn a_pause_resumes_at_a_keyframe_with_the_clock_unbroken() {
        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 0);
        let mut receiver = Continuity::default();
        projection.set_target(target(1, 0, 0, 2));
        for frame in 0..5 {
            for packet in sender.frame(frame == 0) {
                receiver.take(projection.decide(&packet));
            }
        }
        let before = receiver.last.map(|r| r.timestamp);
        projection.set_target(None);
        for _ in 0..10 {
            assert!(
                sender
                    .frame(false)
                    .iter()
                    .all(|p| !receiver.take(projection.decide(p)))
            );
        }
        projection.set_target(target(1, 0, 0, 2));
        assert!(receiver.take(projection.decide(&sender.frame(true)[0])));
        let passed = receiver
            .last
            .zip(before)
            .map(|(now, before)| now.timestamp - before);
        assert_eq!(passed, Some(11 * 3_000));
    }

    fn layered(seq: i64, picture: i64, spatial: u8, keyframe: bool) -> PacketMeta {
        PacketMeta {
            source: source(1),
            kind: MediaKind::Video,
            encoding: 0,
            codec: Codec::Vp9,
            seq,
            timestamp: (picture * 3_000) as u32,
            marker: spatial == 2,
            arrival: Instant::now(),
            level: None,
            frame: Frame::Layered(LayeredFrame {
                start: true,
                end: true,
                keyframe,
                number: Some(picture),
                tl0: Some(picture as u8),
                spatial,
                temporal: 0,
                temporal_switch: true,
                spatial_switch: keyframe,
                targets: None,
            }),
        }
    }

    #[test]
    fn the_marker_moves_to_the_highest_spatial_layer_that_is_forwarded() {
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 1, 2));
        let mut sent = Vec::new();
        for picture in 0..4 {
            for spatial in 0..3_u8 {
                let packet = layered(
                    picture * 3 + i64::from(spatial),
                    picture,
                    spatial,
                    picture == 0,
                );
                if let Decision::Forward(rewrite) = projection.decide(&packet) {
                    sent.push((rewrite.seq, rewrite.marker, rewrite.picture));
                }
            }
        }
        let expected: Vec<_> = (0..8)
            .map(|i| (i, i % 2 == 1, Some((i / 2) as u16)))
            .collect();
        assert_eq!(sent, expected);
    }

    fn forwarded(decision: Decision) -> Option<Rewrite> {
        match decision {
            Decision::Forward(rewrite) => Some(rewrite),
            Decision::Drop(_) => None,
        }
    }

    #[test]
    fn a_retransmission_is_what_the_first_sending_was_though_layers_have_changed() {
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 1, 2));
        let mut first = Vec::new();
        for picture in 0..6 {
            if picture == 3 {
                projection.set_target(target(1, 0, 0, 2));
            }
            for spatial in 0..3_u8 {
                let seq = picture * 3 + i64::from(spatial);
                let packet = layered(seq, picture, spatial, picture == 0);
                first.extend(forwarded(projection.decide(&packet)).map(|r| (packet, r)));
            }
        }
        assert_eq!(first.len(), 3 * 2 + 3);
        for (packet, rewrite) in first {
            assert_eq!(projection.again(&packet), Some(rewrite));
        }
    }

    #[test]
    fn a_late_packet_of_an_unwanted_layer_fills_its_number_with_nothing() {
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 2));
        let packet = |seq: i64, keyframe| layered(seq, seq / 3, (seq % 3) as u8, keyframe);
        let mut numbers = Vec::new();
        for seq in [0, 1, 2, 3, 5, 6] {
            numbers.extend(forwarded(projection.decide(&packet(seq, seq < 3))).map(|r| r.seq));
        }
        assert_eq!(numbers, [0, 1, 3], "a place is kept for the fifth packet");
        let late = packet(4, false);
        let filled = forwarded(projection.decide(&late)).expect("its place is filled");
        assert_eq!((filled.seq, filled.empty, filled.marker), (2, true, false));
        assert_eq!(projection.again(&late), Some(filled));

        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 0));
        let frames: Vec<_> = (0..4).map(|frame| sender.frame(frame == 0)).collect();
        for packet in frames[0].iter().chain(&frames[1][1..]).chain(&frames[2]) {
            projection.decide(packet);
        }
        let filled = forwarded(projection.decide(&frames[1][0])).expect("its place is filled");
        assert!(filled.empty);
    }

    /// L2T1: each picture is a frame of either spatial layer, both in the chain of the upper one.
    fn av1(picture: i64, spatial: u8, keyframe: bool) -> PacketMeta {
        let number = picture * 2 + i64::from(spatial);
        let mut packet = layered(number, number, spatial, keyframe && spatial == 0);
        packet.codec = Codec::Av1;
        let chains = match (keyframe, spatial) {
            (true, 0) => [Some(0), Some(0), None, None],
            (_, 0) => [Some(2), Some(1), None, None],
            _ => [Some(1), Some(1), None, None],
        };
        if let Frame::Layered(frame) = &mut packet.frame {
            frame.spatial_switch = false;
            frame.targets = Some(SwitchTargets {
                switch: if spatial == 0 { 1 } else { 1 << 4 },
                chains,
            });
        }
        packet
    }

    #[test]
    fn a_higher_spatial_layer_of_av1_is_begun_along_a_whole_chain_only() {
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 0));
        let upper = |projection: &mut Projection, picture, keyframe| {
            forwarded(projection.decide(&av1(picture, 0, keyframe))).expect("the base layer");
            forwarded(projection.decide(&av1(picture, 1, keyframe))).is_some()
        };
        assert!(!upper(&mut projection, 0, true));
        projection.set_target(target(1, 0, 1, 0));
        for picture in 1..5 {
            assert!(
                !upper(&mut projection, picture, false),
                "its frames refer to what was left out"
            );
        }
        assert_eq!(projection.awaits_keyframe(), Some((source(1), 0)));
        assert!(upper(&mut projection, 5, true));
        assert!(upper(&mut projection, 6, false));
    }

    #[test]
    fn a_higher_spatial_layer_waits_for_a_keyframe_and_a_lower_one_does_not() {
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 2));
        let mut seq = 0;
        let mut picture = 0;
        let mut highest = |projection: &mut Projection, keyframe| {
            let mut top = None;
            for spatial in 0..3 {
                if let Decision::Forward(_) =
                    projection.decide(&layered(seq, picture, spatial, keyframe))
                {
                    top = Some(spatial);
                }
                seq += 1;
            }
            picture += 1;
            top
        };
        assert_eq!(highest(&mut projection, true), Some(0));
        projection.set_target(target(1, 0, 2, 2));
        assert_eq!(projection.awaits_keyframe(), Some((source(1), 0)));
        assert_eq!(highest(&mut projection, false), Some(0));
        assert_eq!(highest(&mut projection, true), Some(2));
        assert_eq!(projection.awaits_keyframe(), None);
        projection.set_target(target(1, 0, 1, 2));
        assert_eq!(highest(&mut projection, false), Some(1));
    }

    #[test]
    fn a_change_of_codec_keeps_the_numbering() {
        let mut sender = Vp8Sender::new(1, 0, Instant::now());
        let mut projection = Projection::new(90_000, 0);
        projection.set_target(target(1, 0, 0, 2));
        projection.decide(&sender.frame(true)[0]);
        let packet = layered(40_000, 9, 0, false);
        assert!(matches!(projection.decide(&packet), Decision::Drop(_)));
        let packet = layered(40_001, 10, 0, true);
        assert!(matches!(
            projection.decide(&packet),
            Decision::Forward(Rewrite { seq: 1, .. })
        ));
    }
}
