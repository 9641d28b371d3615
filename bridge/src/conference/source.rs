//! A source as every worker of its conference knows it.

use crate::allocation::{Layer, LayerIndex};
use crate::command::MediaKind;
use crate::message::{SenderClock, SourceInfo};
use crate::packet::{PacketPool, SharedPacket};

use super::attention::Place;
use super::demand::Demand;
use super::holders::Holders;
use super::packet_ring::PacketRing;

/// Name, layers, clocks and latest packets of one source.
#[derive(Debug)]
pub struct Source {
    /// What its owner announced.
    pub info: SourceInfo,
    /// What it sends, as its owner's worker measured; see [`assumed_layers`] before that.
    pub layers: Vec<Layer>,
    /// Its place in the order, while it shows something.
    pub place: Option<Place>,
    /// What this worker's receivers want of it.
    pub demand: Demand,
    /// Receivers that may have a stream for it. A microphone is everybody's as soon as it is heard.
    pub holders: Holders,
    /// A packet of it came.
    pub heard: bool,
    clocks: Vec<Option<SenderClock>>,
    rings: Vec<PacketRing>,
}

impl Source {
    /// Nothing came of it yet.
    pub fn new(info: SourceInfo) -> Self {
        let encodings = usize::from(info.encodings);
        Self {
            layers: assumed_layers(&info),
            place: None,
            demand: Demand::default(),
            holders: Holders::default(),
            heard: false,
            clocks: vec![None; encodings],
            rings: (0..encodings).map(|_| PacketRing::default()).collect(),
            info,
        }
    }

    /// Its owner announced it again. Returns whether it is sent in another way.
    pub fn update(&mut self, info: SourceInfo) -> bool {
        let same = info.ssrc == self.info.ssrc && info.encodings == self.info.encodings;
        let unlike = !same || info.video_type != self.info.video_type;
        if same {
            self.info = info;
        } else {
            // Who wants it, and where it stands, is about its name.
            *self = Self {
                place: self.place,
                demand: std::mem::take(&mut self.demand),
                holders: std::mem::take(&mut self.holders),
                heard: self.heard,
                ..Self::new(info)
            };
        }
        unlike
    }

    /// Keeps a packet for those who ask again.
    pub fn keep(&mut self, packet: SharedPacket, pool: &mut PacketPool) {
        match self.rings.get_mut(usize::from(packet.meta().encoding)) {
            Some(ring) => ring.insert(packet, pool),
            None => pool.release(packet),
        }
    }

    /// A packet that came not long ago.
    pub fn packet(&self, encoding: u8, seq: i64) -> Option<&SharedPacket> {
        self.rings.get(usize::from(encoding))?.get(seq)
    }

    /// Latest packets of an encoding, newest first.
    pub fn latest(&self, encoding: u8) -> impl Iterator<Item = &SharedPacket> {
        self.rings
            .get(usize::from(encoding))
            .into_iter()
            .flat_map(PacketRing::latest)
    }

    /// A sender report came.
    pub fn set_clock(&mut self, encoding: u8, clock: SenderClock) {
        if let Some(entry) = self.clocks.get_mut(usize::from(encoding)) {
            *entry = Some(clock);
        }
    }

    /// The latest sender report.
    pub fn clock(&self, encoding: u8) -> Option<SenderClock> {
        *self.clocks.get(usize::from(encoding))?
    }

    /// Lets packets go that are too old to be asked for.
    pub fn expire(&mut self, now: std::time::Instant, pool: &mut PacketPool) {
        self.rings
            .iter_mut()
            .for_each(|ring| ring.expire(now, pool));
    }
}

/// Until packets say otherwise: encodings of 180, 360, 720 … lines, three temporal layers each.
fn assumed_layers(info: &SourceInfo) -> Vec<Layer> {
    if info.kind == MediaKind::Audio {
        return Vec::new();
    }
    let layer = |encoding: u8, temporal: u8| Layer {
        index: LayerIndex {
            encoding,
            spatial: 0,
            temporal,
        },
        height: assumed_height(encoding),
        frame_rate: 7.5 * f32::from(1_u8 << temporal),
        bitrate: media::units::Bitrate::ZERO,
    };
    let encodings = 0..info.encodings;
    encodings
        .flat_map(|e| (0..3).map(move |t| layer(e, t)))
        .collect()
}

/// Lines of an encoding by its position alone.
pub fn assumed_height(encoding: u8) -> u16 {
    180 << encoding.min(4)
}
