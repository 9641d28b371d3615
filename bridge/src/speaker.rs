//! Who is the dominant speaker of a conference.
//!
//! The scheme of Volfin and Cohen ("Dominant speaker identification for multipoint
//! videoconferencing", 2012): each speaker's recent levels are condensed into speech activity over
//! an immediate, a medium and a long window; a challenger takes over only when it outdoes the
//! speaker in office in all three. A cough wins the first window, a sentence wins all.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::ids::EndpointKey;

/// How often a decision is taken.
const DECISION_INTERVAL: Duration = Duration::from_millis(300);
/// A speaker without packets for so long is silent (discontinuous transmission, mute).
const LEVEL_IDLE: Duration = Duration::from_millis(40);
/// A speaker without packets for so long is forgotten.
const SPEAKER_IDLE: Duration = Duration::from_secs(3_600);
/// Longest list of recent speakers.
const MAX_RECENT: usize = 10;

/// Levels are divided by this into sub-bands.
const SUB_BAND: u8 = 13;
/// Sub-bands: 127 / 13.
const IMMEDIATE_STEPS: usize = 13;
/// Levels in one medium step.
const MEDIUM_STEPS: usize = 5;
/// Medium steps in the long window.
const LONG_STEPS: usize = 10;
/// Levels kept: one long window, a second of 20 ms packets.
const LEVELS: usize = MEDIUM_STEPS * LONG_STEPS;
/// From this sub-band on a level is speech: -49 dBov, which a quiet voice at a laptop exceeds.
const SPEECH_BAND: u8 = 6;
/// A medium step with so many levels of speech is speech in the long window.
const LONG_THRESHOLD: usize = 4;
/// Advantage (natural logarithm of the ratio of scores) needed in each window.
const ADVANTAGE: [f64; 3] = [3.0, 2.0, 0.0];
/// Weight of speech in each window's score.
const WEIGHT: [f64; 3] = [0.78, 24.0, 47.0];
const LEAST_SCORE: f64 = 1.0e-10;

/// Levels no more than this above the speaker's own noise floor are noise.
const NOISE_MARGIN: u8 = 10;
/// The noise floor is the least level of one to two such periods.
const NOISE_PERIOD: Duration = Duration::from_secs(15);

/// A change that receivers are told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpeakerChange {
    /// Who speaks.
    pub dominant: EndpointKey,
    /// Who spoke before, latest first, at most ten.
    pub previous: Vec<EndpointKey>,
}

/// See the module.
#[derive(Debug)]
pub struct DominantSpeaker {
    speakers: FxHashMap<EndpointKey, Speaker>,
    dominant: Option<EndpointKey>,
    recent: VecDeque<EndpointKey>,
    next_decision: Option<Instant>,
}

#[derive(Debug)]
struct Speaker {
    /// Newest first; 0 is silence, 127 loudest.
    levels: [u8; LEVELS],
    heard: Instant,
    /// Silent for so long that its scores stay as they are.
    resting: bool,
    floor: NoiseFloor,
    scores: [f64; 3],
}

#[derive(Debug)]
struct NoiseFloor {
    previous: u8,
    current: u8,
    since: Instant,
}

impl NoiseFloor {
    fn take(&mut self, level: u8, now: Instant) {
        if now.saturating_duration_since(self.since) >= NOISE_PERIOD {
            self.previous = self.current;
            self.current = u8::MAX;
            self.since = now;
        }
        self.current = self.current.min(level);
    }

    fn level(&self) -> u8 {
        match self.previous.min(self.current) {
            u8::MAX => 0,
            level => level,
        }
    }
}

impl Speaker {
    fn new(now: Instant) -> Self {
        Self {
            levels: [0; LEVELS],
            heard: now,
            resting: false,
            floor: NoiseFloor {
                previous: 0,
                current: u8::MAX,
                since: now,
            },
            scores: [LEAST_SCORE; 3],
        }
    }

    fn push(&mut self, level: u8) {
        self.levels.copy_within(..LEVELS - 1, 1);
        self.levels[0] = level;
    }

    fn evaluate(&mut self) {
        let noise = self.floor.level().saturating_add(NOISE_MARGIN);
        let immediate = |level: u8| if level <= noise { 0 } else { level / SUB_BAND };
        let first = usize::from(immediate(self.levels[0]));
        let medium = |chunk: &[u8]| {
            let speech = chunk.iter().filter(|l| immediate(**l) >= SPEECH_BAND);
            speech.count()
        };
        let newest_medium = medium(&self.levels[..MEDIUM_STEPS]);
        let long = self.levels.chunks(MEDIUM_STEPS);
        let long = long.filter(|c| medium(c) >= LONG_THRESHOLD).count();
        self.scores = [
            score(first, IMMEDIATE_STEPS, WEIGHT[0]),
            score(newest_medium, MEDIUM_STEPS, WEIGHT[1]),
            score(long, LONG_STEPS, WEIGHT[2]),
        ];
    }
}

