//! The core of one worker thread: owns endpoints, moves their packets.
//!
//! # Run loop
//! ```text
//! loop {
//!     wait for datagrams, commands, messages, or poll_timeout()
//!     for each of a bounded batch: handle_datagram / handle_command / handle_message
//!     if poll_timeout() is due: handle_timeout
//!     while poll_transmit(&mut batch) { send(&batch); batch.clear() }
//!     while let Some((worker, message)) = poll_message() { queue it to worker }
//!     while let Some(event) = poll_event() { queue it to control }
//! }
//! ```
//! Media that came in with a batch of datagrams leaves in `poll_transmit`, receiver by receiver, so
//! that one receiver's packets lie side by side: the larger the batch, the better GSO works.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::command::Command;
use crate::event::Event;
use crate::ids::WorkerId;
use crate::message::WorkerMessage;
use crate::send_batch::SendBatch;
use crate::settings::WorkerSettings;

/// See the module.
pub struct Worker {
    id: WorkerId,
    workers: usize,
    settings: Arc<WorkerSettings>,
}

impl Worker {
    /// Worker `id` of `workers`. `seed` feeds every random choice that is no key material.
    pub fn new(id: WorkerId, workers: usize, settings: Arc<WorkerSettings>, seed: u64) -> Self {
        let _ = seed;
        Self { id, workers, settings }
    }

    /// Takes a datagram, which is decrypted in place.
    pub fn handle_datagram(&mut self, buf: &mut [u8], from: SocketAddr, to: SocketAddr, now: Instant) {
        let _ = (buf, from, to, now, self.workers, self.id, &self.settings);
    }

    /// Obeys control.
    pub fn handle_command(&mut self, command: Command, now: Instant) {
        let _ = (command, now);
    }

    /// Hears another worker.
    pub fn handle_message(&mut self, message: WorkerMessage, now: Instant) {
        let _ = (message, now);
    }

    /// Moves time on.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }

    /// Fills an empty batch with datagrams to send. `false`: nothing (more) to send.
    pub fn poll_transmit(&mut self, batch: &mut SendBatch, now: Instant) -> bool {
        let _ = now;
        !batch.is_empty()
    }

    /// The next thing to tell control.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// The next thing to tell another worker.
    pub fn poll_message(&mut self) -> Option<(WorkerId, WorkerMessage)> {
        None
    }
}
