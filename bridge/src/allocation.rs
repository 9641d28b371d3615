//! Which layer of which source a receiver gets: Jitsi's rules, as a pure function.
//!
//! 1. [`order`]: sources by speech activity, what the receiver chose first.
//! 2. [`effective`]: last-N turns into constraints; those beyond it get nothing.
//! 3. [`ladder`]: for each source the layers worth climbing.
//! 4. [`allocate`]: climb in turns until the bandwidth is used up.

pub mod effective;
pub mod ladder;
pub mod order;
pub mod steadiness;

use media::units::Bitrate;

use crate::command::VideoType;
use crate::ids::{EndpointKey, SourceName};
use effective::{ReceiverConstraints, VideoConstraint};
use ladder::Ladder;
use steadiness::Room;

/// What an on-stage screen share may take above the estimate.
const OVERSEND: Bitrate = Bitrate::from_kbps(500);

/// One layer of one source: encoding (SSRC), spatial and temporal layer, each from 0, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LayerIndex {
    /// Position in the `SIM` group.
    pub encoding: u8,
    /// Spatial layer inside the encoding.
    pub spatial: u8,
    /// Temporal layer inside the encoding.
    pub temporal: u8,
}

/// What a layer costs and gives. A layer includes those that it depends on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Layer {
    /// Which.
    pub index: LayerIndex,
    /// Lines of the picture (the smaller dimension of a portrait).
    pub height: u16,
    /// Frames per second.
    pub frame_rate: f32,
    /// With all that it depends on; zero when it is not being sent.
    pub bitrate: Bitrate,
}

/// A source that a receiver might get. `S` identifies it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a, S> {
    /// Identity.
    pub source: S,
    /// Name, by which constraints refer to it.
    pub name: &'a SourceName,
    /// Whose.
    pub owner: EndpointKey,
    /// What it shows.
    pub video_type: VideoType,
    /// Its layers, in the order of [`LayerIndex`].
    pub layers: &'a [Layer],
    /// What the receiver has of it.
    pub held: Option<LayerIndex>,
}

/// What one source gets.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SourceAllocation<S> {
    /// Which.
    pub source: S,
    /// What the receiver may get of it after last-N.
    pub constraint: VideoConstraint,
    /// What is forwarded.
    pub target: Option<LayerIndex>,
    /// Bitrate of that.
    pub target_bitrate: Bitrate,
    /// What would be forwarded with unlimited bandwidth.
    pub ideal: Option<LayerIndex>,
    /// Bitrate of that.
    pub ideal_bitrate: Bitrate,
}

impl<S> SourceAllocation<S> {
    /// Wanted, but there is no bandwidth for any layer.
    pub fn is_suspended(&self) -> bool {
        self.target.is_none() && self.ideal.is_some()
    }
}

/// What a receiver gets, by source, in order of priority.
#[derive(Clone, PartialEq, Debug)]
pub struct Allocation<S> {
    /// Every candidate, once.
    pub sources: Vec<SourceAllocation<S>>,
    /// More is sent than the estimate allows, on purpose.
    pub oversending: bool,
}

impl<S> Default for Allocation<S> {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            oversending: false,
        }
    }
}

impl<S: Copy> Allocation<S> {
    /// Sum of what is forwarded.
    pub fn target_bitrate(&self) -> Bitrate {
        self.sources.iter().map(|s| s.target_bitrate).sum()
    }

    /// Sum of what would be forwarded.
    pub fn ideal_bitrate(&self) -> Bitrate {
        self.sources.iter().map(|s| s.ideal_bitrate).sum()
    }

    /// Whether something is below its ideal.
    pub fn could_improve(&self) -> bool {
        self.sources.iter().any(|s| s.target != s.ideal)
    }

    /// Sources that are forwarded.
    pub fn forwarded(&self) -> impl Iterator<Item = S> + '_ {
        self.sources
            .iter()
            .filter(|s| s.target.is_some())
            .map(|s| s.source)
    }

    /// Sources for which there is no bandwidth.
    pub fn suspended(&self) -> impl Iterator<Item = S> + '_ {
        self.sources
            .iter()
            .filter(|s| s.is_suspended())
            .map(|s| s.source)
    }
}

