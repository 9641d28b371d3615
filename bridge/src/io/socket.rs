//! UDP sockets as the kernel does them best: one `recvmmsg` for many datagrams (coalesced by GRO),
//! one `sendmmsg` for many receivers, each message up to 64 packets by GSO (`UDP_SEGMENT`).
//!
//! This is the only file of the workspace with `unsafe`: the system calls and the structures that they fill.
#![allow(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, UDP_SEGMENT, ppoll, eventfd and getifaddrs have no safe form in the standard library"
)]

use std::ffi::CStr;
use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::steering::Instruction;

/// Most packets that one GSO message may carry (`UDP_MAX_SEGMENTS` of the oldest kernels that know GSO).
pub const MAX_SEGMENTS: usize = 64;
/// Most bytes that one GSO message may carry: below the 65,507 of a UDP payload, for any header.
pub const MAX_GSO_BYTES: usize = 65_000;
/// Messages (each one packet or one GSO train) handed to the kernel by one `sendmmsg`.
const SEND_BATCH: usize = 64;
/// Messages (each one packet or one GRO train) taken from the kernel by one `recvmmsg`.
const RECV_BATCH: usize = 16;
/// Room for one received message: GRO coalesces up to a whole 64 KiB datagram.
const RECV_BUFFER: usize = 65_536;
/// How long a full send buffer may hold up a worker before packets are dropped.
const SEND_PATIENCE: Duration = Duration::from_millis(2);

/// Packets for one destination: `payload` is cut into packets of `segment` bytes, the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Train<'a> {
    /// Where the packets go.
    pub destination: SocketAddr,
    /// The packets, back to back.
    pub payload: &'a [u8],
    /// Bytes of each packet but the last; at least 1.
    pub segment: usize,
}

/// What became of the packets given to [`Sender::send`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets that the kernel took.
    pub packets: u64,
    /// Bytes of those packets, UDP payload only.
    pub bytes: u64,
    /// Packets dropped because the socket's send buffer stayed full.
    pub dropped_full: u64,
    /// Packets that the kernel refused (no route, forbidden by a firewall, too big).
    pub dropped_refused: u64,
    /// System calls made.
    pub calls: u64,
}

impl Sent {
    /// Adds the counts of another call.
    pub fn add(&mut self, other: Sent) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.dropped_full += other.dropped_full;
        self.dropped_refused += other.dropped_refused;
        self.calls += other.calls;
    }
}

/// A non-blocking UDP socket that shares its port with the other workers (`SO_REUSEPORT`).
#[derive(Debug)]
pub struct UdpSocket {
    fd: OwnedFd,
    local: SocketAddr,
    gso: bool,
}

/// Bytes asked of the kernel for each socket's buffers; the kernel gives what `net.core.?mem_max` allows.
const SOCKET_BUFFER: usize = 4 << 20;

impl UdpSocket {
    /// Binds a socket to `address`; every worker binds its own to the same address and port.
    ///
    /// # Errors
    /// Those of `socket`, `setsockopt` and `bind`: port taken by another program, address not of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_port(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // A small buffer costs packets, not the start: the kernel clamps or refuses, and both are usable.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.bind(&address.into())?;
        let local = socket
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("the kernel gave a UDP socket a non-IP address"))?;
        let fd: OwnedFd = socket.into();
        // GRO is refused by kernels before 5.0; each message is one packet then.
        let _ = set_option(fd.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO, 1);
        let gso = set_option(fd.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self { fd, local, gso })
    }

    /// The address that the socket is bound to, with the real port when 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Whether trains go out by GSO.
    #[must_use]
    pub fn gso(&self) -> bool {
        self.gso
    }

    /// Lets the kernel choose among the sockets of this port by `program`, whose answers count them in the order of binding.
    ///
    /// # Errors
    /// Those of `setsockopt`: kernels before 4.5 and some sandboxes know no such program.
    pub fn steer(&self, program: &[Instruction]) -> io::Result<()> {
        let filters: Vec<libc::sock_filter> = program
            .iter()
            .map(|instruction| libc::sock_filter {
                code: instruction.code,
                jt: instruction.if_true,
                jf: instruction.if_false,
                k: instruction.operand,
            })
            .collect();
        let program = libc::sock_fprog {
            len: filters.len() as libc::c_ushort,
            filter: filters.as_ptr().cast_mut(),
        };
        // SAFETY: the pointer and length describe `program` on this stack, and it `filters`, which lives through the call; the
        // kernel copies both.
        let result = unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_REUSEPORT_CBPF,
                ptr::from_ref(&program).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        };
        check(result as isize).map(drop)
    }

    /// Turns GSO off, so that every packet is a message of its own (for measuring what GSO is worth).
    pub fn disable_gso(&mut self) {
        self.gso = false;
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and length describe `value`, an int on this stack; the kernel copies it.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    check(result as isize).map(drop)
}

fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A control-message buffer for one `u16` or one `int`, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 64]);

/// Gathers messages for `sendmmsg`; made once per worker, so that sending allocates nothing.
pub struct Sender {
    headers: Box<[libc::mmsghdr; SEND_BATCH]>,
    vectors: Box<[libc::iovec; SEND_BATCH]>,
    names: Box<[libc::sockaddr_storage; SEND_BATCH]>,
    controls: Box<[Control; SEND_BATCH]>,
    packets: [u32; SEND_BATCH],
    length: usize,
}

// SAFETY: the raw pointers inside the headers are written and read only within `send`, and point either into the
// boxes of the same value (whose heap addresses do not change when it moves) or at payloads borrowed by that call.
unsafe impl Send for Sender {}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

impl Sender {
    /// An empty sender.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all-zero bytes are valid values of these plain C structures (null pointers, zero lengths).
        let (headers, vectors, names) = unsafe {
            (
                Box::new(zeroed::<[libc::mmsghdr; SEND_BATCH]>()),
                Box::new(zeroed::<[libc::iovec; SEND_BATCH]>()),
                Box::new(zeroed::<[libc::sockaddr_storage; SEND_BATCH]>()),
            )
        };
        Self {
            headers,
            vectors,
            names,
            controls: Box::new([Control([0; 64]); SEND_BATCH]),
            packets: [0; SEND_BATCH],
            length: 0,
        }
    }

    /// Sends all packets of `trains`, with as few system calls as the kernel allows.
    ///
    /// Never fails as a whole: what could not be sent is counted in the result, as UDP loses packets anyway.
    /// Where the kernel refuses GSO, the socket falls back to one message per packet for good.
    pub fn send<'a>(
        &mut self,
        socket: &mut UdpSocket,
        trains: impl IntoIterator<Item = Train<'a>>,
    ) -> Sent {
        let mut sent = Sent::default();
        self.length = 0;
        for train in trains {
            let segment = train.segment.max(1);
            let per_message = if socket.gso {
                (MAX_GSO_BYTES / segment).clamp(1, MAX_SEGMENTS)
            } else {
                1
            };
            for message in train.payload.chunks(segment * per_message) {
                self.push(train.destination, message, segment);
                if self.length == SEND_BATCH {
                    self.flush(socket, &mut sent);
                }
            }
        }
        // The payloads are borrowed until here, so every pointer handed to the kernel is alive in each flush.
        self.flush(socket, &mut sent);
        sent
    }

    fn push(&mut self, destination: SocketAddr, message: &[u8], segment: usize) {
        let i = self.length;
        self.length += 1;
        self.packets[i] = message.len().div_ceil(segment) as u32;
        self.vectors[i].iov_base = message.as_ptr().cast_mut().cast();
        self.vectors[i].iov_len = message.len();
        let name_length = write_address(&mut self.names[i], destination);
        let header = &mut self.headers[i].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
        header.msg_namelen = name_length;
        header.msg_iov = ptr::from_mut(&mut self.vectors[i]);
        header.msg_iovlen = 1;
        header.msg_flags = 0;
        if message.len() > segment {
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>() as _;
            // SAFETY: `msg_control` points at an aligned buffer of 64 bytes, more than CMSG_SPACE of a u16, so that
            // CMSG_FIRSTHDR is not null and CMSG_DATA has room for two bytes.
            unsafe {
                let control = libc::CMSG_FIRSTHDR(header);
                (*control).cmsg_level = libc::SOL_UDP;
                (*control).cmsg_type = libc::UDP_SEGMENT;
                (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
                ptr::write_unaligned(libc::CMSG_DATA(control).cast::<u16>(), segment as u16);
                header.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as _;
            }
        } else {
            header.msg_control = ptr::null_mut();
            header.msg_controllen = 0;
        }
    }

    fn flush(&mut self, socket: &mut UdpSocket, sent: &mut Sent) {
        let mut start = 0;
        let mut waited = false;
        while start < self.length {
            // SAFETY: headers `start..length` were filled by `push`: their names, vectors and controls lie in this
            // value's boxes, and their payloads are borrowed for the whole of `send`.
            let result = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers[start..self.length].as_mut_ptr(),
                    (self.length - start) as libc::c_uint,
                    0,
                )
            };
            sent.calls += 1;
            match check(result as isize) {
                Ok(count) => {
                    for i in start..start + count {
                        sent.packets += u64::from(self.packets[i]);
                        sent.bytes += self.vectors[i].iov_len as u64;
                    }
                    start += count;
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN | libc::ENOBUFS) if !waited => {
                        waited = true;
                        wait_writable(socket.as_raw_fd(), SEND_PATIENCE);
                    }
                    Some(libc::EAGAIN | libc::ENOBUFS) => {
                        sent.dropped_full += self.packets[start..self.length]
                            .iter()
                            .map(|&n| u64::from(n))
                            .sum::<u64>();
                        start = self.length;
                    }
                    Some(code) => {
                        if self.packets[start] > 1 {
                            // EIO: the device cannot checksum segments. EINVAL: a segment exceeds this route's MTU.
                            if code == libc::EIO {
                                socket.gso = false;
                            }
                            self.send_singly(socket, start, sent);
                        } else {
                            sent.dropped_refused += 1;
                        }
                        start += 1;
                    }
                    None => {
                        sent.dropped_refused += u64::from(self.packets[start]);
                        start += 1;
                    }
                },
            }
        }
        self.length = 0;
    }

    /// Sends the packets of message `i` one at a time, for a destination that GSO cannot reach.
    fn send_singly(&mut self, socket: &UdpSocket, i: usize, sent: &mut Sent) {
        let packets = self.packets[i] as usize;
        let total = self.vectors[i].iov_len;
        // Every packet of a train but the last has the size that the control message says.
        let control = self.controls[i].0;
        // SAFETY: the control buffer of a message with several packets was filled by `push` as a cmsghdr and a u16.
        let segment = unsafe {
            let header = control.as_ptr().cast::<libc::cmsghdr>();
            usize::from(ptr::read_unaligned(libc::CMSG_DATA(header).cast::<u16>()))
        };
        for n in 0..packets {
            let offset = n * segment;
            let length = segment.min(total - offset);
            // SAFETY: `offset + length <= total`, so the range lies within the payload borrowed by `send`; the name
            // is the address that `push` wrote for this message.
            let result = unsafe {
                libc::sendto(
                    socket.as_raw_fd(),
                    self.vectors[i].iov_base.cast::<u8>().add(offset).cast(),
                    length,
                    0,
                    self.headers[i].msg_hdr.msg_name.cast(),
                    self.headers[i].msg_hdr.msg_namelen,
                )
            };
            sent.calls += 1;
            if check(result).is_ok() {
                sent.packets += 1;
                sent.bytes += length as u64;
            } else {
                sent.dropped_refused += 1;
            }
        }
    }
}

