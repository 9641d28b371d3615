//! The core of one worker thread: owns endpoints, moves their packets.
//!
//! # Run loop
//! ```text
//! loop {
//!     wait for datagrams, commands, messages, or poll_timeout()
//!     for each of a bounded batch: handle_datagram / handle_command / handle_message
//!     if poll_timeout() is due: handle_timeout (which also sees to what follows from the batch)
//!     while poll_transmit(&mut batch) { send(&batch); batch.clear() }
//!     while let Some((worker, message)) = poll_message() { queue it to worker }
//!     while let Some(event) = poll_event() { queue it to control }
//! }
//! ```
//! Media that came in with a batch of datagrams leaves in `poll_transmit`, receiver by receiver, so
//! that one receiver's packets lie side by side: the larger the batch, the better GSO works.

mod addresses;
mod allocate;
mod announce;
mod channel;
mod commands;
mod conferences;
mod datagrams;
mod feedback;
mod handshakes;
mod media;
mod recreate;
mod slab;
mod timers;
mod transmit;
mod unfinished;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustc_hash::FxHashMap;

use crate::command::Command;
use crate::conference::Conference;
use crate::endpoint::Endpoint;
use crate::event::Event;
use crate::ids::{ConferenceKey, EndpointKey, SourceKey, WorkerId};
use crate::message::{StrayDatagram, WorkerMessage};
use crate::packet::PacketPool;
use crate::pool::Pool;
use crate::send_batch::SendBatch;
use crate::settings::WorkerSettings;
use crate::statistics::{Counters, Drops};
use addresses::Addresses;
use handshakes::Handshakes;
use slab::Slab;
use timers::Timers;
use transmit::Pass;

/// Allocations that are made before media has its turn again.
const ALLOCATIONS_AT_ONCE: usize = 64;

/// See the module.
pub struct Worker {
    id: WorkerId,
    workers: usize,
    settings: Arc<WorkerSettings>,
    /// The addresses at which datagrams arrive, best first.
    local_addresses: Vec<SocketAddr>,
    rng: SmallRng,
    endpoints: Slab<Endpoint>,
    by_key: FxHashMap<EndpointKey, usize>,
    conferences: Slab<Conference>,
    by_conference: FxHashMap<ConferenceKey, usize>,
    addresses: Addresses,
    timers: Timers,
    handshakes: Handshakes,
    /// Bytes of unfinished messages on data channels.
    unfinished: usize,
    packets: PacketPool,
    strays: Pool<StrayDatagram>,
    /// Endpoints with something to send besides media.
    ready: VecDeque<usize>,
    /// Conferences with media to send.
    busy: VecDeque<usize>,
    pass: Pass,
    events: VecDeque<Event>,
    messages: VecDeque<(WorkerId, WorkerMessage)>,
    last_n_limit: Option<u32>,
    /// Endpoints whose allocation is to be made anew.
    reallocate: VecDeque<usize>,
    /// Sources, with their conferences, of which something else is wanted than their workers know.
    demanded: Vec<(usize, SourceKey)>,
    /// Endpoints whose senders may have to be asked for something else.
    constrain: Vec<usize>,
    /// Since when there is something of these.
    settle_at: Option<Instant>,
    counters: Counters,
    drops: Drops,
    scratch: Scratch,
}

/// Memory that is used again.
#[derive(Default)]
struct Scratch {
    wanted: Vec<(crate::ids::SourceKey, u8)>,
    due: Vec<usize>,
}

impl Worker {
    /// Worker `id` of `workers`. `seed` feeds every random choice that is no key material.
    pub fn new(id: WorkerId, workers: usize, settings: Arc<WorkerSettings>, seed: u64) -> Self {
        Self {
            id,
            workers,
            local_addresses: settings.local_addresses.clone(),
            settings,
            rng: SmallRng::seed_from_u64(seed ^ u64::from(id.0) << 48),
            endpoints: Slab::default(),
            by_key: FxHashMap::default(),
            conferences: Slab::default(),
            by_conference: FxHashMap::default(),
            addresses: Addresses::default(),
            timers: Timers::default(),
            handshakes: Handshakes::default(),
            unfinished: 0,
            packets: PacketPool::default(),
            strays: Pool::default(),
            ready: VecDeque::new(),
            busy: VecDeque::new(),
            pass: Pass::default(),
            events: VecDeque::new(),
            messages: VecDeque::new(),
            last_n_limit: None,
            reallocate: VecDeque::new(),
            demanded: Vec::new(),
            settle_at: None,
            constrain: Vec::new(),
            counters: Counters::default(),
            drops: Drops::default(),
            scratch: Scratch::default(),
        }
    }