/// What the receiver may have.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What video may take; [`Bitrate::MAX`] when there is no estimate to be trusted.
    pub room: Room,
    /// Last-N of the bridge and of the SSRC slots, as far as it is less than the receiver's own.
    pub last_n: Option<usize>,
    /// An on-stage screen share may exceed the estimate.
    pub oversend_on_stage: bool,
}

struct Climber<S> {
    result: SourceAllocation<S>,
    ladder: Ladder,
    step: Option<usize>,
    /// The step that the receiver has.
    held: Option<usize>,
    on_stage: bool,
    desktop: bool,
}

impl<S> Climber<S> {
    /// One turn: up at most one step (or, on stage, up to the preferred layer at once).
    /// Returns whether it rose.
    fn climb(&mut self, room: Room, allowance: Bitrate) -> bool {
        let steps = &self.ladder.layers;
        let before = self.step;
        let fits = |step: usize| {
            let limit = match self.held {
                Some(held) if step <= held => room.hold,
                _ => room.rise,
            };
            let allowance = if self.ladder.oversend.is_some_and(|most| step <= most) {
                allowance
            } else {
                Bitrate::ZERO
            };
            steps
                .get(step)
                .is_some_and(|l| l.bitrate <= limit + allowance)
        };
        match self.step {
            None if self.on_stage => {
                let reachable = 0..=self.ladder.preferred;
                self.step = reachable.take_while(|step| fits(*step)).last();
            }
            step => {
                let next = step.map_or(0, |s| s + 1);
                if fits(next) {
                    self.step = Some(next);
                }
            }
        }
        if let Some(step) = self.step {
            // A higher layer that costs no more, such as 1080p at 5 fps against 720p at 30.
            let cost = steps[step].bitrate;
            self.step = (step..steps.len())
                .rev()
                .find(|s| steps[*s].bitrate <= cost);
        }
        self.step != before
    }

    fn cost(&self) -> Bitrate {
        self.step
            .map_or(Bitrate::ZERO, |s| self.ladder.layers[s].bitrate)
    }

    fn reached_preferred(&self) -> bool {
        self.ladder.layers.is_empty() || self.step.is_some_and(|s| s >= self.ladder.preferred)
    }
}

