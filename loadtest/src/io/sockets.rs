//! UDP sockets of media sessions. The kernel takes packets of one length at once and cuts them
//! (GSO), and gives at once what has arrived together (GRO).

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};
use std::task::{Context, Poll};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::participant::{Datagram, MediaId};

/// Sockets of one session: more than any host has ways to a bridge.
const MAX_SOCKETS: usize = 4;
/// Bytes of what is received or sent at once: as many as a UDP datagram could have.
pub(super) const MAX_AT_ONCE: usize = 65_507;

/// Datagrams that arrived together.
pub(super) struct Arrival {
    pub media: MediaId,
    /// Bytes of all of them.
    pub len: usize,
    /// Bytes of each but the last, which may be shorter.
    pub each: usize,
    pub from: SocketAddr,
    pub to: SocketAddr,
}

/// The sockets of one participant.
#[derive(Default)]
pub(super) struct Sockets {
    by_session: BTreeMap<MediaId, Vec<Socket>>,
    /// Where to look first: no session starves another.
    turn: usize,
}

impl Sockets {
    /// Opens a socket on each address of this host from which one of `toward` is reached, and
    /// returns their addresses.
    pub(super) fn open(
        &mut self,
        id: MediaId,
        toward: &[SocketAddr],
    ) -> io::Result<Vec<SocketAddr>> {
        let mut locals: Vec<IpAddr> = Vec::new();
        for remote in toward {
            if let Some(ip) = source(*remote)
                && !locals.contains(&ip)
                && locals.len() < MAX_SOCKETS
            {
                locals.push(ip);
            }
        }
        let sockets = locals.into_iter().map(Socket::bind);
        let sockets = sockets.collect::<io::Result<Vec<_>>>()?;
        if sockets.is_empty() {
            return Err(io::Error::other(
                "no address of the bridge can be reached from this host",
            ));
        }
        let addresses = sockets.iter().map(|socket| socket.local).collect();
        self.by_session.insert(id, sockets);
        Ok(addresses)
    }

    pub(super) fn close(&mut self, id: MediaId) {
        self.by_session.remove(&id);
    }

    /// Sends, at the next [`Self::flush`] at the latest. What the kernel does not take is lost, as on
    /// any network.
    pub(super) fn send(&mut self, datagram: &Datagram) {
        let sockets = self.by_session.get_mut(&datagram.media);
        let mut sockets = sockets.into_iter().flatten();
        if let Some(socket) = sockets.find(|socket| socket.local == datagram.from) {
            socket.send(datagram.to, &datagram.payload);
        }
    }

    /// Sends what is left.
    pub(super) fn flush(&mut self) {
        for socket in self.by_session.values_mut().flatten() {
            socket.flush();
        }
    }

    /// The next datagrams on any socket.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Arrival> {
        self.turn = self.turn.wrapping_add(1);
        let count: usize = self.by_session.values().map(Vec::len).sum();
        let all = self.all().cycle().skip(self.turn % count.max(1));
        for (media, socket) in all.take(count) {
            // Not ready any more, or an error: then it is asked again.
            while socket.io.poll_recv_ready(context).is_ready() {
                if let Some(arrival) = socket.try_receive(media, buf) {
                    return Poll::Ready(arrival);
                }
            }
        }
        Poll::Pending
    }

    /// The next datagrams that are there already.
    pub(super) fn try_receive(&self, buf: &mut [u8]) -> Option<Arrival> {
        self.all()
            .find_map(|(media, socket)| socket.try_receive(media, buf))
    }

    fn all(&self) -> impl Iterator<Item = (MediaId, &Socket)> + Clone {
        let sessions = self.by_session.iter();
        sessions.flat_map(|(id, sockets)| sockets.iter().map(move |socket| (*id, socket)))
    }
}

struct Socket {
    local: SocketAddr,
    io: UdpSocket,
    state: UdpSocketState,
    train: Train,
}

/// Packets to one place that wait to be sent at once: all of one length but the last, which may be
/// shorter.
#[derive(Default)]
struct Train {
    to: Option<SocketAddr>,
    bytes: Vec<u8>,
    /// Bytes of the first packet.
    each: usize,
}