    /// The addresses of this machine have changed: endpoints that are created from here on have these.
    pub fn set_local_addresses(&mut self, addresses: Vec<SocketAddr>) {
        self.local_addresses = addresses;
        // There may be sockets that nobody was told of.
        self.addresses.tell_anew();
    }

    /// Takes a datagram, which is decrypted in place.
    pub fn handle_datagram(
        &mut self,
        buf: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) {
        self.receive(buf, from, to, now);
        self.settle_soon(now);
    }

    /// Obeys control.
    pub fn handle_command(&mut self, command: Command, now: Instant) {
        self.obey(command, now);
        self.settle_soon(now);
    }

    /// Hears another worker.
    pub fn handle_message(&mut self, message: WorkerMessage, now: Instant) {
        match message {
            WorkerMessage::Datagram(stray) => self.receive_stray(&stray, now),
            WorkerMessage::AddressOwned(address, worker) => {
                self.addresses.learn_elsewhere(address, worker);
            }
            WorkerMessage::AddressGone(address, worker) => {
                self.addresses.forget_elsewhere(address, worker);
            }
            WorkerMessage::UfragOwned(credentials, worker) => {
                self.addresses.learn_ufrag_elsewhere(credentials, worker);
            }
            WorkerMessage::UfragGone(ufrag, worker) => {
                self.addresses.forget_ufrag_elsewhere(&ufrag, worker);
            }
            WorkerMessage::Conference(key, message) => self.hear(key, message, now),
        }
        self.settle_soon(now);
    }

    /// Moves time on, and sees to what follows from all that was handled since the last time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.run_timers(now);
        self.run_handshakes(now);
        self.settle(now);
    }

    /// When [`Self::handle_timeout`] is due: at once after an input with consequences, so that those
    /// of a batch of inputs are seen to together.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let timers = self.timers.next();
        let others = [self.handshakes.due(), self.settle_at];
        others.into_iter().flatten().chain(timers).min()
    }

    /// Fills an empty batch with datagrams to send. `false`: nothing (more) to send.
    pub fn poll_transmit(&mut self, batch: &mut SendBatch, now: Instant) -> bool {
        let media_done = self.transmit_media(batch, now);
        if media_done {
            self.transmit_ready(batch, now);
        }
        for run in batch.runs() {
            self.counters.datagrams_sent += run.datagrams() as u64;
        }
        self.counters.bytes_sent += batch.bytes().len() as u64;
        !batch.is_empty()
    }

    /// The next thing to tell control.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next thing to tell another worker.
    pub fn poll_message(&mut self) -> Option<(WorkerId, WorkerMessage)> {
        self.messages.pop_front()
    }

    /// From which address whose datagrams come, of all workers, if there are new ones since the last call.
    pub fn take_owners(&mut self) -> Option<Vec<(SocketAddr, WorkerId)>> {
        self.addresses.take_owners(self.id)
    }

    /// What follows from what was handled is seen to when the inputs that have come are through.
    fn settle_soon(&mut self, now: Instant) {
        let nothing =
            self.reallocate.is_empty() && self.demanded.is_empty() && self.constrain.is_empty();
        self.settle_at = match self.settle_at {
            _ if nothing => None,
            None => Some(now),
            due => due,
        };
    }

    /// What follows from what was handled: allocations, some of many at a time so that media does
    /// not wait for all of them, then, once, what their sum asks of senders.
    fn settle(&mut self, now: Instant) {
        for _ in 0..ALLOCATIONS_AT_ONCE {
            let Some(index) = self.reallocate.pop_front() else {
                break;
            };
            if let Some(endpoint) = self.endpoints.get_mut(index)
                && std::mem::take(&mut endpoint.reallocate)
            {
                self.allocate(index, now);
            }
        }
        if self.reallocate.is_empty() {
            while let Some((conference, source)) = self.demanded.pop() {
                self.tell_demand(conference, source);
            }
            while let Some(index) = self.constrain.pop() {
                self.tell_sender_constraints(index, false, now);
            }
        }
        self.settle_soon(now);
    }

    fn seed(&mut self) -> u64 {
        self.rng.random()
    }
}
