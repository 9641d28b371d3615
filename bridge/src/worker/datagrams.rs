//! Datagrams: whose they are, and what the endpoint's transport makes of them.

use std::net::SocketAddr;
use std::time::Instant;

use ::media::demux::{PacketKind, demux};
use ::media::rtp::MAX_PACKET;
use ::media::stun::{is_authentic, local_ufrag};
use ::media::transport::{DropReason as TransportDrop, Event as TransportEvent, Received};

use super::Worker;
use crate::endpoint::RECEIVING_TICK;
use crate::event::{Event, FailureReason};
use crate::ids::WorkerId;
use crate::message::{StrayDatagram, WorkerMessage};
use crate::statistics::DropReason;

/// Messages that wait for other workers at most; beyond it packets are dropped.
pub(super) const MAX_MESSAGES: usize = 16_384;

/// Where a datagram goes: to an endpoint of this worker (and whether it is a connectivity check),
/// to another worker, or nowhere.
enum Owner {
    Here(usize, bool),
    Elsewhere(WorkerId),
    Nobody(DropReason),
    /// A check that claims to be for an endpoint of another worker's.
    Forged,
}

impl Worker {
    pub(super) fn receive(
        &mut self,
        buf: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) {
        self.counters.datagrams_received += 1;
        self.counters.bytes_received += buf.len() as u64;
        match self.owner_of(buf, &from) {
            Owner::Here(index, _) if self.set_aside(index, buf, from, to, now) => {}
            Owner::Here(index, check) => self.deliver(index, check, buf, from, to, now),
            Owner::Elsewhere(worker) => self.hand_over(worker, buf, from, to),
            Owner::Nobody(reason) => self.drops.count(reason),
            Owner::Forged => self.drops.count_refused(TransportDrop::BadIntegrity),
        }
    }

    fn owner_of(&self, buf: &[u8], from: &SocketAddr) -> Owner {
        let Some(kind) = demux(buf) else {
            return Owner::Nobody(DropReason::NotDemultiplexed);
        };
        // A check names its endpoint; its sender's address may have been another's before.
        if kind == PacketKind::Stun
            && let Some(ufrag) = local_ufrag(buf)
        {
            return match WorkerId::of_ufrag(ufrag.as_bytes()) {
                // A copy is made for the other worker: not of what anybody may have sent.
                Some(worker) if worker != self.id => {
                    match self.addresses.password_elsewhere(ufrag, worker) {
                        Some(password) if is_authentic(buf, password) => Owner::Elsewhere(worker),
                        Some(_) => Owner::Forged,
                        None => Owner::Nobody(DropReason::UnknownUfrag),
                    }
                }
                _ => match self.addresses.endpoint_of_ufrag(ufrag) {
                    Some(index) => Owner::Here(index, true),
                    None => Owner::Nobody(DropReason::UnknownUfrag),
                },
            };
        }
        match (self.addresses.endpoint(from), self.addresses.worker(from)) {
            (Some(index), _) => Owner::Here(index, false),
            (None, Some(worker)) => Owner::Elsewhere(worker),
            (None, None) => Owner::Nobody(DropReason::UnknownAddress),
        }
    }

    fn hand_over(&mut self, worker: WorkerId, buf: &[u8], from: SocketAddr, to: SocketAddr) {
        if buf.len() > MAX_PACKET {
            return self.drops.count(DropReason::TooLarge);
        }
        if self.messages.len() >= MAX_MESSAGES {
            return self.drops.count(DropReason::QueueFull);
        }
        self.counters.datagrams_handed_over += 1;
        let stray = self.strays.take(|stray| {
            stray.from = from;
            stray.to = to;
            stray.len = buf.len();
            stray.payload[..buf.len()].copy_from_slice(buf);
        });
        self.strays.lend(&stray);
        self.messages
            .push_back((worker, WorkerMessage::Datagram(stray)));
    }

    pub(super) fn receive_stray(&mut self, stray: &StrayDatagram, now: Instant) {
        let mut buf = [0; MAX_PACKET];
        let buf = &mut buf[..stray.len.min(MAX_PACKET)];
        buf.copy_from_slice(&stray.payload[..buf.len()]);
        match self.owner_of(buf, &stray.from) {
            Owner::Here(index, _) if self.set_aside(index, buf, stray.from, stray.to, now) => {}
            Owner::Here(index, check) => {
                self.deliver(index, check, buf, stray.from, stray.to, now);
            }
            // Handed over once is enough: it went while it was on the way.
            Owner::Elsewhere(_) => self.drops.count(DropReason::UnknownAddress),
            Owner::Nobody(reason) => self.drops.count(reason),
            Owner::Forged => self.drops.count_refused(TransportDrop::BadIntegrity),
        }
    }

