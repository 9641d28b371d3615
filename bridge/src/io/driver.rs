//! Starts and stops the worker threads, each with its own UDP sockets on the shared port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::addresses;
use super::mailbox::{Bell, Postbox, mailbox};
use super::outbox::Outbox;
use super::socket::{InterfaceAddress, UdpSocket, interface_addresses};
use super::worker_thread::{DriverEvent, IoCounters, SocketChange, WorkerThread};
use crate::command::Command;
use crate::config::Config;
use crate::ids::WorkerId;
use crate::message::WorkerMessage;
use crate::settings::WorkerSettings;
use crate::worker::Worker;

/// Orders that may wait for one worker.
const COMMAND_QUEUE: usize = 16_384;
/// Messages of other workers that may wait for one worker.
const MESSAGE_QUEUE: usize = 16_384;
/// Changes of addresses that may wait for one worker.
const SOCKET_QUEUE: usize = 16;
/// News that may wait for control.
const EVENT_QUEUE: usize = 65_536;

/// Why the media side cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The interfaces of this machine cannot be listed.
    #[error(
        "cannot list this machine's network interfaces ({0}); name the addresses in `bind_addresses`"
    )]
    Interfaces(io::Error),
    /// No address is there to bind.
    #[error(
        "this machine has no IP address to receive media on; bring an interface up or name one in `bind_addresses`"
    )]
    NoAddress,
    /// Another program has the port.
    #[error("UDP port {0} is taken by another program; stop it or choose another `udp_port`")]
    PortTaken(SocketAddr),
    /// An address cannot be bound.
    #[error("cannot receive media on {0} ({1}); check `bind_addresses` and `udp_port`")]
    Bind(SocketAddr, io::Error),
    /// A thread cannot be started.
    #[error("cannot start a worker thread ({0}); raise the limit on threads or lower `workers`")]
    Thread(io::Error),
}

/// The running worker threads.
pub struct Driver {
    commands: Vec<Postbox<Command>>,
    sockets: Vec<Postbox<SocketChange>>,
    counters: Vec<Arc<IoCounters>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    bound: Vec<SocketAddr>,
    interfaces: Vec<InterfaceAddress>,
    port: u16,
}

