//! What endpoints are told on their bridge channels.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use xmpp::bridge_channel::{
    AudioMapping, AudioSourcesMap, ChannelVideoType, ConnectionStats, ConnectivityStatus,
    DominantSpeaker, ForwardedSources, Message, SenderSourceConstraints, ServerHello, VideoMapping,
    VideoSourcesMap,
};

use super::Worker;
use crate::command::{MediaKind, VideoType};
use crate::conference::Conference;
use crate::egress::Mapping;
use crate::event::Event;
use crate::ids::{EndpointKey, SourceKey};

impl Worker {
    /// Says something to an endpoint, if its channel is open.
    pub(super) fn tell(&mut self, index: usize, message: &Message, now: Instant) {
        if self
            .endpoints
            .get(index)
            .is_some_and(|e| e.channel.is_open())
        {
            self.tell_text(index, &Arc::from(message.to_json()), now);
        }
    }

    /// The same with a text that several get.
    pub(super) fn tell_text(&mut self, index: usize, text: &Arc<str>, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if endpoint.channel.websocket {
            self.events
                .push_back(Event::ChannelText(endpoint.key, text.clone()));
        } else if endpoint.channel.data {
            if let Err(error) = endpoint.transport.send_channel_text(text, now) {
                tracing::debug!(endpoint = %endpoint.id, "bridge channel message dropped: {error}");
            }
            self.make_ready(index);
            self.reschedule(index, now, now);
        }
    }

    /// The same to all of this worker's endpoints in a conference.
    fn tell_all(&mut self, conference: usize, message: &Message, now: Instant) {
        let text = Arc::from(message.to_json());
        let at = |worker: &Self, position: usize| {
            let conference = worker.conferences.get(conference)?;
            conference.local.get(position).copied()
        };
        let mut position = 0;
        while let Some(index) = at(self, position) {
            self.tell_text(index, &text, now);
            position += 1;
        }
    }

    /// Everything that a channel which has just opened must know.
    pub(super) fn greet(&mut self, index: usize, now: Instant) {
        self.server_hello(index, now);
        self.tell_sender_constraints(index, true, now);
        if let Some(endpoint) = self.endpoints.get_mut(index) {
            endpoint.told_forwarded = None;
        }
        self.tell_forwarded(index, now);
        self.send_map(index, MediaKind::Video, true, now);
        self.send_map(index, MediaKind::Audio, true, now);
        let Some(endpoint) = self.endpoints.get(index) else {
            return;
        };
        let Some(conference) = self.conferences.get(endpoint.conference) else {
            return;
        };
        // Of whom nothing was told yet is active. Of the others the client may have heard before.
        let told = conference
            .told()
            .filter(|m| conference.is_latest(m.info.endpoint));
        let mut messages: Vec<_> = told
            .map(|m| connectivity(m.info.id.as_str(), m.active))
            .collect();
        messages.extend(speaker_message(conference));
        for message in messages {
            self.tell(index, &message, now);
        }
    }

    pub(super) fn server_hello(&mut self, index: usize, now: Instant) {
        let hello = ServerHello {
            version: self.settings.version.clone(),
        };
        self.tell(index, &Message::ServerHello(hello), now);
    }

    pub(super) fn tell_speaker(&mut self, conference: usize, now: Instant) {
        let message = self.conferences.get(conference).and_then(speaker_message);
        if let Some(message) = message {
            self.tell_all(conference, &message, now);
        }
    }

    pub(super) fn tell_connectivity(
        &mut self,
        conference: usize,
        endpoint: EndpointKey,
        active: bool,
        now: Instant,
    ) {
        let replica = self.conferences.get(conference);
        let latest = replica.filter(|c| c.is_latest(endpoint));
        let id = latest.and_then(|c| c.id_of(endpoint)).cloned();
        if let Some(id) = id {
            self.tell_all(conference, &connectivity(id.as_str(), active), now);
        }
    }

    /// The video sources that an endpoint is sent, if they are others than it was told.
    pub(super) fn tell_forwarded(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.channel.is_open() {
            return;
        }
        let forwarded: Vec<_> = endpoint.allocation.forwarded().collect();
        let mut told = forwarded.clone();
        told.sort_unstable();
        if endpoint.told_forwarded.as_ref() == Some(&told) {
            return;
        }
        let Some(conference) = self.conferences.get(endpoint.conference) else {
            return;
        };
        let names = forwarded
            .iter()
            .filter_map(|s| conference.source(conference.slot_of(*s)?));
        let forwarded_sources = names.map(|s| s.info.name.to_string()).collect();
        endpoint.told_forwarded = Some(told);
        self.tell(
            index,
            &Message::ForwardedSources(ForwardedSources { forwarded_sources }),
            now,
        );
    }

    pub(super) fn send_video_map(&mut self, index: usize, now: Instant) {
        self.send_map(index, MediaKind::Video, false, now);
    }

