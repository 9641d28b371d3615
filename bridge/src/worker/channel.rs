//! What endpoints say on their bridge channels.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use media::sctp::MAX_MESSAGE;
use media::units::Bitrate;
use xmpp::bridge_channel::{
    ChannelVideoType, EndpointMessage, EndpointStats, Message, ReceiverAudioSubscription,
    ReceiverVideoConstraints, VideoConstraints, parse,
};

use super::Worker;
use crate::allocation::effective::VideoConstraint;
use crate::command::VideoType;
use crate::conference::Conference;
use crate::ids::{EndpointKey, SourceName};
use crate::message::{ConferenceMessage, DirectoryChange, EndpointText, Recipients};

/// Names in one list of a client's, at most.
const MAX_NAMES: usize = 1_000;
/// What is not named is a thumbnail, unless the client says otherwise.
const DEFAULT_MAX_HEIGHT: u16 = 180;
/// Up to so many members, statistics go to everyone.
const STATS_TO_ALL: usize = 20;

impl Worker {
    pub(super) fn channel_opened(&mut self, key: EndpointKey, now: Instant) {
        let Some(index) = self.by_key.get(&key).copied() else {
            return;
        };
        if let Some(endpoint) = self.endpoints.get_mut(index) {
            endpoint.channel.websocket = true;
            self.greet(index, now);
        }
    }

    pub(super) fn channel_closed(&mut self, key: EndpointKey) {
        let index = self.by_key.get(&key).copied();
        if let Some(endpoint) = index.and_then(|i| self.endpoints.get_mut(i)) {
            endpoint.channel.websocket = false;
        }
    }

    pub(super) fn channel_text(&mut self, index: usize, text: &str, now: Instant) {
        self.counters.channel_messages_received += 1;
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.channel.admits(text.len(), now) {
            self.counters.channel_messages_refused += 1;
            return;
        }
        let message = match parse(text) {
            Ok(message) => message,
            Err(error) => {
                self.counters.channel_messages_refused += 1;
                tracing::debug!(endpoint = %endpoint.id, "bridge channel message refused: {error}");
                return;
            }
        };
        match message {
            Message::ClientHello => self.server_hello(index, now),
            Message::ReceiverVideoConstraints(wants) => self.set_constraints(index, wants),
            Message::LastNChangedEvent(event) => {
                endpoint.constraints.last_n = usize::try_from(event.last_n).ok();
                self.reallocate(index);
            }
            Message::SourceVideoTypeMessage(message) => {
                self.set_video_type(index, &message.source_name, message.video_type, now);
            }
            Message::VideoTypeMessage(message) => {
                let name = format!("{}-v0", endpoint.id);
                self.set_video_type(index, &name, message.video_type, now);
            }
            Message::ReceiverAudioSubscription(subscription) => {
                self.subscribe_audio(index, subscription);
            }
            Message::EndpointMessage(message) => self.relay_message(index, message, now),
            Message::EndpointStats(stats) => self.relay_stats(index, stats, now),
            // What only a bridge says.
            _ => self.counters.channel_messages_refused += 1,
        }
    }

