//! Media from an endpoint on its way to the conference.

use std::time::Instant;

use arrayvec::ArrayVec;

use super::Worker;
use super::datagrams::MAX_MESSAGES;
use crate::command::MediaKind;
use crate::conference::Pending;
use crate::ids::WorkerId;
use crate::message::ConferenceMessage;
use crate::packet::{SharedPacket, share};
use crate::statistics::DropReason;

/// Workers that one packet is handed to, at most.
const MAX_WORKERS: usize = 256;

impl Worker {
    pub(super) fn receive_media(&mut self, index: usize, buf: &mut [u8], now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        self.counters.media_packets_received += 1;
        let accepted = match endpoint.ingress.handle_rtp(buf, now) {
            Ok(accepted) => accepted,
            Err(reason) => return self.drops.count(reason),
        };
        self.counters.media_packets_accepted += 1;
        let (key, conference_index) = (endpoint.key, endpoint.conference);
        let Some(conference) = self.conferences.get_mut(conference_index) else {
            return;
        };
        let conference_key = conference.key();
        let home = conference.home();

        let bytes = &buf[accepted.range.clone()];
        let packet = share(&mut self.packets, bytes, accepted.layout, accepted.meta);
        let is_audio = accepted.meta.kind == MediaKind::Audio;
        let source = &endpoint.ingress.sources.list[accepted.source];
        let mut wanted_here = is_audio;
        let mut elsewhere = ArrayVec::<WorkerId, MAX_WORKERS>::new();
        if is_audio {
            let others = conference.other_workers().iter();
            elsewhere.extend(others.copied().take(MAX_WORKERS));
        } else {
            let wanted = source.demand.iter().map(|(worker, _)| *worker);
            wanted_here = wanted.clone().any(|worker| worker == self.id);
            elsewhere.extend(wanted.filter(|w| *w != self.id).take(MAX_WORKERS));
        }
        if !elsewhere.is_empty() {
            self.packets.lend(&packet);
        }
        for worker in elsewhere {
            if self.messages.len() >= MAX_MESSAGES {
                self.drops.count(DropReason::QueueFull);
                continue;
            }
            let message = ConferenceMessage::Media(packet.clone());
            self.send_to(worker, conference_key, message);
        }
        if wanted_here {
            self.enqueue(conference_index, accepted.slot, packet);
        } else {
            self.packets.release(packet);
        }

        if let Some(level) = accepted.meta.level
            && is_audio
        {
            if home == self.id {
                self.note_level(conference_index, key, level, now);
            } else {
                self.send_to(
                    home,
                    conference_key,
                    ConferenceMessage::AudioLevel(key, level),
                );
            }
        }
    }

    /// A packet for this worker's receivers.
    pub(super) fn enqueue(&mut self, conference: usize, slot: usize, packet: SharedPacket) {
        let Some(replica) = self.conferences.get_mut(conference) else {
            return;
        };
        let meta = packet.meta();
        let owner = meta.source.owner;
        let dominant = replica.speaker() == Some(owner);
        let mut left_out = None;
        if let (Some(loudest), Some(level)) = (&mut replica.loudest, meta.level)
            && meta.kind == MediaKind::Audio
            && !loudest.admits(owner, level, dominant, meta.arrival)
        {
            left_out = Some(DropReason::NotLoudest);
        }
        let Some(source) = replica.source_mut(slot) else {
            return self.packets.release(packet);
        };
        source.heard = true;
        if packet.meta().kind == MediaKind::Video {
            source.keep(packet.clone(), &mut self.packets);
        }
        if replica.pending.is_empty() {
            self.busy.push_back(conference);
        }
        replica.pending.push(Pending {
            slot,
            packet,
            left_out,
        });
    }

    /// Tells one other worker about a conference.
    pub(super) fn send_to(
        &mut self,
        worker: WorkerId,
        key: crate::ids::ConferenceKey,
        message: ConferenceMessage,
    ) {
        debug_assert_ne!(worker, self.id, "a worker hears itself directly");
        let message = crate::message::WorkerMessage::Conference(key, message);
        self.messages.push_back((worker, message));
    }
}
