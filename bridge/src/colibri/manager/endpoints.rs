//! What a request does to an endpoint.

use std::time::Instant;

use rand::Rng;
use xmpp::colibri2::{self, Sctp, SctpRole, capability};

use super::super::conference::Conference;
use super::super::endpoint::Endpoint;
use super::super::refusal::Refusal;
use super::super::{media_description, secrets, transport_description};
use super::{CloseReason, MAX_ID, Manager, Output};
use crate::command::{
    Command, CreateEndpoint, EndpointUpdate, ForceMute, IceCredentials, MediaKind, RestartIce,
    SourceDescription, UpdateEndpoint,
};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, WorkerId};

/// SCTP port of both sides, as Jitsi's clients expect.
const SCTP_PORT: u16 = 5_000;

impl Manager {
    pub(super) fn modify_endpoint(
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
                answer.transport = Some(self.create_endpoint(conference, described, now)?)
            }
            (Some(key), false, false) => answer.transport = self.update_endpoint(key, described)?,
            (None, false, false) if batch => {}
            (None, false, false) => return Err(Refusal::UnknownEndpoint(described.id.clone())),
        }
        Ok(answer)
    }

    pub(super) fn create_endpoint(
        &mut self,
        key: ConferenceKey,
        described: &colibri2::Endpoint,
        now: Instant,
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
        if !self.accepts_endpoints {
            return Err(Refusal::Full(
                "a media worker of this bridge is behind with what it was asked already".into(),
            ));
        }
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
                created: now,
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

    pub(super) fn update_endpoint(
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
    pub(super) fn restart_ice(&mut self, key: EndpointKey) -> colibri2::Transport {
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
    pub(super) fn update_of(
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

    pub(super) fn remember_sources(&mut self, key: EndpointKey, sources: &[SourceDescription]) {
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

    pub(super) fn new_credentials(&mut self, owner: WorkerId) -> IceCredentials {
        IceCredentials {
            ufrag: owner.in_ufrag(self.rng.random()),
            pwd: secrets::letters(&mut self.rng, 26),
        }
    }

    pub(super) fn expire_endpoint(&mut self, key: EndpointKey, now: Instant) {
        let Some(endpoint) = self.endpoints.remove(&key) else {
            return;
        };
        self.forget(&endpoint, now);
        self.order(endpoint.owner, Command::ExpireEndpoint(key));
    }

    /// Drops control's memory of an endpoint that was taken out of `endpoints`.
    pub(super) fn forget(&mut self, endpoint: &Endpoint, now: Instant) {
        self.placement.endpoint_removed(endpoint.owner);
        self.visitors -= usize::from(endpoint.visitor);
        if !endpoint.connected {
            let age = now.saturating_duration_since(endpoint.created);
            self.totals.connects.gone(age);
        }
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
