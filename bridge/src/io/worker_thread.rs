//! The loop of one worker thread: it owns a [`Worker`], its sockets and its buffers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver as Queue;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Sender as EventSender, error::TrySendError};

use super::mailbox::{Bell, drain};
use super::outbox::Outbox;
use super::socket::{Poller, Receiver, Sender, Sent, Train, UdpSocket};
use crate::command::Command;
use crate::event::Event;
use crate::ids::WorkerId;
use crate::message::WorkerMessage;
use crate::send_batch::SendBatch;
use crate::steering;
use crate::worker::Worker;

/// Commands obeyed in one turn.
const COMMAND_BUDGET: usize = 64;
/// Messages of other workers heard in one turn.
const MESSAGE_BUDGET: usize = 512;
/// Messages given to other workers in one turn.
const OUTGOING_BUDGET: usize = 4_096;
/// Events told to control in one turn.
const EVENT_BUDGET: usize = 1_024;
/// Send batches handed to the kernel in one turn.
const SEND_BUDGET: usize = 64;
/// Bytes of a send batch: stays in a core's second-level cache.
const SEND_BATCH_BYTES: usize = 256 * 1024;
/// Pause before a worker that broke an invariant begins anew.
const FAILURE_PAUSE: Duration = Duration::from_millis(50);
/// How soon a turn follows when control or another worker had no room.
const RETRY: Duration = Duration::from_millis(2);

/// Between two programs that tell the kernel whose datagrams are whose.
const STEERING_INTERVAL: Duration = Duration::from_millis(100);

/// What a thread tells control.
#[derive(Debug)]
pub enum DriverEvent {
    /// News of the core.
    Core(WorkerId, Event),
    /// The worker's core broke an invariant and was begun anew: everything that it held is gone.
    Failed(WorkerId),
}

/// Counters of the driver's own, of one worker.
#[derive(Debug, Default)]
pub struct IoCounters {
    /// Packets that the kernel took.
    pub packets_sent: AtomicU64,
    /// Since the start, by this thread.
    pub packets_received: AtomicU64,
    /// Packets dropped because the socket's send buffer stayed full.
    pub dropped_send_buffer_full: AtomicU64,
    /// Packets that the kernel refused.
    pub dropped_send_refused: AtomicU64,
    /// Messages to another worker dropped because its queue was full.
    pub dropped_queue_full: AtomicU64,
    /// Bridge channel texts that wait for the worker.
    pub texts_waiting: AtomicU64,
    /// Bridge channel texts dropped because too many waited.
    pub dropped_texts: AtomicU64,
    /// System calls for sending.
    pub send_calls: AtomicU64,
    /// Turns of the loop begun.
    pub turns: AtomicU64,
    /// Microseconds in which the thread did not sleep.
    pub busy_micros: AtomicU64,
    /// Times that the core was begun anew after a broken invariant.
    pub failures: AtomicU64,
}

/// The addresses of this machine have changed.
#[derive(Debug)]
pub(super) struct SocketChange {
    /// Sockets on new ones, with the addresses by which ICE knows them.
    pub(super) add: Vec<(UdpSocket, SocketAddr)>,
    /// Names of sockets that are of no use any more.
    pub(super) remove: Vec<SocketAddr>,
}

/// Everything that one thread owns.
pub(super) struct WorkerThread {
    pub(super) id: WorkerId,
    pub(super) make_core: Box<dyn Fn() -> Worker + Send>,
    /// Each socket with the address by which ICE knows it.
    pub(super) sockets: Vec<UdpSocket>,
    pub(super) names: Vec<SocketAddr>,
    pub(super) bell: Arc<Bell>,
    pub(super) commands: Queue<Command>,
    pub(super) sockets_changed: Queue<SocketChange>,
    pub(super) messages: Queue<WorkerMessage>,
    pub(super) others: Vec<Outbox>,
    pub(super) events: EventSender<DriverEvent>,
    pub(super) counters: Arc<IoCounters>,
    pub(super) stop: Arc<AtomicBool>,
}