    pub(super) fn send_audio_map(&mut self, index: usize, now: Instant) {
        self.send_map(index, MediaKind::Audio, false, now);
    }

    /// Which source is in which SSRC slot: all, or only what is new.
    fn send_map(&mut self, index: usize, kind: MediaKind, all: bool, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.egress.rewriting() {
            return;
        }
        let egress = &mut endpoint.egress;
        let changed = match kind {
            MediaKind::Audio => std::mem::take(&mut egress.changed_audio),
            MediaKind::Video => std::mem::take(&mut egress.changed_video),
        };
        if !all && changed.is_empty() {
            return;
        }
        let mappings = egress.mappings(kind, (!all).then_some(&changed[..]));
        let Some(conference) = self.conferences.get(endpoint.conference) else {
            return;
        };
        let message = match kind {
            MediaKind::Audio => {
                let mapped = mappings.iter().filter_map(|m| audio_mapping(conference, m));
                Message::AudioSourcesMap(AudioSourcesMap {
                    mapped_sources: mapped.collect(),
                })
            }
            MediaKind::Video => {
                let mapped = mappings.iter().filter_map(|m| video_mapping(conference, m));
                Message::VideoSourcesMap(VideoSourcesMap {
                    mapped_sources: mapped.collect(),
                })
            }
        };
        let empty = mappings.is_empty();
        if !empty {
            self.tell(index, &message, now);
        }
    }

    /// A source shows something else: those who look at it are told.
    pub(super) fn retell_video(&mut self, receivers: &BTreeSet<usize>, source: SourceKey) {
        for index in receivers {
            if let Some(endpoint) = self.endpoints.get_mut(*index) {
                endpoint.egress.mark_changed(source);
            }
        }
    }

    /// What is asked of each own source, all of it or what is new.
    pub(super) fn tell_sender_constraints(&mut self, index: usize, all: bool, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.channel.is_open() {
            return;
        }
        let mut messages = Vec::new();
        for source in &mut endpoint.ingress.sources.list {
            let wanted = source.wanted();
            if source.description.kind == MediaKind::Video && (all || source.asked != Some(wanted))
            {
                source.asked = Some(wanted);
                messages.push(Message::SenderSourceConstraints(SenderSourceConstraints {
                    source_name: source.description.name.to_string(),
                    max_height: wanted,
                }));
            }
        }
        for message in messages {
            self.tell(index, &message, now);
        }
    }

    pub(super) fn send_connection_stats(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get(index) else {
            return;
        };
        if let Some(estimate) = endpoint.egress.congestion.estimate() {
            let stats = ConnectionStats {
                estimated_downlink_bandwidth: i64::try_from(estimate.as_bps()).unwrap_or(i64::MAX),
            };
            self.tell(index, &Message::ConnectionStats(stats), now);
        }
    }
}

fn connectivity(endpoint: &str, active: bool) -> Message {
    let endpoint = endpoint.to_owned();
    Message::EndpointConnectivityStatusChangeEvent(ConnectivityStatus { endpoint, active })
}

fn speaker_message(conference: &Conference) -> Option<Message> {
    let id = |endpoint: &EndpointKey| conference.id_of(*endpoint).map(ToString::to_string);
    Some(Message::DominantSpeakerEndpointChangeEvent(
        DominantSpeaker {
            dominant_speaker_endpoint: id(&conference.speaker()?)?,
            previous_speakers: conference
                .previous_speakers()
                .iter()
                .filter_map(id)
                .collect(),
            silence: false,
        },
    ))
}

fn audio_mapping(conference: &Conference, mapping: &Mapping) -> Option<AudioMapping> {
    let source = conference.source(conference.slot_of(mapping.source)?)?;
    Some(AudioMapping {
        source: source.info.name.to_string(),
        owner: conference
            .id_of(mapping.source.owner)
            .map(ToString::to_string),
        ssrc: mapping.ssrc.0,
        mid: mapping.mid.clone(),
    })
}

fn video_mapping(conference: &Conference, mapping: &Mapping) -> Option<VideoMapping> {
    let source = conference.source(conference.slot_of(mapping.source)?)?;
    Some(VideoMapping {
        source: source.info.name.to_string(),
        owner: conference
            .id_of(mapping.source.owner)
            .map(ToString::to_string),
        ssrc: mapping.ssrc.0,
        rtx: mapping.rtx.0,
        video_type: channel_type(source.info.video_type),
        mid: mapping.mid.clone(),
    })
}

/// As the channel says it.
pub(super) fn channel_type(video_type: VideoType) -> ChannelVideoType {
    match video_type {
        VideoType::Camera => ChannelVideoType::Camera,
        VideoType::Desktop => ChannelVideoType::Desktop,
        VideoType::DesktopHighFps => ChannelVideoType::DesktopHighFps,
        VideoType::Disabled => ChannelVideoType::Disabled,
        VideoType::None => ChannelVideoType::None,
    }
}