/// Room for one `recvmmsg`; made once per worker.
pub struct Receiver {
    headers: Box<[libc::mmsghdr; RECV_BATCH]>,
    vectors: Box<[libc::iovec; RECV_BATCH]>,
    names: Box<[libc::sockaddr_storage; RECV_BATCH]>,
    controls: Box<[Control; RECV_BATCH]>,
    buffers: Vec<u8>,
}

// SAFETY: as for `Sender`: the pointers inside are rebuilt by each `receive` and point into this value's own boxes.
unsafe impl Send for Receiver {}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// Buffers for a batch, about 1 MiB (untouched pages cost nothing).
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: all-zero bytes are valid values of these plain C structures (null pointers, zero lengths).
        let (headers, vectors, names) = unsafe {
            (
                Box::new(zeroed::<[libc::mmsghdr; RECV_BATCH]>()),
                Box::new(zeroed::<[libc::iovec; RECV_BATCH]>()),
                Box::new(zeroed::<[libc::sockaddr_storage; RECV_BATCH]>()),
            )
        };
        Self {
            headers,
            vectors,
            names,
            controls: Box::new([Control([0; 64]); RECV_BATCH]),
            buffers: vec![0; RECV_BATCH * RECV_BUFFER],
        }
    }

    /// Takes what has arrived, one batch at most, and gives each packet with its sender to `handle`.
    /// Returns the number of packets and whether the batch was full, so that more may be waiting.
    ///
    /// # Errors
    /// Those of `recvmmsg` save "nothing there" and "interrupted", which are an empty batch.
    pub fn receive(
        &mut self,
        socket: &UdpSocket,
        mut handle: impl FnMut(SocketAddr, &mut [u8]),
    ) -> io::Result<(usize, bool)> {
        for (i, buffer) in self.buffers.chunks_exact_mut(RECV_BUFFER).enumerate() {
            self.vectors[i].iov_base = buffer.as_mut_ptr().cast();
            self.vectors[i].iov_len = buffer.len();
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = ptr::from_mut(&mut self.vectors[i]);
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>() as _;
            header.msg_flags = 0;
        }
        // SAFETY: every header points at a name, a vector over its own 64 KiB of `buffers` and a control buffer,
        // with their true lengths; all belong to `self`, which is borrowed for the call.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                RECV_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let count = match check(result as isize) {
            Ok(count) => count,
            Err(error) => match error.raw_os_error() {
                // ECONNREFUSED: an ICMP answer to an earlier packet; it says nothing about this read.
                Some(libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED) => return Ok((0, false)),
                _ => return Err(error),
            },
        };
        let mut packets = 0;
        for (i, buffer) in self
            .buffers
            .chunks_exact_mut(RECV_BUFFER)
            .take(count)
            .enumerate()
        {
            let header = &self.headers[i];
            let Some(source) = read_address(&self.names[i], header.msg_hdr.msg_namelen) else {
                continue;
            };
            let length = (header.msg_len as usize).min(RECV_BUFFER);
            if length == 0 {
                continue;
            }
            let segment = gro_segment(&header.msg_hdr)
                .unwrap_or(length)
                .clamp(1, length);
            for packet in buffer[..length].chunks_mut(segment) {
                packets += 1;
                handle(source, packet);
            }
        }
        Ok((packets, count == RECV_BATCH))
    }
}