/// Buffers and half-done work of a thread between two turns.
struct Desk {
    receiver: Receiver,
    sender: Sender,
    batch: SendBatch,
    poller: Poller,
    /// An event for which control had no room.
    pending: Option<DriverEvent>,
    /// When the kernel may be told again; `None`: it takes no program, or there is one worker only.
    steering_due: Option<Instant>,
}

impl WorkerThread {
    /// Runs until `stop` is set. A panic of the core costs what this worker holds, never the process.
    pub(super) fn run(mut self) {
        let mut desk = Desk {
            receiver: Receiver::new(),
            sender: Sender::new(),
            batch: SendBatch::new(SEND_BATCH_BYTES),
            poller: self.bell.poller(&self.sockets),
            pending: None,
            // The sockets of a port have one program in common, and each worker knows all addresses: one of them tells.
            steering_due: (self.id.0 == 0 && self.others.len() > 1).then(Instant::now),
        };
        while !self.stop.load(Ordering::Relaxed) {
            let turns = std::panic::AssertUnwindSafe(|| self.turns(&mut desk));
            if std::panic::catch_unwind(turns).is_err() {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    worker = self.id.0,
                    "a media worker broke an invariant (the panic above says which); its conferences are dropped and the \
                     focus will invite their participants again. Please report this as a bug"
                );
                desk.batch.clear();
                desk.pending = Some(DriverEvent::Failed(self.id));
                #[expect(
                    clippy::disallowed_methods,
                    reason = "what breaks each time must not take a core for itself"
                )]
                std::thread::sleep(FAILURE_PAUSE);
            }
        }
    }

    fn turns(&mut self, desk: &mut Desk) {
        let mut core = (self.make_core)();
        core.set_local_addresses(self.names.clone());
        let mut more = true;
        let mut woken = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            self.counters.turns.fetch_add(1, Ordering::Relaxed);
            let now = Instant::now();
            let busy = now.duration_since(woken).as_micros() as u64;
            self.counters.busy_micros.fetch_add(busy, Ordering::Relaxed);
            let timeout = if more {
                Some(Duration::ZERO)
            } else if desk.pending.is_some() || self.others.iter().any(Outbox::is_waiting) {
                Some(RETRY)
            } else {
                core.poll_timeout()
                    .map(|at| at.saturating_duration_since(now))
            };
            self.bell.wait(&mut desk.poller, timeout);
            woken = Instant::now();
            let now = woken;

            // In order of priority. Orders first: they are few, and packets depend on them.
            self.bell.doze();
            drain(&self.sockets_changed, 1, |change| {
                change_sockets(&mut self.sockets, &mut self.names, change);
                desk.poller = self.bell.poller(&self.sockets);
                core.set_local_addresses(self.names.clone());
            });
            more = drain(&self.commands, COMMAND_BUDGET, |command| {
                if matches!(command, Command::ChannelText(..)) {
                    self.counters.texts_waiting.fetch_sub(1, Ordering::Relaxed);
                }
                core.handle_command(command, now);
            });
            more |= drain(&self.messages, MESSAGE_BUDGET, |message| {
                core.handle_message(message, now)
            });
            more |= self.receive(&mut core, desk, now);
            if core.poll_timeout().is_some_and(|at| at <= now) {
                core.handle_timeout(now);
            }
            more |= self.transmit(&mut core, desk, now);
            more |= self.pass_on(&mut core);
            self.steer(&mut core, desk, now);
            more |= self.tell(&mut core, desk);
        }
    }

    /// One batch of each socket that has something.
    fn receive(&mut self, core: &mut Worker, desk: &mut Desk, now: Instant) -> bool {
        let mut more = false;
        for (i, socket) in self.sockets.iter().enumerate() {
            if !desk.poller.readable(i) {
                continue;
            }
            let name = self.names[i];
            match desk.receiver.receive(socket, |from, packet| {
                core.handle_datagram(packet, from, name, now)
            }) {
                Ok((packets, full)) => {
                    self.counters
                        .packets_received
                        .fetch_add(packets as u64, Ordering::Relaxed);
                    more |= full;
                }
                Err(error) => tracing::debug!(%error, address = %name, "receiving failed"),
            }
        }
        more
    }

    fn transmit(&mut self, core: &mut Worker, desk: &mut Desk, now: Instant) -> bool {
        let mut sent = Sent::default();
        let mut more = true;
        for _ in 0..SEND_BUDGET {
            if !core.poll_transmit(&mut desk.batch, now) {
                more = false;
                break;
            }
            let bytes = desk.batch.bytes();
            for runs in desk.batch.runs().chunk_by(|a, b| a.from == b.from) {
                let Some(i) = self.names.iter().position(|name| *name == runs[0].from) else {
                    sent.dropped_refused +=
                        runs.iter().map(|run| run.datagrams() as u64).sum::<u64>();
                    continue;
                };
                let trains = runs.iter().map(|run| Train {
                    destination: run.to,
                    payload: &bytes[run.range.clone()],
                    segment: run.segment,
                });
                sent.add(desk.sender.send(&mut self.sockets[i], trains));
            }
            desk.batch.clear();
        }
        desk.batch.clear();
        if sent.calls > 0 || sent.dropped_refused > 0 {
            let add = |counter: &AtomicU64, count| counter.fetch_add(count, Ordering::Relaxed);
            add(&self.counters.packets_sent, sent.packets);
            add(&self.counters.send_calls, sent.calls);
            add(&self.counters.dropped_send_buffer_full, sent.dropped_full);
            add(&self.counters.dropped_send_refused, sent.dropped_refused);
        }
        more
    }

    /// Tells the kernel which worker's socket it shall give whose datagrams.
    fn steer(&self, core: &mut Worker, desk: &mut Desk, now: Instant) {
        if desk.steering_due.is_none_or(|due| due > now) {
            return;
        }
        let Some(owners) = core.take_owners() else {
            return;
        };
        desk.steering_due = Some(now + STEERING_INTERVAL);
        for socket in &self.sockets {
            let ipv6 = socket.local_addr().is_ipv6();
            let ports = owners
                .iter()
                .filter(|(address, _)| address.is_ipv6() == ipv6)
                .map(|(address, worker)| (address.port(), *worker));
            if let Err(error) = socket.steer(&steering::program(ports.collect(), ipv6)) {
                tracing::debug!(%error, "the kernel takes no program for SO_ATTACH_REUSEPORT_CBPF; workers hand datagrams over");
                desk.steering_due = None;
                return;
            }
        }
    }

    /// Hands messages to other workers and rings each at most once.
    fn pass_on(&mut self, core: &mut Worker) -> bool {
        let mut left = OUTGOING_BUDGET;
        let mut lost = 0;
        while left > 0
            && let Some((to, message)) = core.poll_message()
        {
            left -= 1;
            if let Some(outbox) = self.others.get_mut(to.index()) {
                lost += u64::from(!outbox.put(message));
            }
        }
        for outbox in &mut self.others {
            outbox.flush();
        }
        if lost > 0 {
            self.counters
                .dropped_queue_full
                .fetch_add(lost, Ordering::Relaxed);
        }
        left == 0
    }

    /// Tells control; what it has no room for waits in the core.
    fn tell(&mut self, core: &mut Worker, desk: &mut Desk) -> bool {
        for _ in 0..EVENT_BUDGET {
            let next = desk.pending.take();
            let Some(event) = next.or_else(|| {
                core.poll_event()
                    .map(|event| DriverEvent::Core(self.id, event))
            }) else {
                return false;
            };
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    desk.pending = Some(event);
                    return false;
                }
                Err(TrySendError::Closed(_)) => {}
            }
        }
        true
    }
}

fn change_sockets(sockets: &mut Vec<UdpSocket>, names: &mut Vec<SocketAddr>, change: SocketChange) {
    let kept = std::mem::take(sockets)
        .into_iter()
        .zip(std::mem::take(names))
        .filter(|(_, name)| !change.remove.contains(name));
    (*sockets, *names) = change.add.into_iter().chain(kept).unzip();
}

#[cfg(test)]
mod tests;