/// Log-likelihood ratio that `active` of `total` steps are speech: binomial with p = 1/2 against
/// an exponential prior with weight `weight`.
fn score(active: usize, total: usize, weight: f64) -> f64 {
    let choose = (1..=active.min(total)).fold(0.0, |sum, i| {
        sum + ((total + 1 - i) as f64).ln() - (i as f64).ln()
    });
    let likelihood = choose - total as f64 * std::f64::consts::LN_2;
    (likelihood - weight.ln() + weight * active as f64).max(LEAST_SCORE)
}

impl Default for DominantSpeaker {
    fn default() -> Self {
        Self::new()
    }
}

impl DominantSpeaker {
    /// Nobody speaks.
    pub fn new() -> Self {
        Self {
            speakers: FxHashMap::default(),
            dominant: None,
            recent: VecDeque::with_capacity(MAX_RECENT + 1),
            next_decision: None,
        }
    }

    /// The level of one audio packet, as RFC 6464 has it: 0 is loudest, 127 silence.
    pub fn handle_level(&mut self, endpoint: EndpointKey, rfc6464: u8, now: Instant) {
        let level = 127 - rfc6464.min(127);
        let speaker = self
            .speakers
            .entry(endpoint)
            .or_insert_with(|| Speaker::new(now));
        if now.saturating_duration_since(speaker.heard) > Duration::from_secs(2) {
            speaker.levels = [0; LEVELS];
        }
        speaker.heard = now;
        speaker.resting = false;
        speaker.floor.take(level, now);
        speaker.push(level);
        self.next_decision.get_or_insert(now + DECISION_INTERVAL);
    }

    /// Forgets an endpoint that left. The office falls vacant if it held it.
    pub fn remove(&mut self, endpoint: EndpointKey) {
        self.speakers.remove(&endpoint);
        self.recent.retain(|e| *e != endpoint);
        if self.dominant == Some(endpoint) {
            self.dominant = None;
        }
    }

    /// Gives the office to an endpoint, if it is vacant: one that held it is there again.
    pub fn reinstate(&mut self, endpoint: EndpointKey) -> Option<SpeakerChange> {
        if self.dominant.is_some() {
            return None;
        }
        Some(self.appoint(endpoint))
    }

    /// Who speaks, if anyone ever did.
    pub fn dominant(&self) -> Option<EndpointKey> {
        self.dominant
    }

