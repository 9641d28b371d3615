//! What one participant noticed, as it happened. Judged afterwards, when those of all participants
//! are there: see [`crate::report`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Silence of a source that counts as a gap: six packets of a camera, ten of a microphone.
pub const GAP: Duration = Duration::from_millis(200);

/// The largest number of bursts, offers and interruptions that are kept of one kind.
const MAX_KEPT: usize = 10_000;

/// Silence of a source, or of signalling at the end, that counts as being cut off.
pub const CUT: Duration = Duration::from_secs(5);

/// Kind of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// A microphone.
    Audio,
    /// A camera.
    Video,
}

/// A timer that fires so late is a sign of a machine that is too busy to measure gaps.
pub const STALL: Duration = Duration::from_millis(100);

/// A time in which this machine was too busy to let the participant do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When something was to be done.
    pub from: Instant,
    /// When it was done.
    pub to: Instant,
}

/// A time in which packets of a source came without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// The first packet.
    pub from: Instant,
    /// The last packet.
    pub to: Instant,
    /// Packets that were lost on the way right before the first one.
    pub lost_before: u32,
}

/// An offer of a media session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// When it came.
    pub at: Instant,
    /// Whether the focus had said that it moves the participant.
    pub moving: bool,
    /// The longest time without a packet of a sender that began in the next [`SETTLING`].
    pub silence: Duration,
}

impl Offer {
    /// One that comes now.
    pub fn new(at: Instant, moving: bool) -> Self {
        Self {
            at,
            moving,
            silence: Duration::ZERO,
        }
    }
}

/// So long after an offer media comes by the new session at the latest.
const SETTLING: Duration = Duration::from_secs(2);

/// One packet of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Endpoint id of the sender.
    pub owner: Arc<str>,
    /// Kind.
    pub media: Media,
    /// Packets of the same stream that were lost right before it.
    pub lost_before: u32,
}

/// What came of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Packets, without retransmissions.
    pub packets: u64,
    /// Times in which they came, in order.
    pub bursts: Vec<Burst>,
}

impl Track {
    /// Takes a packet; gives the silence before it, if it is not the first.
    fn handle_packet(&mut self, lost_before: u32, now: Instant) -> Option<Duration> {
        self.packets += 1;
        let full = self.bursts.len() == MAX_KEPT;
        let silence = self
            .bursts
            .last()
            .map(|burst| now.saturating_duration_since(burst.to));
        match self.bursts.last_mut() {
            Some(burst) if full || silence <= Some(GAP) => burst.to = now,
            _ => self.bursts.push(Burst {
                from: now,
                to: now,
                lost_before,
            }),
        }
        silence
    }

    /// When the last packet came.
    pub fn last(&self) -> Option<Instant> {
        self.bursts.last().map(|burst| burst.to)
    }
}

/// A time without signalling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// When the socket was lost.
    pub from: Instant,
    /// When the participant was in the room again; `None`: not until the end.
    pub to: Option<Instant>,
    /// Whether the session went on, so that the others noticed nothing.
    pub resumed: bool,
    /// The shard that answered afterwards, where it says.
    pub shard_after: Option<String>,
    /// Why the socket was lost, for people.
    pub reason: String,
}

/// What one participant noticed.
#[derive(Clone, Debug)]
pub struct Journal {
    /// When it walked in.
    pub started: Instant,
    /// Its endpoint id, the last one if it had several.
    pub id: Option<String>,
    /// The shard that serves it, where it says.
    pub shard: Option<String>,
    /// When it was in the room; where there is no media, when all the others were there too.
    pub joined: Option<Instant>,
    /// When it walked into the room the last time.
    pub entered: Option<Instant>,
    /// When the first packet of another one came.
    pub first_media: Option<Instant>,
    /// What came, by endpoint id of the sender and kind.
    pub tracks: BTreeMap<(Arc<str>, Media), Track>,
    /// Names of the others by endpoint id, also of those that left.
    pub names: BTreeMap<String, String>,
    /// Offers of media sessions.
    pub offers: Vec<Offer>,
    /// Times without signalling.
    pub interruptions: Vec<Interruption>,
    /// Times in which this machine was too busy to let the participant do anything.
    pub stalls: Vec<Stall>,
    /// Answers beside the WebSocket that came of another shard than the WebSocket's.
    pub strays: usize,
    /// Gaps that have ended.
    pub gaps: usize,
    /// Whether it was out of the meeting for good, or a gap was longer than [`CUT`].
    pub cut: bool,
    /// How often it walked into the room, by itself or because it was thrown out.
    pub joins: usize,
    /// When and why it is out of the meeting for good.
    pub lost: Option<(Instant, String)>,
    /// When it noted who is in the room: what comes later does not count.
    pub end: Option<Instant>,
    /// Names of those that it saw in the room at the end; `None`: it was not in the room.
    pub seen_at_end: Option<Vec<String>>,
}

