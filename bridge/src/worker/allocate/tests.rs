//! Whatever happens in a conference, what was carried on from change to change is what doing it all
//! anew would give.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use ::media::dtls::Certificate;
use ::media::ice::IceCredentials;
use ::media::units::{Bitrate, Ssrc};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::*;
use crate::allocation::{Allocation, Candidate, Layer, LayerIndex};
use crate::command::{
    Command, CreateConference, CreateEndpoint, EndpointUpdate, MediaKind, SourceDescription,
    UpdateEndpoint,
};
use crate::conference::Conference;
use crate::ids::{ConferenceKey, EndpointKey};
use crate::message::{DirectoryChange, WorkerMessage};
use crate::settings::WorkerSettings;

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Certificate::generate().unwrap());
const CONFERENCE: ConferenceKey = ConferenceKey(1);
const OWN: WorkerId = WorkerId(0);

struct Room {
    worker: Worker,
    rng: SmallRng,
    now: Instant,
    /// Endpoints that are there: key, and the number in the name.
    endpoints: Vec<(EndpointKey, usize)>,
    next_key: u64,
    next_ssrc: u32,
}

impl Room {
    fn new(seed: u64) -> Self {
        let settings = WorkerSettings::new(CERTIFICATE.clone(), vec![([127, 0, 0, 1], 9).into()]);
        let mut worker = Worker::new(OWN, 1, Arc::new(settings), seed);
        let now = Instant::now();
        let create = CreateConference {
            conference: CONFERENCE,
            meeting_id: "m".into(),
            name: None,
        };
        worker.handle_command(Command::CreateConference(create), now);
        Self {
            worker,
            rng: SmallRng::seed_from_u64(seed),
            now,
            endpoints: Vec::new(),
            next_key: 0,
            next_ssrc: 1,
        }
    }

    fn conference(&self) -> &Conference {
        let index = self.worker.by_conference[&CONFERENCE];
        self.worker.conferences.get(index).unwrap()
    }

    /// One change of any kind.
    fn change(&mut self) {
        match self.rng.random_range(0..20) {
            _ if self.endpoints.len() < 3 => self.join(),
            0..4 if self.endpoints.len() < 25 => self.join(),
            0..5 => {
                let at = self.rng.random_range(0..self.endpoints.len());
                let (key, _) = self.endpoints.swap_remove(at);
                self.command(Command::ExpireEndpoint(key));
            }
            5..8 => {
                let (endpoint, number) = self.somebody();
                let sources = Some(self.sources(number));
                let update = EndpointUpdate {
                    sources,
                    ..EndpointUpdate::default()
                };
                let update = UpdateEndpoint { endpoint, update };
                self.command(Command::UpdateEndpoint(Box::new(update)));
            }
            8..10 => {
                let (key, number) = self.somebody();
                let shows = ["camera", "desktop", "none"].choose(&mut self.rng).unwrap();
                let source = format!("e{number}-v{}", self.rng.random_range(0..2));
                self.say(
                    key,
                    json!({"colibriClass": "SourceVideoTypeMessage",
                        "sourceName": source, "videoType": shows}),
                );
            }
            10..13 => {
                let (key, _) = self.somebody();
                let change = DirectoryChange::Speaker(Some(key), Arc::from([]));
                self.hear(ConferenceMessage::Change(OWN, change));
            }
            13..17 => {
                let (key, _) = self.somebody();
                let wants = self.wants();
                self.say(key, wants);
            }
            17 => {
                let limit = self
                    .rng
                    .random_bool(0.3)
                    .then(|| self.rng.random_range(1..8));
                self.command(Command::LimitLastN(limit));
            }
            _ => self.measure_layers(),
        }
    }