impl Train {
    /// Whether another packet may follow.
    fn takes(&self, to: SocketAddr, len: usize, most: usize) -> bool {
        let whole = self.each > 0 && self.bytes.len().is_multiple_of(self.each);
        self.to == Some(to)
            && whole
            && (1..=self.each).contains(&len)
            && self.bytes.len() + len <= MAX_AT_ONCE
            && self.bytes.len() / self.each < most
    }
}

impl Socket {
    fn bind(ip: IpAddr) -> io::Result<Self> {
        let socket = StdSocket::bind((ip, 0))?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let io = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new((&io).into())?;
        Ok(Self {
            local,
            io,
            state,
            train: Train::default(),
        })
    }

    fn send(&mut self, to: SocketAddr, packet: &[u8]) {
        let most = self.state.max_gso_segments();
        if !self.train.takes(to, packet.len(), most) {
            self.flush();
            self.train.to = Some(to);
            self.train.each = packet.len();
        }
        self.train.bytes.extend(packet);
    }

    fn flush(&mut self) {
        let Some(destination) = self.train.to.take() else {
            return;
        };
        let bytes = &self.train.bytes;
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: bytes,
            segment_size: (bytes.len() > self.train.each).then_some(self.train.each),
            src_ip: None,
        };
        let _ = self.state.try_send((&self.io).into(), &transmit);
        self.train.bytes.clear();
    }

    fn try_receive(&self, media: MediaId, buf: &mut [u8]) -> Option<Arrival> {
        let mut meta = [RecvMeta::default()];
        let read = self.io.try_io(Interest::READABLE, || {
            let mut bufs = [IoSliceMut::new(buf)];
            self.state.recv((&self.io).into(), &mut bufs, &mut meta)
        });
        // An error is that there is none, or an ICMP message about an earlier datagram: ICE will notice.
        read.ok().filter(|count| *count > 0)?;
        let [meta] = meta;
        Some(Arrival {
            media,
            len: meta.len,
            each: meta.stride.max(1),
            from: meta.addr,
            to: self.local,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const ID: MediaId = MediaId(1);

    /// Sends packets of these lengths, and to whom; what arrives there.
    async fn arrive(lengths: &[usize]) -> Vec<usize> {
        let there = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = there.local_addr().unwrap();
        let mut sockets = Sockets::default();
        let from = sockets.open(ID, &[to]).unwrap()[0];
        for &len in lengths {
            sockets.send(&Datagram {
                media: ID,
                from,
                to,
                payload: vec![len as u8; len],
            });
        }
        sockets.flush();
        let mut arrived = Vec::new();
        let mut buf = [0; 2048];
        while arrived.len() < lengths.len() {
            let len = there.recv(&mut buf).await.unwrap();
            assert!(buf[..len].iter().all(|byte| *byte == len as u8));
            arrived.push(len);
        }
        arrived
    }

    #[tokio::test]
    async fn packets_arrive_whole_and_in_order_whatever_their_lengths() {
        let long: Vec<usize> = std::iter::repeat_n(500, 70).collect();
        for lengths in [
            &[120, 900, 900, 700, 900, 50, 60][..],
            &[0, 5, 5, 0, 5],
            &long,
        ] {
            assert_eq!(arrive(lengths).await, lengths);
        }
    }

    #[tokio::test]
    async fn what_arrives_together_is_told_apart() {
        let mut sockets = Sockets::default();
        let here: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let (one, two) = (MediaId(1), MediaId(2));
        let from = sockets.open(one, &[here]).unwrap()[0];
        let to = sockets.open(two, &[here]).unwrap()[0];
        let lengths = [900, 900, 900, 30, 900];
        for len in lengths {
            sockets.send(&Datagram {
                media: one,
                from,
                to,
                payload: vec![0; len],
            });
        }
        sockets.flush();
        let (mut arrived, mut buf) = (Vec::new(), vec![0; MAX_AT_ONCE]);
        while arrived.len() < lengths.len() {
            let arrival =
                std::future::poll_fn(|context| sockets.poll_receive(context, &mut buf)).await;
            assert_eq!((arrival.media, arrival.from, arrival.to), (two, from, to));
            let packets = buf[..arrival.len].chunks(arrival.each);
            arrived.extend(packets.map(<[u8]>::len));
        }
        assert_eq!(arrived, lengths);
    }
}