    fn set_constraints(&mut self, index: usize, wants: ReceiverVideoConstraints) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let constraints = &mut endpoint.constraints;
        if let (Some(wanted), Some(limit)) = (
            wants.assumed_bandwidth_bps,
            self.settings.assumed_bandwidth_limit,
        ) {
            let assumed = u64::try_from(wanted).ok().map(Bitrate::from_bps);
            constraints.assumed_bandwidth = assumed.map(|assumed| assumed.min(limit));
        }
        if let Some(last_n) = wants.last_n {
            constraints.last_n = usize::try_from(last_n).ok();
        }
        let names = |list: Vec<String>| {
            list.into_iter()
                .take(MAX_NAMES)
                .map(|n| SourceName::from(n.as_str()))
                .collect()
        };
        if let Some(list) = wants.selected_sources {
            constraints.selected = names(list);
        }
        if let Some(list) = wants.on_stage_sources {
            constraints.on_stage = names(list);
        }
        match wants.default_constraints {
            Some(default) => constraints.default = constraint(&default),
            None if !endpoint.constrained => {
                constraints.default = VideoConstraint::height(DEFAULT_MAX_HEIGHT);
            }
            None => {}
        }
        endpoint.constrained = true;
        if let Some(map) = wants.constraints {
            let map = map.iter().take(MAX_NAMES);
            constraints.by_source = map
                .map(|(name, c)| (SourceName::from(name.as_str()), constraint(c)))
                .collect();
        }
        let names = constraints.on_stage.iter().chain(&constraints.selected);
        let names = names.chain(constraints.by_source.keys()).cloned().collect();
        if let Some(conference) = self.conferences.get_mut(endpoint.conference) {
            conference.attention.set_names(index, names);
        }
        self.reallocate(index);
    }

    fn set_video_type(&mut self, index: usize, name: &str, shows: ChannelVideoType, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let video_type = match shows {
            ChannelVideoType::Camera => VideoType::Camera,
            ChannelVideoType::Desktop => VideoType::Desktop,
            ChannelVideoType::DesktopHighFps => VideoType::DesktopHighFps,
            ChannelVideoType::Disabled => VideoType::Disabled,
            ChannelVideoType::None => VideoType::None,
        };
        let conference = endpoint.conference;
        if name.len() > SourceName::MAX_LEN {
            return;
        }
        let sources = &mut endpoint.ingress.sources;
        if let Some(key) = sources.set_video_type(name, video_type) {
            self.change(conference, DirectoryChange::VideoType(key, video_type), now);
        }
    }

    fn subscribe_audio(&mut self, index: usize, mut subscription: ReceiverAudioSubscription) {
        subscription.include.truncate(MAX_NAMES);
        subscription.exclude.truncate(MAX_NAMES);
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if let Some(conference) = self.conferences.get(endpoint.conference) {
            endpoint.egress.set_subscription(subscription, conference);
        }
    }

    fn relay_message(&mut self, index: usize, mut message: EndpointMessage, now: Instant) {
        let Some(endpoint) = self.endpoints.get(index).filter(|e| !e.visitor) else {
            return;
        };
        let Some(conference) = self.conferences.get(endpoint.conference) else {
            return;
        };
        message.from = Some(endpoint.id.to_string());
        let to = if message.is_broadcast() {
            Recipients::Others
        } else {
            let member = conference.member_by_id(message.to.as_deref().unwrap_or_default());
            let Some(member) = member else { return };
            Recipients::One(member.info.endpoint)
        };
        let text = Message::EndpointMessage(message).to_json();
        self.relay(index, to, &text, now);
    }

    fn relay_stats(&mut self, index: usize, mut stats: EndpointStats, now: Instant) {
        let Some(endpoint) = self.endpoints.get(index).filter(|e| !e.visitor) else {
            return;
        };
        stats.from = Some(endpoint.id.to_string());
        let text = Message::EndpointStats(stats).to_json();
        self.relay(index, Recipients::Interested, &text, now);
    }

    fn relay(&mut self, index: usize, to: Recipients, text: &str, now: Instant) {
        let Some(endpoint) = self.endpoints.get(index) else {
            return;
        };
        let conference_index = endpoint.conference;
        let Some(conference) = self.conferences.get(conference_index) else {
            return;
        };
        // The sender's name makes it longer, and so may numbers that are written in another form.
        if text.len() > MAX_MESSAGE {
            self.counters.channel_messages_refused += 1;
            tracing::debug!(endpoint = %endpoint.id, "bridge channel message is too long to be passed on");
            return;
        }
        let key = conference.key();
        let text = EndpointText {
            from: endpoint.key,
            to,
            text: Arc::from(text),
        };
        let others = match to {
            Recipients::One(one) => {
                let worker = conference.member(one).map(|m| m.info.worker);
                worker.into_iter().filter(|w| *w != self.id).collect()
            }
            Recipients::Others | Recipients::Interested => conference.other_workers().to_vec(),
        };
        for worker in others {
            self.send_to(worker, key, ConferenceMessage::Text(text.clone()));
        }
        self.deliver_text(conference_index, &text, now);
    }

    /// Gives a text to those of this worker's endpoints for whom it is meant.
    pub(super) fn deliver_text(&mut self, index: usize, text: &EndpointText, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let receivers: Vec<_> = match text.to {
            Recipients::Others => conference.local.clone(),
            Recipients::One(one) => self.by_key.get(&one).copied().into_iter().collect(),
            Recipients::Interested => {
                let small = conference.member_count() <= STATS_TO_ALL;
                let speaks = conference.speaker() == Some(text.from)
                    || conference.previous_speakers().contains(&text.from);
                if small || speaks {
                    conference.local.clone()
                } else {
                    self.interested(conference, text.from).into_iter().collect()
                }
            }
        };
        for receiver in receivers {
            if let Some(endpoint) = self.endpoints.get(receiver)
                && endpoint.key != text.from
                && endpoint.channel.is_open()
            {
                self.tell_text(receiver, &text.text, now);
            }
        }
    }

    /// Receivers that get something of an endpoint, or have chosen it.
    fn interested(&self, conference: &Conference, from: EndpointKey) -> BTreeSet<usize> {
        let sources = conference.member(from).map(|m| &m.sources);
        let sources = sources.into_iter().flatten();
        let mut receivers = BTreeSet::new();
        for source in sources.filter_map(|slot| conference.source(*slot)) {
            receivers.extend(source.demand.receivers());
            let name = &source.info.name;
            receivers.extend(conference.attention.naming(name).filter(|receiver| {
                let endpoint = self.endpoints.get(*receiver);
                endpoint.is_some_and(|e| {
                    e.constraints.on_stage.contains(name) || e.constraints.selected.contains(name)
                })
            }));
        }
        receivers
    }

    /// What a source's receivers want has changed: its sender is asked for it.
    pub(super) fn tell_sender_constraints_of(&mut self, index: usize) {
        if !self.constrain.contains(&index) {
            self.constrain.push(index);
        }
    }
}

/// From the wire: negative is no limit.
fn constraint(wire: &VideoConstraints) -> VideoConstraint {
    VideoConstraint {
        max_height: (wire.max_height >= 0)
            .then(|| u16::try_from(wire.max_height).unwrap_or(u16::MAX)),
        max_frame_rate: (wire.max_frame_rate >= 0.0).then_some(wire.max_frame_rate as f32),
    }
}