    fn join(&mut self) {
        self.next_key += 1;
        let number = loop {
            let number = self.rng.random_range(0..30);
            if self.endpoints.iter().all(|(_, n)| *n != number) {
                break number;
            }
        };
        let endpoint = EndpointKey(self.next_key);
        let create = CreateEndpoint {
            conference: CONFERENCE,
            home: OWN,
            endpoint,
            id: format!("e{number}").as_str().into(),
            local_ice: IceCredentials {
                ufrag: OWN.in_ufrag(self.next_key),
                ..IceCredentials::generate(&mut self.rng)
            },
            ice_controlling: true,
            sctp_port: None,
            ssrc_rewriting: self.rng.random_bool(0.7),
            mid_demux: false,
            visitor: self.rng.random_bool(0.1),
            initial_last_n: None,
            feedback_audio_ssrc: Ssrc(u32::MAX),
            feedback_video_ssrc: Ssrc(u32::MAX - 1),
            update: EndpointUpdate {
                sources: Some(self.sources(number)),
                ..EndpointUpdate::default()
            },
        };
        self.endpoints.push((endpoint, number));
        self.command(Command::CreateEndpoint(Box::new(create)));
    }

    /// Some of a microphone and two cameras, now and then with other SSRCs than before.
    fn sources(&mut self, number: usize) -> Vec<SourceDescription> {
        let mut sources = Vec::new();
        for (letter, index) in [('a', 0), ('v', 0), ('v', 1)] {
            if self.rng.random_bool(0.3) {
                continue;
            }
            if self.rng.random_bool(0.3) {
                self.next_ssrc += 1_000;
            }
            let ssrc = self.next_ssrc + number as u32 * 10 + index + u32::from(letter == 'v') * 5;
            sources.push(SourceDescription {
                name: format!("e{number}-{letter}{index}").as_str().into(),
                kind: if letter == 'a' {
                    MediaKind::Audio
                } else {
                    MediaKind::Video
                },
                ssrcs: vec![Ssrc(ssrc)],
                groups: vec![],
                video_type: None,
            });
        }
        if self.rng.random_bool(0.2) {
            sources.reverse();
        }
        sources
    }

    fn wants(&mut self) -> serde_json::Value {
        let mut names = |most: usize| -> Vec<String> {
            let count = self.rng.random_range(0..=most);
            let mut name = || {
                format!(
                    "e{}-v{}",
                    self.rng.random_range(0..30),
                    self.rng.random_range(0..2)
                )
            };
            (0..count).map(|_| name()).collect()
        };
        let (on_stage, selected, by_name) = (names(2), names(3), names(6));
        let heights = [-1, 0, 180, 360, 720];
        let mut height = || *heights.choose(&mut self.rng).unwrap();
        let constraints: serde_json::Map<_, _> = by_name
            .into_iter()
            .map(|name| (name, json!({"maxHeight": height()})))
            .collect();
        let default = height();
        let last_n = [-1, 0, 1, 3, 6].choose(&mut self.rng);
        json!({
            "colibriClass": "ReceiverVideoConstraints",
            "lastN": last_n,
            "onStageSources": on_stage,
            "selectedSources": selected,
            "defaultConstraints": {"maxHeight": default},
            "constraints": constraints,
        })
    }

    fn measure_layers(&mut self) {
        let sources: Vec<_> = self
            .conference()
            .sources()
            .filter(|(_, s)| s.info.kind == MediaKind::Video)
            .map(|(_, s)| s.info.key)
            .collect();
        let Some(source) = sources.choose(&mut self.rng).copied() else {
            return;
        };
        let rate = self.rng.random_range(50..900);
        let layers = (0..3).map(|temporal| Layer {
            index: LayerIndex {
                encoding: 0,
                spatial: 0,
                temporal,
            },
            height: 180,
            frame_rate: 7.5 * f32::from(1_u8 << temporal),
            bitrate: Bitrate::from_kbps(rate * (1 + u64::from(temporal))),
        });
        self.hear(ConferenceMessage::Layers(source, layers.collect()));
        // Which is seen to with their next tick.
        for (index, endpoint) in self.worker.endpoints.iter_mut() {
            if endpoint.allocated.is_none() && !std::mem::replace(&mut endpoint.reallocate, true) {
                self.worker.reallocate.push_back(index);
            }
        }
        self.worker.handle_timeout(self.now);
    }

    fn somebody(&mut self) -> (EndpointKey, usize) {
        *self.endpoints.choose(&mut self.rng).unwrap()
    }

    fn command(&mut self, command: Command) {
        self.worker.handle_command(command, self.now);
    }

    fn hear(&mut self, message: ConferenceMessage) {
        let message = WorkerMessage::Conference(CONFERENCE, message);
        self.worker.handle_message(message, self.now);
    }