    pub(super) fn deliver(
        &mut self,
        index: usize,
        check: bool,
        buf: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let received = match endpoint.transport.handle_datagram(buf, from, to, now) {
            Ok(received) => received,
            Err(reason) => return self.drops.count_refused(reason),
        };
        endpoint.heard = Some(now);
        match received {
            Received::Rtp(len) => {
                endpoint.heard_media = Some(now);
                self.receive_media(index, &mut buf[..len], now);
                let tick = self.timers.slot(now + RECEIVING_TICK);
                self.schedule(index, tick);
            }
            Received::Rtcp(len) => {
                self.receive_rtcp(index, &buf[..len], now);
                self.make_ready(index);
            }
            Received::Handled => {
                if check {
                    self.learn_address(index, from);
                }
                self.drain_transport(index, now);
                self.bound_unfinished(index, now);
            }
        }
    }

    fn learn_address(&mut self, index: usize, address: SocketAddr) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let (news, forgotten) = self
            .addresses
            .learn(address, index, &mut endpoint.addresses);
        if news {
            self.tell_workers(|id| WorkerMessage::AddressOwned(address, id));
        }
        if let Some(address) = forgotten {
            self.tell_workers(|id| WorkerMessage::AddressGone(address, id));
        }
    }

    /// Tells every other worker of the bridge.
    pub(super) fn tell_workers(&mut self, message: impl Fn(WorkerId) -> WorkerMessage) {
        for worker in (0..self.workers).filter(|w| *w != self.id.index()) {
            self.messages
                .push_back((WorkerId(worker as u16), message(self.id)));
        }
    }

    /// Hears what a transport has to say, and sees to its deadlines.
    pub(super) fn drain_transport(&mut self, index: usize, now: Instant) {
        loop {
            let Some(endpoint) = self.endpoints.get_mut(index) else {
                return;
            };
            let Some(event) = endpoint.transport.poll_event() else {
                break;
            };
            let key = endpoint.key;
            match event {
                TransportEvent::IceConnected { remote } => {
                    self.events.push_back(Event::IceConnected {
                        endpoint: key,
                        remote,
                    });
                }
                TransportEvent::RouteChanged { .. } => {}
                TransportEvent::DtlsConnected { .. } => {
                    endpoint.connected = true;
                    self.counters.endpoints_connected += 1;
                    self.events.push_back(Event::DtlsConnected(key));
                    self.reallocate(index);
                }
                TransportEvent::IceFailed => {
                    self.counters.endpoints_ice_failed += 1;
                    self.fail(index, FailureReason::Ice);
                }
                // The old pair goes on carrying media; the focus's own timeout invites anew.
                TransportEvent::RestartFailed => {
                    tracing::debug!(endpoint = %endpoint.id, "ICE restart found no pair");
                }
                TransportEvent::DtlsFailed(why) => {
                    tracing::info!(endpoint = %endpoint.id, conference = %endpoint.conference_key,
                        "DTLS failed: {why}. The focus is told and will invite the participant again");
                    self.counters.endpoints_dtls_failed += 1;
                    self.fail(index, FailureReason::Dtls);
                }
                TransportEvent::ChannelOpen { .. } => {
                    endpoint.channel.data = true;
                    if !endpoint.channel.websocket {
                        self.greet(index, now);
                    }
                }
                TransportEvent::ChannelText(text) => self.channel_text(index, &text, now),
                TransportEvent::ChannelBinary(_) => {
                    self.counters.channel_messages_refused += 1;
                }
                TransportEvent::ChannelClosed => endpoint.channel.data = false,
                TransportEvent::Closed => {
                    endpoint.channel.data = false;
                    endpoint.connected = false;
                    endpoint.closed = true;
                }
            }
        }
        self.make_ready(index);
        self.reschedule(index, now, now);
    }

    fn fail(&mut self, index: usize, reason: FailureReason) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.failed {
            endpoint.failed = true;
            self.events.push_back(Event::EndpointFailed {
                endpoint: endpoint.key,
                reason,
            });
        }
    }

    /// Something other than media may be there to send.
    pub(super) fn make_ready(&mut self, index: usize) {
        if let Some(endpoint) = self.endpoints.get_mut(index)
            && !endpoint.ready
        {
            endpoint.ready = true;
            self.ready.push_back(index);
        }
    }
}
