//! A decoder by libwebrtc's rules: a frame is complete when its packets are there from its first to
//! its marker, it is decoded when what it refers to was, and a gap between frames is a freeze when
//! it is longer than three average ones and than the average and 150 ms.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use media::nack::{NackGenerator, Received};
use media::rtp::{Reception, SeqNum, Timestamp, Unwrapper};

use super::camera::Tag;

/// Without a keyframe, one is asked for so often; and so long after the last frame else.
const WAIT_KEYFRAME: Duration = Duration::from_millis(200);
const WAIT_FRAME: Duration = Duration::from_secs(3);
const FREEZE: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug)]
struct Packet {
    timestamp: u32,
    marker: bool,
    tag: Tag,
}

/// A frame that was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub at: Instant,
    pub encoding: u8,
    pub owner: u8,
}

/// A gap in the picture.
#[derive(Clone, Copy, Debug)]
pub struct Freeze {
    pub from: Instant,
    pub length: Duration,
}

pub struct Decoder {
    pub nack: NackGenerator,
    pub reception: Reception,
    pub shown: Vec<Shown>,
    pub freezes: Vec<Freeze>,
    pub plis: usize,
    seq: Unwrapper<16>,
    packets: BTreeMap<i64, Packet>,
    waiting: VecDeque<(Tag, i64)>,
    decoded: VecDeque<(u8, u8, u32)>,
    newest: Option<i64>,
    intervals: VecDeque<Duration>,
    needs_keyframe: bool,
    last_packet: Option<Instant>,
    asked: Option<Instant>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            nack: NackGenerator::new(),
            reception: Reception::new(90_000),
            shown: Vec::new(),
            freezes: Vec::new(),
            plis: 0,
            seq: Unwrapper::new(),
            packets: BTreeMap::new(),
            waiting: VecDeque::new(),
            decoded: VecDeque::new(),
            newest: None,
            intervals: VecDeque::new(),
            needs_keyframe: true,
            last_packet: None,
            asked: None,
        }
    }
}

impl Decoder {
    /// Takes in a packet, unwrapped if it came by RTX.
    pub fn handle_packet(
        &mut self,
        seq: SeqNum,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
        repair: bool,
        now: Instant,
    ) {
        if !repair {
            self.reception
                .handle_packet(seq, Timestamp(timestamp), payload.len(), now);
        }
        if self.nack.handle_packet(seq, now) == Received::Reset {
            self.needs_keyframe = true;
        }
        self.last_packet = Some(now);
        let number = self.seq.unwrap(u32::from(seq.0));
        let Some(tag) = Tag::read(payload) else {
            return;
        };
        self.packets.insert(
            number,
            Packet {
                timestamp,
                marker,
                tag,
            },
        );
        while self.packets.len() > 2_000 {
            self.packets.pop_first();
        }
        self.assemble(number);
        self.decode(now);
    }

    /// A number that is filled with nothing.
    pub fn handle_empty(&mut self, seq: SeqNum, now: Instant) {
        self.nack.handle_packet(seq, now);
    }

    fn assemble(&mut self, number: i64) {
        let Some(packet) = self.packets.get(&number).copied() else {
            return;
        };
        let of_frame = |at: &i64| {
            self.packets
                .get(at)
                .filter(|p| p.timestamp == packet.timestamp)
        };
        let mut first = number;
        while !of_frame(&first).is_some_and(|p| p.tag.start) {
            first -= 1;
            if of_frame(&first).is_none() {
                return;
            }
        }
        let mut last = number;
        while !of_frame(&last).is_some_and(|p| p.marker) {
            last += 1;
            if of_frame(&last).is_none() {
                return;
            }
        }
        for at in first..=last {
            self.packets.remove(&at);
        }
        if self.newest.is_none_or(|newest| first > newest) {
            self.waiting.push_back((packet.tag, first));
            if self.waiting.len() > 100 {
                self.waiting.pop_front();
            }
        }
    }

    fn decode(&mut self, now: Instant) {
        loop {
            let newest = self.newest;
            let decoded = &self.decoded;
            self.waiting
                .retain(|(_, first)| newest.is_none_or(|n| *first > n));
            let can = |tag: &Tag| {
                tag.reference
                    .is_none_or(|r| decoded.contains(&(tag.owner, tag.encoding, r)))
            };
            let next = self
                .waiting
                .iter()
                .filter(|(tag, _)| can(tag))
                .min_by_key(|(_, first)| *first)
                .copied();
            let Some((tag, first)) = next else { return };
            self.newest = Some(first);
            self.decoded.push_back((tag.owner, tag.encoding, tag.frame));
            if self.decoded.len() > 300 {
                self.decoded.pop_front();
            }
            self.needs_keyframe = false;
            self.asked = None;
            self.show(&tag, now);
        }
    }

    fn show(&mut self, tag: &Tag, now: Instant) {
        if let Some(before) = self.shown.last() {
            let gap = now - before.at;
            if !self.intervals.is_empty() {
                let average = self.intervals.iter().sum::<Duration>() / self.intervals.len() as u32;
                if gap > (3 * average).max(average + FREEZE) {
                    self.freezes.push(Freeze {
                        from: before.at,
                        length: gap,
                    });
                }
            }
            self.intervals.push_back(gap);
            if self.intervals.len() > 30 {
                self.intervals.pop_front();
            }
        }
        self.shown.push(Shown {
            at: now,
            encoding: tag.encoding,
            owner: tag.owner,
        });
    }

    /// Whether to ask for a keyframe now.
    pub fn poll_keyframe_wanted(&mut self, now: Instant) -> bool {
        let live = self
            .last_packet
            .is_some_and(|at| now - at < Duration::from_secs(1));
        let wait = if self.needs_keyframe {
            WAIT_KEYFRAME
        } else {
            WAIT_FRAME
        };
        let last = self.shown.last().map(|s| s.at).max(self.asked);
        let wanted = live && last.is_none_or(|at| now - at >= wait);
        if wanted {
            self.needs_keyframe = true;
            self.asked = Some(now);
            self.plis += 1;
        }
        wanted
    }
}