    fn say(&mut self, key: EndpointKey, text: serde_json::Value) {
        self.now += Duration::from_millis(50);
        self.command(Command::ChannelText(key, text.to_string()));
    }

    fn settle(&mut self) {
        while self.worker.settle_at.is_some() {
            self.worker.handle_timeout(self.now);
        }
        while self.worker.poll_event().is_some() {}
    }

    /// What a receiver gets when everything is looked at anew.
    fn allocation_anew(&self, endpoint: &Endpoint) -> Allocation<SourceKey> {
        let conference = self.conference();
        let mut candidates = Vec::new();
        for owner in conference.speech_order().filter(|e| *e != endpoint.key) {
            for slot in &conference.member(owner).unwrap().sources {
                let source = conference.source(*slot).unwrap();
                if source.info.kind == MediaKind::Video {
                    candidates.push(Candidate {
                        source: source.info.key,
                        name: &source.info.name,
                        owner,
                        video_type: source.info.video_type,
                        layers: &source.layers,
                        held: endpoint.egress.held(*slot, source.info.key),
                    });
                }
            }
        }
        let limit = self.worker.last_n_limit.map(|n| n as usize);
        let slots = endpoint.egress.rewriting();
        let slots = slots.then_some(self.worker.settings.ssrc_slots);
        let budget = Budget {
            room: endpoint
                .steadiness
                .room(endpoint.egress.available(), self.now),
            last_n: limit.into_iter().chain(slots).min(),
            oversend_on_stage: self.worker.settings.oversend_on_stage,
        };
        allocate(&candidates, &endpoint.constraints, &budget)
    }

    fn assert_as_if_done_anew(&self, what: &str) {
        let conference = self.conference();
        for (_, endpoint) in self.worker.endpoints.iter() {
            let sorted = |allocation: &Allocation<SourceKey>| {
                let wanted = allocation.sources.iter();
                let wanted = wanted.filter(|s| !s.constraint.is_nothing());
                let mut wanted: Vec<_> = wanted.copied().collect();
                wanted.sort_by_key(|s| s.source);
                wanted
            };
            let anew = self.allocation_anew(endpoint);
            assert_eq!(
                sorted(&endpoint.allocation),
                sorted(&anew),
                "{what}: what {} gets, who wants {:?}",
                endpoint.id,
                endpoint.constraints
            );
        }
        for (slot, source) in conference.sources() {
            let key = source.info.key;
            let mut sum = 0;
            for (_, endpoint) in self.worker.endpoints.iter() {
                let own = endpoint.allocation.sources.iter();
                for result in own.filter(|s| s.source == key) {
                    sum = demand::larger(sum, demand::lines(&result.constraint));
                    let target = result.target.is_none() || source.holders.iter().count() > 0;
                    assert!(target, "{what}: holders of slot {slot}");
                }
            }
            assert_eq!(
                source.demand.sum(),
                sum,
                "{what}: demand for {}",
                source.info.name
            );
            let owner = &self.worker.by_key[&key.owner];
            let sources = &self.worker.endpoints.get(*owner).unwrap().ingress.sources;
            let told = sources.list[sources.position(key).unwrap()].wanted();
            assert_eq!(told, sum, "{what}: demand for {} as told", source.info.name);
        }
    }
}

#[test]
fn after_any_change_everything_is_as_if_it_were_decided_anew() {
    for seed in 0..8 {
        let mut room = Room::new(seed);
        for change in 0..400 {
            // Several inputs may be settled together.
            for _ in 0..=change % 3 {
                room.change();
            }
            room.settle();
            room.assert_as_if_done_anew(&format!("seed {seed}, change {change}"));
        }
    }
}

#[test]
fn nothing_is_left_of_those_who_are_gone() {
    let mut room = Room::new(99);
    for _ in 0..500 {
        room.change();
        room.settle();
    }
    for (key, _) in std::mem::take(&mut room.endpoints) {
        room.command(Command::ExpireEndpoint(key));
    }
    room.settle();
    let conference = room.conference();
    assert_eq!(conference.sources().count(), 0);
    assert_eq!(conference.speech_order().count(), 0);
    assert!(conference.attention.is_empty());
    assert!(room.worker.demanded.is_empty() && room.worker.reallocate.is_empty());
}
