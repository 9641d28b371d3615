//! All connections of one measurement, driven by one thread: it waits for whatever comes first, an arrival or a burst.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::IoSliceMut;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::connection::Connection;
use crate::incoming::Counts;

/// Datagrams taken from a socket by one call.
const BATCH: usize = 16;
const DATAGRAM: usize = 2_048;
/// Between two looks at the timers of all connections.
const TICK: Duration = Duration::from_millis(5);
const TIMER: u64 = u64::MAX;

/// The clients of one server.
pub(crate) struct Fleet {
    connections: Vec<Connection>,
    epoll: Epoll,
    timer: TimerFd,
    headers: MultiHeaders<SockaddrIn>,
    buffers: Vec<u8>,
    scratch: Vec<u8>,
    /// Whose burst is due when.
    bursts: BinaryHeap<Reverse<(Instant, usize)>>,
    tick_due: Instant,
    pub(crate) counts: Counts,
}

impl Fleet {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        Ok(Self {
            connections: Vec::new(),
            epoll,
            timer,
            headers: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(TimeSpec))),
            buffers: vec![0; BATCH * DATAGRAM],
            scratch: vec![0; DATAGRAM],
            bursts: BinaryHeap::new(),
            tick_due: Instant::now(),
            counts: Counts::default(),
        })
    }

    pub(crate) fn add(&mut self, connection: Connection) -> anyhow::Result<()> {
        let index = self.connections.len();
        setsockopt(&connection.socket, sockopt::ReceiveTimestampns, &true)
            .context("asking for the times of arrival")?;
        // The default loses packets of a hundred streams while this thread does something else.
        let _ = setsockopt(&connection.socket, sockopt::RcvBuf, &(1 << 20));
        self.epoll.add(
            &connection.socket,
            EpollEvent::new(EpollFlags::EPOLLIN, index as u64),
        )?;
        if let Some(outgoing) = &connection.outgoing {
            self.bursts.push(Reverse((outgoing.due(), index)));
        }
        self.connections.push(connection);
        Ok(())
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connections.iter().all(Connection::is_connected)
    }

    /// Runs for so long, and counts.
    pub(crate) fn measure(&mut self, length: Duration) -> anyhow::Result<Counts> {
        for connection in &mut self.connections {
            connection.take_lost();
        }
        self.counts = Counts::default();
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.turn()?;
        }
        let mut counts = std::mem::take(&mut self.counts);
        counts.lost = self.connections.iter_mut().map(Connection::take_lost).sum();
        counts.latencies.sort_unstable();
        Ok(counts)
    }

    /// Waits for the next thing and does it.
    pub(crate) fn turn(&mut self) -> anyhow::Result<()> {
        let next = self
            .bursts
            .peek()
            .map_or(self.tick_due, |Reverse((due, _))| (*due).min(self.tick_due));
        let wait = next
            .saturating_duration_since(Instant::now())
            .max(Duration::from_nanos(1));
        self.timer.set(
            Expiration::OneShot(TimeSpec::nanoseconds(wait.as_nanos() as i64)),
            TimerSetTimeFlags::empty(),
        )?;
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            if event.data() != TIMER {
                self.receive(event.data() as usize)?;
            }
        }
        let now = Instant::now();
        while let Some(&Reverse((due, index))) = self.bursts.peek()
            && due <= now
        {
            self.bursts.pop();
            let connection = &mut self.connections[index];
            connection.send_burst(now, &mut self.scratch);
            if let Some(outgoing) = &connection.outgoing {
                self.bursts.push(Reverse((outgoing.due(), index)));
            }
        }
        if self.tick_due <= now {
            self.tick_due = now + TICK;
            for connection in &mut self.connections {
                connection.tick(now);
            }
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        let fd = connection.socket.as_raw_fd();
        let mut slices: Vec<_> = self
            .buffers
            .chunks_exact_mut(DATAGRAM)
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let messages = match recvmmsg(
            fd,
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        ) {
            // A refused port is told by the next call.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => return Ok(()),
            other => other.context("receiving")?,
        };
        let now = Instant::now();
        for message in messages {
            let stamp = message.cmsgs().ok().and_then(|mut all| {
                all.find_map(|control| match control {
                    ControlMessageOwned::ScmTimestampns(at) => Some(at.num_nanoseconds() as u64),
                    _ => None,
                })
            });
            let from = message.address.map_or_else(
                || SocketAddr::from(([0, 0, 0, 0], 0)),
                |address| SocketAddr::V4(SocketAddrV4::new(address.ip(), address.port())),
            );
            if let Some(bytes) = message.iovs().next() {
                connection.datagram(bytes, from, stamp, &mut self.scratch, now, &mut self.counts);
            }
        }
        Ok(())
    }
}