impl Journal {
    /// Of a participant that walks in.
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            id: None,
            shard: None,
            joined: None,
            entered: None,
            first_media: None,
            tracks: BTreeMap::new(),
            names: BTreeMap::new(),
            offers: Vec::new(),
            interruptions: Vec::new(),
            stalls: Vec::new(),
            strays: 0,
            gaps: 0,
            cut: false,
            joins: 0,
            lost: None,
            end: None,
            seen_at_end: None,
        }
    }

    pub(crate) fn handle_packet(&mut self, arrival: Arrival, now: Instant) {
        self.first_media.get_or_insert(now);
        let Arrival {
            owner,
            media,
            lost_before,
        } = arrival;
        let key = (owner, media);
        if self.tracks.len() < MAX_KEPT || self.tracks.contains_key(&key) {
            let track = self.tracks.entry(key).or_default();
            let Some(silence) = track.handle_packet(lost_before, now) else {
                return;
            };
            self.gaps += usize::from(silence > GAP);
            self.cut |= silence > CUT;
            if let Some(offer) = self.offers.last_mut()
                && now - silence <= offer.at + SETTLING
                && now > offer.at
            {
                offer.silence = offer.silence.max(silence);
            }
        }
    }

    pub(crate) fn handle_loss(&mut self, reason: String, now: Instant) {
        self.cut = true;
        self.lost = Some((now, reason));
    }

    pub(crate) fn handle_entry(&mut self, now: Instant) {
        self.joins += 1;
        self.entered = Some(now);
        self.handle_return(false, now);
    }

    pub(crate) fn handle_name(&mut self, id: &str, name: &str) {
        if self.names.len() < MAX_KEPT {
            self.names.insert(id.to_owned(), name.to_owned());
        }
    }

    pub(crate) fn handle_offer(&mut self, offer: Offer) {
        if self.offers.len() < MAX_KEPT {
            self.offers.push(offer);
        }
    }

    pub(crate) fn handle_interruption(&mut self, reason: &str, now: Instant) {
        let open = self.interruptions.last().is_some_and(|i| i.to.is_none());
        if !open && self.interruptions.len() < MAX_KEPT {
            self.interruptions.push(Interruption {
                from: now,
                to: None,
                resumed: false,
                shard_after: None,
                reason: reason.to_owned(),
            });
        }
    }

    pub(crate) fn handle_wake(&mut self, due: Instant, now: Instant) {
        if now.saturating_duration_since(due) >= STALL && self.stalls.len() < MAX_KEPT {
            self.stalls.push(Stall { from: due, to: now });
        }
    }

    pub(crate) fn handle_return(&mut self, resumed: bool, now: Instant) {
        let shard = self.shard.clone();
        if let Some(interruption) = self.interruptions.last_mut()
            && interruption.to.is_none()
        {
            interruption.to = Some(now);
            interruption.resumed = resumed;
            interruption.shard_after = shard;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_close_together_are_one_burst_and_a_longer_silence_parts_two() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut journal = Journal::new(start);
        for ms in [0, 20, 220, 421, 441] {
            let arrival = Arrival {
                owner: "aa".into(),
                media: Media::Audio,
                lost_before: 0,
            };
            journal.handle_packet(arrival, at(ms));
        }
        assert_eq!((journal.gaps, journal.cut), (1, false));
        let track = &journal.tracks[&("aa".into(), Media::Audio)];
        let bursts: Vec<_> = track.bursts.iter().map(|b| (b.from, b.to)).collect();
        assert_eq!(bursts, [(at(0), at(220)), (at(421), at(441))]);
        assert_eq!(track.packets, 5);
    }

    #[test]
    fn an_offer_knows_the_longest_silence_that_it_caused() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut journal = Journal::new(start);
        let came = |journal: &mut Journal, owner: &str, ms| {
            let arrival = Arrival {
                owner: owner.into(),
                media: Media::Video,
                lost_before: 0,
            };
            journal.handle_packet(arrival, at(ms));
        };
        came(&mut journal, "aa", 0);
        came(&mut journal, "aa", 500);
        journal.handle_offer(Offer::new(at(510), true));
        came(&mut journal, "aa", 540);
        came(&mut journal, "bb", 550);
        came(&mut journal, "aa", 640);
        came(&mut journal, "bb", 3_000);
        came(&mut journal, "aa", 3_001);
        came(&mut journal, "aa", 9_000);
        assert_eq!(journal.offers[0].silence, Duration::from_millis(2_450));
    }

    #[test]
    fn an_interruption_lasts_from_the_loss_to_the_return() {
        let start = Instant::now();
        let later = start + Duration::from_secs(2);
        let mut journal = Journal::new(start);
        journal.handle_return(true, start);
        assert!(journal.interruptions.is_empty());
        journal.handle_interruption("cut", start);
        journal.handle_interruption("cut again while away", later);
        journal.handle_return(false, later);
        assert_eq!(journal.interruptions.len(), 1);
        assert_eq!(journal.interruptions[0].to, Some(later));
        assert_eq!(journal.interruptions[0].reason, "cut");
    }
}