impl Driver {
    /// Binds the sockets and starts the threads. `settings` is given the addresses by which ICE shall know the sockets.
    ///
    /// # Errors
    /// See [`DriverError`].
    pub fn start(
        config: &Config,
        settings: impl FnOnce(Vec<SocketAddr>) -> WorkerSettings,
    ) -> Result<(Self, mpsc::Receiver<DriverEvent>), DriverError> {
        let interfaces = interface_addresses().map_err(DriverError::Interfaces)?;
        let count = config.worker_count();
        let (bound, mut per_worker) = bind_all(config, &interfaces, count)?;
        let ips: Vec<IpAddr> = interfaces.iter().map(|a| a.ip).collect();
        let names: Vec<SocketAddr> = bound
            .iter()
            .map(|socket| addresses::name_of(*socket, &ips))
            .collect();
        let settings = Arc::new(settings(names.clone()));

        let (events, event_queue) = mpsc::channel(EVENT_QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let mut bells = Vec::new();
        for _ in 0..count {
            bells.push(Bell::new().map_err(DriverError::Thread)?);
        }
        let (commands, command_queues): (Vec<_>, Vec<_>) = bells
            .iter()
            .map(|bell| mailbox(COMMAND_QUEUE, bell))
            .unzip();
        let (messages, message_queues): (Vec<Postbox<WorkerMessage>>, Vec<_>) = bells
            .iter()
            .map(|bell| mailbox(MESSAGE_QUEUE, bell))
            .unzip();
        let (sockets, socket_queues): (Vec<_>, Vec<_>) =
            bells.iter().map(|bell| mailbox(SOCKET_QUEUE, bell)).unzip();
        let mut driver = Self {
            commands,
            sockets,
            counters: Vec::new(),
            stop,
            threads: Vec::new(),
            port: bound.first().map_or(0, SocketAddr::port),
            bound,
            interfaces,
        };
        let queues = command_queues.into_iter().zip(message_queues);
        let queues = queues.zip(socket_queues).zip(bells);
        for (i, (((commands, incoming), sockets_changed), bell)) in queues.enumerate() {
            let id = WorkerId(i as u16);
            let settings = Arc::clone(&settings);
            let counters = Arc::new(IoCounters::default());
            driver.counters.push(Arc::clone(&counters));
            let thread = WorkerThread {
                id,
                make_core: Box::new(move || {
                    Worker::new(
                        id,
                        usize::from(count),
                        Arc::clone(&settings),
                        rand::random(),
                    )
                }),
                sockets: std::mem::take(&mut per_worker[i]),
                names: names.clone(),
                bell,
                commands,
                sockets_changed,
                messages: incoming,
                others: messages.iter().cloned().map(Outbox::new).collect(),
                events: events.clone(),
                counters,
                stop: Arc::clone(&driver.stop),
            };
            let handle = std::thread::Builder::new()
                .name(format!("media-{i}"))
                .spawn(move || thread.run())
                .map_err(DriverError::Thread)?;
            driver.threads.push(handle);
        }
        Ok((driver, event_queue))
    }

    /// The addresses bound, with the real port.
    #[must_use]
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// The addresses of this machine when they were last looked at.
    #[must_use]
    pub fn interfaces(&self) -> Vec<IpAddr> {
        self.interfaces.iter().map(|a| a.ip).collect()
    }

    /// Looks at the addresses of this machine again: binds what is new, gives up what is gone. Returns whether anything
    /// changed.
    ///
    /// # Errors
    /// When the interfaces cannot be listed.
    pub fn look_at_interfaces(&mut self, config: &Config) -> io::Result<bool> {
        let interfaces = interface_addresses()?;
        let mut changed = interfaces != self.interfaces;
        self.interfaces = interfaces;
        if config.bind_addresses.is_empty() {
            let wanted = addresses::to_bind(config, &self.interfaces).addresses;
            changed |= self.rebind(&wanted);
        }
        Ok(changed)
    }

    fn rebind(&mut self, wanted: &[IpAddr]) -> bool {
        let is_gone = |bound: &SocketAddr| !wanted.contains(&bound.ip());
        let gone: Vec<SocketAddr> = self.bound.iter().copied().filter(is_gone).collect();
        let is_new = |ip: &&IpAddr| !self.bound.iter().any(|bound| bound.ip() == **ip);
        let mut added = Vec::new();
        let mut per_worker: Vec<Vec<_>> = self.sockets.iter().map(|_| Vec::new()).collect();
        for ip in wanted.iter().filter(is_new) {
            let address = SocketAddr::new(*ip, self.port);
            let each = self.sockets.iter().map(|_| UdpSocket::bind(address));
            match each.collect::<io::Result<Vec<_>>>() {
                Ok(sockets) => {
                    added.push(address);
                    for (worker, socket) in per_worker.iter_mut().zip(sockets) {
                        worker.push((socket, address));
                    }
                }
                // It is tried again: an IPv6 address cannot be bound while it is checked for duplicates.
                Err(error) => tracing::debug!(%address, %error, "this address cannot be bound"),
            }
        }
        if gone.is_empty() && added.is_empty() {
            return false;
        }
        for (postbox, add) in self.sockets.iter().zip(per_worker) {
            let remove = gone.clone();
            if postbox.put(SocketChange { add, remove }).is_err() {
                tracing::error!("a worker takes no orders, and keeps the addresses that it has");
            }
            postbox.ring();
        }
        self.bound.retain(|bound| !gone.contains(bound));
        self.bound.splice(0..0, added);
        true
    }

    /// The driver's own counters, by worker.
    #[must_use]
    pub fn counters(&self) -> &[Arc<IoCounters>] {
        &self.counters
    }

    /// The queues of orders, by worker.
    #[must_use]
    pub fn commands(&self) -> &[Postbox<Command>] {
        &self.commands
    }

    /// Ends the threads and waits for them; at most a turn of each.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for postbox in &self.commands {
            postbox.ring();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker thread panicked outside of its core while stopping");
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The addresses bound, and each worker's own sockets on them.
type Bound = (Vec<SocketAddr>, Vec<Vec<UdpSocket>>);

/// One socket per address and worker.
fn bind_all(
    config: &Config,
    interfaces: &[InterfaceAddress],
    workers: u16,
) -> Result<Bound, DriverError> {
    let chosen = !config.bind_addresses.is_empty();
    let mut port = config.udp_port;
    let mut bound = Vec::new();
    let mut per_worker: Vec<Vec<UdpSocket>> = (0..workers).map(|_| Vec::new()).collect();
    let to_bind = addresses::to_bind(config, interfaces);
    if !to_bind.left_out.is_empty() {
        tracing::warn!(
            bound = ?to_bind.addresses,
            left_out = to_bind.left_out.len(),
            "this machine has more addresses than media is received on; name those that clients reach in `bind_addresses`"
        );
    }
    for ip in to_bind.addresses {
        let address = SocketAddr::new(ip, port);
        // SO_REUSEPORT would silently share the port with another bridge of the same user, each losing half its packets.
        match std::net::UdpSocket::bind(address) {
            Ok(probe) => {
                port = probe
                    .local_addr()
                    .map_err(|error| DriverError::Bind(address, error))?
                    .port()
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(DriverError::PortTaken(address));
            }
            Err(error) if chosen => return Err(DriverError::Bind(address, error)),
            Err(error) => {
                tracing::warn!(%address, %error, "this interface address cannot be bound and is left out");
                continue;
            }
        }
        let address = SocketAddr::new(ip, port);
        for sockets in &mut per_worker {
            sockets
                .push(UdpSocket::bind(address).map_err(|error| DriverError::Bind(address, error))?);
        }
        bound.push(address);
    }
    if bound.is_empty() {
        return Err(DriverError::NoAddress);
    }
    Ok((bound, per_worker))
}
