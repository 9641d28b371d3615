//! The fixed set of SSRCs through which a receiver with SSRC rewriting gets a large conference.
//!
//! Each slot has SSRCs of its own; a source is put into one, and the receiver is told by a source
//! map. When all slots are taken, the source that was wanted least recently leaves.

use media::units::Ssrc;
use rand::Rng;

/// SSRCs of one slot, for the life of the receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotSsrcs {
    /// Of the media.
    pub primary: Ssrc,
    /// Of its retransmissions (video).
    pub rtx: Ssrc,
}

/// The slots of one receiver for one medium. `S` identifies a source.
#[derive(Debug)]
pub struct SsrcSlots<S> {
    slots: Vec<Slot<S>>,
    limit: usize,
    clock: u64,
}

#[derive(Debug)]
struct Slot<S> {
    ssrcs: SlotSsrcs,
    source: Option<S>,
    wanted_at: u64,
}

/// What [`SsrcSlots::claim`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It has this slot already.
    Kept(usize),
    /// It has this slot from here on: the receiver must be told.
    Changed(usize),
    /// All slots are taken by sources that are wanted as much.
    Full,
}

impl<S: Copy + Eq> SsrcSlots<S> {
    /// At most `limit` slots, made as they are needed.
    pub fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            limit,
            clock: 0,
        }
    }

    /// Slots that exist so far.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no slot exists yet.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slot of a source.
    pub fn of_source(&self, source: S) -> Option<usize> {
        self.slots.iter().position(|s| s.source == Some(source))
    }

    /// `None` where nothing is shown in it.
    pub fn source(&self, slot: usize) -> Option<S> {
        self.slots.get(slot)?.source
    }

    /// `None` past the last slot.
    pub fn ssrcs(&self, slot: usize) -> Option<SlotSsrcs> {
        self.slots.get(slot).map(|s| s.ssrcs)
    }

    /// Slots and their sources.
    pub fn iter(&self) -> impl Iterator<Item = (usize, S, SlotSsrcs)> + '_ {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(index, slot)| Some((index, slot.source?, slot.ssrcs)))
    }

    /// Sources claimed from here on are wanted more than all before.
    pub fn next_round(&mut self) {
        self.clock += 1;
    }

    /// A source that has a slot is wanted in this round too.
    pub fn touch(&mut self, source: S) {
        if let Some(slot) = self.of_source(source) {
            self.slots[slot].wanted_at = self.clock;
        }
    }

    /// For slots whose use is known by time and not by rounds: when a slot was used last.
    pub fn note_use(&mut self, slot: usize, at: u64) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.wanted_at = at;
        }
    }

    /// Wants a slot for a source. With `keep_round`, a source claimed in this round keeps its slot.
    pub fn claim(&mut self, source: S, keep_round: bool, rng: &mut impl Rng) -> Claim {
        if let Some(slot) = self.of_source(source) {
            self.slots[slot].wanted_at = self.clock;
            return Claim::Kept(slot);
        }
        if let Some(slot) = self.slots.iter().position(|s| s.source.is_none()) {
            return self.put(slot, source);
        }
        if self.slots.len() < self.limit {
            let ssrcs = self.new_ssrcs(rng);
            self.slots.push(Slot {
                ssrcs,
                source: None,
                wanted_at: 0,
            });
            return self.put(self.slots.len() - 1, source);
        }
        let oldest = self
            .slots
            .iter()
            .enumerate()
            .min_by_key(|(_, s)| s.wanted_at);
        match oldest {
            Some((slot, s)) if !keep_round || s.wanted_at < self.clock => self.put(slot, source),
            _ => Claim::Full,
        }
    }

    /// The source is gone: its slot is free. Returns the slot.
    pub fn release(&mut self, source: S) -> Option<usize> {
        let slot = self.of_source(source)?;
        self.slots[slot].source = None;
        Some(slot)
    }

    fn put(&mut self, slot: usize, source: S) -> Claim {
        self.slots[slot].source = Some(source);
        self.slots[slot].wanted_at = self.clock;
        Claim::Changed(slot)
    }

    fn new_ssrcs(&self, rng: &mut impl Rng) -> SlotSsrcs {
        let mut fresh = |taken: Option<Ssrc>| loop {
            let ssrc = Ssrc(rng.random_range(1..=u32::MAX));
            let known = self
                .slots
                .iter()
                .any(|s| ssrc == s.ssrcs.primary || ssrc == s.ssrcs.rtx);
            if !known && taken != Some(ssrc) {
                return ssrc;
            }
        };
        let primary = fresh(None);
        SlotSsrcs {
            primary,
            rtx: fresh(Some(primary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn claim(slots: &mut SsrcSlots<char>, source: char) -> Claim {
        slots.claim(source, true, &mut StdRng::seed_from_u64(source as u64))
    }

    #[test]
    fn a_source_keeps_its_slot() {
        let mut slots = SsrcSlots::new(2);
        assert_eq!(claim(&mut slots, 'a'), Claim::Changed(0));
        assert_eq!(claim(&mut slots, 'b'), Claim::Changed(1));
        slots.next_round();
        assert_eq!(claim(&mut slots, 'a'), Claim::Kept(0));
        assert_eq!(slots.of_source('b'), Some(1));
    }

    #[test]
    fn the_least_recently_wanted_source_makes_room() {
        let mut slots = SsrcSlots::new(2);
        claim(&mut slots, 'a');
        slots.next_round();
        claim(&mut slots, 'b');
        let ssrcs = slots.ssrcs(0);
        slots.next_round();
        assert_eq!(claim(&mut slots, 'c'), Claim::Changed(0));
        assert_eq!(slots.source(0), Some('c'));
        assert_eq!(slots.ssrcs(0), ssrcs, "a slot's SSRCs outlive its source");
        assert_eq!(slots.of_source('a'), None);
    }

    #[test]
    fn sources_of_one_round_do_not_push_each_other_out() {
        let mut slots = SsrcSlots::new(2);
        slots.next_round();
        claim(&mut slots, 'a');
        claim(&mut slots, 'b');
        assert_eq!(claim(&mut slots, 'c'), Claim::Full);
        slots.release('a');
        assert_eq!(claim(&mut slots, 'c'), Claim::Changed(0));
    }

    #[test]
    fn all_ssrcs_differ() {
        let mut slots = SsrcSlots::new(50);
        let mut rng = StdRng::seed_from_u64(1);
        for source in 0..60 {
            slots.claim(source, false, &mut rng);
        }
        let mut all: Vec<_> = slots
            .iter()
            .flat_map(|(_, _, s)| [s.primary, s.rtx])
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!((slots.len(), all.len()), (50, 100));
    }
}