/// The size of the packets that the kernel coalesced into one message, if it did (`UDP_GRO`).
fn gro_segment(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the kernel has set `msg_controllen` to what it wrote into our buffer; CMSG_FIRSTHDR and CMSG_NXTHDR
    // stay within it and are null at its end; the data of a UDP_GRO message is an int.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            if (*control).cmsg_level == libc::SOL_UDP && (*control).cmsg_type == libc::UDP_GRO {
                let size = ptr::read_unaligned(libc::CMSG_DATA(control).cast::<libc::c_int>());
                return usize::try_from(size).ok().filter(|&size| size > 0);
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    None
}

fn write_address(storage: &mut libc::sockaddr_storage, address: SocketAddr) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(v4.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is large and aligned enough for every socket address.
            unsafe {
                ptr::from_mut(storage)
                    .cast::<libc::sockaddr_in>()
                    .write(raw)
            };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: sockaddr_storage is large and aligned enough for every socket address.
            unsafe {
                ptr::from_mut(storage)
                    .cast::<libc::sockaddr_in6>()
                    .write(raw)
            };
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

fn read_address(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<SocketAddr> {
    let length = length as usize;
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family and the length say that the storage holds a sockaddr_in.
            let raw = unsafe { ptr::from_ref(storage).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::V4(SocketAddrV4::new(
                ip,
                u16::from_be(raw.sin_port),
            )))
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the family and the length say that the storage holds a sockaddr_in6.
            let raw = unsafe { ptr::from_ref(storage).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            Some(SocketAddr::V6(SocketAddrV6::new(
                ip,
                u16::from_be(raw.sin6_port),
                raw.sin6_flowinfo,
                raw.sin6_scope_id,
            )))
        }
        _ => None,
    }
}

fn wait_writable(fd: RawFd, patience: Duration) {
    let mut entry = libc::pollfd {
        fd,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: the pointer describes one pollfd on this stack.
    let _ = unsafe { libc::poll(&raw mut entry, 1, patience.as_millis() as libc::c_int) };
}

/// Wakes a thread that sleeps in [`Poller::wait`]; an eventfd.
#[derive(Debug)]
pub struct WakeUp(OwnedFd);

impl WakeUp {
    /// A new wake-up, not signalled.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes two integers; a non-negative result is a new descriptor that we own.
        unsafe {
            let fd = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
            check(fd as isize)?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Ends the current or the next wait.
    pub fn signal(&self) {
        let one = 1_u64;
        // SAFETY: the pointer describes eight bytes on this stack. A full counter (EAGAIN) is a signal already.
        let _ = unsafe {
            libc::write(
                self.0.as_raw_fd(),
                ptr::from_ref(&one).cast(),
                size_of::<u64>(),
            )
        };
    }

    fn clear(&self) {
        let mut count = 0_u64;
        // SAFETY: the pointer describes eight bytes on this stack; the descriptor does not block.
        let _ = unsafe {
            libc::read(
                self.0.as_raw_fd(),
                ptr::from_mut(&mut count).cast(),
                size_of::<u64>(),
            )
        };
    }
}

/// Sleeps until a socket is readable, a wake-up is signalled or time has passed.
#[derive(Debug)]
pub struct Poller {
    entries: Vec<libc::pollfd>,
}

impl Poller {
    /// A poller over `sockets` and `wake_up`, which must outlive its use.
    #[must_use]
    pub fn new(sockets: &[UdpSocket], wake_up: &WakeUp) -> Self {
        let entry = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut entries = vec![entry(wake_up.0.as_raw_fd())];
        entries.extend(sockets.iter().map(|socket| entry(socket.as_raw_fd())));
        Self { entries }
    }

    /// Waits at most `timeout` (for ever when `None`) and clears a signalled wake-up.
    pub fn wait(&mut self, wake_up: &WakeUp, timeout: Option<Duration>) {
        let limit = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().min(3600) as libc::time_t,
            tv_nsec: timeout.subsec_nanos() as _,
        });
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the pointers describe our entries and a timespec (or null: no limit) that live through the call.
        let ready = unsafe {
            libc::ppoll(
                self.entries.as_mut_ptr(),
                self.entries.len() as libc::nfds_t,
                limit,
                ptr::null(),
            )
        };
        if ready <= 0 {
            for entry in &mut self.entries {
                entry.revents = 0;
            }
        } else if self.entries[0].revents != 0 {
            wake_up.clear();
        }
    }

    /// Whether the socket with this index had something to read at the last wait.
    #[must_use]
    pub fn readable(&self, socket: usize) -> bool {
        self.entries
            .get(socket + 1)
            .is_some_and(|entry| entry.revents != 0)
    }
}

/// An address of a network interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// It.
    pub ip: IpAddr,
    /// Name of the interface.
    pub interface: String,
    /// The interface sends to nobody: a dummy, which only holds addresses, as kube-proxy's holds those of all Services.
    pub dummy: bool,
}