/// Distributes the budget. `candidates` come in the order of speech activity of their owners.
pub fn allocate<S: Copy + Eq>(
    candidates: &[Candidate<'_, S>],
    constraints: &ReceiverConstraints,
    budget: &Budget,
) -> Allocation<S> {
    let ordered = order::prioritise(candidates, constraints);
    let effective = effective::effective_constraints(&ordered, constraints, budget.last_n);
    let mut climbers: Vec<_> = ordered
        .iter()
        .zip(effective)
        .map(|(candidate, constraint)| {
            let on_stage = constraints.is_on_stage(candidate.name);
            let desktop = candidate.video_type.is_desktop();
            let ladder = Ladder::of(candidate.layers, &constraint, desktop);
            let ideal = ladder.layers.last();
            let result = SourceAllocation {
                source: candidate.source,
                constraint,
                target: None,
                target_bitrate: Bitrate::ZERO,
                ideal: ideal.map(|l| l.index),
                ideal_bitrate: ideal.map_or(Bitrate::ZERO, |l| l.bitrate),
            };
            let held = |l: &Layer| Some(l.index) == candidate.held;
            Climber {
                result,
                held: ladder.layers.iter().position(held),
                ladder,
                step: None,
                on_stage,
                desktop,
            }
        })
        .collect();

    let mut oversending = false;
    let mut spent = Bitrate::ZERO;
    loop {
        let mut changed = false;
        for (index, climber) in climbers.iter_mut().enumerate() {
            let others = spent - climber.cost();
            let may_oversend =
                index == 0 && budget.oversend_on_stage && climber.on_stage && climber.desktop;
            let allowance = if may_oversend {
                OVERSEND
            } else {
                Bitrate::ZERO
            };
            let left = Room {
                hold: budget.room.hold - others,
                rise: budget.room.rise - others,
            };
            changed |= climber.climb(left, allowance);
            spent = others + climber.cost();
            oversending |= climber.cost() > left.hold;
            // On stage first: thumbnails wait until it has what it prefers.
            if climber.on_stage && !climber.reached_preferred() {
                break;
            }
        }
        if !changed {
            break;
        }
    }

    let finish = |climber: Climber<S>| {
        let layer = climber.step.map(|s| climber.ladder.layers[s]);
        SourceAllocation {
            target: layer.map(|l| l.index),
            target_bitrate: layer.map_or(Bitrate::ZERO, |l| l.bitrate),
            ..climber.result
        }
    };
    Allocation {
        sources: climbers.into_iter().map(finish).collect(),
        oversending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [u64; 3] = [200, 700, 2_500];

    /// Three encodings of 180, 360 and 720 lines, each at 7.5, 15 and 30 frames per second.
    fn simulcast() -> Vec<Layer> {
        let mut layers = Vec::new();
        for encoding in 0..3_u8 {
            for temporal in 0..3_u8 {
                layers.push(Layer {
                    index: LayerIndex {
                        encoding,
                        spatial: 0,
                        temporal,
                    },
                    height: 180 << encoding,
                    frame_rate: 7.5 * f32::from(1_u8 << temporal),
                    bitrate: Bitrate::from_kbps(RATES[usize::from(encoding)])
                        * [0.4, 0.6, 1.0][usize::from(temporal)],
                });
            }
        }
        layers
    }

    struct Hall {
        names: Vec<SourceName>,
        layers: Vec<Layer>,
        types: Vec<VideoType>,
        constraints: ReceiverConstraints,
        last_n: Option<usize>,
        held: Option<LayerIndex>,
        rise: f64,
    }

    impl Hall {
        fn new(sources: usize) -> Self {
            Self {
                names: (0..sources)
                    .map(|i| format!("e{i}-v0").as_str().into())
                    .collect(),
                layers: simulcast(),
                types: vec![VideoType::Camera; sources],
                constraints: ReceiverConstraints {
                    default: VideoConstraint::height(180),
                    ..ReceiverConstraints::default()
                },
                last_n: None,
                held: None,
                rise: 1.0,
            }
        }

        /// Heights (and temporal layers) allocated, by source.
        fn allocate(&self, kbps: u64) -> Vec<Option<(u8, u8)>> {
            let allocation = self.allocation(kbps);
            let target = |i: usize| {
                let found = allocation.sources.iter().find(|s| s.source == i);
                found
                    .and_then(|s| s.target)
                    .map(|l| (l.encoding, l.temporal))
            };
            (0..self.names.len()).map(target).collect()
        }

        fn allocation(&self, kbps: u64) -> Allocation<usize> {
            let candidates: Vec<_> = (0..self.names.len())
                .map(|i| Candidate {
                    source: i,
                    name: &self.names[i],
                    owner: EndpointKey(i as u64),
                    video_type: self.types[i],
                    layers: &self.layers,
                    held: self.held,
                })
                .collect();
            let budget = Budget {
                room: Room {
                    hold: Bitrate::from_kbps(kbps),
                    rise: Bitrate::from_kbps(kbps) * self.rise,
                },
                last_n: self.last_n,
                oversend_on_stage: true,
            };
            allocate(&candidates, &self.constraints, &budget)
        }

        fn on_stage(&mut self, index: usize) {
            let name = self.names[index].clone();
            self.constraints.on_stage = vec![name.clone()];
            self.constraints
                .by_source
                .insert(name, VideoConstraint::height(720));
        }
    }

    #[test]
    fn in_tile_view_all_rise_together() {
        let room = Hall::new(4);
        assert_eq!(room.allocate(20_000), [Some((0, 2)); 4]);
        assert_eq!(room.allocate(330), [Some((0, 0)); 4]);
        assert_eq!(
            room.allocate(330 + 40),
            [Some((0, 1)), Some((0, 0)), Some((0, 0)), Some((0, 0))]
        );
    }

    #[test]
    fn the_stage_is_served_before_thumbnails_up_to_its_preferred_layer() {
        let mut room = Hall::new(3);
        room.on_stage(1);
        assert_eq!(room.allocate(710), [None, Some((1, 2)), None]);
        assert_eq!(room.allocate(500), [None, Some((0, 2)), None]);
        assert_eq!(
            room.allocate(1_110),
            [Some((0, 2)), Some((1, 2)), Some((0, 2))]
        );
        assert_eq!(
            room.allocate(10_000),
            [Some((0, 2)), Some((2, 2)), Some((0, 2))]
        );
    }

    #[test]
    fn without_bandwidth_the_rest_is_suspended_and_could_improve() {
        let room = Hall::new(3);
        let allocation = room.allocation(170);
        assert_eq!(allocation.forwarded().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(allocation.suspended().collect::<Vec<_>>(), [2]);
        assert!(allocation.could_improve());
        assert_eq!(allocation.ideal_bitrate(), Bitrate::from_kbps(600));
    }

    #[test]
    fn last_n_cuts_the_list_before_bandwidth_does() {
        let mut room = Hall::new(4);
        room.constraints.last_n = Some(2);
        assert_eq!(
            room.allocate(20_000),
            [Some((0, 2)), Some((0, 2)), None, None]
        );
        room.last_n = Some(1);
        assert_eq!(room.allocate(20_000), [Some((0, 2)), None, None, None]);
        assert_eq!(room.allocation(20_000).suspended().count(), 0);
    }

    #[test]
    fn only_a_screen_share_on_stage_may_exceed_the_estimate() {
        let mut room = Hall::new(2);
        room.on_stage(0);
        room.types[0] = VideoType::Desktop;
        room.layers.retain(|l| l.index.encoding == 2);
        assert_eq!(room.allocate(600)[0], Some((2, 0)));
        assert!(room.allocation(600).oversending);
        assert_eq!(room.allocate(400)[0], None);
        room.types[0] = VideoType::Camera;
        assert_eq!(room.allocate(600)[0], None);
    }

    #[test]
    fn a_screen_share_exceeds_the_estimate_for_the_least_layer_of_its_full_size_only() {
        let mut room = Hall::new(1);
        room.on_stage(0);
        room.types[0] = VideoType::Desktop;
        // 720 lines at 7.5, 15 and 30 frames per second: 1,000, 1,500 and 2,500 kbit/s.
        assert_eq!(room.allocate(600)[0], Some((2, 0)));
        assert_eq!(room.allocate(1_200)[0], Some((2, 0)));
        assert_eq!(room.allocate(1_600)[0], Some((2, 1)));
    }

    #[test]
    fn what_is_held_stays_where_nothing_may_rise() {
        let mut room = Hall::new(1);
        room.on_stage(0);
        room.rise = 0.8;
        assert_eq!(room.allocate(750), [Some((0, 2))]);
        room.held = Some(LayerIndex {
            encoding: 1,
            spatial: 0,
            temporal: 2,
        });
        assert_eq!(room.allocate(750), [Some((1, 2))]);
        assert_eq!(room.allocate(690), [Some((0, 2))]);
    }

    #[test]
    fn a_higher_layer_that_costs_less_is_taken() {
        let mut room = Hall::new(1);
        room.on_stage(0);
        room.layers.last_mut().expect("nine layers").bitrate = Bitrate::from_kbps(600);
        assert_eq!(room.allocate(750), [Some((2, 2))]);
    }

    #[test]
    fn with_nothing_measured_yet_the_top_layer_that_is_asked_for_is_aimed_at() {
        let mut room = Hall::new(1);
        for layer in &mut room.layers {
            layer.bitrate = Bitrate::ZERO;
        }
        assert_eq!(room.allocate(100), [Some((0, 2))]);
        room.on_stage(0);
        assert_eq!(room.allocate(100), [Some((2, 2))]);
    }
}
