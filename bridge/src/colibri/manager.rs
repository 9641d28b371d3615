//! The state of control: conferences, endpoints, and what each request does to them.

mod describe;
mod endpoints;
mod news;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rand::Rng;
use rand::rngs::StdRng;
use rustc_hash::FxHashMap;
use xmpp::colibri2::{self, ConferenceModified, ConferenceModify, MediaSource};
use xmpp::source::{MediaType, Source};

use super::conference::Conference;
use super::connects::Connects;
use super::endpoint::Endpoint;
use super::placement::Placement;
use super::refusal::Refusal;
use super::secrets;
use super::settings::ControlSettings;
use crate::command::{Command, CreateConference, Ssrc};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, WorkerId};
use crate::io::addresses::LocalCandidate;

/// Longest accepted endpoint id and meeting id, in bytes (a JID's resource may have 1,023).
const MAX_ID: usize = 1_023;

/// Something for the caller to do.
#[derive(Debug)]
pub enum Output {
    /// Queue this order to this worker, in the order in which outputs come.
    Command(WorkerId, Command),
    /// Close the endpoint's bridge channel, if it is open.
    CloseChannel(EndpointKey, CloseReason),
}

/// Why a bridge channel is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The endpoint is gone: code 1001, "endpoint closed".
    EndpointClosed,
}

/// Where a bridge channel that was let in leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelTarget {
    /// Who is meant.
    pub endpoint: EndpointKey,
    /// The worker that owns the endpoint.
    pub owner: WorkerId,
}

/// Why a bridge channel was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelRefusal {
    /// Another bridge is meant: HTTP 404.
    WrongServer,
    /// No such conference or endpoint, or not its password: HTTP 403.
    Forbidden,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Since the start.
    pub conferences_created: u64,
    /// Conferences that ended.
    pub conferences_completed: u64,
    /// Seconds that ended conferences lasted, in all.
    pub conference_seconds: u64,
    /// Since the start, visitors included.
    pub endpoints_created: u64,
    /// Visitors among them.
    pub visitors_created: u64,
    /// Endpoints whose ICE connected at least once.
    pub ice_succeeded: u64,
    /// Endpoints that failed in ICE.
    pub ice_failed: u64,
    /// Endpoints that failed in DTLS.
    pub dtls_failed: u64,
    /// Endpoints of which nothing was heard any more, or that never connected.
    pub endpoints_silent: u64,
    /// Restarts of ICE begun.
    pub ice_restarts: u64,
    /// Answered with an error, since the start.
    pub requests_refused: u64,
    /// Since the start, in all conferences.
    pub dominant_speaker_changes: u64,
    /// How long endpoints took to connect.
    pub connects: Connects,
}

/// See the module `colibri`.
pub struct Manager {
    settings: ControlSettings,
    rng: StdRng,
    by_meeting: FxHashMap<Arc<str>, ConferenceKey>,
    conferences: FxHashMap<ConferenceKey, Conference>,
    endpoints: FxHashMap<EndpointKey, Endpoint>,
    placement: Placement,
    next_endpoint: u64,
    visitors: usize,
    totals: Totals,
    accepts_conferences: bool,
    accepts_endpoints: bool,
    /// Conferences without endpoints and since when, oldest first; stale entries are skipped.
    empty: VecDeque<(Instant, ConferenceKey)>,
    outputs: VecDeque<Output>,
}