    /// Who spoke before, latest first.
    pub fn previous(&self) -> impl Iterator<Item = EndpointKey> + '_ {
        self.recent
            .iter()
            .copied()
            .filter(|e| Some(*e) != self.dominant)
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_decision
    }

    /// Decides, when due. `Some` when the dominant speaker is another one.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<SpeakerChange> {
        if self.next_decision.is_none_or(|due| now < due) {
            return None;
        }
        self.speakers
            .retain(|_, s| now.saturating_duration_since(s.heard) < SPEAKER_IDLE);
        let mut anyone_heard = false;
        for speaker in self.speakers.values_mut().filter(|s| !s.resting) {
            let silent_for = now.saturating_duration_since(speaker.heard);
            anyone_heard |= silent_for < Duration::from_secs(2);
            if silent_for > LEVEL_IDLE && silent_for < Duration::from_secs(2) {
                // What the packets that were not sent would have said since the last decision.
                let missed = (silent_for.min(DECISION_INTERVAL).as_millis() / 20) as usize;
                for _ in 0..missed.min(LEVELS) {
                    speaker.push(0);
                }
            } else if silent_for >= Duration::from_secs(2) {
                speaker.levels = [0; LEVELS];
                speaker.resting = true;
            }
            speaker.evaluate();
        }
        self.next_decision = anyone_heard.then_some(now + DECISION_INTERVAL);

        let winner = self.challenger()?;
        Some(self.appoint(winner))
    }

    fn appoint(&mut self, winner: EndpointKey) -> SpeakerChange {
        self.dominant = Some(winner);
        self.recent.retain(|e| *e != winner);
        self.recent.push_front(winner);
        self.recent.truncate(MAX_RECENT + 1);
        let previous = self.previous().take(MAX_RECENT).collect();
        SpeakerChange {
            dominant: winner,
            previous,
        }
    }

    /// Of those who outdo the one in office in every window, the one with the best medium window.
    fn challenger(&self) -> Option<EndpointKey> {
        let office = self.dominant.and_then(|d| self.speakers.get(&d));
        let office = office.map_or([LEAST_SCORE; 3], |s| s.scores);
        let vacant = self.dominant.is_none();
        let advantage = |scores: &[f64; 3], window: usize| (scores[window] / office[window]).ln();
        let eligible = self.speakers.iter().filter(|(key, speaker)| {
            Some(**key) != self.dominant
                && if vacant {
                    speaker.scores[1] > LEAST_SCORE
                } else {
                    (0..3).all(|w| advantage(&speaker.scores, w) > ADVANTAGE[w])
                }
        });
        let best = eligible.max_by(|(a_key, a), (b_key, b)| {
            a.scores[1].total_cmp(&b.scores[1]).then(b_key.cmp(a_key))
        });
        best.map(|(key, _)| *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    const A: EndpointKey = EndpointKey(1);
    const B: EndpointKey = EndpointKey(2);
    const C: EndpointKey = EndpointKey(3);

    struct Call {
        speaker: DominantSpeaker,
        now: Instant,
        rng: StdRng,
        changes: Vec<EndpointKey>,
    }

    impl Call {
        fn new() -> Self {
            Self {
                speaker: DominantSpeaker::new(),
                now: Instant::now(),
                rng: StdRng::seed_from_u64(7),
                changes: Vec::new(),
            }
        }

        /// Everyone sends a packet each 20 ms: `loud` speech, the others noise about `noise`.
        fn run(&mut self, millis: u64, loud: &[EndpointKey], noise: u8) {
            for step in 0..millis / 20 {
                self.now += Duration::from_millis(20);
                for endpoint in [A, B, C] {
                    // Speech has dips between syllables.
                    let level = if loud.contains(&endpoint) && step % 12 != 11 {
                        self.rng.random_range(15..30)
                    } else {
                        127 - self.rng.random_range(noise..noise + 6)
                    };
                    self.speaker.handle_level(endpoint, level, self.now);
                }
                if let Some(change) = self.speaker.handle_timeout(self.now) {
                    self.changes.push(change.dominant);
                }
            }
        }
    }

    #[test]
    fn whoever_speaks_becomes_dominant_and_stays_so_in_pauses() {
        let mut call = Call::new();
        call.run(3_000, &[A], 30);
        call.run(3_000, &[], 30);
        call.run(3_000, &[B], 30);
        assert_eq!(call.changes, [A, B]);
        assert_eq!(call.speaker.dominant(), Some(B));
        assert_eq!(call.speaker.previous().collect::<Vec<_>>(), [A]);
    }

    #[test]
    fn a_cough_does_not_take_over() {
        let mut call = Call::new();
        call.run(3_000, &[A], 30);
        call.run(120, &[A, B], 30);
        call.run(3_000, &[A], 30);
        assert_eq!(call.changes, [A]);
    }

    #[test]
    fn steady_noise_however_loud_is_nobody() {
        for noise in [20, 60, 90] {
            let mut call = Call::new();
            call.run(20_000, &[], noise);
            call.changes.clear();
            call.run(60_000, &[], noise);
            assert_eq!(call.changes, [], "noise at {noise}");
        }
    }

    #[test]
    fn one_who_leaves_is_forgotten_and_the_next_speaker_takes_over() {
        let mut call = Call::new();
        call.run(2_000, &[A], 30);
        call.run(2_000, &[B], 30);
        call.speaker.remove(B);
        call.speaker.remove(A);
        assert_eq!(call.speaker.dominant(), None);
        assert_eq!(call.speaker.previous().count(), 0);
        call.run(2_000, &[C], 30);
        assert_eq!(call.speaker.dominant(), Some(C));
    }

    #[test]
    fn one_whose_packets_stop_is_silent() {
        let mut call = Call::new();
        call.run(3_000, &[A], 30);
        for _ in 0..100 {
            call.now += Duration::from_millis(20);
            call.speaker.handle_level(B, 20, call.now);
            call.speaker.handle_timeout(call.now);
        }
        assert_eq!(call.speaker.dominant(), Some(B));
    }

    #[test]
    fn a_silent_conference_needs_no_timer() {
        let mut call = Call::new();
        call.run(400, &[A], 30);
        call.now += Duration::from_secs(5);
        call.speaker.handle_timeout(call.now);
        assert_eq!(call.speaker.poll_timeout(), None);
    }
}
