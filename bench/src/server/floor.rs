//! The least that a server can do: receive, open, seal, send. It knows everybody beforehand and keeps no books.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use anyhow::Context;
use bridge::io::socket::{Poller, Receiver, Sender, Train, UdpSocket as BatchSocket, WakeUp};
use bridge::send_batch::SendBatch;
use media::srtp::{KeyMaterial, Protector, Side, SrtpProfile, Unprotector};
use rustc_hash::FxHashMap;

use super::{Server, Setting};
use crate::connection::Connection;
use crate::fleet::Fleet;
use crate::outgoing::Outgoing;
use crate::process::Process;
use crate::shape::{SHAPES, Seat, Shape};

const MAX_SSRCS: usize = 512;

/// The floor as a process of its own.
pub(crate) struct Floor {
    process: Process,
    address: SocketAddr,
    /// By number of the seat, until it joins.
    clients: Vec<Option<(UdpSocket, Option<Outgoing>)>>,
}

impl Floor {
    pub(crate) fn start(setting: &Setting<'_>) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        let mut addresses = Vec::new();
        for seat in setting.shape.seats() {
            let socket = UdpSocket::bind((setting.address, 0))?;
            socket.set_nonblocking(true)?;
            addresses.push(socket.local_addr()?);
            clients.push(Some((socket, setting.outgoing(&seat))));
        }
        let mut child = Command::new(std::env::current_exe()?)
            .args(["floor", setting.shape.name, &setting.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the floor")?;
        let mut input = child.stdin.take().context("the floor's input")?;
        writeln!(input, "{}", serde_json::to_string(&addresses)?)?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("the floor's output")?).read_line(&mut line)?;
        Ok(Self {
            process: Process::new(child),
            address: line.trim().parse().context("the floor's address")?,
            clients,
        })
    }
}

impl Server for Floor {
    fn process(&self) -> &Process {
        &self.process
    }

    fn join(&mut self, seat: &Seat, fleet: &mut Fleet) -> anyhow::Result<()> {
        let client = self.clients.get_mut(seat.number).and_then(Option::take);
        let (socket, outgoing) = client.context("a seat is taken once")?;
        fleet.add(Connection::fixed(
            socket,
            self.address,
            keys(seat.number)?,
            outgoing,
        )?)
    }
}

/// The keys of a seat, known to both sides.
fn keys(number: usize) -> anyhow::Result<KeyMaterial> {
    let profile = SrtpProfile::AeadAes128Gcm;
    let mut exported = vec![0; 2 * (profile.key_len() + profile.salt_len())];
    for (i, byte) in exported.iter_mut().enumerate() {
        *byte = (number >> (8 * (i % 2))) as u8;
    }
    KeyMaterial::split(profile, &exported).context("the length of the keys")
}

struct Member {
    seat: Seat,
    address: SocketAddr,
    protector: Protector,
    unprotector: Unprotector,
}

/// The process: reads the clients' addresses, says its own, and forwards until it is killed.
pub(crate) fn run(shape: &str, address: IpAddr) -> anyhow::Result<()> {
    let shape = SHAPES
        .iter()
        .find(|known| known.name == shape)
        .context("an unknown shape")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let addresses: Vec<SocketAddr> = serde_json::from_str(&line)?;
    let mut socket = BatchSocket::bind(SocketAddr::new(address, 0))?;
    writeln!(std::io::stdout(), "{}", socket.local_addr())?;
    std::io::stdout().flush()?;
    forward(shape, &addresses, &mut socket)
}

fn forward(
    shape: &Shape,
    addresses: &[SocketAddr],
    socket: &mut BatchSocket,
) -> anyhow::Result<()> {
    let mut members = Vec::new();
    for (seat, &address) in shape.seats().into_iter().zip(addresses) {
        let (protector, unprotector) = keys(seat.number)?.into_contexts(Side::Server, MAX_SSRCS);
        members.push(Member {
            seat,
            address,
            protector,
            unprotector,
        });
    }
    let by_address: FxHashMap<_, _> = addresses.iter().copied().zip(0..).collect();
    let mut rooms: Vec<Vec<usize>> = vec![Vec::new(); shape.rooms];
    for (index, member) in members
        .iter()
        .enumerate()
        .filter(|(_, member)| member.seat.receives)
    {
        rooms[member.seat.room].push(index);
    }
    let wake_up = WakeUp::new()?;
    let mut poller = Poller::new(std::slice::from_ref(socket), &wake_up);
    let (mut receiver, mut sender) = (Receiver::new(), Sender::new());
    let mut batch = SendBatch::new(256 * 1024);
    // The opened packets of one wake-up, back to back, and by room who sent which.
    let mut bytes = Vec::with_capacity(1 << 20);
    let mut packets: Vec<Vec<(usize, std::ops::Range<usize>)>> = vec![Vec::new(); shape.rooms];
    loop {
        poller.wait(&wake_up, None);
        bytes.clear();
        receiver.receive(socket, |from, packet| {
            let Some(&index) = by_address.get(&from) else {
                return;
            };
            let member = &mut members[index];
            if let Ok(len) = member.unprotector.unprotect_rtp(packet) {
                let start = bytes.len();
                bytes.extend_from_slice(&packet[..len]);
                packets[member.seat.room].push((index, start..start + len));
            }
        })?;
        for (receivers, packets) in rooms.iter().zip(&mut packets) {
            if packets.is_empty() {
                continue;
            }
            for &index in receivers {
                for (_, range) in packets.iter().filter(|(from, _)| *from != index) {
                    if !batch.has_room() {
                        flush(&mut batch, &mut sender, socket);
                    }
                    let member = &mut members[index];
                    let Some(out) = batch.slot() else { continue };
                    out[..range.len()].copy_from_slice(&bytes[range.clone()]);
                    if let Ok(len) = member.protector.protect_rtp(out, range.len()) {
                        batch.commit(socket.local_addr(), member.address, len);
                    }
                }
            }
            packets.clear();
        }
        flush(&mut batch, &mut sender, socket);
    }
}

fn flush(batch: &mut SendBatch, sender: &mut Sender, socket: &mut BatchSocket) {
    let bytes = batch.bytes();
    let trains = batch.runs().iter().map(|run| Train {
        destination: run.to,
        payload: &bytes[run.range.clone()],
        segment: run.segment,
    });
    sender.send(socket, trains);
    batch.clear();
}
