//! The state of control: conferences, endpoints, and what each request does to them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rand::Rng;
use rand::rngs::StdRng;
use rustc_hash::FxHashMap;
use xmpp::colibri2::{
    self, ConferenceModified, ConferenceModify, MediaSource, Sctp, SctpRole, capability,
};
use xmpp::source::{MediaType, Source};

use super::conference::Conference;
use super::endpoint::Endpoint;
use super::placement::Placement;
use super::refusal::Refusal;
use super::settings::ControlSettings;
use super::{media_description, secrets, transport_description};
use crate::command::{
    Command, CreateConference, CreateEndpoint, EndpointUpdate, ForceMute, IceCredentials,
    MediaKind, RestartIce, SourceDescription, Ssrc, UpdateEndpoint,
};
use crate::event::{Event, FailureReason};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, WorkerId};

/// Longest accepted endpoint id and meeting id, in bytes (a JID's resource may have 1,023).
const MAX_ID: usize = 1_023;
/// SCTP port of both sides, as Jitsi's clients expect.
const SCTP_PORT: u16 = 5_000;

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
    /// Its endpoint.
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
    /// Conferences created.
    pub conferences_created: u64,
    /// Conferences that ended.
    pub conferences_completed: u64,
    /// Seconds that ended conferences lasted, in all.
    pub conference_seconds: u64,
    /// Endpoints created.
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
    /// Requests refused.
    pub requests_refused: u64,
    /// Changes of dominant speaker.
    pub dominant_speaker_changes: u64,
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
            empty: VecDeque::new(),
            outputs: VecDeque::new(),
        }
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

    fn modify_endpoint(
        &mut self,
        conference: ConferenceKey,
        described: &colibri2::Endpoint,
        batch: bool,
        now: Instant,
    ) -> Result<colibri2::Endpoint, Refusal> {
        if described.id.is_empty() || described.id.len() > MAX_ID {
            return Err(Refusal::bad("an endpoint id is empty or too long"));
        }
        let known = self
            .conferences
            .get(&conference)
            .and_then(|conference| {
                conference
                    .endpoints
                    .get(&EndpointId::from(described.id.as_str()))
            })
            .copied();
        let mut answer = colibri2::Endpoint::new(&described.id);
        match (known, described.expire, described.create) {
            (known, true, _) => {
                if let Some(key) = known {
                    self.expire_endpoint(key, now);
                }
                answer.expire = true;
            }
            (Some(_), false, true) => return Err(Refusal::EndpointExists(described.id.clone())),
            (None, false, true) => {
                answer.transport = Some(self.create_endpoint(conference, described)?)
            }
            (Some(key), false, false) => answer.transport = self.update_endpoint(key, described)?,
            (None, false, false) if batch => {}
            (None, false, false) => return Err(Refusal::UnknownEndpoint(described.id.clone())),
        }
        Ok(answer)
    }

    fn create_endpoint(
        &mut self,
        key: ConferenceKey,
        described: &colibri2::Endpoint,
    ) -> Result<colibri2::Transport, Refusal> {
        let Some(transport) = &described.transport else {
            return Err(Refusal::bad("an endpoint to be created has no transport"));
        };
        if !described.has_capability(capability::SOURCE_NAMES) {
            return Err(Refusal::bad(
                "an endpoint to be created lacks the capability source-names",
            ));
        }
        if transport.use_unique_port {
            return Err(Refusal::NotImplemented("a port of its own for an endpoint"));
        }
        let limits = &self.settings.limits;
        let conference = self
            .conferences
            .get(&key)
            .expect("invariant: the caller has looked the conference up");
        if self.endpoints.len() >= limits.endpoints
            || conference.endpoints.len() >= limits.endpoints_per_conference
        {
            return Err(Refusal::Full(
                "this bridge or conference has as many endpoints as it may have".into(),
            ));
        }
        let endpoint_key = EndpointKey(self.next_endpoint);
        let update = self.update_of(conference, endpoint_key, described)?;

        // Nothing is refused from here on.
        self.next_endpoint += 1;
        let home = conference.home;
        let owner = self.placement.owner(home, conference.endpoints.len());
        let (feedback_audio_ssrc, feedback_video_ssrc) =
            (conference.feedback_audio, conference.feedback_video);
        let local_ice = self.new_credentials(owner);
        let channel_pwd = secrets::letters(&mut self.rng, 24);
        let wants_sctp = transport.sctp.filter(|_| self.settings.sctp);
        let sctp_port = wants_sctp.map(|sctp| sctp.port.unwrap_or(SCTP_PORT));
        let id = EndpointId::from(described.id.as_str());
        let remote_setup = update
            .transport
            .as_ref()
            .and_then(|transport| transport.setup);
        let web_sockets =
            transport_description::web_sockets(&self.settings, key, &described.id, &channel_pwd);
        let answer = colibri2::Transport {
            ice: Some(transport_description::local(
                &self.settings,
                &local_ice,
                remote_setup,
                web_sockets,
                None,
            )),
            sctp: sctp_port.map(|port| Sctp {
                port: Some(port),
                role: Some(SctpRole::Server),
            }),
            ..colibri2::Transport::default()
        };
        let visitor = described.is_visitor();
        let force_mute = update.force_mute.unwrap_or_default();
        let sources = update.sources.clone();
        let rewriting = described.has_capability(capability::SSRC_REWRITING);
        let command = CreateEndpoint {
            conference: key,
            home,
            endpoint: endpoint_key,
            id: id.clone(),
            local_ice: local_ice.clone(),
            ice_controlling: transport.ice_controlling,
            sctp_port,
            ssrc_rewriting: rewriting,
            mid_demux: rewriting && described.has_capability(capability::RTP_MID_DEMUX),
            visitor,
            initial_last_n: described.initial_last_n,
            feedback_audio_ssrc,
            feedback_video_ssrc,
            update,
        };
        self.endpoints.insert(
            endpoint_key,
            Endpoint {
                key: endpoint_key,
                conference: key,
                id: id.clone(),
                owner,
                visitor,
                channel_pwd,
                local_ice,
                generation: 0,
                remote_setup,
                ice_connected: false,
                connected: false,
                force_mute,
                ssrcs: Vec::new(),
                sends_audio: false,
                sends_video: false,
            },
        );
        if let Some(conference) = self.conferences.get_mut(&key) {
            conference.endpoints.insert(id, endpoint_key);
            conference.empty_since = None;
        }
        if let Some(sources) = sources {
            self.remember_sources(endpoint_key, &sources);
        }
        self.placement.endpoint_added(owner);
        self.totals.endpoints_created += 1;
        if visitor {
            self.visitors += 1;
            self.totals.visitors_created += 1;
        }
        tracing::debug!(conference = %key, endpoint = %described.id, worker = owner.0, "endpoint created");
        self.order(owner, Command::CreateEndpoint(Box::new(command)));
        Ok(answer)
    }

    fn update_endpoint(
        &mut self,
        key: EndpointKey,
        described: &colibri2::Endpoint,
    ) -> Result<Option<colibri2::Transport>, Refusal> {
        let endpoint = self
            .endpoints
            .get(&key)
            .expect("invariant: a conference knows only endpoints that are there");
        let conference = self
            .conferences
            .get(&endpoint.conference)
            .expect("invariant: an endpoint's conference outlives it");
        let update = self.update_of(conference, key, described)?;
        let owner = endpoint.owner;
        let restart = described
            .transport
            .as_ref()
            .is_some_and(|transport| transport.ice_restart);

        if let Some(sources) = &update.sources {
            self.remember_sources(key, sources);
        }
        if let Some(endpoint) = self.endpoints.get_mut(&key) {
            let setup = update
                .transport
                .as_ref()
                .and_then(|transport| transport.setup);
            endpoint.remote_setup = setup.or(endpoint.remote_setup);
            endpoint.force_mute = update.force_mute.unwrap_or(endpoint.force_mute);
        }
        if !is_empty(&update) {
            let command = UpdateEndpoint {
                endpoint: key,
                update,
            };
            self.order(owner, Command::UpdateEndpoint(Box::new(command)));
        }
        Ok(restart.then(|| self.restart_ice(key)))
    }

    /// Restarts ICE in place; before ICE was established the answer has no generation, and the credentials in use stay.
    fn restart_ice(&mut self, key: EndpointKey) -> colibri2::Transport {
        let fresh = self.endpoints.get(&key).map(|endpoint| endpoint.owner);
        let fresh = fresh.map(|owner| self.new_credentials(owner));
        let endpoint = self
            .endpoints
            .get_mut(&key)
            .expect("invariant: the caller has looked the endpoint up");
        let mut order = None;
        if let Some(fresh) = fresh
            && endpoint.ice_connected
        {
            endpoint.generation += 1;
            endpoint.local_ice = fresh;
            order = Some(RestartIce {
                endpoint: key,
                local_ice: endpoint.local_ice.clone(),
                generation: endpoint.generation,
            });
        }
        let generation = order.as_ref().map(|order| order.generation);
        let web_sockets = transport_description::web_sockets(
            &self.settings,
            endpoint.conference,
            endpoint.id.as_str(),
            &endpoint.channel_pwd,
        );
        let ice = transport_description::local(
            &self.settings,
            &endpoint.local_ice,
            endpoint.remote_setup,
            web_sockets,
            generation,
        );
        let owner = endpoint.owner;
        if let Some(order) = order {
            self.totals.ice_restarts += 1;
            self.order(owner, Command::RestartIce(order));
        }
        colibri2::Transport {
            ice: Some(ice),
            ..colibri2::Transport::default()
        }
    }

    /// What changes, checked.
    fn update_of(
        &self,
        conference: &Conference,
        key: EndpointKey,
        described: &colibri2::Endpoint,
    ) -> Result<EndpointUpdate, Refusal> {
        let mut update = EndpointUpdate {
            initial_last_n: described.initial_last_n,
            ..EndpointUpdate::default()
        };
        if let Some(ice) = described
            .transport
            .as_ref()
            .and_then(|transport| transport.ice.as_ref())
        {
            update.transport = Some(transport_description::remote(ice)?);
        }
        if !described.media.is_empty() {
            update.media = Some(media_description::capabilities(&described.media)?);
        }
        if let Some(sources) = &described.sources {
            let sources =
                media_description::sources(sources, self.settings.limits.ssrcs_per_endpoint)?;
            let taken = sources
                .iter()
                .flat_map(|source| &source.ssrcs)
                .find(|ssrc| {
                    let owner = conference.ssrcs.get(ssrc);
                    owner.is_some_and(|owner| *owner != key)
                        || [conference.feedback_audio, conference.feedback_video].contains(ssrc)
                });
            if let Some(ssrc) = taken {
                return Err(Refusal::bad(format!(
                    "SSRC {} belongs to another endpoint",
                    ssrc.0
                )));
            }
            update.sources = Some(sources);
        }
        if let Some(mute) = described.force_mute {
            let before = self
                .endpoints
                .get(&key)
                .map(|endpoint| endpoint.force_mute)
                .unwrap_or_default();
            update.force_mute = Some(ForceMute {
                audio: mute.audio.unwrap_or(before.audio),
                video: mute.video.unwrap_or(before.video),
            });
        }
        Ok(update)
    }

    fn remember_sources(&mut self, key: EndpointKey, sources: &[SourceDescription]) {
        let Some(endpoint) = self.endpoints.get_mut(&key) else {
            return;
        };
        let Some(conference) = self.conferences.get_mut(&endpoint.conference) else {
            return;
        };
        for ssrc in endpoint.ssrcs.drain(..) {
            conference.ssrcs.remove(&ssrc);
        }
        endpoint.sends_audio = sources.iter().any(|source| source.kind == MediaKind::Audio);
        endpoint.sends_video = sources.iter().any(|source| source.kind == MediaKind::Video);
        endpoint
            .ssrcs
            .extend(sources.iter().flat_map(|source| &source.ssrcs));
        conference
            .ssrcs
            .extend(endpoint.ssrcs.iter().map(|ssrc| (*ssrc, key)));
    }

    fn new_credentials(&mut self, owner: WorkerId) -> IceCredentials {
        IceCredentials {
            ufrag: owner.in_ufrag(self.rng.random()),
            pwd: secrets::letters(&mut self.rng, 26),
        }
    }

    fn expire_endpoint(&mut self, key: EndpointKey, now: Instant) {
        let Some(endpoint) = self.endpoints.remove(&key) else {
            return;
        };
        self.forget(&endpoint, now);
        self.order(endpoint.owner, Command::ExpireEndpoint(key));
    }

    /// Drops control's memory of an endpoint that was taken out of `endpoints`.
    fn forget(&mut self, endpoint: &Endpoint, now: Instant) {
        self.placement.endpoint_removed(endpoint.owner);
        self.visitors -= usize::from(endpoint.visitor);
        self.outputs.push_back(Output::CloseChannel(
            endpoint.key,
            CloseReason::EndpointClosed,
        ));
        if let Some(conference) = self.conferences.get_mut(&endpoint.conference) {
            conference.endpoints.remove(&endpoint.id);
            for ssrc in &endpoint.ssrcs {
                conference.ssrcs.remove(ssrc);
            }
            if conference.endpoints.is_empty() {
                conference.empty_since = Some(now);
                self.empty.push_back((now, conference.key));
            }
        }
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
        for endpoint in conference.endpoints.values() {
            if let Some(endpoint) = self.endpoints.remove(endpoint) {
                self.forget(&endpoint, now);
            }
        }
        tracing::info!(conference = %key, meeting_id = %conference.meeting_id, "conference expired");
        self.order(conference.home, Command::ExpireConference(key));
    }

    /// Takes news of a worker. Statistics and channel messages are not for the manager.
    pub fn handle_event(&mut self, event: &Event, now: Instant) {
        match event {
            Event::IceConnected { endpoint, .. } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint) {
                    self.totals.ice_succeeded += u64::from(!endpoint.ice_connected);
                    endpoint.ice_connected = true;
                }
            }
            Event::DtlsConnected(endpoint) => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint) {
                    endpoint.connected = true;
                }
            }
            Event::EndpointFailed { endpoint, reason } => {
                if let Some(known) = self.endpoints.get(endpoint) {
                    tracing::info!(conference = %known.conference, endpoint = %known.id, ?reason, "endpoint expired");
                    match reason {
                        FailureReason::Ice => self.totals.ice_failed += 1,
                        FailureReason::Dtls => self.totals.dtls_failed += 1,
                        FailureReason::Silent | FailureReason::NeverConnected => {
                            self.totals.endpoints_silent += 1
                        }
                    }
                    self.expire_endpoint(*endpoint, now);
                }
            }
            Event::DominantSpeaker {
                conference,
                endpoint,
            } => {
                if let Some(conference) = self.conferences.get_mut(conference) {
                    self.totals.dominant_speaker_changes += 1;
                    conference.dominant_speaker = endpoint.clone();
                }
            }
            Event::IceRestarted { .. } | Event::ChannelText(..) | Event::Statistics(_) => {}
        }
    }

    /// A worker lost all that it held: conferences that it had a part in end, so that the focus learns of it by the next
    /// request and invites their participants again.
    pub fn handle_worker_failed(&mut self, worker: WorkerId, now: Instant) {
        let with_endpoint = self
            .endpoints
            .values()
            .filter(|endpoint| endpoint.owner == worker);
        let mut lost: Vec<ConferenceKey> =
            with_endpoint.map(|endpoint| endpoint.conference).collect();
        lost.extend(
            self.conferences
                .values()
                .filter(|c| c.home == worker)
                .map(|c| c.key),
        );
        for conference in lost {
            // Other workers keep endpoints that only a living home would have told to go.
            let members: Vec<EndpointKey> = match self.conferences.get(&conference) {
                Some(conference) => conference.endpoints.values().copied().collect(),
                None => continue,
            };
            for member in members {
                self.expire_endpoint(member, now);
            }
            self.expire_conference(conference, now);
        }
    }

    /// Ends conferences that were empty for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((since, key)) = self.empty.front().copied() {
            if since + self.settings.empty_conference > now {
                break;
            }
            self.empty.pop_front();
            if self
                .conferences
                .get(&key)
                .and_then(|conference| conference.empty_since)
                == Some(since)
            {
                self.expire_conference(key, now);
            }
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.empty
            .front()
            .map(|(since, _)| *since + self.settings.empty_conference)
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

    /// Conferences at this moment.
    #[must_use]
    pub fn conference_count(&self) -> usize {
        self.conferences.len()
    }

    /// Endpoints at this moment, visitors too.
    #[must_use]
    pub fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    /// Visitors at this moment.
    #[must_use]
    pub fn visitor_count(&self) -> usize {
        self.visitors
    }

    /// Counts since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The number of endpoints of each conference.
    pub fn conference_sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.conferences
            .values()
            .map(|conference| conference.endpoints.len())
    }

    /// How many endpoints announce audio, and how many video.
    #[must_use]
    pub fn sender_counts(&self) -> (usize, usize) {
        let count = |sends: fn(&Endpoint) -> bool| {
            self.endpoints
                .values()
                .filter(|endpoint| sends(endpoint))
                .count()
        };
        (
            count(|endpoint| endpoint.sends_audio),
            count(|endpoint| endpoint.sends_video),
        )
    }

    /// The state for people, without secrets; with the endpoints of each conference when `full`.
    #[must_use]
    pub fn describe(&self, full: bool) -> serde_json::Value {
        let conference = |conference: &Conference| {
            let mut told = serde_json::json!({
                "id": conference.key.to_string(),
                "meeting_id": &*conference.meeting_id,
                "name": conference.name.as_deref(),
                "worker": conference.home.0,
                "endpoint_count": conference.endpoints.len(),
                "dominant_speaker": conference.dominant_speaker.as_ref().map(EndpointId::as_str),
            });
            if full {
                let endpoints = conference
                    .endpoints
                    .values()
                    .filter_map(|key| self.endpoints.get(key));
                let endpoints: serde_json::Map<_, _> = endpoints
                    .map(|endpoint| (endpoint.id.to_string(), describe_endpoint(endpoint)))
                    .collect();
                told["endpoints"] = endpoints.into();
            }
            (conference.key.to_string(), told)
        };
        let conferences: serde_json::Map<_, _> =
            self.conferences.values().map(conference).collect();
        conferences.into()
    }

    /// The endpoint with this handle: conference and id.
    #[must_use]
    pub fn endpoint_name(&self, key: EndpointKey) -> Option<(ConferenceKey, EndpointId)> {
        let endpoint = self.endpoints.get(&key)?;
        Some((endpoint.conference, endpoint.id.clone()))
    }

    /// The dominant speaker of a meeting; `None`: no such meeting.
    #[must_use]
    pub fn dominant_speaker(&self, meeting_id: &str) -> Option<Option<EndpointId>> {
        let conference = self.conferences.get(self.by_meeting.get(meeting_id)?)?;
        Some(conference.dominant_speaker.clone())
    }
}

fn describe_endpoint(endpoint: &Endpoint) -> serde_json::Value {
    serde_json::json!({
        "key": endpoint.key.0,
        "worker": endpoint.owner.0,
        "visitor": endpoint.visitor,
        "ice_connected": endpoint.ice_connected,
        "connected": endpoint.connected,
        "ice_generation": endpoint.generation,
        "local_ufrag": endpoint.local_ice.ufrag,
        "ssrcs": endpoint.ssrcs.iter().map(|ssrc| ssrc.0).collect::<Vec<_>>(),
        "force_mute": { "audio": endpoint.force_mute.audio, "video": endpoint.force_mute.video },
    })
}

fn is_only_force_mute(endpoint: &colibri2::Endpoint) -> bool {
    !endpoint.create
        && endpoint.force_mute.is_some()
        && endpoint.transport.is_none()
        && endpoint.sources.is_none()
}

fn is_empty(update: &EndpointUpdate) -> bool {
    let EndpointUpdate {
        transport,
        media,
        sources,
        force_mute,
        initial_last_n,
    } = update;
    transport.is_none()
        && media.is_none()
        && sources.is_none()
        && force_mute.is_none()
        && initial_last_n.is_none()
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
