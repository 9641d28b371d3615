//! UDP sockets of media sessions.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::participant::{Datagram, MediaId};

/// Sockets of one session: more than any host has ways to a bridge.
const MAX_SOCKETS: usize = 4;

/// A datagram that arrived.
pub(super) struct Arrival {
    pub media: MediaId,
    pub len: usize,
    pub from: SocketAddr,
    pub to: SocketAddr,
}

/// The sockets of one participant.
#[derive(Default)]
pub(super) struct Sockets {
    by_session: BTreeMap<MediaId, Vec<(SocketAddr, UdpSocket)>>,
    /// Where to look first: no session starves another.
    turn: usize,
}

impl Sockets {
    /// Opens a socket on each address of this host from which one of `toward` is reached, and
    /// returns their addresses.
    pub fn open(&mut self, id: MediaId, toward: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
        let mut locals: Vec<IpAddr> = Vec::new();
        for remote in toward {
            if let Some(ip) = source(*remote)
                && !locals.contains(&ip)
                && locals.len() < MAX_SOCKETS
            {
                locals.push(ip);
            }
        }
        let mut sockets = Vec::new();
        for ip in locals {
            let socket = StdSocket::bind((ip, 0))?;
            socket.set_nonblocking(true)?;
            sockets.push((socket.local_addr()?, UdpSocket::from_std(socket)?));
        }
        if sockets.is_empty() {
            return Err(io::Error::other(
                "no address of the bridge can be reached from this host",
            ));
        }
        let addresses = sockets.iter().map(|(address, _)| *address).collect();
        self.by_session.insert(id, sockets);
        Ok(addresses)
    }

    pub fn close(&mut self, id: MediaId) {
        self.by_session.remove(&id);
    }

    /// Sends. What the kernel does not take is lost, as on any network.
    pub fn send(&self, datagram: &Datagram) {
        let socket = self
            .by_session
            .get(&datagram.media)
            .and_then(|sockets| sockets.iter().find(|(local, _)| *local == datagram.from));
        if let Some((_, socket)) = socket {
            let _ = socket.try_send_to(&datagram.payload, datagram.to);
        }
    }

    /// The next datagram on any socket.
    pub fn poll_receive(&mut self, context: &mut Context<'_>, buf: &mut [u8]) -> Poll<Arrival> {
        self.turn = self.turn.wrapping_add(1);
        let count: usize = self.by_session.values().map(Vec::len).sum();
        let all = || {
            let sessions = self.by_session.iter();
            sessions.flat_map(|(id, sockets)| sockets.iter().map(move |socket| (*id, socket)))
        };
        for (media, (to, socket)) in all().cycle().skip(self.turn % count.max(1)).take(count) {
            let mut read = ReadBuf::new(buf);
            // An error is an ICMP message about an earlier datagram: ICE will notice.
            while let Poll::Ready(result) = socket.poll_recv_from(context, &mut read) {
                if let Ok(from) = result {
                    return Poll::Ready(Arrival {
                        media,
                        len: read.filled().len(),
                        from,
                        to: *to,
                    });
                }
            }
        }
        Poll::Pending
    }

    /// The next datagram that is there already.
    pub fn try_receive(&self, buf: &mut [u8]) -> Option<Arrival> {
        let sockets = self.by_session.iter();
        let mut all = sockets.flat_map(|(id, sockets)| sockets.iter().map(move |it| (*id, it)));
        all.find_map(|(media, (to, socket))| {
            // An error is that there is none, or an ICMP message about an earlier datagram.
            let (len, from) = socket.try_recv_from(buf).ok()?;
            Some(Arrival {
                media,
                len,
                from,
                to: *to,
            })
        })
    }
}

/// The address of this host from which `remote` is reached. No packet is sent.
fn source(remote: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = StdSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