impl Manager {
    /// A manager without conferences. `rng` makes passwords: it must be seeded by the system outside of tests.
    #[must_use]
    pub fn new(settings: ControlSettings, rng: StdRng) -> Self {
        Self {
            placement: Placement::new(settings.workers, settings.spill_endpoints),
            settings,
            rng,
            by_meeting: FxHashMap::default(),
            conferences: FxHashMap::default(),
            endpoints: FxHashMap::default(),
            next_endpoint: 1,
            visitors: 0,
            totals: Totals::default(),
            accepts_conferences: true,
            accepts_endpoints: true,
            empty: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Changes the candidates told to endpoints that are described from here on.
    pub fn set_candidates(&mut self, candidates: Vec<LocalCandidate>) {
        self.settings.candidates = candidates;
    }

    /// Obeys a request, wholly or not at all.
    ///
    /// # Errors
    /// The [`Refusal`] to be told to the focus.
    pub fn handle_modify(
        &mut self,
        request: &ConferenceModify,
        now: Instant,
    ) -> Result<ConferenceModified, Refusal> {
        let result = self.modify(request, now);
        if result.is_err() {
            self.totals.requests_refused += 1;
        }
        result
    }

    fn modify(
        &mut self,
        request: &ConferenceModify,
        now: Instant,
    ) -> Result<ConferenceModified, Refusal> {
        if request.meeting_id.is_empty() || request.meeting_id.len() > MAX_ID {
            return Err(Refusal::bad("meeting-id is empty or too long"));
        }
        if !request.endpoints.is_empty() && !request.relays.is_empty() {
            return Err(Refusal::bad("endpoints and relays in one request"));
        }
        if !request.relays.is_empty() {
            return Err(Refusal::NotImplemented("a relay between bridges"));
        }
        if request
            .connects
            .as_ref()
            .is_some_and(|connects| !connects.is_empty())
        {
            return Err(Refusal::NotImplemented("media export"));
        }
        let batch = request.endpoints.len() > 1;
        if batch
            && !request
                .endpoints
                .iter()
                .all(|e| e.expire || is_only_force_mute(e))
        {
            return Err(Refusal::NotImplemented(
                "more than one endpoint in a request that creates or updates them",
            ));
        }
        let known = self.by_meeting.get(request.meeting_id.as_str()).copied();
        let key = match (known, request.create) {
            (Some(_), true) => return Err(Refusal::ConferenceExists(request.meeting_id.clone())),
            (None, false) => return Err(Refusal::ConferenceNotFound(request.meeting_id.clone())),
            (Some(key), false) => key,
            (None, true) => {
                if !self.accepts_conferences {
                    return Err(Refusal::GracefulShutdown);
                }
                if self.conferences.len() >= self.settings.limits.conferences {
                    return Err(Refusal::Full(
                        "this bridge has as many conferences as it may have".into(),
                    ));
                }
                self.create_conference(request, now)
            }
        };
        if request.expire {
            self.expire_conference(key, now);
            return Ok(ConferenceModified::default());
        }
        let mut answer = ConferenceModified::default();
        for described in &request.endpoints {
            match self.modify_endpoint(key, described, batch, now) {
                Ok(endpoint) => answer.endpoints.push(endpoint),
                Err(refusal) => {
                    // A conference that was to be created for a refused endpoint would be a surprise to the next request.
                    if request.create {
                        self.expire_conference(key, now);
                    }
                    return Err(refusal);
                }
            }
        }
        if request.create || request.endpoints.iter().any(|endpoint| endpoint.create) {
            answer.sources = self.conferences.get(&key).map(feedback_sources);
        }
        let is_empty = |conference: &Conference| conference.endpoints.is_empty();
        if !request.create && self.conferences.get(&key).is_some_and(is_empty) {
            self.expire_conference(key, now);
        }
        Ok(answer)
    }

    fn create_conference(&mut self, request: &ConferenceModify, now: Instant) -> ConferenceKey {
        let key = loop {
            let key = ConferenceKey(self.rng.random());
            if !self.conferences.contains_key(&key) {
                break key;
            }
        };
        let home = self.placement.home();
        let meeting_id: Arc<str> = request.meeting_id.as_str().into();
        let name: Option<Arc<str>> = request.name.as_deref().map(Into::into);
        let feedback_audio = Ssrc(self.rng.random_range(1..u32::MAX));
        let conference = Conference {
            key,
            meeting_id: Arc::clone(&meeting_id),
            name: name.clone(),
            home,
            created: now,
            empty_since: Some(now),
            endpoints: FxHashMap::default(),
            ssrcs: FxHashMap::default(),
            feedback_audio,
            feedback_video: Ssrc(feedback_audio.0 ^ 1),
            dominant_speaker: None,
        };
        self.empty.push_back((now, key));
        self.placement.conference_added(home);
        self.totals.conferences_created += 1;
        self.by_meeting.insert(Arc::clone(&meeting_id), key);
        self.conferences.insert(key, conference);
        tracing::info!(conference = %key, meeting_id = %meeting_id, name = name.as_deref().unwrap_or(""), "conference created");
        let command = CreateConference {
            conference: key,
            meeting_id,
            name,
        };
        self.order(home, Command::CreateConference(command));
        key
    }

    fn expire_conference(&mut self, key: ConferenceKey, now: Instant) {
        let Some(conference) = self.conferences.remove(&key) else {
            return;
        };
        self.by_meeting.remove(&conference.meeting_id);
        self.placement.conference_removed(conference.home);
        self.totals.conferences_completed += 1;
        self.totals.conference_seconds +=
            now.saturating_duration_since(conference.created).as_secs();
        #[expect(clippy::iter_over_hash_type, reason = "nothing is sent")]
        for endpoint in conference.endpoints.values() {
            if let Some(endpoint) = self.endpoints.remove(endpoint) {
                self.forget(&endpoint, now);
            }
        }
        tracing::info!(conference = %key, meeting_id = %conference.meeting_id, "conference expired");
        self.order(conference.home, Command::ExpireConference(key));
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn order(&mut self, worker: WorkerId, command: Command) {
        self.outputs.push_back(Output::Command(worker, command));
    }

    /// Refuses or takes new conferences.
    pub fn set_accepts_conferences(&mut self, accepts: bool) {
        self.accepts_conferences = accepts;
    }

    /// Refuses or takes new endpoints: those that are there go on.
    pub fn set_accepts_endpoints(&mut self, accepts: bool) {
        self.accepts_endpoints = accepts;
    }

    /// Lets a bridge channel in, or not. `conference` is as in the URL.
    ///
    /// # Errors
    /// See [`ChannelRefusal`].
    pub fn channel_target(
        &self,
        server_id: &str,
        conference: &str,
        endpoint: &str,
        pwd: &str,
    ) -> Result<ChannelTarget, ChannelRefusal> {
        if server_id != self.settings.server_id {
            return Err(ChannelRefusal::WrongServer);
        }
        let key = u64::from_str_radix(conference, 16).map_err(|_| ChannelRefusal::Forbidden)?;
        let endpoint = self
            .conferences
            .get(&ConferenceKey(key))
            .and_then(|conference| conference.endpoints.get(&EndpointId::from(endpoint)))
            .and_then(|key| self.endpoints.get(key))
            .filter(|endpoint| secrets::equal(&endpoint.channel_pwd, pwd))
            .ok_or(ChannelRefusal::Forbidden)?;
        Ok(ChannelTarget {
            endpoint: endpoint.key,
            owner: endpoint.owner,
        })
    }
}

fn is_only_force_mute(endpoint: &colibri2::Endpoint) -> bool {
    !endpoint.create
        && endpoint.force_mute.is_some()
        && endpoint.transport.is_none()
        && endpoint.sources.is_none()
}

/// The bridge's own sources, from which it sends feedback and padding.
fn feedback_sources(conference: &Conference) -> Vec<MediaSource> {
    let source = |name: &str, media_type, ssrc: Ssrc| {
        MediaSource::new(name, media_type, vec![Source::new(ssrc.0).with_name(name)])
    };
    vec![
        source("jvb-a0", MediaType::Audio, conference.feedback_audio),
        source("jvb-v0", MediaType::Video, conference.feedback_video),
    ]
}

#[cfg(test)]
mod tests;