/// Flags of the kernel's dummy device: it is for broadcast as Ethernet is, but asks for no neighbour.
const DUMMY: libc::c_int = libc::IFF_BROADCAST | libc::IFF_NOARP;

/// The interface that kube-proxy makes for the addresses of Services (IPVS), whatever its kind.
const OF_SERVICES: &str = "kube-ipvs0";

/// The addresses of this machine's interfaces that are up.
///
/// # Errors
/// Those of `getifaddrs`.
pub fn interface_addresses() -> io::Result<Vec<InterfaceAddress>> {
    let mut list = MaybeUninit::<*mut libc::ifaddrs>::uninit();
    let mut addresses: Vec<InterfaceAddress> = Vec::new();
    // SAFETY: getifaddrs fills `list` when it returns 0; each entry is valid until freeifaddrs, its name is a C
    // string, and its address, when not null, is of the length that its family says.
    unsafe {
        check(libc::getifaddrs(list.as_mut_ptr()) as isize)?;
        let list = list.assume_init();
        let mut entry = list;
        while let Some(current) = entry.as_ref() {
            entry = current.ifa_next;
            if current.ifa_addr.is_null() || current.ifa_flags & libc::IFF_UP as libc::c_uint == 0 {
                continue;
            }
            let ip = match libc::c_int::from((*current.ifa_addr).sa_family) {
                libc::AF_INET => {
                    let raw = current
                        .ifa_addr
                        .cast::<libc::sockaddr_in>()
                        .read_unaligned();
                    IpAddr::V4(Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes()))
                }
                libc::AF_INET6 => {
                    let raw = current
                        .ifa_addr
                        .cast::<libc::sockaddr_in6>()
                        .read_unaligned();
                    IpAddr::V6(Ipv6Addr::from(raw.sin6_addr.s6_addr))
                }
                _ => continue,
            };
            let flags = current.ifa_flags as libc::c_int;
            if !addresses.iter().any(|known| known.ip == ip) {
                let interface = CStr::from_ptr(current.ifa_name).to_string_lossy();
                addresses.push(InterfaceAddress {
                    ip,
                    dummy: flags & (DUMMY | libc::IFF_LOOPBACK) == DUMMY
                        || interface == OF_SERVICES,
                    interface: interface.into_owned(),
                });
            }
        }
        libc::freeifaddrs(list);
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests;
