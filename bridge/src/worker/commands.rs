//! What control asks for.

use std::sync::Arc;
use std::time::Instant;

use ::media::ice::IceCredentials;

use super::Worker;
use crate::command::{Command, CreateEndpoint, EndpointUpdate, RestartIce};
use crate::endpoint::Endpoint;
use crate::event::{EndpointStatistics, Event};
use crate::ids::EndpointKey;
use crate::message::{DirectoryChange, MemberInfo, WorkerMessage};
use crate::statistics::WorkerStatistics;

/// Endpoints of one worker, at most.
const MAX_ENDPOINTS: usize = 20_000;

impl Worker {
    pub(super) fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::CreateConference(create) => {
                self.announce_conference(create.conference, create.name);
            }
            Command::ExpireConference(key) => self.expire_conference(key, now),
            Command::CreateEndpoint(create) => self.create_endpoint(*create, now),
            Command::UpdateEndpoint(update) => {
                if let Some(index) = self.by_key.get(&update.endpoint).copied() {
                    self.update_endpoint(index, update.update, now);
                }
            }
            Command::RestartIce(restart) => self.restart_ice(restart, now),
            Command::ExpireEndpoint(key) => self.expire_endpoint(key, now),
            Command::ChannelOpened(key) => self.channel_opened(key, now),
            Command::ChannelText(key, text) => {
                if let Some(index) = self.by_key.get(&key).copied() {
                    self.channel_text(index, &text, now);
                }
            }
            Command::ChannelClosed(key) => self.channel_closed(key),
            Command::LimitLastN(limit) => {
                self.last_n_limit = limit;
                let all: Vec<_> = self.endpoints.iter().map(|(index, _)| index).collect();
                for index in all {
                    self.reallocate(index);
                }
            }
            Command::CollectStatistics { endpoints } => self.collect_statistics(endpoints, now),
        }
    }

    fn create_endpoint(&mut self, create: CreateEndpoint, now: Instant) {
        if self.by_key.contains_key(&create.endpoint) || self.endpoints.len() >= MAX_ENDPOINTS {
            tracing::warn!(endpoint = %create.id, conference = %create.conference,
                "endpoint not created: it exists already, or this worker has {MAX_ENDPOINTS}. \
                 Spread conferences over more bridges");
            return;
        }
        let conference = self.enter(create.conference, create.home);
        let seed = self.seed();
        let local = self.local_addresses.clone();
        let endpoint = Endpoint::new(&create, conference, &self.settings, local, seed, now);
        let info = MemberInfo {
            endpoint: create.endpoint,
            id: create.id.clone(),
            worker: self.id,
            visitor: create.visitor,
        };
        let index = self.endpoints.insert(endpoint);
        self.by_key.insert(create.endpoint, index);
        self.own_ufrag(create.local_ice.clone(), index);
        if let Some(replica) = self.conferences.get_mut(conference) {
            replica.local.push(index);
        }
        self.change(conference, DirectoryChange::Joined(info), now);
        self.update_endpoint(index, create.update, now);
        self.drain_transport(index, now);
    }

    /// Checks for these credentials are of this endpoint, wherever they arrive.
    fn own_ufrag(&mut self, local: IceCredentials, index: usize) {
        self.addresses.add_ufrag(&local.ufrag, index);
        let local = Arc::new(local);
        self.tell_workers(|id| WorkerMessage::UfragOwned(local.clone(), id));
    }

    fn disown_ufrags(&mut self, index: usize, ufrags: &[String]) {
        self.addresses.forget(index, &[], ufrags);
        for ufrag in ufrags {
            let ufrag: Arc<str> = Arc::from(ufrag.as_str());
            self.tell_workers(|id| WorkerMessage::UfragGone(ufrag.clone(), id));
        }
    }

    fn update_endpoint(&mut self, index: usize, update: EndpointUpdate, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let (key, conference) = (endpoint.key, endpoint.conference);
        let mut announce = false;
        if let Some(media) = &update.media {
            endpoint.ingress.set_capabilities(media);
            let extensions = endpoint.ingress.extensions().clone();
            endpoint.egress.set_capabilities(media, &extensions);
            announce = true;
        }
        if let Some(sources) = update.sources {
            endpoint.ingress.sources.replace(key, sources);
            announce = true;
        }
        if let Some(force_mute) = update.force_mute {
            endpoint.ingress.set_force_mute(force_mute);
        }
        if let Some(last_n) = update.initial_last_n {
            endpoint.constraints.last_n = usize::try_from(last_n).ok();
        }
        if let Some(transport) = update.transport
            && let Err(error) = endpoint
                .remote
                .update(transport, &mut endpoint.transport, now)
        {
            tracing::info!(endpoint = %endpoint.id, conference = %endpoint.conference_key,
                "transport of the participant refused: {error}. It cannot connect until its \
                 client sends a valid one");
        }
        if announce && !endpoint.visitor {
            let infos = endpoint
                .ingress
                .sources
                .infos(endpoint.ingress.extensions());
            self.change(conference, DirectoryChange::Sources(key, infos), now);
            self.tell_sender_constraints(index, false, now);
        }
        self.reallocate(index);
        self.drain_transport(index, now);
    }

    fn restart_ice(&mut self, restart: RestartIce, now: Instant) {
        let Some(index) = self.by_key.get(&restart.endpoint).copied() else {
            return;
        };
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let started = endpoint.connected;
        if started {
            let local = restart.local_ice.clone();
            // This machine's may be others than when the endpoint was made.
            let addresses = self.local_addresses.clone();
            endpoint.transport.set_local_candidates(addresses);
            endpoint.transport.restart_ice(restart.local_ice, now);
            endpoint.remote.begin_restart(restart.generation);
            // Checks of the old session may still arrive; older ones than that do not.
            endpoint.ufrags.push(local.ufrag.clone());
            endpoint.failed = false;
            let old = (endpoint.ufrags.len() > 4).then(|| endpoint.ufrags.remove(0));
            self.own_ufrag(local, index);
            if let Some(old) = old {
                self.disown_ufrags(index, &[old]);
            }
        }
        self.events.push_back(Event::IceRestarted {
            endpoint: restart.endpoint,
            started,
        });
        self.drain_transport(index, now);
    }

    fn expire_endpoint(&mut self, key: EndpointKey, now: Instant) {
        if let Some(index) = self.by_key.get(&key).copied() {
            let conference = self.endpoints.get(index).map(|e| e.conference);
            self.remove_endpoint(index, now);
            if let Some(conference) = conference {
                self.leave_if_empty(conference);
            }
        }
    }

    pub(super) fn remove_endpoint(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.remove(index) else {
            return;
        };
        self.by_key.remove(&endpoint.key);
        self.unfinished -= endpoint.unfinished;
        self.addresses.forget(index, &endpoint.addresses, &[]);
        self.disown_ufrags(index, &endpoint.ufrags);
        for address in &endpoint.addresses {
            self.tell_workers(|id| WorkerMessage::AddressGone(*address, id));
        }
        self.ready.retain(|ready| *ready != index);
        self.forget_receiver(index, &endpoint);
        if let Some(replica) = self.conferences.get_mut(endpoint.conference) {
            replica.local.retain(|local| *local != index);
        }
        self.change(
            endpoint.conference,
            DirectoryChange::Left(endpoint.key),
            now,
        );
    }

    fn collect_statistics(&mut self, detailed: bool, now: Instant) {
        let by_endpoint = if detailed {
            self.endpoints
                .iter_mut()
                .map(|(_, endpoint)| statistics_of(endpoint, now))
                .collect()
        } else {
            Vec::new()
        };
        let home = self.conferences.iter().filter(|(_, c)| c.at_home.is_some());
        self.events
            .push_back(Event::Statistics(Box::new(WorkerStatistics {
                worker: self.id,
                conferences: home.count(),
                endpoints: self.endpoints.len(),
                counters: self.counters,
                drops: self.drops,
                by_endpoint,
            })));
    }
}

fn statistics_of(endpoint: &mut Endpoint, now: Instant) -> EndpointStatistics {
    let sends = |kind| {
        let mut sources = endpoint.ingress.sources.list.iter();
        sources.any(|s| {
            s.description.kind == kind && s.encodings.iter().any(|e| e.last_packet.is_some())
        })
    };
    let (sends_audio, sends_video) = (
        sends(crate::command::MediaKind::Audio),
        sends(crate::command::MediaKind::Video),
    );
    EndpointStatistics {
        endpoint: endpoint.key,
        conference: endpoint.conference_key,
        id: endpoint.id.clone(),
        connected: endpoint.connected,
        round_trip: endpoint.egress.congestion.rtt(),
        bitrate_received: endpoint.ingress.bitrate(now),
        bitrate_sent: endpoint.egress.bitrate(now),
        bandwidth_estimate: endpoint.egress.congestion.estimate(),
        packets_received: endpoint.ingress.packets(),
        packets_sent: endpoint.egress.packets,
        loss_received: endpoint.ingress.loss(),
        loss_sent: endpoint.egress.congestion.loss() as f32,
        forwarded_sources: endpoint.allocation.forwarded().count(),
        sends_audio,
        sends_video,
    }
}
